import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { textOf } from './files.ts'

const chart = parse(textOf('deploy/helm/analytics-connector/Chart.yaml')) as Record<string, string>
const { version } = JSON.parse(textOf('package.json')) as { version: string }

test('the chart has the version of the program', () => {
  expect([chart.version, chart.appVersion]).toEqual([version, version])
})

test.each(['deploy/base', 'deploy/admin'])('%s takes the image of that version', (folder) => {
  const { images } = parse(textOf(`${folder}/kustomization.yaml`)) as { images: { newTag: string }[] }
  expect(images.map(({ newTag }) => newTag)).toEqual([version])
})
