import { type KafkaAccess, kafkaAccessOf, kafkaSecretsOf } from './kafka-access.ts'
import type { AnalyticsConnectorSpec } from './resource.ts'

/** An object in the connector's namespace whose content reaches the sinks. */
export interface Reference {
  readonly kind: 'Secret' | 'ConfigMap'
  readonly name: string
}

/**
 * What a spec refers to, each once. A new field that names a Secret or ConfigMap belongs here: a change of its content rolls the pods.
 *
 * @param operatorsKafka the cluster of connectors that name none
 */
export function referencesOf(spec: AnalyticsConnectorSpec, operatorsKafka: KafkaAccess): Reference[] {
  const { config, podTemplate } = spec
  const all: Reference[] = [
    ...(config.credentialsSecretRef ? [{ kind: 'Secret' as const, name: config.credentialsSecretRef.name }] : []),
    ...(config.tls?.caSecretRef ? [{ kind: 'Secret' as const, name: config.tls.caSecretRef.name }] : []),
    ...kafkaSecrets(spec, operatorsKafka).map(({ name }) => ({ kind: 'Secret' as const, name })),
    ...(podTemplate?.envFrom ?? []).flatMap(({ secretRef, configMapRef }): Reference[] => [
      ...(secretRef ? [{ kind: 'Secret' as const, name: secretRef.name }] : []),
      ...(configMapRef ? [{ kind: 'ConfigMap' as const, name: configMapRef.name }] : []),
    ]),
  ]
  const byName = new Map(all.map((reference) => [`${reference.kind} ${reference.name}`, reference]))
  return [...byName.values()]
}

/** None where the access cannot be had as it is written; the status says so. */
function kafkaSecrets({ kafka }: AnalyticsConnectorSpec, operatorsKafka: KafkaAccess) {
  try {
    return kafkaSecretsOf(kafkaAccessOf(kafka, operatorsKafka))
  } catch {
    return []
  }
}
