/**
 * The .xz container (The .xz File Format 1.1.0, tukaani.org/xz/xz-file-format.txt). Its blocks are handed one by one
 * to the xz-decompress library as streams with the LZMA2 filter alone, since that library lacks the x86 filter of
 * kernel images; the filter is undone and the block's CRC32 checked here.
 */
import xz from "xz-decompress";
import { crc32 } from "./crc32.ts";
import { FormatError } from "./errors.ts";
import { decodeX86Bcj } from "./x86-bcj.ts";

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const HEADER_BYTES = 12;
const FILTER_X86 = 0x04;
const FILTER_LZMA2 = 0x21;
const CHECK_CRC32 = 1;
/** Bytes of the check field by check id (2.1.1.2). */
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const MAX_BLOCKS = 65_536;

interface Block {
  /** Bytes of block header, compressed data and check together; the padding before the check is not counted. */
  unpaddedSize: number;
  uncompressedSize: number;
}

const padded = (length: number): number => Math.ceil(length / 4) * 4;

function readU32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}

/** Reads variable-length integers (1.2), at most 2^53. */
class Cursor {
  private readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  integer(): number {
    let value = 0;
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new FormatError(`the number at byte ${this.at} is too large`);
  }

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new FormatError("it is cut off within a header");
    return byte;
  }
}

function encodeInteger(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  bytes.push(value);
  return bytes;
}

/** End of the stream: a kernel's payload has four more bytes, the size of its output, behind it. */
function findStreamEnd(bytes: Uint8Array): number {
  for (const end of [bytes.length, bytes.length - 4]) {
    if (end < HEADER_BYTES * 2 || bytes[end - 2] !== 0x59 || bytes[end - 1] !== 0x5a) continue;
    if (readU32(bytes, end - 12) === crc32(bytes.subarray(end - 8, end - 2))) return end;
  }
  throw new FormatError("its footer is missing, so it is cut off or damaged");
}

/** The blocks that the index at the end lists, checked to fill the stream. */
function readIndex(bytes: Uint8Array, end: number): Block[] {
  const indexSize = (readU32(bytes, end - 8) + 1) * 4;
  const start = end - HEADER_BYTES - indexSize;
  if (start < HEADER_BYTES || bytes[start] !== 0) throw new FormatError("its index is damaged");
  const index = bytes.subarray(start, start + indexSize);
  if (crc32(index.subarray(0, indexSize - 4)) !== readU32(index, indexSize - 4)) {
    throw new FormatError("the checksum of its index is wrong");
  }
  const cursor = new Cursor(index.subarray(0, indexSize - 4), 1);
  const count = cursor.integer();
  if (count > MAX_BLOCKS) throw new FormatError(`it has ${count} blocks, at most ${MAX_BLOCKS} are taken`);
  const blocks = Array.from({ length: count }, () => ({
    unpaddedSize: cursor.integer(),
    uncompressedSize: cursor.integer(),
  }));
  const total = blocks.reduce((sum, block) => sum + padded(block.unpaddedSize), HEADER_BYTES);
  if (total !== start) throw new FormatError("it has several streams or is damaged: its index does not fit its size");
  return blocks;
}

/** Size and filters of the block header at the start of `bytes`. */
function readBlockHeader(bytes: Uint8Array): { size: number; x86: boolean; dictionary: number } {
  const size = ((bytes[0] ?? 0) + 1) * 4;
  if (size > bytes.length || size < 8 || crc32(bytes.subarray(0, size - 4)) !== readU32(bytes, size - 4)) {
    throw new FormatError("a block header is damaged");
  }
  const cursor = new Cursor(bytes.subarray(0, size - 4), 1);
  const flags = cursor.byte();
  if (flags & 0x40) cursor.integer();
  if (flags & 0x80) cursor.integer();
  const filters = Array.from({ length: (flags & 3) + 1 }, () => {
    const id = cursor.integer();
    const length = cursor.integer();
    const property = length > 0 ? cursor.byte() : 0;
    cursor.at += Math.max(length - 1, 0);
    return { id, length, property };
  });
  const last = filters.pop();
  if (last?.id !== FILTER_LZMA2 || last.length !== 1) throw new FormatError("its last filter is not LZMA2");
  const x86 = filters.length === 1 && filters[0]!.id === FILTER_X86 && filters[0]!.length === 0;
  if (filters.length > 0 && !x86) {
    throw new FormatError(`it uses filter ${filters[0]!.id}: only the x86 filter and LZMA2 are supported`);
  }
  return { size, x86, dictionary: last.property };
}

/** Smallest encoded dictionary size (5.3.1) that holds the output, at most the one given. */
function dictionaryFor(size: number, given: number): number {
  for (let code = 0; code < given; code++) {
    if ((2 | (code & 1)) * 2 ** ((code >> 1) + 11) >= size) return code;
  }
  return given;
}

function withCrc(bytes: number[]): Uint8Array {
  const result = new Uint8Array(bytes.length + 4);
  result.set(bytes);
  new DataView(result.buffer).setUint32(bytes.length, crc32(result.subarray(0, bytes.length)), true);
  return result;
}

/** A stream of one block with LZMA2 alone and no check, around compressed data. */
function singleBlockStream(data: Uint8Array, uncompressedSize: number, dictionary: number): Uint8Array[] {
  const flags = [0, 0];
  const header = withCrc([0x02, 0x00, FILTER_LZMA2, 1, dictionary, 0, 0, 0]);
  const unpaddedSize = header.length + data.length;
  const index = [0, 1, ...encodeInteger(unpaddedSize), ...encodeInteger(uncompressedSize)];
  while (index.length % 4 !== 0) index.push(0);
  const backward = (index.length + 4) / 4 - 1;
  const footer = [backward & 0xff, (backward >> 8) & 0xff, 0, 0, ...flags];
  const footerCrc = withCrc(footer).slice(-4);
  const streamHeader = withCrc(flags);
  return [
    Uint8Array.from([...MAGIC, ...streamHeader]),
    header,
    data,
    new Uint8Array(padded(data.length) - data.length),
    withCrc(index),
    Uint8Array.from([...footerCrc, ...footer, 0x59, 0x5a]),
  ];
}

/** Runs the library over a stream given in pieces; the output must have exactly `size` bytes. */
async function decodeStream(pieces: Uint8Array[], size: number): Promise<Uint8Array> {
  const input = new ReadableStream<Uint8Array>({
    start(controller) {
      // The library takes the buffer behind each piece, so it gets a copy of its own.
      for (const piece of pieces) if (piece.length > 0) controller.enqueue(piece.slice());
      controller.close();
    },
  });
  const reader = new xz.XzReadableStream(input).getReader();
  const output = new Uint8Array(size);
  let at = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (at + value.length > size) throw new FormatError("a block has more output than the index says");
      output.set(value, at);
      at += value.length;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  if (at !== size) throw new FormatError(`a block has ${at} bytes of output, its index says ${size}`);
  return output;
}

/**
 * Decompresses one .xz stream, at most `limit` bytes of output; four bytes behind it are left alone. The messages of
 * its errors are the reason alone, for the caller to complete.
 */
export async function unxz(bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  if (bytes.length < HEADER_BYTES * 2 || bytes[6] !== 0 || (bytes[7] ?? 0) > 15) {
    throw new FormatError("its stream header is damaged");
  }
  const check = bytes[7] ?? 0;
  const checkBytes = CHECK_BYTES[check]!;
  const blocks = readIndex(bytes, findStreamEnd(bytes));
  const total = blocks.reduce((sum, block) => sum + block.uncompressedSize, 0);
  if (total > limit) throw new FormatError(`its output of ${total} bytes is above the bound of ${limit}`);
  const output = new Uint8Array(total);
  let from = HEADER_BYTES;
  let to = 0;
  for (const { unpaddedSize, uncompressedSize } of blocks) {
    const block = bytes.subarray(from, from + padded(unpaddedSize));
    const header = readBlockHeader(block);
    if (header.size + checkBytes > unpaddedSize) throw new FormatError("a block is shorter than its header");
    const data = block.subarray(header.size, unpaddedSize - checkBytes);
    const dictionary = dictionaryFor(uncompressedSize, header.dictionary);
    const decoded = await decodeStream(singleBlockStream(data, uncompressedSize, dictionary), uncompressedSize);
    if (header.x86) decodeX86Bcj(decoded);
    if (check === CHECK_CRC32 && crc32(decoded) !== readU32(block, block.length - 4)) {
      throw new FormatError("the checksum of a block is wrong");
    }
    output.set(decoded, to);
    from += padded(unpaddedSize);
    to += uncompressedSize;
  }
  return output;
}
