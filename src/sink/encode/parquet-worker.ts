/** The thread that makes Parquet files, one at a time: hyparquet-writer is JavaScript and would hold up reading and heartbeats. */
import { parentPort } from 'node:worker_threads'
import type { Compression } from '../../contract/file-format.ts'
import { ParquetFile } from './parquet-file.ts'

export type ParquetRequest =
  | { readonly kind: 'begin'; readonly eventType: string; readonly compression: Compression }
  | { readonly kind: 'rows'; readonly lines: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'finish' }

/** Answers every request; with the file after `finish`. */
export type ParquetAnswer = { readonly file?: Uint8Array<ArrayBuffer> } | { readonly error: string }

let file: ParquetFile | null = null

parentPort?.on('message', (request: ParquetRequest) => {
  try {
    const finished = handle(request)
    parentPort?.postMessage({ file: finished }, finished ? [finished.buffer] : [])
  } catch (error) {
    parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) })
  }
})

function handle(request: ParquetRequest): Uint8Array<ArrayBuffer> | undefined {
  if (request.kind === 'begin') file = new ParquetFile(request.eventType, request.compression)
  else if (request.kind === 'finish') return file?.finish()
  else {
    file?.addRowGroup(request.lines)
    // Megabytes: given back now, not at some collection.
    request.lines.buffer.transfer(0)
  }
  return undefined
}
