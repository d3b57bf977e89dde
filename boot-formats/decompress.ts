/**
 * The compressions that kernels and initramfs archives come in (kernel lib/decompress.c), bounded in output size.
 * A kernel's payload, unlike a file of the same format, may carry bytes behind its end: the build appends the size
 * of the output as 32 bits, little-endian (scripts/Makefile.lib, size_append), except to gzip, which has it itself.
 */
import { Gunzip } from "fflate";
import { Decompress as ZstdDecompress } from "fzstd";
import lz4 from "lz4js";
import { FormatError } from "./errors.ts";
import { unxz } from "./xz.ts";

export type Compression = "gzip" | "xz" | "lz4" | "zstd" | "bzip2" | "lzma" | "lzo";

/** First bytes of each format; lz4 is the legacy frame, the only one that the kernel reads. */
const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["lz4", [0x02, 0x21, 0x4c, 0x18]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["lzma", [0x5d, 0x00, 0x00]],
  ["lzo", [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a]],
];

/** The largest output unless told otherwise: far above any vmlinux without debug information. */
export const DEFAULT_OUTPUT_LIMIT = 512 * 1024 * 1024;

/** The largest window that the kernel's own zstd compression asks for (zstd -22 --ultra). */
const ZSTD_WINDOW_LIMIT = 128 * 1024 * 1024;

/** Output bytes of one lz4 legacy block, and the most that its input can take (LZ4_compressBound). */
const LZ4_BLOCK_BYTES = 8 * 1024 * 1024;
const LZ4_BLOCK_BOUND = LZ4_BLOCK_BYTES + Math.floor(LZ4_BLOCK_BYTES / 255) + 16;

/** Input is handed to the streaming decompressors in pieces, so that the output bound is met early. */
const CHUNK_BYTES = 256 * 1024;

/** The compression by magic, undefined when none is recognised. */
export function detectCompression(bytes: Uint8Array): Compression | undefined {
  return MAGICS.find(([, magic]) => magic.every((byte, index) => bytes[index] === byte))?.[0];
}

/** Collects output up to a bound. */
class Output {
  private readonly parts: Uint8Array[] = [];
  private size = 0;
  private readonly format: Compression;
  private readonly limit: number;

  constructor(format: Compression, limit: number) {
    this.format = format;
    this.limit = limit;
  }

  add(part: Uint8Array): void {
    this.size += part.length;
    if (this.size > this.limit) {
      throw new FormatError(`The ${this.format} data decompress to more than ${this.limit} bytes.`);
    }
    this.parts.push(part);
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.size);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}

function gunzip(bytes: Uint8Array, output: Output): void {
  let finished = false;
  const stream = new Gunzip((part, final) => {
    output.add(part);
    finished = final;
  });
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const end = Math.min(at + CHUNK_BYTES, bytes.length);
    stream.push(bytes.subarray(at, end), end === bytes.length);
  }
  if (!finished) throw new FormatError("the stream has no end");
}

/** A legacy lz4 frame: its magic, then blocks of a 32-bit size and that many bytes, each 8 MiB of output but the last. */
function unlz4(bytes: Uint8Array, output: Output): void {
  const block = new Uint8Array(LZ4_BLOCK_BYTES);
  let at = 4;
  // Four bytes or fewer at the end are the appended size of the output, or nothing.
  while (at + 4 < bytes.length) {
    const size = readU32(bytes, at);
    if (size === 0 || size > LZ4_BLOCK_BOUND || at + 4 + size > bytes.length) {
      throw new FormatError(`the block at byte ${at} has an impossible size of ${size} bytes`);
    }
    const produced = lz4.decompressBlock(bytes, block, at + 4, size, 0);
    if (!(produced > 0 && produced <= LZ4_BLOCK_BYTES)) {
      throw new FormatError(`the block at byte ${at} does not decompress to 1 … ${LZ4_BLOCK_BYTES} bytes`);
    }
    output.add(block.slice(0, produced));
    at += 4 + size;
  }
}

/** Window size of the first frame (RFC 8878, 3.1.1.1), checked before the library allocates it. */
function checkZstdWindow(bytes: Uint8Array): void {
  const descriptor = bytes[4] ?? 0;
  if (descriptor & 0x20) return; // single segment: the window is the content, which the output bound covers
  const exponent = (bytes[5] ?? 0) >> 3;
  const base = 2 ** (10 + exponent);
  const window = base + (base / 8) * ((bytes[5] ?? 0) & 7);
  if (window > ZSTD_WINDOW_LIMIT) {
    throw new FormatError(`its window of ${window} bytes is above the ${ZSTD_WINDOW_LIMIT} that kernels use`);
  }
}

/** Length of the first zstd frame in `bytes`, walked block by block (RFC 8878, 3.1.1). */
function zstdFrameLength(bytes: Uint8Array): number {
  const descriptor = bytes[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  let at = 5 + (single ? 0 : 1) + dictionaryBytes + contentBytes;
  for (let last = false; !last;) {
    if (at + 3 > bytes.length) throw new FormatError("the last block is missing");
    const header = readU32(bytes, at - 1) >>> 8;
    last = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    at += 3 + (type === 1 ? 1 : header >> 3);
  }
  at += descriptor & 4 ? 4 : 0;
  if (at > bytes.length) throw new FormatError("the last block is cut off");
  return at;
}

/** Content size that a single-segment frame declares; 0 when it declares none. */
function zstdContentSize(bytes: Uint8Array): number {
  const descriptor = bytes[4] ?? 0;
  if (!(descriptor & 0x20)) return 0;
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (at + 8 > bytes.length) return 0;
  switch (descriptor >> 6) {
    case 0:
      return view.getUint8(at);
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

function unzstd(bytes: Uint8Array, output: Output, limit: number): void {
  checkZstdWindow(bytes);
  if (zstdContentSize(bytes) > limit) throw new FormatError(`it declares more than ${limit} bytes`);
  const frame = bytes.subarray(0, zstdFrameLength(bytes));
  const stream = new ZstdDecompress((part) => output.add(part.slice()));
  for (let at = 0; at < frame.length; at += CHUNK_BYTES) {
    const end = Math.min(at + CHUNK_BYTES, frame.length);
    stream.push(frame.subarray(at, end), end === frame.length);
  }
}

/**
 * Decompresses gzip, xz, lz4 (legacy) or zstd data, at most `limit` bytes of output. Bytes behind the end of the
 * stream, such as a kernel's appended size, are left alone.
 */
export async function decompress(bytes: Uint8Array, limit = DEFAULT_OUTPUT_LIMIT): Promise<Uint8Array> {
  const format = detectCompression(bytes);
  if (format === undefined) {
    const head = Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new FormatError(`Unknown compression: the data begin with ${head}, not as gzip, xz, lz4 or zstd.`);
  }
  const output = new Output(format, limit);
  try {
    if (format === "gzip") gunzip(bytes, output);
    else if (format === "lz4") unlz4(bytes, output);
    else if (format === "zstd") unzstd(bytes, output, limit);
    else if (format === "xz") output.add(await unxz(bytes, limit));
    else throw new FormatError("only gzip, xz, lz4 and zstd are supported");
  } catch (error) {
    if (error instanceof FormatError && error.message.startsWith("The ")) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new FormatError(`The ${format} data cannot be decompressed: ${reason}.`);
  }
  return output.bytes();
}
