/** API group of the custom resource; also the prefix of every label and annotation of ours. */
export const API_GROUP = 'analytics-connector.io'
export const API_VERSION = 'v1alpha1'
export const KIND = 'AnalyticsConnector'
export const PLURAL = 'analyticsconnectors'

/** Label on everything made for one connector; its value is the connector's name, so a name is at most 50 characters. */
export const CONNECTOR_LABEL = `${API_GROUP}/connector`
/** Annotation on pods and revisions: the configuration revision that they carry. */
export const REVISION_ANNOTATION = `${API_GROUP}/revision`
/** Annotation on a connector: whenever its value changes, every pod is replaced, one after another. By custom a time. */
export const RESTART_ANNOTATION = `${API_GROUP}/restart-requested-at`
/** Label on a connector: its integer id in the REST API. A label, so that the API server finds a connector by it. */
export const ID_LABEL = `${API_GROUP}/id`
/** ConfigMap with the highest id that was ever given; one for an install. */
export const ID_COUNTER_NAME = 'analytics-connector-ids'
/** Finalizer of a connector whose consumer group is to be deleted with it. */
export const GROUP_FINALIZER = `${API_GROUP}/consumer-group`
/** Field manager of every server-side apply by the operator. */
export const OPERATOR_FIELD_MANAGER = 'analytics-connector-operator'
/** Field manager of the id label, which the operator and the REST API give alike. */
export const ID_FIELD_MANAGER = 'analytics-connector-ids'
/** Field manager of what the REST API writes. */
export const ADMIN_FIELD_MANAGER = 'analytics-connector-admin'

/** Port of `/status`, `/metrics`, `/healthz` and `/readyz`, in sink and operator alike. */
export const HTTP_PORT = 8080
/**
 * Environment of a sink pod, to keep the process small. Records are kept outside V8's heap and next to no garbage is made for one, so a
 * nursery of 4 MiB instead of 16 does as well: 25 MiB. glibc's malloc gives pieces of 128 KiB and more back at once, instead of raising
 * that limit to what was given back before (mallopt(3)), and has two arenas for all threads: 20 MiB and more.
 */
export const SINK_ENVIRONMENT = {
  NODE_OPTIONS: '--max-semi-space-size=4',
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
}
/** Folder in a sink pod with one `<revision>.json` for each mounted revision of its configuration. */
export const REVISIONS_DIR = '/etc/analytics-connector/revisions'
/** Folder in a sink pod with the keys of the Secret named by `spec.config.credentialsSecretRef`. */
export const S3_CREDENTIALS_DIR = '/etc/analytics-connector/s3-credentials'
/** Keys of that Secret, named as the environment variables of the AWS SDK; the session token is optional. */
export const S3_CREDENTIALS_KEYS = {
  accessKeyId: 'AWS_ACCESS_KEY_ID',
  secretAccessKey: 'AWS_SECRET_ACCESS_KEY',
  sessionToken: 'AWS_SESSION_TOKEN',
} as const

/** Folder in a sink pod with the authorities that the S3 endpoint is trusted by: CA_FILE, from the Secret named by `spec.config.tls.caSecretRef`. */
export const S3_AUTHORITIES_DIR = '/etc/analytics-connector/s3-authorities'
/** Certificates of authorities: name of the file, and of the Secret's key unless the resource names another. As cert-manager and Strimzi have it. */
export const CA_FILE = 'ca.crt'

/** Folder in a sink pod with what it shows to Kafka and trusts it by: keys of the Secrets that `spec.kafka` names. */
export const KAFKA_SECRETS_DIR = '/etc/analytics-connector/kafka-secrets'
/** Names of the files there, and of the Secrets' keys unless the resource names others. */
export const KAFKA_SECRET_FILES = {
  ca: CA_FILE,
  /** As in a Secret of type kubernetes.io/tls. */
  certificate: 'tls.crt',
  privateKey: 'tls.key',
  /** As in a Secret of type kubernetes.io/basic-auth. */
  username: 'username',
  password: 'password',
  clientId: 'client-id',
  clientSecret: 'client-secret',
} as const
