import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { kafkaTopics } from '../../src/admin/kafka-topics.ts'
import { FakeClock } from '../support/fake-clock.ts'

test('a bootstrap server may be an IPv6 address', async () => {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const topics = kafkaTopics(() => ({ bootstrapServers: [`[::1]:${port}`] }), new FakeClock())
  await expect(topics()).rejects.toMatchObject({ status: 503 })
  expect(connections).toBeGreaterThan(0)
})
