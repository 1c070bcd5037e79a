import { stringify } from 'yaml'
import { customResourceDefinition } from '../../src/contract/crd.ts'
import { argoCdConfig } from './argocd-config.ts'
import { fieldReference } from './field-reference.ts'
import { chartFiles } from './helm-chart.ts'
import { metricsReference } from './metrics-reference.ts'
import { monitoringFiles } from './monitoring-files.ts'
import { wasmModules } from './wasm-modules.ts'

const wasm = await wasmModules()

/** Every generated file of the repository: path from its root, and what it must contain. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const crd = stringify(customResourceDefinition(), { lineWidth: 0, aliasDuplicateObjects: false })
  return new Map([
    ...wasm,
    ...chartFiles(crd),
    ...monitoringFiles(),
    [
      'docs/metrics.md',
      `<!-- Generated from the code by \`npm run generate\`. Do not edit. -->\n\n${metricsReference()}\n`,
    ],
    [
      'deploy/argocd/argocd-cm.yaml',
      `# Generated from the scripts beside it by \`npm run generate\`. Do not edit.\n# kubectl patch configmap argocd-cm -n argocd --patch-file deploy/argocd/argocd-cm.yaml\n${argoCdConfig()}`,
    ],
    [
      'crds/analyticsconnectors.yaml',
      `# Generated from src/contract/resource.ts by \`npm run generate\`. Do not edit.\n${crd}`,
    ],
    [
      'docs/fields.md',
      `<!-- Generated from src/contract/resource.ts by \`npm run generate\`. Do not edit. -->\n\n${fieldReference()}\n`,
    ],
  ])
}
