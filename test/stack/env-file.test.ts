import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseOperatorConfig } from '../../src/operator/config.ts'
import { environment, environmentFile, operatorConfiguration } from './env-file.ts'
import { recordingStack } from './stack-fixture.ts'

const stack = recordingStack([])

describe('environmentFile', () => {
  it('gives a shell that sources it every variable as it is, whatever characters it holds', () => {
    const dir = mkdtempSync(join(tmpdir(), 'env-test-'))
    const file = join(dir, 'env')
    writeFileSync(file, environmentFile(stack))
    const names = Object.keys(environment(stack))
    const print = names.map((name) => `printf '%s\\n' "$${name}"`).join('; ')
    const output = execFileSync('/bin/sh', ['-c', `. "$1"; ${print}; printf '%s\\n' "$PATH"`, 'sh', file], {
      env: { PATH: '/usr/bin:/bin' },
      encoding: 'utf8',
    })
    expect(output.trimEnd().split('\n')).toEqual([...Object.values(environment(stack)), '/opt/kube/bin:/usr/bin:/bin'])
    rmSync(dir, { recursive: true })
  })

  it('names the variables that the clients read', () => {
    expect(Object.keys(environment(stack))).toEqual([
      'KUBECONFIG',
      'KAFKA_BOOTSTRAP_SERVERS',
      'S3_ENDPOINT',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_REGION',
    ])
  })
})

describe('operatorConfiguration', () => {
  it('is a configuration that the operator takes, with the addresses that pods can reach', () => {
    const config = parseOperatorConfig(operatorConfiguration(stack), 'operator.yaml')
    expect(config).toMatchObject({ sinkImage: 'program:dev', kafka: { bootstrapServers: ['kafka:9092'] } })
  })
})
