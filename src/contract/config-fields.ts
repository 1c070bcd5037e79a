import * as z from 'zod'
import { DEFAULTS } from './defaults.ts'
import { COMPRESSIONS, FORMATS } from './file-format.ts'
import { PATH_RULES } from './path-rules.ts'
import { doesNotMatch, field, immutable, inRange, matches, type Rule } from './rule.ts'
import { pathStyleForAddresses, S3_FIELDS } from './s3-fields.ts'
import {
  CUSTOM_PARTITION_DURATION,
  FLUSH_INTERVAL,
  FLUSH_MEMORY,
  FLUSH_SIZE,
  PART_SIZE,
  type Quantity,
} from './units.ts'

/** Both forms of both event types occur in the published API. The form that was given is kept. */
export const EVENT_TYPES = ['game_telemetry', 'game-telemetry', 'justice_event', 'justice-event'] as const

export const TIMESTAMP_SOURCES = ['record', 'event'] as const

const BUCKET_NAME_RULES: readonly Rule<string>[] = [
  matches(
    '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
    'must be 3 to 63 lower-case letters, digits, dots and hyphens that begin and end with a letter or digit',
  ),
  doesNotMatch(
    '[.][.]|[.]-|-[.]|^[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+$',
    'must not have two dots side by side, a dot beside a hyphen, or the form of an IP address',
  ),
  doesNotMatch(
    '^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|[.]mrap|--x-s3|--table-s3)$',
    'must not begin with xn--, sthree- or amzn-s3-demo-, nor end in -s3alias, --ol-s3, .mrap, --x-s3 or --table-s3: S3 keeps those for itself',
  ),
]

/** Digits in a string or a number, as the published API shows and takes them. */
function quantity(range: Quantity, description: string) {
  const schema = z.union([z.int(), z.string()], { error: `must be a number or a string: ${range.allowed}` })
  return field(schema, description, { 'x-kubernetes-int-or-string': true, rules: [inRange(range)] }).optional()
}

/** `spec.config`: the published API's fields under their own names, and ours beside them. */
export const connectorConfigSchema = field(
  z.strictObject({
    eventType: field(
      z.enum(EVENT_TYPES),
      'Which events: `game_telemetry` (events of game clients) or `justice_event` (events of platform services); the hyphen forms mean the same. The form given here is what `{eventType}` in customPath becomes. Required; cannot be changed.',
      { maxLength: 14, rules: [immutable()] },
    ),
    bucketName: field(
      z.string().max(63),
      'The S3 bucket that receives the objects, by S3’s naming rules (3 to 63 characters). It must exist. Required.',
      { rules: BUCKET_NAME_RULES },
    ),
    region: field(
      z.string().max(63),
      'Region of the bucket, such as us-west-2; what the endpoint expects where it is not AWS. Required.',
      {
        rules: [
          matches(
            '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
            'must be a region in lower-case letters, digits and hyphens, such as us-west-2',
          ),
        ],
      },
    ),
    customPath: field(
      z.string().max(1024),
      'Template of the object keys, with the file name at its end; at most 1024 characters. Placeholders: {eventType} {namespace} {realm} {topic} {eventName} {yyyy} {MM} {dd} {hh} {mm}; everything else is copied. Time is in UTC, by timestampSource, rounded down to customPartitionDuration. ' +
        `\`-<partition>-<start offset>\` is added before the extension, and format and compression decide the extension. Default ${DEFAULTS.customPath}`,
      { rules: PATH_RULES },
    ).optional(),
    customPartitionDuration: quantity(
      CUSTOM_PARTITION_DURATION,
      `How long one time partition of the path lasts: {mm}, {hh} and so on are those of its start. 1s to 1d, a divisor of a day, such as 90s, 15m, 1h; plain digits are milliseconds. Default ${DEFAULTS.customPartitionDuration}, so that {mm} is 00, 15, 30 or 45.`,
    ),
    partSize: quantity(
      PART_SIZE,
      `Size of the parts in which a large object is uploaded, in bytes or as 8Mi; 5242880 to 134217728. Default ${DEFAULTS.partSize}.`,
    ),
    flushInterval: quantity(
      FLUSH_INTERVAL,
      `Longest time that a record waits before its object is written, also when nothing follows it. 1s to 24h, such as 30s or 5m; plain digits are minutes. Default ${DEFAULTS.flushInterval}.`,
    ),
    flushSize: quantity(FLUSH_SIZE, `Most events in one object; 1 to 10000000. Default ${DEFAULTS.flushSize}.`),
    flushMemory: quantity(
      FLUSH_MEMORY,
      `Most bytes of events in one object, before compression, in bytes or as 64Mi; 1Ki to 1Gi. A sink keeps at most bufferBytes of the operator’s configuration in memory, over all partitions and objects (64Mi): where that is full, sets are closed before they reach this (flush reason memory). Default ${DEFAULTS.flushMemory}.`,
    ),
    format: field(
      z.enum(FORMATS),
      `What the objects are: ndjson, the events as they were produced, one a line; or parquet, columns for the fields of the envelope, the rest as JSON text. See docs/formats.md. Default ${DEFAULTS.format}.`,
    ).optional(),
    compression: field(
      z.enum(COMPRESSIONS),
      'How the objects are compressed; in parquet: how its pages are. The name ends accordingly, in .json.gz or .json.zst. flushMemory counts before compression. Default none; zstd with parquet.',
    ).optional(),
    timestampSource: field(
      z.enum(TIMESTAMP_SOURCES),
      `Which time {yyyy}, {MM} and so on show: record, the Kafka record’s; or event, the event’s own (EventTimestamp, or timestamp of a service event), and an event whose own time cannot be read is rejected (bad_timestamp). Default ${DEFAULTS.timestampSource}.`,
    ).optional(),
    ...S3_FIELDS,
  }),
  'What is delivered, where to and in what portions. Names and meanings are those of the published Analytics Connector API, which shows numbers in strings: both forms are accepted.',
  { rules: [pathStyleForAddresses] },
)
