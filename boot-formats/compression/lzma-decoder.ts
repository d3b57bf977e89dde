/**
 * The decoder that .lzma and .xz share (Igor Pavlov's LZMA specification, 2015): a range-coded stream of literals and
 * matches. Errors of this file are the reason alone.
 */
import { FormatError } from "../errors.ts";

/** The largest dictionary of anything of a boot: the kernel's own build asks for 128 MiB. */
export const MAX_DICTIONARY = 128 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** The longest match. */
const MAX_MATCH = 273;

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
export class RangeDecoder {
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
export class Dictionary {
  private bytes = new Uint8Array(64 * 1024);
  /** Bytes of it at most. */
  readonly size: number;
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

/** Bits of context, as the first byte of a stream packs them. */
export interface LzmaProperties {
  literalContextBits: number;
  literalPositionBits: number;
  positionBits: number;
}

export function lzmaProperties(byte: number): LzmaProperties {
  if (byte >= 9 * 5 * 5) throw new FormatError(`its properties ${byte} are impossible`);
  return {
    literalContextBits: byte % 9,
    literalPositionBits: Math.floor(byte / 9) % 5,
    positionBits: Math.floor(byte / 45),
  };
}

/** Probabilities, state and last distances: all that is learnt from a stream but its output. */
export class LzmaDecoder {
  private readonly literals: Uint16Array;
  private readonly isMatch = probabilities(STATES * MAX_POSITION_STATES);
  private readonly isRepeat = probabilities(STATES);
  private readonly isOtherRepeat = probabilities(STATES);
  private readonly isLong = probabilities(STATES * MAX_POSITION_STATES);
  private readonly isThird = probabilities(STATES);
  private readonly isFourth = probabilities(STATES);
  private readonly slots = probabilities(LENGTH_STATES * 64);
  private readonly middleBits = probabilities(1 + 128 - FIRST_PLAIN_SLOT);
  private readonly alignBits = probabilities(1 << ALIGN_BITS);
  private readonly matchLength = new LengthDecoder();
  private readonly repeatLength = new LengthDecoder();
  private readonly literalContextBits: number;
  private readonly literalPositionMask: number;
  private readonly positionMask: number;
  private state = 0;
  /** The last four distances, each less one. */
  private distances: [number, number, number, number] = [0, 0, 0, 0];

  constructor({ literalContextBits, literalPositionBits, positionBits }: LzmaProperties) {
    this.literals = probabilities(0x300 << (literalContextBits + literalPositionBits));
    this.literalContextBits = literalContextBits;
    this.literalPositionMask = (1 << literalPositionBits) - 1;
    this.positionMask = (1 << positionBits) - 1;
  }

  private literal(coder: RangeDecoder, output: Dictionary, afterMatch: boolean, distance: number): number {
    const { literals, literalContextBits } = this;
    const previous = output.total > 0 ? output.back(1) : 0;
    const context =
      ((output.total & this.literalPositionMask) << literalContextBits) + (previous >>> (8 - literalContextBits));
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
  }

  /** Distance less one. */
  private newDistance(coder: RangeDecoder, length: number): number {
    const slot = coder.tree(this.slots, Math.min(length, LENGTH_STATES - 1) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >>> 1) - 1;
    const start = (2 | (slot & 1)) * 2 ** bits;
    if (slot < FIRST_PLAIN_SLOT) return start + coder.reverseTree(this.middleBits, start - slot, bits);
    const upper = coder.plain(bits - ALIGN_BITS) * (1 << ALIGN_BITS);
    return start + upper + coder.reverseTree(this.alignBits, 0, ALIGN_BITS);
  }

  /**
   * Decodes until the output has `end` bytes, or up to an end marker when there is no telling; yields the output piece
   * by piece, its last piece left in `output`.
   */
  *decode(coder: RangeDecoder, output: Dictionary, end: number | undefined): Generator<Uint8Array, void> {
    const chunk = Math.min(CHUNK_BYTES, output.size - MAX_MATCH);
    let { state } = this;
    let [rep0, rep1, rep2, rep3] = this.distances;
    while (end === undefined || output.total < end) {
      if (output.pending >= chunk) yield output.take();
      const positionState = output.total & this.positionMask;
      const wasMatch = state >= FIRST_MATCH_STATE;
      if (!coder.bit(this.isMatch, state * MAX_POSITION_STATES + positionState)) {
        output.put(this.literal(coder, output, wasMatch, rep0 + 1));
        state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        continue;
      }
      let length: number;
      if (!coder.bit(this.isRepeat, state)) {
        [rep3, rep2, rep1] = [rep2, rep1, rep0];
        length = this.matchLength.decode(coder, positionState);
        rep0 = this.newDistance(coder, length);
        state = wasMatch ? 10 : 7;
        if (rep0 === END_DISTANCE) {
          if (end !== undefined) throw new FormatError(`it ends after ${output.total} bytes, ${end} were announced`);
          break;
        }
      } else {
        if (output.total === 0) throw new FormatError("it begins with a match");
        if (!coder.bit(this.isOtherRepeat, state)) {
          if (!coder.bit(this.isLong, state * MAX_POSITION_STATES + positionState)) {
            state = wasMatch ? 11 : 9;
            if (!output.reaches(rep0 + 1)) throw new FormatError("a match points before its start");
            output.put(output.back(rep0 + 1));
            continue;
          }
        } else if (!coder.bit(this.isThird, state)) [rep0, rep1] = [rep1, rep0];
        else if (!coder.bit(this.isFourth, state)) [rep0, rep1, rep2] = [rep2, rep0, rep1];
        else [rep0, rep1, rep2, rep3] = [rep3, rep0, rep1, rep2];
        length = this.repeatLength.decode(coder, positionState);
        state = wasMatch ? 11 : 8;
      }
      length += MIN_MATCH;
      if (!output.reaches(rep0 + 1)) throw new FormatError("a match points before its start");
      if (end !== undefined && output.total + length > end) throw new FormatError("a match reaches beyond its end");
      for (; length > 0; length--) output.put(output.back(rep0 + 1));
    }
    coder.finish();
    this.state = state;
    this.distances = [rep0, rep1, rep2, rep3];
  }
}
