/** The REST API as deploy/admin with deploy/admin/tls installs it, in its pods and behind its Service. */
import { connect } from 'node:tls'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { installAdmin, removeAdmin } from '../../support/install-admin.ts'
import { installOperator, OPERATOR_NAMESPACE } from '../../support/install-operator.ts'
import { apply, kubectl } from '../../support/kubectl.ts'
import { type Certificate, selfSigned } from '../../support/self-signed.ts'
import { podsOf, stack } from './pods.ts'
import { expectRestricted } from './restricted.ts'

const NAME = 'analytics-connector-admin'
const HOST = `${NAME}.${OPERATOR_NAMESPACE}.svc`
const MOUNT = '/etc/analytics-connector-tls'
/** The kubelet brings a changed Secret within a sync period, and the server looks at its files every half a minute. */
const RENEWAL_MS = 120_000

let clusterIp: string
let first: Certificate

beforeAll(async () => {
  await installOperator(stack, () => {})
  first = await selfSigned({ name: 'first', hosts: `DNS:${HOST}` })
  await apply(stack, secretOf(first))
  await installAdmin(stack, {
    components: ['tls'],
    configuration: { tls: { certFile: `${MOUNT}/tls.crt`, keyFile: `${MOUNT}/tls.key` } },
  })
  clusterIp = await kubectl(stack, [
    'get',
    'service',
    NAME,
    '-n',
    OPERATOR_NAMESPACE,
    '-o',
    'jsonpath={.spec.clusterIP}',
  ])
})

afterAll(() => removeAdmin(stack))

test('two pods roll out under the restricted profile, with the certificate mounted read-only', async () => {
  const pods = await eventually(RENEWAL_MS, async () => {
    const found = await podsOf(OPERATOR_NAMESPACE, 'app.kubernetes.io/component=admin')
    // Where another test had it installed without a certificate, that one's pods may still be ending.
    expect(found).toHaveLength(2)
    return found
  })
  for (const pod of pods) await expectRestricted(pod, ['/etc/analytics-connector', MOUNT])
})

test('a client made in the pod, as the guide tells, gets a token over https and lists connectors with it', async () => {
  const create = ['clients', 'create', '-n', OPERATOR_NAMESPACE, '--permission', 'ADMIN:ANALYTICS:CONNECTOR [READ]']
  const program = ['exec', '-n', OPERATOR_NAMESPACE, `deploy/${NAME}`, '--', 'node', 'dist/bin/main.js']
  const printed = await kubectl(stack, [...program, ...create])
  const [, id, secret] = /^client_id: (\S+)\nclient_secret: (\S+)$/m.exec(printed) ?? []
  const token = await call('/iam/v3/oauth/token', {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'grant_type=client_credentials',
  })
  const headers = { authorization: `Bearer ${token.access_token}` }
  expect(await call('/analytics-connector/v1/admin/connectors', { method: 'GET', headers })).toEqual(expect.any(Array))
})

test('a renewed certificate in the Secret is used without a restart of the pods', async () => {
  const second = await selfSigned({ name: 'second', hosts: `DNS:${HOST}` })
  expect(await servedName()).toBe('first')
  await apply(stack, secretOf(second))
  await eventually(RENEWAL_MS, async () => {
    // Either pod may answer.
    const names = await Promise.all(Array.from({ length: 8 }, servedName))
    expect(new Set(names)).toEqual(new Set(['second']))
  })
  for (const { status } of await podsOf(OPERATOR_NAMESPACE, 'app.kubernetes.io/component=admin')) {
    expect(status.containerStatuses?.[0]?.restartCount).toBe(0)
  }
})

async function call(path: string, options: Parameters<typeof request>[1]): Promise<Record<string, unknown>> {
  const dispatcher = new Agent({ connect: { ca: first.cert, servername: HOST } })
  const answer = await request(`https://${clusterIp}${path}`, { ...options, dispatcher })
  const body = await answer.body.text()
  await dispatcher.close()
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${body}`)
  return JSON.parse(body)
}

/** The name in the certificate that the Service shows. */
function servedName(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: clusterIp, port: 443, servername: HOST, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

function secretOf({ cert, key }: Certificate): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: `${NAME}-tls`, namespace: OPERATOR_NAMESPACE },
    stringData: { 'tls.crt': String(cert), 'tls.key': String(key) },
  }
}
