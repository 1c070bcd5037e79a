import { expect, test } from 'vitest'
import { mountsOf, socketsOf, statusOf } from './pod-process.ts'

test('identity, privileges and memory of a process', () => {
  const status = `Name:\tnode
Uid:\t1000\t1000\t1000\t1000
VmRSS:\t  102400 kB
CapEff:\t0000000000000000
CapBnd:\t00000000a80425fb
NoNewPrivs:\t1
Seccomp:\t2
`
  expect(statusOf(status)).toEqual({
    uids: [1000, 1000, 1000, 1000],
    noNewPrivileges: true,
    seccompMode: 2,
    capabilities: { effective: 0n, bounding: 0xa80425fbn },
    rssMiB: 100,
  })
})

test('mounts, and which of them can be written to', () => {
  const mountinfo = `1021 866 0:67 / / ro,relatime master:304 - overlay overlay rw,lowerdir=/a
1022 1021 0:69 / /proc rw,nosuid - proc proc rw
`
  expect(mountsOf(mountinfo)).toEqual([
    { path: '/', isReadOnly: true, type: 'overlay' },
    { path: '/proc', isReadOnly: false, type: 'proc' },
  ])
})

test('sockets that listen and that are connected, with both ends', () => {
  const tcp = `  sl  local_address rem_address   st tx_queue rx_queue
   0: 0502F40A:1F90 00000000:0000 0A 00000000:00000000 00:00000000
   1: 0502F40A:8F2C 0100FA0A:3E80 01 00000000:00000000 00:00000000
   2: 0502F40A:8F2E 0100FA0A:3E80 06 00000000:00000000 00:00000000
`
  expect(socketsOf(tcp)).toEqual([
    { localPort: 8080, remote: '0.0.0.0:0', state: 'listening' },
    { localPort: 0x8f2c, remote: '10.250.0.1:16000', state: 'connected' },
    { localPort: 0x8f2e, remote: '10.250.0.1:16000', state: 'other' },
  ])
})
