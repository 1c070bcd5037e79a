import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { PROGRAM } from '../repository.ts'
import { right } from '../support/right-manifests.ts'

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe('analytics-connector', () => {
  test('alone says what there is, exit code 2; asked for it, exit code 0', () => {
    expect(run()).toMatchObject({ status: 2, stdout: expect.stringContaining('Commands:') })
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('validate') })
  })

  test('names a command that does not exist, also one that every object has', () => {
    expect(run('sync')).toMatchObject({ status: 2, stderr: expect.stringContaining('no command "sync"') })
    expect(run('constructor')).toMatchObject({ status: 2, stderr: expect.stringContaining('"constructor"') })
  })

  test.each(['operator', 'sink', 'run', 'clients', 'validate'])(
    '%s --help tells how it is used, exit code 0',
    (name) => {
      const usage = expect.stringContaining(`Usage: analytics-connector ${name}`)
      expect(run(name, '--help')).toMatchObject({ status: 0, stdout: usage, stderr: '' })
    },
  )

  test('a wrong flag is told with the command, and where to look, in one line (the last one of a pod is told in its status), exit code 2', () => {
    const { status, stderr } = run('operator', '--leader-elect', 'perhaps')
    expect(status).toBe(2)
    expect(stderr).toBe(
      'analytics-connector operator: --leader-elect must be true or false, not "perhaps" (analytics-connector operator --help lists what there is)\n',
    )
  })

  test('a manifest that cannot be read is no question of flags, exit code 2', () => {
    const { status, stderr } = run('run', 'no-such-file.yaml')
    expect(status).toBe(2)
    expect(stderr).toMatch(/^analytics-connector run: no-such-file.yaml: ENOENT.*'\n$/)
  })

  test('every problem of a manifest is a line of its own', () => {
    const folder = mkdtempSync(join(tmpdir(), 'main-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const manifest = join(folder, 'wrong.json')
    writeFileSync(manifest, JSON.stringify({ ...right, spec: { ...right.spec, active: 'yes', replicas: -1 } }))
    const { status, stderr } = run('run', manifest)
    expect(status).toBe(2)
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^analytics-connector run: .*wrong.json: spec.active: /),
      expect.stringMatching(/^.*wrong.json: spec.replicas: -1 is not allowed/),
      '',
    ])
  })

  test('run names the server that is none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'main-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const manifest = join(folder, 'right.json')
    writeFileSync(manifest, JSON.stringify({ ...right, spec: { ...right.spec, kafka: {} } }))
    const { status, stderr } = run('run', manifest, '--kafka-bootstrap-servers', 'k1:9092;k2:9092')
    expect(status).toBe(2)
    expect(stderr).toContain('kafka.bootstrapServers[0]: "k1:9092;k2:9092" is not allowed: must be host:port')
  })

  test('nor is one that is no YAML: the file and the line are named', () => {
    const { status, stderr } = run('run', PROGRAM)
    expect(status).toBe(2)
    expect(stderr).toMatch(/^analytics-connector run: .*main.ts: .* at line \d+, column \d+\n$/)
  })
})
