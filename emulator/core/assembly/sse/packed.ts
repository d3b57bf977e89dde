/**
 * Packed integer operations that make one register of two (SDM vol. 2, maps 0F and 0F38). MMX forms run on the low
 * halves; where lanes cross, `half` says so.
 */
import { low, high, pair, zext } from "./operands";

/** All zeros. */
// @ts-ignore: decorator
@inline function none(): v128 { return i64x2.splat(0); }

/** Map 0F. `half`: 64-bit operands, in the low halves. */
export function packed0F(opcode: i32, d: v128, s: v128, half: bool): v128 {
  switch (opcode) {
    case 0x60: return i8x16.shuffle(d, s, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    case 0x61: return i16x8.shuffle(d, s, 0, 8, 1, 9, 2, 10, 3, 11);
    case 0x62: return i32x4.shuffle(d, s, 0, 4, 1, 5);
    case 0x63:
    case 0x67:
    case 0x6b:
      return half ? pack(opcode, i64x2.shuffle(d, s, 0, 2), none()) : pack(opcode, d, s);
    case 0x64: return i8x16.gt_s(d, s);
    case 0x65: return i16x8.gt_s(d, s);
    case 0x66: return i32x4.gt_s(d, s);
    case 0x68:
      if (half) return zext(high(packed0F(0x60, d, s, true)));
      return i8x16.shuffle(d, s, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    case 0x69:
      if (half) return zext(high(packed0F(0x61, d, s, true)));
      return i16x8.shuffle(d, s, 4, 12, 5, 13, 6, 14, 7, 15);
    case 0x6a:
      if (half) return zext(high(packed0F(0x62, d, s, true)));
      return i32x4.shuffle(d, s, 2, 6, 3, 7);
    case 0x6c: return i64x2.shuffle(d, s, 0, 2);
    case 0x6d: return i64x2.shuffle(d, s, 1, 3);
    case 0x74: return i8x16.eq(d, s);
    case 0x75: return i16x8.eq(d, s);
    case 0x76: return i32x4.eq(d, s);
    case 0xd1:
    case 0xd2:
    case 0xd3:
    case 0xe1:
    case 0xe2:
    case 0xf1:
    case 0xf2:
    case 0xf3:
      return shift(opcode, d, low(s));
    case 0xd4: return i64x2.add(d, s);
    case 0xd5: return i16x8.mul(d, s);
    case 0xd8: return i8x16.sub_sat_u(d, s);
    case 0xd9: return i16x8.sub_sat_u(d, s);
    case 0xda: return i8x16.min_u(d, s);
    case 0xdb: return v128.and(d, s);
    case 0xdc: return i8x16.add_sat_u(d, s);
    case 0xdd: return i16x8.add_sat_u(d, s);
    case 0xde: return i8x16.max_u(d, s);
    case 0xdf: return v128.andnot(s, d);
    case 0xe0: return i8x16.avgr_u(d, s);
    case 0xe3: return i16x8.avgr_u(d, s);
    case 0xe4: return upperWords(i32x4.extmul_low_i16x8_u(d, s), i32x4.extmul_high_i16x8_u(d, s));
    case 0xe5: return upperWords(i32x4.extmul_low_i16x8_s(d, s), i32x4.extmul_high_i16x8_s(d, s));
    case 0xe8: return i8x16.sub_sat_s(d, s);
    case 0xe9: return i16x8.sub_sat_s(d, s);
    case 0xea: return i16x8.min_s(d, s);
    case 0xeb: return v128.or(d, s);
    case 0xec: return i8x16.add_sat_s(d, s);
    case 0xed: return i16x8.add_sat_s(d, s);
    case 0xee: return i16x8.max_s(d, s);
    case 0xef: return v128.xor(d, s);
    case 0xf4: return i64x2.mul(lowerDwords(d), lowerDwords(s));
    case 0xf5: return i32x4.dot_i16x8_s(d, s);
    case 0xf6: return sumOfDifferences(d, s);
    case 0xf8: return i8x16.sub(d, s);
    case 0xf9: return i16x8.sub(d, s);
    case 0xfa: return i32x4.sub(d, s);
    case 0xfb: return i64x2.sub(d, s);
    case 0xfc: return i8x16.add(d, s);
    case 0xfd: return i16x8.add(d, s);
    default: return i32x4.add(d, s);
  }
}

function pack(opcode: i32, d: v128, s: v128): v128 {
  if (opcode == 0x63) return i8x16.narrow_i16x8_s(d, s);
  return opcode == 0x67 ? i8x16.narrow_i16x8_u(d, s) : i16x8.narrow_i32x4_s(d, s);
}

// @ts-ignore: decorator
@inline
function upperWords(lo: v128, hi: v128): v128 {
  return i16x8.shuffle(lo, hi, 1, 3, 5, 7, 9, 11, 13, 15);
}
// @ts-ignore: decorator
@inline
function lowerDwords(v: v128): v128 {
  return v128.and(v, i64x2.splat(0xffffffff));
}

/** PSADBW: in each half, the sum of the absolute differences of the bytes. */
function sumOfDifferences(d: v128, s: v128): v128 {
  const difference = v128.or(i8x16.sub_sat_u(d, s), i8x16.sub_sat_u(s, d));
  const sums = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(difference));
  return i64x2.add(lowerDwords(sums), i64x2.shr_u(sums, 32));
}

/** Shifts of all elements by one count: opcodes D1 to D3 (right), E1, E2 (arithmetic right), F1 to F3 (left). */
export function shift(opcode: i32, d: v128, by: u64): v128 {
  const bits: u64 = opcode & 3 ? (<u64>8 << (opcode & 3)) : 0;
  const n = <i32>min<u64>(by, bits);
  if (opcode == 0xe1) return i16x8.shr_s(d, min<i32>(n, 15));
  if (opcode == 0xe2) return i32x4.shr_s(d, min<i32>(n, 31));
  if (<u64>n == bits) return none();
  switch (opcode) {
    case 0xd1: return i16x8.shr_u(d, n);
    case 0xd2: return i32x4.shr_u(d, n);
    case 0xd3: return i64x2.shr_u(d, n);
    case 0xf1: return i16x8.shl(d, n);
    case 0xf2: return i32x4.shl(d, n);
    default: return i64x2.shl(d, n);
  }
}

/** Bytes moved by `n` (at most 16) places: towards the low end when `right`. */
export function shiftBytes(d: v128, n: i32, right: bool): v128 {
  return i8x16.swizzle(d, i8x16.add(iota(), i8x16.splat(<i8>(right ? n : -n))));
}
// @ts-ignore: decorator
@inline
export function iota(): v128 {
  return i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/** Map 0F38, opcodes 00 to 0B and 1C to 41 with two operands of the same size. */
export function packed0F38(opcode: i32, d: v128, s: v128, half: bool): v128 {
  switch (opcode) {
    case 0x00:
      // A swizzle gives 0 for indexes above 15; bit 7 asks for 0, the bits between do not count.
      return i8x16.swizzle(d, v128.and(s, i8x16.splat(<i8>(half ? 0x87 : 0x8f))));
    case 0x01:
    case 0x02:
    case 0x03:
    case 0x05:
    case 0x06:
    case 0x07:
      return half ? horizontal(opcode, i64x2.shuffle(d, s, 0, 2), none()) : horizontal(opcode, d, s);
    case 0x04: return multiplyAddBytes(d, s);
    case 0x08: {
      const negative = i8x16.shr_s(s, 7);
      return v128.andnot(i8x16.sub(v128.xor(d, negative), negative), i8x16.eq(s, none()));
    }
    case 0x09: {
      const negative = i16x8.shr_s(s, 15);
      return v128.andnot(i16x8.sub(v128.xor(d, negative), negative), i16x8.eq(s, none()));
    }
    case 0x0a: {
      const negative = i32x4.shr_s(s, 31);
      return v128.andnot(i32x4.sub(v128.xor(d, negative), negative), i32x4.eq(s, none()));
    }
    case 0x0b: {
      // WebAssembly saturates where both are -1 (0x8000); PMULHRSW wraps.
      const least = i16x8.splat(-0x8000);
      const both = v128.and(i16x8.eq(d, least), i16x8.eq(s, least));
      return v128.xor(i16x8.q15mulr_sat_s(d, s), both);
    }
    case 0x1c: return i8x16.abs(s);
    case 0x1d: return i16x8.abs(s);
    case 0x1e: return i32x4.abs(s);
    case 0x20: return i16x8.extend_low_i8x16_s(s);
    case 0x21: return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(s));
    case 0x22: return i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(s)));
    case 0x23: return i32x4.extend_low_i16x8_s(s);
    case 0x24: return i64x2.extend_low_i32x4_s(i32x4.extend_low_i16x8_s(s));
    case 0x25: return i64x2.extend_low_i32x4_s(s);
    case 0x28: return i64x2.mul(signedDwords(d), signedDwords(s));
    case 0x29: return i64x2.eq(d, s);
    case 0x2a: return s;
    case 0x2b: return i16x8.narrow_i32x4_u(d, s);
    case 0x30: return i16x8.extend_low_i8x16_u(s);
    case 0x31: return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(s));
    case 0x32: return i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(s)));
    case 0x33: return i32x4.extend_low_i16x8_u(s);
    case 0x34: return i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(s));
    case 0x35: return i64x2.extend_low_i32x4_u(s);
    case 0x37: return i64x2.gt_s(d, s);
    case 0x38: return i8x16.min_s(d, s);
    case 0x39: return i32x4.min_s(d, s);
    case 0x3a: return i16x8.min_u(d, s);
    case 0x3b: return i32x4.min_u(d, s);
    case 0x3c: return i8x16.max_s(d, s);
    case 0x3d: return i32x4.max_s(d, s);
    case 0x3e: return i16x8.max_u(d, s);
    case 0x3f: return i32x4.max_u(d, s);
    case 0x40: return i32x4.mul(d, s);
    default: return minimumPosition(s);
  }
}

// @ts-ignore: decorator
@inline
function signedDwords(v: v128): v128 {
  return i64x2.shr_s(i64x2.shl(v, 32), 32);
}

/** PHADDW/D/SW and PHSUBW/D/SW: sums or differences of neighbours, of `d` and then of `s`. */
function horizontal(opcode: i32, d: v128, s: v128): v128 {
  if ((opcode & 3) == 2) {
    const even = i32x4.shuffle(d, s, 0, 2, 4, 6);
    const odd = i32x4.shuffle(d, s, 1, 3, 5, 7);
    return opcode == 2 ? i32x4.add(even, odd) : i32x4.sub(even, odd);
  }
  const even = i16x8.shuffle(d, s, 0, 2, 4, 6, 8, 10, 12, 14);
  const odd = i16x8.shuffle(d, s, 1, 3, 5, 7, 9, 11, 13, 15);
  switch (opcode) {
    case 1: return i16x8.add(even, odd);
    case 3: return i16x8.add_sat_s(even, odd);
    case 5: return i16x8.sub(even, odd);
    default: return i16x8.sub_sat_s(even, odd);
  }
}

/** PMADDUBSW: unsigned bytes of `d` by signed ones of `s`, neighbours added with saturation. */
function multiplyAddBytes(d: v128, s: v128): v128 {
  const lo = i16x8.mul(i16x8.extend_low_i8x16_u(d), i16x8.extend_low_i8x16_s(s));
  const hi = i16x8.mul(i16x8.extend_high_i8x16_u(d), i16x8.extend_high_i8x16_s(s));
  return horizontal(3, lo, hi);
}

/** PHMINPOSUW: the least word and its index. */
function minimumPosition(s: v128): v128 {
  let least: u64 = 0x10000;
  let index: u64 = 0;
  for (let i: u64 = 0; i < 8; i++) {
    const word = ((i < 4 ? low(s) : high(s)) >> ((i & 3) << 4)) & 0xffff;
    if (word < least) {
      least = word;
      index = i;
    }
  }
  return zext(least | (index << 16));
}

// ---------------------------------------------------------------- shuffles by an immediate

/** Index bytes that pick the dwords named by two 2-bit fields. */
function dwordIndexes(fields: u64): u64 {
  const first: u64 = 0x03020100 + (fields & 3) * 0x04040404;
  const second: u64 = 0x03020100 + ((fields >> 2) & 3) * 0x04040404;
  return first | (second << 32);
}
/** Index bytes that pick the words of a half named by four 2-bit fields. */
function wordIndexes(fields: u64): u64 {
  let indexes: u64 = 0;
  for (let i: u64 = 0; i < 4; i++) indexes |= (0x0100 + ((fields >> (i << 1)) & 3) * 0x0202) << (i << 4);
  return indexes;
}
/** PSHUFD, PSHUFLW, PSHUFHW, and PSHUFW in the low half. */
export function shuffleDwords(s: v128, fields: u64): v128 {
  return i8x16.swizzle(s, pair(dwordIndexes(fields), dwordIndexes(fields >> 4)));
}
export function shuffleLowWords(s: v128, fields: u64): v128 {
  return i8x16.swizzle(s, pair(wordIndexes(fields), 0x0f0e0d0c0b0a0908));
}
export function shuffleHighWords(s: v128, fields: u64): v128 {
  return i8x16.swizzle(s, pair(0x0706050403020100, wordIndexes(fields) + 0x0808080808080808));
}
/** SHUFPS: two dwords of `d`, then two of `s`. */
export function shuffleSingles(d: v128, s: v128, fields: u64): v128 {
  return pair(low(shuffleDwords(d, fields)), high(shuffleDwords(s, fields)));
}
/** SHUFPD: a half of `d`, then one of `s`. */
export function shuffleDoubles(d: v128, s: v128, fields: u64): v128 {
  return pair(fields & 1 ? high(d) : low(d), fields & 2 ? high(s) : low(s));
}

/** PALIGNR: `d` above `s`, moved right by `n` bytes. */
export function alignRight(d: v128, s: v128, n: u32): v128 {
  if (n >= 32) return none();
  const index = i8x16.add(iota(), i8x16.splat(<i8>n));
  return v128.or(i8x16.swizzle(s, index), i8x16.swizzle(d, i8x16.sub(index, i8x16.splat(16))));
}

/** MPSADBW: sums of absolute differences of eight overlapping groups of `d` against one group of `s`. */
export function groupDifferences(d: v128, s: v128, fields: u32): v128 {
  const first = (fields & 4) as i32;
  const group = ((fields & 3) << 2) as i32;
  let sums = none();
  for (let k = 0; k < 4; k++) {
    const a = i8x16.swizzle(d, i8x16.add(iota(), i8x16.splat(<i8>(first + k))));
    const b = i8x16.swizzle(s, i8x16.splat(<i8>(group + k)));
    const difference = v128.or(i8x16.sub_sat_u(a, b), i8x16.sub_sat_u(b, a));
    sums = i16x8.add(sums, i16x8.extend_low_i8x16_u(difference));
  }
  return sums;
}

// ---------------------------------------------------------------- blends

/** A mask of elements from the bits of an immediate: bit i for the i-th of the elements of 1 << log2 bytes. */
function elementMask(bits: u32, log2: u32): v128 {
  let lo: u64 = 0;
  let hi: u64 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    if ((bits >> (i >> log2)) & 1) lo |= <u64>0xff << (i << 3);
    if ((bits >> ((i + 8) >> log2)) & 1) hi |= <u64>0xff << (i << 3);
  }
  return pair(lo, hi);
}
/** BLENDPS (log2 2), BLENDPD (3), PBLENDW (1). */
export function blend(d: v128, s: v128, bits: u32, log2: u32): v128 {
  return v128.bitselect(s, d, elementMask(bits, log2));
}
/** PBLENDVB (log2 0), BLENDVPS (2), BLENDVPD (3): the elements of `s` where `mask` is negative. */
export function blendVariable(d: v128, s: v128, mask: v128, log2: u32): v128 {
  if (log2 == 0) return v128.bitselect(s, d, i8x16.shr_s(mask, 7));
  return v128.bitselect(s, d, log2 == 2 ? i32x4.shr_s(mask, 31) : i64x2.shr_s(mask, 63));
}
