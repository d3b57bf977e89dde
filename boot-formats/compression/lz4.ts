/**
 * LZ4 in its legacy frame, the only one that the kernel reads (kernel lib/decompress_unlz4.c; blocks by lz4's "Block
 * Format"): a magic, then blocks of a 32-bit size and that many bytes, each 8 MiB of output but the last. Errors of
 * this file are the reason alone.
 */
import { FormatError } from "../errors.ts";

const MAGIC = 0x184c_2102;
/** "0707" as a size: a cpio archive follows without any padding. */
const CPIO_MAGIC = 0x3730_3730;
/** Output bytes of one block, and the most that its input can take (LZ4_compressBound). */
const BLOCK_BYTES = 8 * 1024 * 1024;
const BLOCK_BOUND = BLOCK_BYTES + Math.floor(BLOCK_BYTES / 255) + 16;
const MIN_MATCH = 4;

/** Decompresses one block into `output`; returns how many bytes it has. */
function decompressBlock(input: Uint8Array, output: Uint8Array): number {
  let from = 0;
  let to = 0;
  const next = (): number => {
    const byte = input[from++];
    if (byte === undefined) throw new FormatError("a block is cut off");
    return byte;
  };
  /** A length of fifteen goes on in bytes, up to one that is not 255. */
  const length = (nibble: number): number => {
    let count = nibble;
    if (nibble === 15) {
      for (let byte = 255; byte === 255;) {
        byte = next();
        count += byte;
        if (count > BLOCK_BYTES) throw new FormatError(`a block has more than ${BLOCK_BYTES} bytes of output`);
      }
    }
    return count;
  };
  for (;;) {
    const token = next();
    const literals = length(token >> 4);
    if (from + literals > input.length) throw new FormatError("a block is cut off");
    if (to + literals > output.length) throw new FormatError(`a block has more than ${BLOCK_BYTES} bytes of output`);
    // Most are short: a call for each would cost more than the copy.
    if (literals > 16) output.set(input.subarray(from, from + literals), to);
    else for (let index = 0; index < literals; index++) output[to + index] = input[from + index]!;
    from += literals;
    to += literals;
    if (from === input.length) return to;
    const distance = next() | (next() << 8);
    if (distance === 0 || distance > to) throw new FormatError("a match points before its block");
    const end = to + length(token & 15) + MIN_MATCH;
    if (end > output.length) throw new FormatError(`a block has more than ${BLOCK_BYTES} bytes of output`);
    // A match may overlap what it makes.
    for (; to < end; to++) output[to] = output[to - distance]!;
  }
}

/**
 * Decompresses frames piece by piece; returns the bytes of input that they take. The format has no end: it ends with
 * the input, at a size of zero, at a cpio archive, or with four bytes left, which the size of a kernel may be.
 */
export function* unlz4(bytes: Uint8Array): Generator<Uint8Array, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let block = new Uint8Array(0);
  let at = 4;
  while (at + 4 < bytes.length) {
    const size = view.getUint32(at, true);
    if (size === 0 || size === CPIO_MAGIC) break;
    if (size === MAGIC) {
      at += 4;
      continue;
    }
    if (size > BLOCK_BOUND || at + 4 + size > bytes.length) {
      // Padding up to what follows, where that is too short for a size of zero.
      if (bytes[at] === 0) break;
      throw new FormatError(`the block at byte ${at} has an impossible size of ${size} bytes`);
    }
    if (block.length === 0) block = new Uint8Array(BLOCK_BYTES);
    const produced = decompressBlock(bytes.subarray(at + 4, at + 4 + size), block);
    if (produced === 0) throw new FormatError(`the block at byte ${at} has no output`);
    yield block.slice(0, produced);
    at += 4 + size;
  }
  return at;
}
