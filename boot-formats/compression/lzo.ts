/**
 * LZO1X in lzop's container, as the kernel reads it (kernel lib/decompress_unlzo.c and Documentation/staging/lzo.rst):
 * big-endian block headers, each block compressed by itself. Errors of this file are the reason alone.
 */
import { crc32 } from "../crc32.ts";
import { FormatError } from "../errors.ts";

const MAGIC_BYTES = 9;
const VERSION_WITH_LEVEL = 0x0940;
/** Bits of the header's flags. */
const ADLER32_OF_OUTPUT = 0x001;
const ADLER32_OF_INPUT = 0x002;
const CRC32_OF_OUTPUT = 0x100;
const CRC32_OF_INPUT = 0x200;
const HAS_FILTER = 0x800;
/** The largest block that the kernel takes (LZO_BLOCK_SIZE). */
const MAX_BLOCK_BYTES = 256 * 1024;

interface Header {
  flags: number;
  size: number;
}

class Cursor {
  private readonly view: DataView;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  private take(bytes: number): number {
    const start = this.at;
    this.at += bytes;
    if (this.at > this.view.byteLength) throw new FormatError(`it is cut off within the header at byte ${start}`);
    return start;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2));
  }

  u32(): number {
    return this.view.getUint32(this.take(4));
  }
}

function readHeader(bytes: Uint8Array): Header {
  const cursor = new Cursor(bytes, MAGIC_BYTES);
  const version = cursor.u16();
  cursor.at += 2; // version of the library
  if (version >= VERSION_WITH_LEVEL) cursor.at += 2; // version needed to extract
  const method = cursor.u8();
  if (method < 1 || method > 3) throw new FormatError(`its method is ${method}: 1 to 3 (LZO1X) was expected`);
  if (version >= VERSION_WITH_LEVEL) cursor.at += 1; // level
  const flags = cursor.u32();
  if (flags & HAS_FILTER) throw new FormatError("it uses a filter, which the kernel does not undo");
  cursor.at += 8; // mode, low half of the time
  if (version >= VERSION_WITH_LEVEL) cursor.at += 4; // high half of the time
  const name = cursor.u8();
  cursor.at += name;
  cursor.u32(); // checksum of the header
  return { flags, size: cursor.at };
}

function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length;) {
    // So many sums stay below 2^32.
    for (const end = Math.min(at + 5552, bytes.length); at < end; at++) {
      low += bytes[at]!;
      high += low;
    }
    low %= 65521;
    high %= 65521;
  }
  return high * 0x1_0000 + low;
}

/** Decompresses one block of LZO1X into `output`, which it fills exactly. */
export function lzo1x(input: Uint8Array, output: Uint8Array): void {
  let from = 0;
  let to = 0;
  const next = (): number => {
    const byte = input[from++];
    if (byte === undefined) throw new FormatError("a block is cut off");
    return byte;
  };
  const literals = (count: number): void => {
    if (from + count > input.length) throw new FormatError("a block is cut off");
    if (to + count > output.length) throw new FormatError("a block has more output than its header says");
    output.set(input.subarray(from, from + count), to);
    from += count;
    to += count;
  };
  const match = (distance: number, count: number): void => {
    if (distance > to) throw new FormatError("a match points before its block");
    if (to + count > output.length) throw new FormatError("a block has more output than its header says");
    // A match may overlap what it makes.
    for (const end = to + count; to < end; to++) output[to] = output[to - distance]!;
  };
  /** A length whose bits in the instruction are all zero goes on in bytes. */
  const length = (bits: number, mask: number): number => {
    if ((bits & mask) !== 0) return bits & mask;
    let count = mask;
    for (;;) {
      const byte = next();
      if (byte !== 0) return count + byte;
      count += 255;
      if (count > output.length) throw new FormatError("a block has more output than its header says");
    }
  };
  // Number of literals behind the last match, 4 behind a long run of literals.
  let state = 0;
  if ((input[0] ?? 0) > 17) {
    const count = next() - 17;
    literals(count);
    state = Math.min(count, 4);
  }
  for (;;) {
    const code = next();
    if (code < 16 && state === 0) {
      literals(length(code, 15) + 3);
      state = 4;
      continue;
    }
    let low: number;
    if (code < 16) {
      low = code;
      const near = (next() << 2) + (code >> 2) + 1;
      if (state === 4) match(near + 2048, 3);
      else match(near, 2);
    } else if (code < 64) {
      const wide = code >= 32;
      const count = length(code, wide ? 31 : 7) + 2;
      low = next();
      const far = (next() << 6) + (low >> 2);
      if (wide) match(far + 1, count);
      else {
        const distance = 16384 + ((code & 8) << 11) + far;
        if (distance === 16384) break;
        match(distance, count);
      }
    } else {
      low = code;
      const count = code < 128 ? 3 + ((code >> 5) & 1) : 5 + ((code >> 5) & 3);
      match((next() << 3) + ((code >> 2) & 7) + 1, count);
    }
    state = low & 3;
    literals(state);
  }
  if (to !== output.length)
    throw new FormatError(`a block has ${to} bytes of output, its header says ${output.length}`);
  if (from !== input.length) throw new FormatError("a block has bytes behind its end");
}

/** Decompresses an lzop file piece by piece; returns the bytes of input that it takes. */
export function* unlzo(bytes: Uint8Array): Generator<Uint8Array, number> {
  const { flags, size } = readHeader(bytes);
  const cursor = new Cursor(bytes, size);
  for (;;) {
    const at = cursor.at;
    const outputSize = cursor.u32();
    if (outputSize === 0) return cursor.at;
    const inputSize = cursor.u32();
    if (outputSize > MAX_BLOCK_BYTES || inputSize === 0 || inputSize > outputSize) {
      throw new FormatError(`the block at byte ${at} has an impossible size: ${inputSize} for ${outputSize} bytes`);
    }
    const adler = flags & ADLER32_OF_OUTPUT ? cursor.u32() : undefined;
    const crc = flags & CRC32_OF_OUTPUT ? cursor.u32() : undefined;
    const stored = inputSize === outputSize;
    if (!stored && flags & ADLER32_OF_INPUT) cursor.u32();
    if (!stored && flags & CRC32_OF_INPUT) cursor.u32();
    const input = bytes.subarray(cursor.at, cursor.at + inputSize);
    if (input.length < inputSize) throw new FormatError(`the block at byte ${at} is cut off`);
    const output = stored ? input.slice() : new Uint8Array(outputSize);
    if (!stored) lzo1x(input, output);
    if ((adler !== undefined && adler !== adler32(output)) || (crc !== undefined && crc !== crc32(output))) {
      throw new FormatError(`the checksum of the block at byte ${at} is wrong`);
    }
    yield output;
    cursor.at += inputSize;
  }
}
