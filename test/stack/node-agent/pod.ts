/**
 * The parts of a Pod, ConfigMap and Secret this agent reads or writes, in the API server's own JSON. The API server has validated
 * and defaulted what it sends, so these are plain shapes without parsing.
 * Source: Kubernetes API reference, core/v1.
 */
export interface ObjectMeta {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly deletionTimestamp?: string
  readonly deletionGracePeriodSeconds?: number
}

export interface KubeObject {
  readonly metadata: ObjectMeta
}

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
  readonly binaryData?: Readonly<Record<string, string>>
}

export interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

export interface Pod extends KubeObject {
  readonly spec: PodSpec
  readonly status?: PodStatus
}

export interface PodSpec {
  readonly nodeName?: string
  readonly serviceAccountName?: string
  readonly restartPolicy?: RestartPolicy
  readonly terminationGracePeriodSeconds?: number
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly volumes?: readonly Volume[]
  readonly readinessGates?: readonly { readonly conditionType: string }[]
}

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never'

export interface Container {
  readonly name: string
  readonly image: string
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never'
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly workingDir?: string
  readonly env?: readonly EnvVar[]
  readonly envFrom?: readonly EnvFrom[]
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
  readonly resources?: { readonly limits?: Quantities; readonly requests?: Quantities }
  readonly volumeMounts?: readonly VolumeMount[]
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly lifecycle?: unknown
  readonly terminationMessagePolicy?: 'File' | 'FallbackToLogsOnError'
}

export type Quantities = Readonly<Record<string, string>>

export interface VolumeMount {
  readonly name: string
  readonly mountPath: string
  readonly subPath?: string
  readonly subPathExpr?: string
}

interface KeyRef {
  readonly name: string
  readonly key: string
  readonly optional?: boolean
}

export interface EnvVar {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly fieldRef?: FieldRef
    readonly resourceFieldRef?: ResourceFieldRef
    readonly configMapKeyRef?: KeyRef
    readonly secretKeyRef?: KeyRef
  }
}

export interface EnvFrom {
  readonly prefix?: string
  readonly configMapRef?: { readonly name: string; readonly optional?: boolean }
  readonly secretRef?: { readonly name: string; readonly optional?: boolean }
}

export interface FieldRef {
  readonly fieldPath: string
}

export interface ResourceFieldRef {
  readonly containerName?: string
  readonly resource: string
  readonly divisor?: string
}

/** One key of a ConfigMap or Secret, and the file it becomes. `mode` is the number of the JSON, so 0644 is 420. */
export interface KeyToPath {
  readonly key: string
  readonly path: string
  readonly mode?: number
}

export interface DownwardItem {
  readonly path: string
  readonly mode?: number
  readonly fieldRef?: FieldRef
  readonly resourceFieldRef?: ResourceFieldRef
}

export interface Volume {
  readonly name: string
  readonly emptyDir?: unknown
  readonly hostPath?: { readonly path: string }
  readonly configMap?: KeyedSource & { readonly name: string; readonly defaultMode?: number }
  readonly secret?: {
    readonly secretName: string
    readonly items?: readonly KeyToPath[]
    readonly optional?: boolean
    readonly defaultMode?: number
  }
  readonly downwardAPI?: { readonly items?: readonly DownwardItem[]; readonly defaultMode?: number }
  readonly projected?: { readonly sources?: readonly ProjectedSource[]; readonly defaultMode?: number }
}

interface KeyedSource {
  readonly items?: readonly KeyToPath[]
  readonly optional?: boolean
}

export interface ProjectedSource {
  readonly configMap?: KeyedSource & { readonly name: string }
  readonly secret?: KeyedSource & { readonly name: string }
  readonly downwardAPI?: { readonly items?: readonly DownwardItem[] }
  readonly serviceAccountToken?: ServiceAccountTokenSource
}

export interface ServiceAccountTokenSource {
  readonly path: string
  readonly audience?: string
  readonly expirationSeconds?: number
}

export interface Probe {
  readonly httpGet?: {
    readonly path?: string
    readonly port: number | string
    readonly host?: string
    readonly scheme?: 'HTTP' | 'HTTPS'
    readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[]
  }
  readonly tcpSocket?: { readonly port: number | string; readonly host?: string }
  readonly exec?: { readonly command?: readonly string[] }
  readonly initialDelaySeconds?: number
  readonly periodSeconds?: number
  readonly timeoutSeconds?: number
  readonly successThreshold?: number
  readonly failureThreshold?: number
  readonly terminationGracePeriodSeconds?: number
}

export interface ContainerState {
  readonly waiting?: { readonly reason: string; readonly message?: string }
  readonly running?: { readonly startedAt: string }
  readonly terminated?: Terminated
}

export interface Terminated {
  readonly exitCode: number
  readonly reason: string
  readonly message?: string
  readonly startedAt?: string
  readonly finishedAt?: string
  readonly containerID?: string
}

export interface ContainerStatus {
  readonly name: string
  readonly image: string
  readonly imageID: string
  readonly containerID?: string
  readonly ready: boolean
  readonly started: boolean
  readonly restartCount: number
  readonly state: ContainerState
  readonly lastState: ContainerState
}

export interface PodCondition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

export interface PodStatus {
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  readonly podIP?: string
  readonly startTime?: string
  readonly conditions?: readonly PodCondition[]
  readonly containerStatuses?: readonly ContainerStatus[]
}

/** `namespace/name`, as people read it. */
export function podKey({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`
}

/** The time format of the API: whole seconds, UTC. */
export function apiTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`
}
