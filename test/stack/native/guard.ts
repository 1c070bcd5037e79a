import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

/**
 * Ends what this process started when this process ends, however it ends: kill -9 included. A shell of its own session
 * reads from a pipe which only this process holds open; the pipe closes with the process, and the shell then kills the
 * process groups and removes the folders it was told of. It is one small process for any number of children.
 */
const script = `
groups='' cgroups=''
while read -r verb what; do
  case "$verb" in
    watch) groups="$groups $what" ;;
    forget) left=''; for g in $groups; do [ "$g" = "$what" ] || left="$left $g"; done; groups=$left ;;
    folder) set -- "$@" "$what" ;;
    cgroup) cgroups="$cgroups $what" ;;
  esac
done
for g in $groups; do kill -s KILL -- "-$g"; done
for g in $cgroups; do
  for attempt in 1 2 3 4 5; do [ -d "$g" ] || break; find "$g" -depth -type d -exec rmdir {} + && break; sleep 1; done
done
for folder in "$@"; do rm -rf -- "$folder" || { sleep 1; rm -rf -- "$folder"; }; done
`

let pipe: Writable | undefined

function tell(line: string): void {
  if (pipe === undefined) {
    const guard = spawn('/bin/sh', ['-c', script, 'stack-guard'], {
      cwd: '/',
      detached: true, // its own session: a Ctrl-C in the terminal does not reach it
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    guard.unref()
    pipe = guard.stdin
    // The pipe must not keep this process alive: its closing is the point.
    ;(guard.stdin as Writable & { unref?: () => void }).unref?.()
  }
  pipe.write(`${line}\n`)
}

/** Kills the process group `pid` (a child spawned with `detached: true`) when this process is gone. */
export function guardProcessGroup(pid: number): void {
  tell(`watch ${pid}`)
}

/** The process group ended by itself; its number may be given to somebody else. */
export function forgetProcessGroup(pid: number): void {
  tell(`forget ${pid}`)
}

/** Removes the folder when this process is gone. The path must be absolute and without line breaks. */
export function guardFolder(path: string): void {
  tell(`folder ${path}`)
}

/** Removes a control group, its folder and those below it, when this process and those of the group are gone. */
export function guardCgroup(path: string): void {
  tell(`cgroup ${path}`)
}
