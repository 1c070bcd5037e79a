import { expect } from 'vitest'
import { listening, type Pod, processOf } from './pods.ts'

/** The kubelet mounts them into every container, writable for root. */
const byKubelet = new Set(['/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/run/secrets'])

/**
 * A pod's process as the restricted profile and the manifests want it: no root, no privileges, nothing to write to, no port beside the listed.
 *
 * @param mounted what must be there to be read
 */
export async function expectRestricted(pod: Pod, mounted: readonly string[]): Promise<void> {
  const process = await processOf(pod)
  expect(process).toMatchObject({
    uids: [1000, 1000, 1000, 1000],
    noNewPrivileges: true,
    seccompMode: 2,
    capabilities: { effective: 0n, bounding: 0n },
  })
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []).map((each) => each.containerPort)
  // On the pod's address and on localhost.
  expect([...new Set(listening(process))].sort()).toEqual(ports.sort())
  expect(process.mounts.find(({ path }) => path === '/')).toMatchObject({ isReadOnly: true })
  expect(process.mounts.map(({ path }) => path)).toEqual(expect.arrayContaining([...mounted]))
  // Of the kernel's own file systems some are writable by root only; files on disks and in memory must not be.
  const places = process.mounts.filter(({ path }) => !/^\/(proc|sys|dev)(\/|$)/.test(path))
  expect(places.filter(({ isReadOnly, path }) => !isReadOnly && !byKubelet.has(path))).toEqual([])
}
