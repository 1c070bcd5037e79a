#!/usr/bin/env node
// Runs a task of package.json from a clone in which nothing is installed: brings in the npm packages, among them
// Node 24, and hands over to it. Only this file must run on an older Node; it uses no package.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const oldestNode = 18
const repository = join(dirname(fileURLToPath(import.meta.url)), '..')
const bin = join(repository, 'node_modules', '.bin')
const node = join(bin, process.platform === 'win32' ? 'node.cmd' : 'node')

/** kafkajs makes negative timers, and type stripping was announced as experimental for a while. */
const quiet = ['--disable-warning=TimeoutNegativeWarning', '--disable-warning=ExperimentalWarning']

const tasks = {
  test: testTask,
  demo: (args) => run(node, [...quiet, 'test/demo/main.ts', ...args]),
  'stack:up': (args) => run(node, [...quiet, 'test/stack/cli.ts', 'up', ...args]),
  'stack:events': (args) => run(node, [...quiet, 'test/demo/events.ts', ...args]),
  'stack:down': (args) => run(node, [...quiet, 'test/stack/cli.ts', 'down', ...args]),
  simulate: (args) => run(node, [...quiet, 'test/simulate/main.ts', ...args]),
  operator: (args) => runOnStack('operator', ['--port', '0'], args),
  // A person types this address, so it is the same each time.
  admin: (args) => runOnStack('admin', ['--port', '8443', '--health-port', '0'], args),
  'bench:sink': (args) => run(node, [...quiet, 'test/bench/sink/main.ts', ...args]),
  faults: (args) => run(node, [...quiet, 'test/faults/main.ts', ...args]),
  'faults:operator': (args) => faultsTask('test/integration/operator-faults', args),
  'faults:offsets': () => run(node, [...quiet, 'test/faults/offsets-retention.ts']),
  'bench:admin': (args) => run(node, [...quiet, 'test/bench/admin/main.ts', ...args]),
  'test:image': (args) => run(node, [...quiet, 'test/image/main.ts', ...args]),
  'bench:operator': (args) => run(node, [...quiet, 'test/bench/operator/main.ts', ...args]),
}

/** Everything that can be checked; with arguments (for vitest) only the tests they choose. */
async function testTask(args) {
  if (args.length === 0) {
    const verified = await run(npm.command, [...npm.args, 'run', 'verify'])
    if (verified !== 0) return verified
  }
  return run(node, [...quiet, 'node_modules/vitest/vitest.mjs', 'run', ...args])
}

/** A suite of faults in full; `npm test` runs it shortened. */
function faultsTask(suite, args) {
  process.env.FAULTS = 'full'
  return run(node, [...quiet, 'node_modules/vitest/vitest.mjs', 'run', '--project', 'servers', suite, ...args])
}

/** A command of the program against the servers of `stack:up`, with the configuration that is written there for it. */
async function runOnStack(command, ports, args) {
  const folder = resolve(repository, process.env.STACK_DIR ?? '.stack')
  if (!existsSync(join(folder, 'env'))) return fail('No servers are up: run npm run stack:up first.')
  // Any free port where nobody types it: this machine may have other uses for the usual one. What is given in args comes later and wins.
  const flags = ['--config', join(folder, `${command}.yaml`), '--listen-address', '127.0.0.1', ...ports]
  const program = [...quiet, 'src/bin/main.ts', command, ...flags, ...args]
  return run('/bin/sh', ['-c', '. "$1"; shift; exec "$@"', 'sh', join(folder, 'env'), node, ...program])
}

const npm = process.env.npm_execpath
  ? { command: process.execPath, args: [process.env.npm_execpath] }
  : { command: 'npm', args: [] }

/** Runs a command with this terminal, passes signals on, and ends it when this process is killed. */
function run(command, args) {
  return new Promise((done) => {
    const path = `${bin}${delimiter}${process.env.PATH}`
    const child = spawn(command, args, { cwd: repository, stdio: 'inherit', env: { ...process.env, PATH: path } })
    child.once('error', (error) => done(fail(`${command} cannot be started: ${error.message}`)))
    const guard = endWithThisProcess(child.pid)
    const forward = (signal) => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, forward)
    child.once('exit', (code, signal) => {
      for (const name of signals) process.off(name, forward)
      guard.end('done\n')
      done(signal === null ? code : 128 + constants.signals[signal])
    })
  })
}

/** A shell that waits for this process to say that all is well; when it only sees the pipe close, it ends the child. */
function endWithThisProcess(pid) {
  const script = 'read -r line && exit 0; kill -TERM "$1"'
  const guard = spawn('/bin/sh', ['-c', script, 'sh', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.unref()
  return guard.stdin
}

/** Installs the npm packages when they are not the ones that package-lock.json asks for. */
async function install() {
  if (isInstalled()) return 0
  console.log('Installing the npm packages (npm ci) …')
  const code = await run(npm.command, [...npm.args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'])
  return code === 0 ? 0 : fail(`npm ci ended with exit code ${code}: the packages cannot be had.`)
}

/** Compares the lock file with the one that npm leaves in node_modules when it is done. */
function isInstalled() {
  const installedLock = join(repository, 'node_modules', '.package-lock.json')
  if (!existsSync(installedLock)) return false
  const wanted = readJson(join(repository, 'package-lock.json')).packages
  const installed = readJson(installedLock).packages
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (path === '' || link) return true
    return installed[path] === undefined ? Boolean(optional) : installed[path].version === version
  })
}

/** npm leaves out install scripts in some settings, and then everything would run on the machine's Node. */
async function checkNode() {
  const found = await versionOf(node)
  const wanted = readJson(join(repository, 'package.json')).devDependencies.node
  if (found === `v${wanted}`) return 0
  return fail(`node_modules/.bin/node is ${found ?? 'missing'}; it should be v${wanted}.
The npm package "node" brings it with its install script, which this npm did not run. Allow it (ignore-scripts=false,
and "node" in allowScripts of package.json for npm 11 and newer), remove node_modules and start again.`)
}

function versionOf(program) {
  return new Promise((done) => {
    const child = spawn(program, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] })
    let said = ''
    child.stdout.on('data', (data) => {
      said += data
    })
    child.once('error', () => done(undefined))
    child.once('close', (code) => done(code === 0 ? said.trim() : undefined))
  })
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

function fail(message) {
  console.error(message)
  return 1
}

async function main([name, ...args]) {
  const task = tasks[name]
  if (task === undefined) return fail(`usage: node test/bootstrap.mjs ${Object.keys(tasks).join('|')} [-- arguments]`)
  if (Number(process.versions.node.split('.')[0]) < oldestNode) {
    return fail(
      `This is Node ${process.versions.node}; Node ${oldestNode} or newer is needed to bring in the right one.`,
    )
  }
  const failed = (await install()) || (await checkNode())
  return failed || task(args[0] === '--' ? args.slice(1) : args)
}

process.exit(await main(process.argv.slice(2)))
