import { DEFAULTS } from '../contract/defaults.ts'
import { defaultCompression } from '../contract/file-format.ts'
import { compileTemplate } from '../contract/path-template.ts'
import type { PathExampleRequest } from '../contract/rest-tools.ts'
import { CUSTOM_PARTITION_DURATION, parseQuantity } from '../contract/units.ts'
import { topicName } from './topics-by-namespace.ts'

/** What stands in an example for what the request leaves out. */
const EXAMPLE = { eventType: 'game_telemetry', namespace: 'mygame', eventName: 'gameStarted' } as const

/** The key of the object with the first record of partition 0, rendered by the sink's own template. */
export function pathExample(
  request: PathExampleRequest,
  realm: string,
  patternOf: (eventType: string) => string,
  nowMs: number,
): string {
  const { customPath, customPartitionDuration = DEFAULTS.customPartitionDuration, time } = request
  const { format = DEFAULTS.format, compression = defaultCompression(format) } = request
  const { eventType = EXAMPLE.eventType, namespace = EXAMPLE.namespace, eventName = EXAMPLE.eventName } = request
  const topic = request.topic ?? topicName(patternOf(eventType), { realm, namespace, eventName })
  const durationMs = parseQuantity(CUSTOM_PARTITION_DURATION, customPartitionDuration)
  const { pathFor, keyFor } = compileTemplate(customPath, durationMs, { eventType, realm, format, compression })
  const timestampMs = time === undefined ? nowMs : Date.parse(time)
  return keyFor(pathFor({ namespace, topic, eventName, timestampMs }), {
    topic,
    partition: 0,
    startOffset: 0n,
    epoch: 0,
  })
}
