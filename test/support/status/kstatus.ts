import type { AnalyticsConnectorStatus } from '../../../src/contract/resource.ts'

export interface StatusHolder {
  readonly metadata: { readonly generation?: number; readonly deletionTimestamp?: string }
  readonly status?: AnalyticsConnectorStatus | undefined
}

/**
 * What kubectl, Flux, Helm and Argo CD's generic check make of a custom resource.
 * Source: sigs.k8s.io/cli-utils/pkg/kstatus/status, `checkGenericProperties`, its order of questions included.
 */
export function kstatusOf({ metadata, status }: StatusHolder): 'Terminating' | 'InProgress' | 'Failed' | 'Current' {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating'
  if (status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation) return 'InProgress'
  const is = (type: string, wanted: string) =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === wanted) ?? false
  if (is('Reconciling', 'True')) return 'InProgress'
  if (is('Stalled', 'True')) return 'Failed'
  return is('Ready', 'False') || is('Ready', 'Unknown') ? 'InProgress' : 'Current'
}
