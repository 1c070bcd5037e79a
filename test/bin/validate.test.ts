import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DEPLOY, PROGRAM } from '../repository.ts'
import { right } from '../support/right-manifests.ts'

const folder = mkdtempSync(join(tmpdir(), 'validate-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

function validate(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'validate', ...args], {
    input,
    encoding: 'utf8',
  })
  return { status, stdout: stdout.replaceAll(`${folder}/`, ''), stderr: stderr.replaceAll(`${folder}/`, '') }
}

const good = file('good.yaml', right)
const bad = file('bad.yaml', { ...right, spec: { ...right.spec, replicas: -1, paused: true } })

test('a valid manifest is said to be so, exit code 0', () => {
  expect(validate([good])).toEqual({
    status: 0,
    stdout: 'good.yaml: AnalyticsConnector/game-events: valid\n1 valid, 0 problems, 0 unreadable\n',
    stderr: '',
  })
})

test('every problem is one line with file, document, field and what is wrong, exit code 1', () => {
  const { status, stdout } = validate([good, bad])
  expect(status).toBe(1)
  expect(stdout.split('\n')).toEqual([
    'good.yaml: AnalyticsConnector/game-events: valid',
    'bad.yaml: AnalyticsConnector/game-events: spec.replicas: -1 is not allowed: must be at least 0',
    expect.stringMatching(
      /^bad.yaml: AnalyticsConnector\/game-events: spec.paused: is not a field: must be one of active, /,
    ),
    '1 valid, 2 problems, 0 unreadable',
    '',
  ])
})

test('standard input, with other kinds skipped', () => {
  const input = `kind: Secret\nmetadata: {name: s}\n---\n${JSON.stringify(right)}\n`
  expect(validate(['-'], input)).toMatchObject({
    status: 0,
    stdout:
      '-: Secret/s: skipped, not an AnalyticsConnector\n-: AnalyticsConnector/game-events: valid\n1 valid, 0 problems, 0 unreadable\n',
  })
})

test('a folder is every manifest below it', () => {
  expect(validate([join(DEPLOY, 'samples')])).toMatchObject({ status: 0 })
})

test('what cannot be read or is no YAML is told on standard error, exit code 2, and the rest is checked', () => {
  const broken = file('broken.txt', 'a: [')
  const { status, stdout, stderr } = validate([join(folder, 'missing.yaml'), broken, good])
  expect(status).toBe(2)
  expect(stderr).toMatch(/^missing.yaml: ENOENT.*\nbroken.txt: .*line 1/)
  expect(stdout).toContain('good.yaml: AnalyticsConnector/game-events: valid')
})

test('in a folder the file that cannot be read is named, and the others are checked and counted', () => {
  const inFolder = join(folder, 'some')
  mkdirSync(inFolder)
  file('some/a.yaml', right)
  file('some/b.yaml', 'a: [')
  file('some/c.yaml', right)
  const { status, stdout, stderr } = validate([inFolder])
  expect(status).toBe(2)
  expect(stderr).toMatch(/^some\/b.yaml: .*line 1/)
  expect(stdout.split('\n')).toEqual([
    'some/a.yaml: AnalyticsConnector/game-events: valid',
    'some/c.yaml: AnalyticsConnector/game-events: valid',
    '2 valid, 0 problems, 1 unreadable',
    '',
  ])
})

test('who reads no further than the first line ends it without a word', () => {
  const command = `"${process.execPath}" "${PROGRAM}" validate ${good} ${`${bad} `.repeat(50)} | head -n 1`
  const { stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { encoding: 'utf8' })
  expect([stdout, stderr]).toEqual([expect.stringMatching(/good.yaml: .*: valid\n$/), ''])
})

test('a source that holds nothing is told, exit code 2: a wrong folder, or a pipe whose first command has failed, is not valid', () => {
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  const { status, stdout, stderr } = validate([empty, file('comment.yaml', '# nothing yet\n'), '-', good])
  expect(status).toBe(2)
  expect(stderr).toBe(['empty', 'comment.yaml', '-'].map((source) => `${source}: holds no manifest\n`).join(''))
  expect(stdout).toContain('1 valid, 0 problems, 3 unreadable')
})

test('an empty file beside others in a folder is no fault', () => {
  const inFolder = join(folder, 'with-empty')
  mkdirSync(inFolder)
  file('with-empty/a.yaml', right)
  file('with-empty/b.yaml', '')
  expect(validate([inFolder])).toMatchObject({ status: 0, stderr: '' })
})

test('a file in UTF-16, as PowerShell writes it, is read, as kubectl reads it', () => {
  const path = file('utf-16.yaml', '')
  writeFileSync(path, `\ufeff${JSON.stringify(right)}`, 'utf16le')
  expect(validate([path])).toMatchObject({ status: 0, stdout: expect.stringContaining('game-events: valid') })
})

test('a file in another encoding is not checked for what nobody has written', () => {
  const path = file('latin-1.yaml', '')
  writeFileSync(path, 'kind: AnalyticsConnector # für acme', 'latin1')
  expect(validate([path])).toMatchObject({ status: 2, stderr: expect.stringMatching(/^latin-1.yaml: .*utf-8/) })
})

test('without a manifest it says what to name, exit code 2', () => {
  expect(validate([])).toMatchObject({ status: 2, stderr: expect.stringContaining('name a manifest, a folder or -') })
})

test('a flag that does not exist is named', () => {
  const { status, stderr } = validate(['--strict', good])
  expect(status).toBe(2)
  expect(stderr).toContain('--strict')
})
