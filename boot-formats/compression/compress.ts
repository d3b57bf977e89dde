/**
 * Compresses for the kernel, piece by piece: gzip and zstd. Nothing that may be bundled here writes xz without native
 * code (docs/boot-formats.md), and the other formats of the kernel's are worse than these two. Equal input gives equal
 * output.
 */
import { Deflate } from "pako";

export type WritableCompression = "gzip" | "zstd";

/** As mkinitramfs of Debian 12 calls the tools. */
const LEVELS: Readonly<Record<WritableCompression, number>> = { gzip: 9, zstd: 9 };
const CHUNK_BYTES = 256 * 1024;

type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Small pieces, such as headers, are joined: a call of the compressor costs more than they do. */
async function* inChunks(pieces: Pieces): AsyncGenerator<Uint8Array, void> {
  let chunk = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + CHUNK_BYTES - filled);
      chunk.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled === CHUNK_BYTES) {
        yield chunk;
        chunk = new Uint8Array(CHUNK_BYTES);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

/** One gzip member with neither name nor time. */
async function* gzip(pieces: Pieces): AsyncGenerator<Uint8Array, void> {
  const deflate = new Deflate({ gzip: true, level: LEVELS.gzip, chunkSize: CHUNK_BYTES });
  const output: Uint8Array[] = [];
  deflate.onData = (bytes) => {
    output.push(bytes);
  };
  for await (const chunk of inChunks(pieces)) {
    deflate.push(chunk, false);
    yield* output.splice(0);
  }
  deflate.push(new Uint8Array(0), true);
  yield* output;
}

/** The library has one stream for all its users: it is lent to one after the other. */
let zstdTurn: Promise<void> = Promise.resolve();

async function* zstd(pieces: Pieces): AsyncGenerator<Uint8Array, void> {
  const before = zstdTurn;
  let release = (): void => undefined;
  zstdTurn = new Promise((resolve) => {
    release = resolve;
  });
  await before;
  try {
    // Half a megabyte that only those who write zstd need.
    const { Zstd } = await import("@hpcc-js/wasm-zstd");
    const library = await Zstd.load();
    library.reset();
    library.setCompressionLevel(LEVELS.zstd);
    for await (const chunk of inChunks(pieces)) {
      const output = library.compressChunk(chunk);
      if (output.length > 0) yield output;
    }
    yield library.compressEnd();
  } finally {
    release();
  }
}

/** Compresses a stream piece by piece. */
export function compressStream(format: WritableCompression, pieces: Pieces): AsyncGenerator<Uint8Array, void> {
  return format === "gzip" ? gzip(pieces) : zstd(pieces);
}
