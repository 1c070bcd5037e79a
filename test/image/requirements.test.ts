import { expect, test } from 'vitest'
import { type Machine, requireNodeTools } from './requirements.ts'

const debian: Machine = { platform: 'linux', uid: 0, path: '/usr/sbin:/usr/bin', isExecutable: () => true }

test('a machine with everything is told where its CNI plugins are', () => {
  expect(requireNodeTools(debian)).toEqual({ cniFolder: '/usr/lib/cni' })
  const fedora = { ...debian, isExecutable: (path: string) => !path.startsWith('/usr/lib/cni/') }
  expect(requireNodeTools(fedora)).toEqual({ cniFolder: '/usr/libexec/cni' })
})

test('everything that is missing is named at once, with one command that installs it', () => {
  const bare = { ...debian, isExecutable: (path: string) => /\/(ip|mount|unshare|openssl|runc)$/.test(path) }
  expect(() => requireNodeTools(bare)).toThrow(
    'Missing on this machine: buildah, containerd, ctr, debootstrap, nft, the CNI plugins.\n' +
      'Debian, Ubuntu: apt-get install --no-install-recommends buildah containerd debootstrap nftables containernetworking-plugins',
  )
})

test('somebody who is not root, or not on Linux, is told so first', () => {
  expect(() => requireNodeTools({ ...debian, uid: 1000 })).toThrow('sudo')
  expect(() => requireNodeTools({ ...debian, platform: 'darwin', uid: 0 })).toThrow('this is darwin')
})
