import { Kafka, logLevel } from 'kafkajs'

/** Whether a broker answers and has taken up its work: until then it accepts connections but not requests. */
export async function isKafkaReady(bootstrapServers: string): Promise<boolean> {
  const kafka = new Kafka({
    clientId: 'stack',
    brokers: bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 2_000,
    retry: { retries: 0 },
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    return (await admin.describeCluster()).brokers.length > 0
  } finally {
    await admin.disconnect()
  }
}
