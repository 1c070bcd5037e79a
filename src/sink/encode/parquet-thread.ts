import { once } from 'node:events'
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Compression } from '../../contract/file-format.ts'
import type { ParquetAnswer, ParquetRequest } from './parquet-worker.ts'
import { type GroupLimits, rowGroups } from './row-groups.ts'

/**
 * One row group: what readers take and skip as a whole, and what the thread holds as columns at a time (about 130 bytes
 * of heap a value); as many rows as an object has with the default `flushSize`. The format recommends 128 MiB and more, for files of
 * gigabytes; ours are tens of megabytes, and a sink is small.
 */
const ROW_GROUP: GroupLimits = { bytes: 4 * 1024 * 1024, rows: 10_000 }

/** Nearly all that the thread makes dies young: a small nursery keeps the process 100 MB smaller than V8's default, as fast. */
const MEMORY_LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 }

/** A Parquet file could not be made; the thread is started anew for the next one. */
export class ParquetError extends Error {
  override readonly name = 'ParquetError'
}

/** Makes Parquet files on a thread of its own, one after the other. The thread starts with the first file. */
export class ParquetThread {
  #worker: Worker | null = null
  #last: Promise<unknown> = Promise.resolve()

  /** The file that holds these lines as rows. Equal lines give equal bytes. */
  async file(eventType: string, compression: Compression, lines: readonly Buffer[]): Promise<Buffer> {
    const before = this.#last
    const made = before.catch(() => {}).then(() => this.#make(eventType, compression, lines))
    this.#last = made
    const file = await made
    return Buffer.from(file.buffer, file.byteOffset, file.length)
  }

  async #make(eventType: string, compression: Compression, lines: readonly Buffer[]): Promise<Uint8Array> {
    await this.#ask({ kind: 'begin', eventType, compression })
    for (const group of rowGroups(lines, ROW_GROUP)) await this.#ask({ kind: 'rows', lines: group }, [group.buffer])
    const file = await this.#ask({ kind: 'finish' })
    if (file === undefined) throw new ParquetError('the Parquet thread has finished without a file')
    return file
  }

  async #ask(request: ParquetRequest, transfer: ArrayBuffer[] = []): Promise<Uint8Array | undefined> {
    const worker = this.#running()
    const answered = new AbortController()
    const { signal } = answered
    worker.postMessage(request, transfer)
    const answer = await Promise.race([firstAnswer(worker, signal), ended(worker, signal)]).finally(() =>
      answered.abort(),
    )
    if ('error' in answer) throw new ParquetError(`the events cannot be written as Parquet: ${answer.error}`)
    return answer.file
  }

  #running(): Worker {
    if (this.#worker !== null) return this.#worker
    // The source's own ending: .ts as written, .js as built.
    const worker = new Worker(join(import.meta.dirname, `parquet-worker${extname(import.meta.filename)}`), {
      resourceLimits: MEMORY_LIMITS,
    })
    worker.unref()
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = null
    })
    this.#worker = worker
    return worker
  }
}

/** Rejects where the thread fails meanwhile. */
async function firstAnswer(worker: Worker, signal: AbortSignal): Promise<ParquetAnswer> {
  const [answer] = (await once(worker, 'message', { signal })) as [ParquetAnswer]
  return answer
}

async function ended(worker: Worker, signal: AbortSignal): Promise<never> {
  const [code] = (await once(worker, 'exit', { signal })) as [number]
  throw new ParquetError(`the Parquet thread has ended with code ${code}`)
}
