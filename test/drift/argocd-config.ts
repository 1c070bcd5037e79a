import { parse, stringify } from 'yaml'
import { API_GROUP, KIND } from '../../src/contract/names.ts'
import { filesLike, textOf } from './files.ts'

const CUSTOMIZATION = `deploy/argocd/resource_customizations/${API_GROUP}/${KIND}`

/** deploy/argocd/argocd-cm.yaml: the scripts as Argo CD's own ConfigMap takes them. */
export function argoCdConfig(): string {
  const actions = filesLike(`${CUSTOMIZATION}/actions/*/action.lua`).map((path) => ({
    name: path.split('/').at(-2),
    'action.lua': textOf(path),
  }))
  const discovery = textOf(`${CUSTOMIZATION}/actions/discovery.lua`)
  const data = {
    [`resource.customizations.health.${API_GROUP}_${KIND}`]: textOf(`${CUSTOMIZATION}/health.lua`),
    [`resource.customizations.actions.${API_GROUP}_${KIND}`]: stringify(
      { 'discovery.lua': discovery, definitions: actions },
      { lineWidth: 0 },
    ),
  }
  return stringify({ data }, { lineWidth: 0 })
}

/** The scripts that such a file carries, by the path they have in the folder. */
export function scriptsOf(config: string): Record<string, string> {
  const { data } = parse(config) as { data: Record<string, string> }
  const [health = '', actions = ''] = Object.values(data)
  const { definitions, ...discovery } = parse(actions) as Record<string, unknown>
  const each = (definitions as { name: string; 'action.lua': string }[]).map(
    (definition) => [`actions/${definition.name}/action.lua`, definition['action.lua']] as const,
  )
  return {
    'health.lua': health,
    'actions/discovery.lua': String(discovery['discovery.lua']),
    ...Object.fromEntries(each),
  }
}
