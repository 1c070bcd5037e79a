import { customResourceDefinition, rootSchema, type SchemaNode } from '../../src/contract/crd.ts'
import { API_GROUP, API_VERSION, KIND } from '../../src/contract/names.ts'

/** docs/fields.md: every field of the resource, from the schema that the API server gets. Pure. */
export function fieldReference(): string {
  const { spec, status } = rootSchema().properties as Record<string, SchemaNode>
  return [
    `# Fields of ${KIND}`,
    `\`apiVersion: ${API_GROUP}/${API_VERSION}\`, \`kind: ${KIND}\`. ${String(rootSchema().description)}`,
    'What is left out has the default that its description names. The resource itself carries none of them but that of `replicas`, so that what is in git and what is in the cluster are the same. ' +
      '`kubectl explain ac.spec.config` shows the same text; `analytics-connector validate` checks a manifest without a cluster.',
    `\`metadata.name\`: 1 to 50 lower-case letters, digits and hyphens, as pods and other objects are named after it.`,
    ...sections('spec', spec ?? {}),
    ...sections('status', status ?? {}),
    '## Columns',
    columns(),
  ].join('\n\n')
}

/** One section for an object and one for each object below it. */
function sections(path: string, node: SchemaNode): string[] {
  const properties = Object.entries(propertiesOf(node))
  const rows = properties.map(([name, property]) => row(name, property, requiredOf(node).includes(name)))
  const section = [
    `## ${path}`,
    String(node.description ?? ''),
    ...rulesOf(node).map((rule) => `Rule: ${rule}.`),
    ['| field | type | what it does |', '|---|---|---|', ...rows].join('\n'),
  ]
  const below = properties.flatMap(([name, property]) => {
    const [suffix, inner] = innermost(property)
    return Object.keys(propertiesOf(inner)).length === 0 ? [] : sections(`${path}.${name}${suffix}`, inner)
  })
  return [...section.filter((part) => part !== ''), ...below]
}

function row(name: string, property: SchemaNode, required: boolean): string {
  const [, inner] = innermost(property)
  const hasSection = Object.keys(propertiesOf(inner)).length > 0
  const rules = hasSection ? [] : chainOf(property).flatMap(rulesOf)
  const lines = [...chainOf(property).flatMap(descriptionOf), ...rules.map((rule) => `• ${rule}`)]
  return `| \`${name}\`${required ? ' (required)' : ''} | ${typeOf(property)} | ${lines.map(escapeCell).join('<br>')} |`
}

/** What a list or map holds in the end, and how the way there is written. */
function innermost(node: SchemaNode): [string, SchemaNode] {
  const element = node.items ?? node.additionalProperties
  if (element === undefined) return ['', node]
  const [suffix, inner] = innermost(element as SchemaNode)
  return [`${node.items === undefined ? '.*' : '[]'}${suffix}`, inner]
}

/** A list or map, what it holds, what that holds, and so on. */
function chainOf(node: SchemaNode): SchemaNode[] {
  const element = (node.items ?? node.additionalProperties) as SchemaNode | undefined
  return element === undefined ? [node] : [node, ...chainOf(element)]
}

function descriptionOf(node: SchemaNode): string[] {
  return typeof node.description === 'string' ? [node.description] : []
}

function typeOf(node: SchemaNode): string {
  if (node['x-kubernetes-int-or-string'] === true) return 'integer or string'
  if (node.items !== undefined) return `list of ${typeOf(node.items as SchemaNode)}`
  if (node.additionalProperties !== undefined)
    return `map of string to ${typeOf(node.additionalProperties as SchemaNode)}`
  if (Array.isArray(node.enum)) return node.enum.map((value) => `\`${value}\``).join(' or ')
  return String(node.type)
}

function rulesOf(node: SchemaNode): string[] {
  const validations = (node['x-kubernetes-validations'] ?? []) as { message: string }[]
  return validations.map(({ message }) => message)
}

function propertiesOf(node: SchemaNode): Record<string, SchemaNode> {
  return (node.properties ?? {}) as Record<string, SchemaNode>
}

function requiredOf(node: SchemaNode): readonly string[] {
  return (node.required ?? []) as string[]
}

function columns(): string {
  const [version] = customResourceDefinition().spec.versions
  const rows = (version?.additionalPrinterColumns ?? []).map(
    ({ name, jsonPath, priority, description }) =>
      `| ${name}${priority === 1 ? ' (`-o wide`)' : ''} | \`${escapeCell(jsonPath)}\` | ${description ?? ''} |`,
  )
  return ['| `kubectl get ac` | from | meaning |', '|---|---|---|', ...rows].join('\n')
}

/** What stands between backticks is shown as it is, but for the bar that would end the cell. */
function escapeCell(text: string): string {
  const outside = (part: string) => part.replaceAll('*', '\\*').replaceAll('<', '\\<')
  const parts = text.split(/(`[^`]*`)/).map((part) => (part.startsWith('`') ? part : outside(part)))
  return parts.join('').replaceAll('|', '\\|')
}
