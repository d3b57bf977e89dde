/**
 * The compressions that kernels and initramfs archives come in (kernel lib/decompress.c), each bounded in output size.
 * A kernel's payload, unlike a file of the same format, may carry bytes behind its end: the build appends the size of
 * the output as 32 bits, little-endian (scripts/Makefile.lib, size_append), except to gzip, which has it itself.
 */
import { FormatError } from "../errors.ts";
import { bunzip2 } from "./bzip2.ts";
import { gunzip } from "./gzip.ts";
import { unlz4 } from "./lz4.ts";
import { unlzma } from "./lzma.ts";
import { unlzo } from "./lzo.ts";
import { unxz } from "./xz.ts";
import { unzstd } from "./zstd.ts";

export type Compression = "gzip" | "xz" | "lz4" | "zstd" | "bzip2" | "lzma" | "lzo";

interface Format {
  /** First bytes; lz4 is the legacy frame, the only one that the kernel reads. */
  magic: readonly number[];
  /** Makes pieces of output, and returns the bytes of input that one stream takes. */
  decode: (bytes: Uint8Array) => Generator<Uint8Array, number>;
}

const FORMATS: Readonly<Record<Compression, Format>> = {
  gzip: { magic: [0x1f, 0x8b], decode: gunzip },
  xz: { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], decode: unxz },
  lz4: { magic: [0x02, 0x21, 0x4c, 0x18], decode: unlz4 },
  zstd: { magic: [0x28, 0xb5, 0x2f, 0xfd], decode: unzstd },
  bzip2: { magic: [0x42, 0x5a, 0x68], decode: bunzip2 },
  lzma: { magic: [0x5d, 0x00], decode: unlzma },
  lzo: { magic: [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a], decode: unlzo },
};

/** The largest output unless told otherwise: far above any vmlinux without debug information. */
export const DEFAULT_OUTPUT_LIMIT = 512 * 1024 * 1024;

/** So much output is made at a stretch: then others on the same thread have their turn, to cancel or to draw. */
const STRETCH_BYTES = 4 * 1024 * 1024;

const turnOfOthers = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** The compression by magic, undefined when none is recognised. */
export function detectCompression(bytes: Uint8Array): Compression | undefined {
  const starts = (magic: readonly number[]): boolean => magic.every((byte, index) => bytes[index] === byte);
  return (Object.keys(FORMATS) as Compression[]).find((format) => starts(FORMATS[format].magic));
}

/**
 * Decompresses the stream at the start of `bytes` piece by piece, at most `limit` bytes of output, so that only a
 * window of it is ever held. Returns the bytes of input that the stream takes; what follows is left alone. Throws
 * FormatError with one sentence when the data are damaged, cut off or too large.
 */
export async function* decompressStream(
  bytes: Uint8Array,
  limit = DEFAULT_OUTPUT_LIMIT,
): AsyncGenerator<Uint8Array, number> {
  const format = detectCompression(bytes);
  if (format === undefined) {
    const head = Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new FormatError(
      `Unknown compression: the data begin with ${head}, not as ${Object.keys(FORMATS).join(", ")}.`,
    );
  }
  const stream = FORMATS[format].decode(bytes);
  let size = 0;
  let stretch = 0;
  try {
    for (;;) {
      let step: IteratorResult<Uint8Array, number>;
      try {
        step = stream.next();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new FormatError(`The ${format} data cannot be decompressed: ${reason}.`);
      }
      if (step.done) return step.value;
      size += step.value.length;
      if (size > limit) throw new FormatError(`The ${format} data decompress to more than ${limit} bytes.`);
      stretch += step.value.length;
      if (stretch >= STRETCH_BYTES) {
        stretch = 0;
        await turnOfOthers();
      }
      yield step.value;
    }
  } finally {
    // Who has enough of a stream must still let go of what its decompressor holds.
    stream.return(0);
  }
}

/** The whole output of the stream at the start of `bytes`; see `decompressStream`. */
export async function decompress(bytes: Uint8Array, limit = DEFAULT_OUTPUT_LIMIT): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of decompressStream(bytes, limit)) {
    parts.push(part);
    size += part.length;
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
