/**
 * The .lzma format ("LZMA alone") of lib/decompress_unlzma.c, by Igor Pavlov's LZMA specification (2015): a header of
 * 13 bytes, then one range-coded stream of literals and matches. Errors of this file are the reason alone.
 */
import { FormatError } from "../errors.ts";

const HEADER_BYTES = 13;
const UNKNOWN_SIZE = 0xffff_ffff_ffff_ffffn;
const MIN_DICTIONARY = 4096;
/** The largest dictionary that the lzma tool offers by a preset is half of this. */
const MAX_DICTIONARY = 128 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

const STATES = 12;
/** States below this one follow a literal. */
const FIRST_MATCH_STATE = 7;
const MAX_POSITION_STATES = 16;
const MIN_MATCH = 2;
/** Lengths of matches choose among this many slot trees. */
const LENGTH_STATES = 4;
/** Distances from this slot on take their middle bits plainly and the last four by a tree. */
const FIRST_PLAIN_SLOT = 14;
const ALIGN_BITS = 4;
const END_DISTANCE = 0xffff_ffff;

const PROBABILITY_BITS = 11;
const HALF = 1 << (PROBABILITY_BITS - 1);
const ADAPTATION = 5;
const RANGE_TOP = 1 << 24;

const probabilities = (count: number): Uint16Array => new Uint16Array(count).fill(HALF);

/** The adaptive binary range decoder. */
class RangeDecoder {
  private readonly bytes: Uint8Array;
  at: number;
  private range = 0xffff_ffff;
  private code = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
    if (this.byte() !== 0) throw new FormatError("its range coder does not begin with a zero");
    for (let count = 0; count < 4; count++) this.code = ((this.code << 8) | this.byte()) >>> 0;
  }

  private byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new FormatError("it is cut off");
    return byte;
  }

  private normalize(): void {
    if (this.range < RANGE_TOP) {
      this.range = (this.range << 8) >>> 0;
      this.code = ((this.code << 8) | this.byte()) >>> 0;
    }
  }

  /**
   * One bit by the probability at `index`. The range is brought up to size before each bit and never behind the last
   * one, so that no byte is taken that is not needed.
   */
  bit(table: Uint16Array, index: number): 0 | 1 {
    this.normalize();
    const probability = table[index]!;
    const bound = (this.range >>> PROBABILITY_BITS) * probability;
    if (this.code < bound) {
      this.range = bound;
      table[index] = probability + (((1 << PROBABILITY_BITS) - probability) >>> ADAPTATION);
      return 0;
    }
    this.range -= bound;
    this.code -= bound;
    table[index] = probability - (probability >>> ADAPTATION);
    return 1;
  }

  /** Bits of equal probability, the highest first. */
  plain(count: number): number {
    let value = 0;
    for (; count > 0; count--) {
      this.normalize();
      this.range >>>= 1;
      const one = this.code >= this.range;
      if (one) this.code -= this.range;
      value = value * 2 + (one ? 1 : 0);
    }
    return value;
  }

  /** `bits` bits, the highest first, through a tree of probabilities at `base`. */
  tree(table: Uint16Array, base: number, bits: number): number {
    let node = 1;
    for (let count = bits; count > 0; count--) node = (node << 1) | this.bit(table, base + node);
    return node - (1 << bits);
  }

  /** The same with the lowest bit first. */
  reverseTree(table: Uint16Array, base: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let count = 0; count < bits; count++) {
      const bit = this.bit(table, base + node);
      node = (node << 1) | bit;
      value |= bit << count;
    }
    return value;
  }

  /** At the end the range is brought up to size once more, and nothing of the code is left. */
  finish(): void {
    this.normalize();
    if (this.code !== 0) throw new FormatError("its range coder does not end where its data do");
  }
}

/** Lengths of matches: up to 7, up to 15, up to 271, less two. */
class LengthDecoder {
  private readonly choice = probabilities(2);
  private readonly low = probabilities(MAX_POSITION_STATES * 8);
  private readonly middle = probabilities(MAX_POSITION_STATES * 8);
  private readonly high = probabilities(256);

  decode(coder: RangeDecoder, positionState: number): number {
    if (!coder.bit(this.choice, 0)) return coder.tree(this.low, positionState * 8, 3);
    if (!coder.bit(this.choice, 1)) return 8 + coder.tree(this.middle, positionState * 8, 3);
    return 16 + coder.tree(this.high, 0, 8);
  }
}

/** The dictionary: a ring that grows with the output up to its size, and what of it was not handed out yet. */
class Dictionary {
  private bytes = new Uint8Array(64 * 1024);
  private readonly size: number;
  private at = 0;
  private handedOut = 0;
  /** Bytes of output so far. */
  total = 0;

  constructor(size: number) {
    this.size = size;
  }

  private grow(): void {
    const larger = new Uint8Array(Math.min(this.bytes.length * 2, this.size));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  put(byte: number): void {
    if (this.at === this.bytes.length) {
      if (this.bytes.length < this.size) this.grow();
      else this.at = 0;
    }
    this.bytes[this.at++] = byte;
    this.total++;
  }

  /** The byte `distance` before the next one, 1 the last. */
  back(distance: number): number {
    const place = this.at - distance;
    return this.bytes[place < 0 ? place + this.bytes.length : place]!;
  }

  reaches(distance: number): boolean {
    return distance <= this.total && distance <= this.size;
  }

  get pending(): number {
    return this.total - this.handedOut;
  }

  /** What was put since the last call; must be called before a whole ring is pending. */
  take(): Uint8Array {
    const count = this.pending;
    this.handedOut = this.total;
    if (count <= this.at) return this.bytes.slice(this.at - count, this.at);
    const output = new Uint8Array(count);
    output.set(this.bytes.subarray(this.bytes.length - (count - this.at)));
    output.set(this.bytes.subarray(0, this.at), count - this.at);
    return output;
  }
}

interface Header {
  literalContextBits: number;
  literalPositionBits: number;
  positionBits: number;
  dictionary: number;
  /** Bytes of output, undefined when an end marker tells. */
  size: number | undefined;
}

function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < HEADER_BYTES) throw new FormatError("it is cut off within its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const properties = view.getUint8(0);
  if (properties >= 9 * 5 * 5) throw new FormatError(`its properties ${properties} are impossible`);
  const dictionary = Math.max(view.getUint32(1, true), MIN_DICTIONARY);
  if (dictionary > MAX_DICTIONARY) {
    throw new FormatError(`its dictionary of ${dictionary} bytes is above the bound of ${MAX_DICTIONARY}`);
  }
  const size = view.getBigUint64(5, true);
  if (size !== UNKNOWN_SIZE && size >> 48n !== 0n) throw new FormatError(`its size of ${size} bytes is impossible`);
  return {
    literalContextBits: properties % 9,
    literalPositionBits: Math.floor(properties / 9) % 5,
    positionBits: Math.floor(properties / 45),
    dictionary,
    size: size === UNKNOWN_SIZE ? undefined : Number(size),
  };
}

/** Decompresses one .lzma stream piece by piece; returns the bytes of input that it takes. */
export function* unlzma(bytes: Uint8Array): Generator<Uint8Array, number> {
  const header = readHeader(bytes);
  const { literalContextBits, size } = header;
  const literalPositionMask = (1 << header.literalPositionBits) - 1;
  const positionMask = (1 << header.positionBits) - 1;
  const coder = new RangeDecoder(bytes, HEADER_BYTES);
  const output = new Dictionary(header.dictionary);
  const chunk = Math.min(CHUNK_BYTES, header.dictionary - 273);

  const literals = probabilities(0x300 << (literalContextBits + header.literalPositionBits));
  const isMatch = probabilities(STATES * MAX_POSITION_STATES);
  const isRepeat = probabilities(STATES);
  const isOtherRepeat = probabilities(STATES);
  const isLong = probabilities(STATES * MAX_POSITION_STATES);
  const isThird = probabilities(STATES);
  const isFourth = probabilities(STATES);
  const slots = probabilities(LENGTH_STATES * 64);
  const middleBits = probabilities(1 + 128 - FIRST_PLAIN_SLOT);
  const alignBits = probabilities(1 << ALIGN_BITS);
  const matchLength = new LengthDecoder();
  const repeatLength = new LengthDecoder();

  const literal = (afterMatch: boolean, distance: number): number => {
    const previous = output.total > 0 ? output.back(1) : 0;
    const context =
      ((output.total & literalPositionMask) << literalContextBits) + (previous >>> (8 - literalContextBits));
    const base = 0x300 * context;
    let symbol = 1;
    if (afterMatch) {
      let expected = output.back(distance);
      while (symbol < 0x100) {
        const expectedBit = (expected >>> 7) & 1;
        expected <<= 1;
        const bit = coder.bit(literals, base + ((1 + expectedBit) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== expectedBit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | coder.bit(literals, base + symbol);
    return symbol & 0xff;
  };

  /** Distance less one. */
  const newDistance = (length: number): number => {
    const slot = coder.tree(slots, Math.min(length, LENGTH_STATES - 1) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >>> 1) - 1;
    const start = (2 | (slot & 1)) * 2 ** bits;
    if (slot < FIRST_PLAIN_SLOT) return start + coder.reverseTree(middleBits, start - slot, bits);
    const upper = coder.plain(bits - ALIGN_BITS) * (1 << ALIGN_BITS);
    return start + upper + coder.reverseTree(alignBits, 0, ALIGN_BITS);
  };

  let state = 0;
  // The last four distances, each less one.
  let [rep0, rep1, rep2, rep3] = [0, 0, 0, 0];
  while (size === undefined || output.total < size) {
    if (output.pending >= chunk) yield output.take();
    const positionState = output.total & positionMask;
    const wasMatch = state >= FIRST_MATCH_STATE;
    if (!coder.bit(isMatch, state * MAX_POSITION_STATES + positionState)) {
      output.put(literal(wasMatch, rep0 + 1));
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    let length: number;
    if (!coder.bit(isRepeat, state)) {
      [rep3, rep2, rep1] = [rep2, rep1, rep0];
      length = matchLength.decode(coder, positionState);
      rep0 = newDistance(length);
      state = wasMatch ? 10 : 7;
      if (rep0 === END_DISTANCE) {
        if (size !== undefined) throw new FormatError(`it ends after ${output.total} bytes, ${size} were announced`);
        break;
      }
    } else {
      if (output.total === 0) throw new FormatError("it begins with a match");
      if (!coder.bit(isOtherRepeat, state)) {
        if (!coder.bit(isLong, state * MAX_POSITION_STATES + positionState)) {
          state = wasMatch ? 11 : 9;
          if (!output.reaches(rep0 + 1)) throw new FormatError("a match points before its start");
          output.put(output.back(rep0 + 1));
          continue;
        }
      } else if (!coder.bit(isThird, state)) [rep0, rep1] = [rep1, rep0];
      else if (!coder.bit(isFourth, state)) [rep0, rep1, rep2] = [rep2, rep0, rep1];
      else [rep0, rep1, rep2, rep3] = [rep3, rep0, rep1, rep2];
      length = repeatLength.decode(coder, positionState);
      state = wasMatch ? 11 : 8;
    }
    length += MIN_MATCH;
    if (!output.reaches(rep0 + 1)) throw new FormatError("a match points before its start");
    if (size !== undefined && output.total + length > size) throw new FormatError("a match reaches beyond its end");
    for (; length > 0; length--) output.put(output.back(rep0 + 1));
  }
  coder.finish();
  if (output.pending > 0) yield output.take();
  return coder.at;
}
