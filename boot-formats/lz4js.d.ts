declare module "lz4js" {
  /** Decompresses one block of `length` bytes at `start` of `source` to `at` of `target`; returns the end of the output. */
  export function decompressBlock(
    source: Uint8Array,
    target: Uint8Array,
    start: number,
    length: number,
    at: number,
  ): number;
}
