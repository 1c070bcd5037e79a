/** Follows docs/install.md and docs/uninstall.md as their reader does: their commands, in a shell, with a connector that delivers. */
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, onTestFinished } from 'vitest'
import { parse, stringify } from 'yaml'
import { CRD, REPOSITORY } from '../repository.ts'
import type { Stack } from '../stack/stack.ts'
import { findHelm } from '../stack/tools/helm.ts'
import { eventually } from '../support/eventually.ts'
import { type GuideStep, guideSteps } from '../support/guide.ts'
import { CHART } from '../support/helm.ts'
import { OPERATOR_NAMESPACE } from '../support/install-operator.ts'
import { kubectl, kubectlJson, stackEnvironment } from '../support/kubectl.ts'
import { manifestsOf } from '../support/rendered.ts'
import { Shell } from '../support/shell.ts'
import { type Scene, test } from './scene.ts'

const NAME = 'game-events'
const OURS = 'app.kubernetes.io/name=analytics-connector'
const steps = [...guideSteps('install.md'), ...guideSteps('uninstall.md')].filter(({ isElsewhere }) => !isElsewhere)

/** A page's text for these servers: an install by kustomize is there already, and is taken over by the chart of the version before. */
function local(text: string, { stack, id }: Scene, chartBefore: string): string {
  const [repository, tag] = stack.image.split(/:(?=[^/:]*$)/)
  return text
    .replace(
      'helm upgrade --install analytics-connector deploy/helm/analytics-connector',
      `helm upgrade --install --take-ownership --force-conflicts analytics-connector ${chartBefore}`,
    )
    .replace(
      'image.repository=registry.example.com/analytics-connector',
      `image.repository=${repository},image.tag=${tag}`,
    )
    .replace('operator.config.realm=live', 'operator.config.realm=dev')
    .replace('{kafka-bootstrap.kafka:9092}', `{${stack.inPod.kafkaBootstrapServers}}`)
    .replaceAll('-n games', `-n ${id}`)
}

/** What is to be true when the commands of a section have been run, beside their success. */
const truths: Readonly<Record<string, (scene: Scene, printed: string, before: Before) => Promise<void>>> = {
  Helm: async (scene, _printed, before) => {
    expect(await look(scene)).toEqual(before)
    await applyOlderCrd(scene.stack)
    await storeOlderChart(scene.stack)
  },
  Upgrade: async (scene, _printed, before) => {
    expect(await operatorConfig(scene)).toContain('concurrency: 32')
    expect(await scene.kubectl('get', 'ac', NAME)).toMatch(/^NAME +READY /)
    expect(await look(scene)).toEqual(before)
  },
  'Roll back': async (scene, _printed, before) => {
    expect(await operatorConfig(scene)).not.toContain('concurrency')
    expect(await look(scene)).toEqual(before)
  },
  'Wait for it': async (scene, printed) => {
    expect(printed).toContain('S3 NoSuchBucket')
    await scene.patchConfig(NAME, { bucketName: scene.bucket.name })
    await scene.ready(NAME)
    await scene.settled()
  },
  '1. The connectors': async (scene) => {
    expect(await scene.kubectl('get', 'all,cm,sa,pdb', '-l', OURS, '-o', 'name')).toBe('')
    // One that is forgotten when the operator goes.
    await scene.apply(NAME, { spec: { deletionPolicy: 'DeleteConsumerGroup' } })
    await scene.ready(NAME)
  },
  '2. The operator': async (scene) => {
    expect(await kubectl(scene.stack, ['get', 'crd', '-l', OURS, '-o', 'name'])).toContain('analyticsconnectors')
    const kinds = 'deployment,pod,role,rolebinding,clusterrole,clusterrolebinding'
    const rights = [kinds, '-l', `${OURS},app.kubernetes.io/component!=sink`, '-A', '-o', 'name']
    // Its pods end a moment after its Deployment is gone.
    await eventually(60_000, async () => expect(await kubectl(scene.stack, ['get', ...rights])).toBe(''))
  },
  '3. A connector that was left behind': async (scene, printed) => {
    expect(printed.split('\n')).toContain(`${scene.id} ${NAME}`)
    expect(await scene.kubectl('get', 'ac', '-o', 'name')).toBe('')
  },
  '5. What is left': async (scene) => {
    const kinds = 'crd,ns,cm,secret,sa,deployment,pdb,role,rolebinding,clusterrole,clusterrolebinding'
    expect(await kubectl(scene.stack, ['get', kinds, '-l', OURS, '-A', '-o', 'name'])).toBe('')
  },
}

function operatorConfig({ stack }: Scene): Promise<string> {
  return kubectl(stack, ['get', 'cm', 'analytics-connector-config', '-n', OPERATOR_NAMESPACE, '-o', 'yaml'])
}

interface Before {
  /** The Deployment of the operator: the same object is brought up to date. */
  readonly operator: string
  /** The pods of the connector: nothing touches them. */
  readonly sinks: string
}

async function look({ stack, id }: Scene): Promise<Before> {
  const uid = (...args: string[]) => kubectl(stack, ['get', ...args, '-o', 'jsonpath={..metadata.uid}'])
  return {
    operator: await uid('deployment', 'analytics-connector-operator', '-n', OPERATOR_NAMESPACE),
    sinks: await uid('pods', '-l', `analytics-connector.io/connector=${NAME}`, '-n', id),
  }
}

test('every section with commands has something that must be true after it, or only waits', () => {
  const sections = [...new Set(steps.map(({ section }) => section))]
  expect(sections).toEqual([...Object.keys(truths).slice(0, 7), '4. The CRD', '5. What is left'])
})

test('every command of the pages does what the page says', { timeout: 600_000 }, async ({ scene, stack }) => {
  const shell = await openShell(stack)
  const chartBefore = await olderChart()
  scene.stream()
  await scene.apply(NAME)
  await scene.ready(NAME)
  await scene.delivers()
  const before = await look(scene)
  let printed = ''
  try {
    for (const [i, step] of steps.entries()) {
      printed += await shell.run(local(step.commands, scene, chartBefore), 180_000)
      if (!isLast(step, i)) continue
      await truths[step.section]?.(scene, printed, before)
      printed = ''
    }
  } finally {
    await restoreCrd(stack)
  }
})

const isLast = ({ section }: GuideStep, i: number) => steps[i + 1]?.section !== section

async function openShell(stack: Stack): Promise<Shell> {
  const helm = await findHelm({ progress: (line) => console.log(line) })
  const home = await mkdtemp(join(tmpdir(), 'helm-'))
  const environment = stackEnvironment(stack)
  const shell = new Shell(REPOSITORY, {
    ...environment,
    PATH: [dirname(helm), environment.PATH].join(delimiter),
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
  })
  onTestFinished(async () => {
    await shell.close()
    await rm(home, { recursive: true, force: true })
  })
  return shell
}

/** As of the version before: a chart that does not have a value of today's yet. */
async function olderChart(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chart-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await cp(CHART, folder, { recursive: true })
  await rm(join(folder, 'templates/network-policies.yaml'))
  const [values, schema] = [join(folder, 'values.yaml'), join(folder, 'values.schema.json')]
  const { networkPolicies: _, ...older } = parse(await readFile(values, 'utf8'))
  await writeFile(values, stringify(older))
  const { required, ...rest } = JSON.parse(await readFile(schema, 'utf8'))
  await writeFile(schema, JSON.stringify({ ...rest, required: required.filter((name: string) => name in older) }))
  return folder
}

/** As if the release before, which Helm installed, had a CRD with a column less. */
async function applyOlderCrd(stack: Stack): Promise<void> {
  const [crd] = manifestsOf(readFileSync(CRD, 'utf8'))
  crd.spec.versions[0].additionalPrinterColumns.shift()
  const asHelm = ['apply', '--server-side', '--field-manager=helm', '--force-conflicts', '-f', '-']
  await kubectl(stack, asHelm, { input: JSON.stringify(crd) })
}

/** As if the chart of that release had a value less. Helm keeps a release as gzipped JSON in base64, in a Secret (in base64 once more). */
async function storeOlderChart(stack: Stack): Promise<void> {
  const newest = ['secret', '-l', 'owner=helm,status=deployed', '-n', OPERATOR_NAMESPACE]
  const { items } = await kubectlJson<{ items: { data: { release: string } }[] }>(stack, 'get', ...newest)
  const [secret = { data: { release: '' } }] = items
  const packed = Buffer.from(Buffer.from(secret.data.release, 'base64').toString(), 'base64')
  const release = JSON.parse(gunzipSync(packed).toString())
  delete release.chart.values.networkPolicies
  secret.data.release = Buffer.from(gzipSync(JSON.stringify(release)).toString('base64')).toString('base64')
  await kubectl(stack, ['replace', '-f', '-'], { input: JSON.stringify(secret) })
}

/** Other tests need it. The garbage collector hears of a kind that is back only after a while, or when it starts anew. */
async function restoreCrd(stack: Stack): Promise<void> {
  await kubectl(stack, ['apply', '--server-side', '--force-conflicts', '-f', CRD])
  const isServed = () => kubectl(stack, ['wait', '--for=condition=Established', '-f', CRD, '--timeout=60s'])
  await isServed()
  await stack.servers.kubeApi.stop()
  await stack.servers.kubeApi.start()
  await isServed()
}
