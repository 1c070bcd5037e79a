import { expect, test } from 'vitest'
import { cgroupMounts } from './cgroups.ts'

test('the hierarchies of both versions are found, and other file systems are not', () => {
  const mounts = `tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
/dev/vda / ext4 rw 0 0
`
  expect(cgroupMounts(mounts)).toEqual(['/sys/fs/cgroup/memory', '/sys/fs/cgroup/unified'])
})
