import { readFile } from 'node:fs/promises'

/** A process as the kernel has it: what the pod security profile and the manifests ask for, seen from outside of the container. */
export interface PodProcess {
  readonly uids: readonly number[]
  readonly noNewPrivileges: boolean
  /** 2 is a filter: RuntimeDefault. */
  readonly seccompMode: number
  /** Those it has, and those it could get; 0 is none. */
  readonly capabilities: { readonly effective: bigint; readonly bounding: bigint }
  readonly rssMiB: number
  readonly mounts: readonly Mount[]
  readonly sockets: readonly Socket[]
}

export interface Mount {
  readonly path: string
  readonly isReadOnly: boolean
  readonly type: string
}

export interface Socket {
  readonly localPort: number
  /** `address:port`; IPv6 addresses as the kernel writes them. */
  readonly remote: string
  readonly state: 'listening' | 'connected' | 'other'
}

export async function readPodProcess(pid: number): Promise<PodProcess> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8')
  const [status, mounts, tcp, tcp6] = await Promise.all([
    read('status'),
    read('mountinfo'),
    read('net/tcp'),
    read('net/tcp6').catch(() => ''),
  ])
  return { ...statusOf(status), mounts: mountsOf(mounts), sockets: [...socketsOf(tcp), ...socketsOf(tcp6)] }
}

/** https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
export function statusOf(text: string): Omit<PodProcess, 'mounts' | 'sockets'> {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? ''
  return {
    uids: field('Uid').split(/\s+/).map(Number),
    noNewPrivileges: field('NoNewPrivs') === '1',
    seccompMode: Number(field('Seccomp')),
    capabilities: { effective: BigInt(`0x${field('CapEff')}`), bounding: BigInt(`0x${field('CapBnd')}`) },
    rssMiB: Number.parseInt(field('VmRSS'), 10) / 1024,
  }
}

/** https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html */
export function mountsOf(text: string): Mount[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ')
      const [, , , , path = '', options = ''] = before.split(' ')
      return { path, isReadOnly: options.split(',').includes('ro'), type: after.split(' ')[0] ?? '' }
    })
}

const states: Readonly<Record<string, Socket['state']>> = { '0A': 'listening', '01': 'connected' }

/** https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html */
export function socketsOf(text: string): Socket[] {
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [, local = '', remote = '', state = ''] = line.trim().split(/\s+/)
      return { localPort: portOf(local), remote: addressOf(remote), state: states[state] ?? 'other' }
    })
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.indexOf(':') + 1), 16)
}

/** IPv4 addresses are one number in the byte order of the machine. */
function addressOf(text: string): string {
  const host = text.slice(0, text.indexOf(':'))
  const bytes = Buffer.from(host, 'hex').reverse()
  return `${bytes.length === 4 ? bytes.join('.') : host}:${portOf(text)}`
}
