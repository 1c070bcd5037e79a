#!/usr/bin/env node
/**
 * The one entry point: `analytics-connector <command> [flags]`. src/bin is the only place that reads arguments and the
 * environment, listens to signals and decides exit codes: 0 done, 1 failed, 2 wrong usage.
 */
import { describeError } from '../lib/errors.ts'
import { exitUntilHeard } from '../lib/lifecycle.ts'
import { type Command, FlagError, UsageError } from './command.ts'

interface Entry {
  readonly summary: string
  /** Loaded when chosen: a sink never loads the Kubernetes client, an operator never loads Kafka's or S3's. */
  readonly load: () => Promise<Command>
}

const commands: Record<string, Entry> = {
  operator: {
    summary: 'reconcile AnalyticsConnector resources (runs in the cluster)',
    load: async () => (await import('./operator.ts')).operatorCommand,
  },
  sink: {
    summary: 'copy one connector’s events from Kafka to S3 (runs in the pods that the operator makes)',
    load: async () => (await import('./sink.ts')).sinkCommand,
  },
  group: {
    summary: 'keep or delete the consumer group of a connector without sinks (runs in pods that the operator makes)',
    load: async () => (await import('./group.ts')).groupCommand,
  },
  run: {
    summary: 'run one connector from its manifest, without Kubernetes',
    load: async () => (await import('./run.ts')).runCommand,
  },
  admin: {
    summary: 'serve the REST API over the custom resources (runs in the cluster)',
    load: async () => (await import('./admin.ts')).adminCommand,
  },
  clients: {
    summary: 'manage the clients that get tokens for the REST API',
    load: async () => (await import('./clients.ts')).clientsCommand,
  },
  validate: {
    summary: 'check manifests offline, with the rules of the API server',
    load: async () => (await import('./validate.ts')).validateCommand,
  },
}

function usage(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  const list = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return `Usage: analytics-connector <command> [flags]\n\nCommands:\n${list.join('\n')}\n\nanalytics-connector <command> --help lists the flags of one.\n`
}

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(usage())
    return name === undefined ? 2 : 0
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!entry) {
    process.stderr.write(`analytics-connector: there is no command "${name}".\n\n${usage()}`)
    return 2
  }
  return runCommand(name, await entry.load(), args)
}

async function runCommand(name: string, command: Command, args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(command.usage)
    return 0
  }
  try {
    return await command.run(args)
  } catch (error) {
    // In the same line, as the last line of a pod is told in its status: an older image may not know a flag.
    const hint = error instanceof FlagError ? ` (analytics-connector ${name} --help lists what there is)` : ''
    // What a person can put right may take several lines.
    const text = error instanceof UsageError ? error.message : describeError(error)
    process.stderr.write(`analytics-connector ${name}: ${text}${hint}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

exitUntilHeard(process, (code) => process.exit(code))
process.exitCode = await main(process.argv.slice(2))
