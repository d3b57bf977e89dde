/** Random cases, from a seed: operands of every class, control words, stack depths. */
import { CASE } from "./records.ts";

/** A small generator with 32 bits of state a word (xoshiro128**, Blackman and Vigna). */
export class Random {
  private readonly s: Uint32Array;
  constructor(seed: number) {
    this.s = Uint32Array.of(seed, 0x9e3779b9, 0x243f6a88, 0xb7e15162);
    for (let i = 0; i < 20; i++) this.next();
  }
  /** 32 random bits. */
  next(): number {
    const s = this.s as unknown as [number, number, number, number];
    const scrambled = Math.imul(s[1], 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }
  below(n: number): number {
    return this.next() % n;
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** A significand's two halves. */
type Halves = readonly [high: number, low: number];

function randomSignificand(random: Random): Halves {
  switch (random.below(6)) {
    case 0:
      return [0x80000000, 0];
    case 1:
      return [0xffffffff, 0xffffffff];
    case 2:
      // Few bits: exact results, ties.
      return [
        (0x80000000 | (1 << random.below(31)) | (1 << random.below(31))) >>> 0,
        random.chance(50) ? 0 : 1 << random.below(32),
      ];
    case 3: {
      // Ones, then zeros: rounding carries far.
      const ones = 1 + random.below(63);
      const value = BigInt.asUintN(64, -1n << BigInt(64 - ones)) + BigInt(random.below(3));
      return [Number(value >> 32n) | 0x80000000, Number(value & 0xffffffffn)];
    }
    default:
      return [(random.next() | 0x80000000) >>> 0, random.next()];
  }
}

/** Writes a random extended value; `near` is an exponent that many of them shall lie close to. */
export function writeExtended(random: Random, view: DataView, at: number, near: number): void {
  const sign = random.below(2) << 15;
  let exponent = 0;
  let [high, low]: Halves = randomSignificand(random);
  switch (random.below(24)) {
    case 0:
      high = low = 0;
      break;
    case 1:
      exponent = 0x7fff;
      high = 0x80000000;
      low = 0;
      break;
    case 2:
      // Quiet or signaling NaN.
      exponent = 0x7fff;
      break;
    case 3:
      // Denormal.
      high &= 0x7fffffff;
      if (random.chance(50)) high >>>= random.below(31);
      break;
    case 4:
      // Pseudo-denormal.
      break;
    case 5:
      // Unnormal, pseudo-infinity or pseudo-NaN.
      exponent = random.chance(50) ? 0x7fff : 1 + random.below(0x7ffe);
      high = (high & 0x7fffffff) >>> random.below(31);
      break;
    case 6:
      exponent = 1 + random.below(70);
      break;
    case 7:
      exponent = 0x7ffe - random.below(70);
      break;
    case 8:
      exponent = 1 + random.below(0x7ffe);
      break;
    case 9:
      // About the ends of single and double.
      exponent = random.pick([16383 - 127, 16383 + 127, 16383 - 1023, 16383 + 1023]) + random.below(60) - 30;
      break;
    case 10:
      exponent = 16383;
      high = 0x80000000;
      low = 0;
      break;
    case 11:
    case 12:
      // Integers, halves, and neighbours.
      exponent = 16380 + random.below(70);
      if (random.chance(50)) low = 0;
      break;
    default:
      exponent = Math.min(
        0x7ffe,
        Math.max(1, near + random.pick([0, 0, 1, -1, random.below(8) - 4, random.below(140) - 70])),
      );
      break;
  }
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
  view.setUint16(at + 8, sign | exponent, true);
}

/** Fills one record with random state for an instruction. */
export function writeCase(random: Random, cases: Uint8Array, index: number, code: readonly number[]): void {
  const start = index * CASE.size;
  const view = new DataView(cases.buffer, cases.byteOffset + start, CASE.size);
  const bytes = cases.subarray(start, start + CASE.size);
  bytes.fill(0x90, 0, 8);
  bytes.set(code, 0);
  const masks = random.chance(65) ? 0x3f : random.below(64);
  const control =
    0x40 | masks | (random.pick([3, 3, 2, 0, 0, 1]) << 8) | (random.below(4) << 10) | (random.below(2) << 12);
  const top = random.below(8);
  const sticky = random.chance(20) ? random.below(64) & masks : 0;
  const status =
    ((random.below(16) & 7) << 8) |
    (random.below(2) << 14) |
    (top << 11) |
    sticky |
    (random.chance(10) && masks & 1 ? 0x40 : 0);
  // Stack depth: mostly enough operands and room; sometimes any pattern.
  let tags = 0xffff;
  const used = random.chance(10) ? random.below(256) : (1 << (2 + random.below(6))) - 1;
  for (let i = 0; i < 8; i++) {
    if (used & (1 << i)) tags &= ~(3 << (((top + i) & 7) * 2));
  }
  const state = 8;
  view.setUint32(state, 0xffff0000 | control, true);
  view.setUint32(state + 4, 0xffff0000 | status, true);
  view.setUint32(state + 8, 0xffff0000 | tags, true);
  view.setUint32(state + 12, random.next(), true);
  view.setUint32(state + 16, random.next() & 0x7ff00ff, true);
  view.setUint32(state + 20, random.next(), true);
  view.setUint32(state + 24, 0xffff0000, true);
  const near = random.pick([
    16383,
    16383,
    16383,
    1 + random.below(0x7ffe),
    random.below(140),
    0x7ffe - random.below(140),
  ]);
  for (let i = 0; i < 8; i++) writeExtended(random, view, state + 28 + i * 10, near);
  view.setUint32(116, random.next() & 0x8d5, true);
  writeMemory(random, view, 120);
}

/** The same with an exception pending: unmasked and flagged. */
export function writePending(random: Random, cases: Uint8Array, index: number, code: readonly number[]): void {
  writeCase(random, cases, index, code);
  const view = new DataView(cases.buffer, cases.byteOffset + index * CASE.size, CASE.size);
  const bit = 1 << random.below(6);
  view.setUint8(8, view.getUint8(8) & ~bit);
  view.setUint8(12, view.getUint8(12) | bit);
}

/** An operand that is interesting as an integer, a real of any size, or packed decimals. */
function writeMemory(random: Random, view: DataView, at: number): void {
  for (let i = 0; i < CASE.memorySize; i += 4) view.setUint32(at + i, random.next(), true);
  const sign = random.below(2);
  switch (random.below(8)) {
    case 0:
      writeExtended(random, view, at, 16383);
      break;
    case 1: {
      // Single: zero, denormal, infinity, NaN, about one.
      const exponent = random.pick([0, 0, 255, 255, 1, 254, 127, 100 + random.below(60)]);
      const fraction = random.pick([0, 0, 1, 0x7fffff, 0x400000, random.next() & 0x7fffff]);
      view.setUint32(at, ((sign << 31) | (exponent << 23) | fraction) >>> 0, true);
      break;
    }
    case 2:
    case 3: {
      const exponent = random.pick([0, 0, 2047, 2047, 1, 2046, 1023, 960 + random.below(130)]);
      const high = random.pick([0, 0, 0xfffff, 0x80000, random.next() & 0xfffff]);
      view.setUint32(at + 4, ((sign << 31) | (exponent << 20) | high) >>> 0, true);
      view.setUint32(at, random.pick([0, 0, 1, 0xffffffff, random.next()]), true);
      break;
    }
    case 4:
      for (let i = 0; i < 9; i++) view.setUint8(at + i, random.below(10) * 16 + random.below(10));
      view.setUint8(at + 9, sign << 7);
      break;
    case 5:
      view.setBigInt64(at, BigInt(random.below(2000) - 1000), true);
      break;
    default:
      break;
  }
}
