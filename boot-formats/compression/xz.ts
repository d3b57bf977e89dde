/**
 * The .xz container (The .xz File Format 1.1.0), one stream: blocks of LZMA2, with the x86 filter of kernel images or
 * without, an index, a footer. Sizes are taken from the LZMA2 chunks themselves, so that the end of a stream is known
 * whatever follows it. No library does this as it is needed here: xz-decompress lacks the x86 filter, does not say where
 * a stream ends, and lets nobody decompress while another's stream is open. Errors of this file are the reason alone,
 * for the caller to complete.
 */
import { Crc32, crc32 } from "../crc32.ts";
import { FormatError } from "../errors.ts";
import { unlzma2 } from "./lzma2.ts";
import { X86Bcj } from "./x86-bcj.ts";

const HEADER_BYTES = 12;
const FILTER_X86 = 0x04;
const FILTER_LZMA2 = 0x21;
const CHECK_CRC32 = 1;
/** Bytes of the check field by check id (2.1.1.2). */
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const MAX_BLOCKS = 65_536;
interface Block {
  /** Bytes of header, compressed data and check together; the padding before the check is not counted. */
  unpaddedSize: number;
  uncompressedSize: number;
}

const padded = (length: number): number => Math.ceil(length / 4) * 4;

function readU32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw new FormatError("it is cut off");
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}

/** Reads variable-length integers (1.2), at most 2^49. */
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

/** Walks the headers of LZMA2 chunks from `at` on; returns where they end and how much output they make. */
function walkLzma2(bytes: Uint8Array, at: number): { end: number; output: number } {
  let output = 0;
  for (;;) {
    const control = bytes[at];
    if (control === undefined) throw new FormatError("it is cut off");
    if (control === 0) return { end: at + 1, output };
    const size = ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    if (control >= 0x80) {
      output += ((control & 0x1f) << 16) + size + 1;
      const compressed = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
      at += (control >= 0xc0 ? 6 : 5) + compressed + 1;
    } else if (control <= 2) {
      output += size + 1;
      at += 3 + size + 1;
    } else throw new FormatError(`the chunk at byte ${at} is damaged`);
  }
}

/** The output of one block, its filter undone and its check compared. */
function* decodeBlock(block: Uint8Array, sizes: Block, checkId: number): Generator<Uint8Array, void> {
  const header = readBlockHeader(block);
  const data = block.subarray(header.size, sizes.unpaddedSize - CHECK_BYTES[checkId]!);
  const filter = header.x86 ? new X86Bcj() : undefined;
  const checksum = new Crc32();
  let output = 0;
  for (const piece of unlzma2(data, header.dictionary)) {
    output += piece.length;
    const plain = filter ? filter.decode(piece) : piece;
    if (checkId === CHECK_CRC32) checksum.add(plain);
    if (plain.length > 0) yield plain;
  }
  const rest = filter?.finish();
  if (rest && rest.length > 0) {
    if (checkId === CHECK_CRC32) checksum.add(rest);
    yield rest;
  }
  if (output !== sizes.uncompressedSize) {
    throw new FormatError(`a block has ${output} bytes of output, ${sizes.uncompressedSize} were announced`);
  }
  if (checkId === CHECK_CRC32 && checksum.value !== readU32(block, block.length - 4)) {
    throw new FormatError("the checksum of a block is wrong");
  }
}

/** Checks the index at `start` against the blocks that were read; returns its size. */
function checkIndex(bytes: Uint8Array, start: number, blocks: readonly Block[]): number {
  const cursor = new Cursor(bytes, start + 1);
  if (cursor.integer() !== blocks.length) throw new FormatError("its index does not list the blocks that it has");
  for (const block of blocks) {
    if (cursor.integer() !== block.unpaddedSize || cursor.integer() !== block.uncompressedSize) {
      throw new FormatError("its index does not fit its blocks");
    }
  }
  const size = padded(cursor.at - start) + 4;
  if (crc32(bytes.subarray(start, start + size - 4)) !== readU32(bytes, start + size - 4)) {
    throw new FormatError("the checksum of its index is wrong");
  }
  return size;
}

/** Decompresses one stream piece by piece; returns the bytes of input that it takes. */
export function* unxz(bytes: Uint8Array): Generator<Uint8Array, number> {
  if (bytes[6] !== 0 || bytes[7]! > 15 || crc32(bytes.subarray(6, 8)) !== readU32(bytes, 8)) {
    throw new FormatError("its stream header is damaged");
  }
  const checkId = bytes[7]!;
  const blocks: Block[] = [];
  let at = HEADER_BYTES;
  // A block's header begins with its size, which is never the zero that an index begins with.
  while (bytes[at] !== 0) {
    if (blocks.length >= MAX_BLOCKS) throw new FormatError(`it has more than ${MAX_BLOCKS} blocks`);
    const header = readBlockHeader(bytes.subarray(at));
    const { end, output } = walkLzma2(bytes, at + header.size);
    const block = { unpaddedSize: end - at + CHECK_BYTES[checkId]!, uncompressedSize: output };
    const next = at + padded(end - at) + CHECK_BYTES[checkId]!;
    if (next > bytes.length) throw new FormatError("it is cut off");
    yield* decodeBlock(bytes.subarray(at, next), block, checkId);
    blocks.push(block);
    at = next;
  }
  const index = checkIndex(bytes, at, blocks);
  at += index;
  const footer = bytes.subarray(at, at + HEADER_BYTES);
  if (footer.length < HEADER_BYTES || footer[10] !== 0x59 || footer[11] !== 0x5a) {
    throw new FormatError("its footer is missing");
  }
  if (crc32(footer.subarray(4, 10)) !== readU32(footer, 0) || (readU32(footer, 4) + 1) * 4 !== index) {
    throw new FormatError("its footer is damaged");
  }
  return at + HEADER_BYTES;
}
