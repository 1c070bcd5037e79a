/** The part of WebAssembly's interface that is used here: TypeScript knows it only together with the browser's. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    readonly exports: Readonly<Record<string, unknown>>
    constructor(module: Module)
  }
  interface Memory {
    readonly buffer: ArrayBuffer
    /** By pages of 64 KiB; `buffer` is another one afterwards. */
    grow(pages: number): number
  }
  interface Global {
    value: number
  }
}
