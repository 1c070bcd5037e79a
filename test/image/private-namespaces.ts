import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { forgetProcessGroup, guardProcessGroup } from '../stack/native/guard.ts'

/** The address of the node: the API server, Kafka and the S3 server listen here, where pods reach them. */
export const nodeAddress = '10.250.0.1'

/**
 * Runs first in the new namespaces, and is their process 1: when it ends, the kernel kills every process in them, and with the
 * last one go mounts, network devices and firewall rules. So nothing can leak, whatever becomes of the programs inside.
 *
 * containerd, CNI and the kubelet write to fixed places; here these are folders of the run.
 */
const init = `
set -eu
dir=$1; shift
mount -t tmpfs tmpfs /run
for place in lib log; do
  mount -t overlay overlay -o "lowerdir=/var/$place,upperdir=$dir/$place,workdir=$dir/$place.work" "/var/$place"
done
ip link set lo up
ip addr add ${nodeAddress}/32 dev lo
ip route add default via ${nodeAddress} dev lo
echo 1 > /proc/sys/net/ipv4/ip_forward
"$@" &
child=$!
wait "$child"
`

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** As a shell says it of a command that Ctrl-C ended. */
const interruptedCode = 130

/**
 * Runs a command as root in mount, network and process namespaces of its own; resolves with its exit code.
 * Its output goes where ours goes. A signal to this process, or its end, kills all that is in them.
 */
export async function runInNamespaces(dir: string, command: readonly string[]): Promise<number> {
  for (const name of ['lib', 'lib.work', 'log', 'log.work']) await mkdir(join(dir, name), { recursive: true })
  const unshare = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
  const child = spawn('unshare', [...unshare, '/bin/sh', '-c', init, 'init', dir, ...command], {
    detached: true, // a process group of its own, for the guard
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const { pid } = child
  if (pid === undefined) throw new Error('unshare cannot be started')
  guardProcessGroup(pid)
  const kill = () => process.kill(-pid, 'SIGKILL')
  for (const signal of signals) process.once(signal, kill)
  const [code] = (await once(child, 'exit')) as [number | null]
  for (const signal of signals) process.off(signal, kill)
  forgetProcessGroup(pid)
  return code ?? interruptedCode
}
