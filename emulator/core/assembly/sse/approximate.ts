/**
 * RCPPS, RCPSS, RSQRTPS, RSQRTSS: within 1.5 * 2^-12 of the true value as the SDM asks, and the very bits that AMD
 * processors give. They know nothing of MXCSR: no exceptions, denormals count as zero both ways.
 */
import { low, high, pair } from "./operands";
import { COARSE, FINE } from "./reciprocal-tables";

/** 12 bits of fraction for the upper 12 of the operand's. */
function lookUp(table: u32, fraction: u32): u32 {
  const coarse = <u32>load<u16>(COARSE + (<usize>((table << 8) | (fraction >> 4)) << 1));
  return coarse - <u32>load<u8>(FINE + (<usize>((table << 8) | ((fraction >> 4) & 0xf0) | (fraction & 15))));
}

function reciprocal(v: u32): u32 {
  const sign = v & 0x80000000;
  const exponent = (v >> 23) & 255;
  if (exponent == 255) return v & 0x7fffff ? v | 0x400000 : sign;
  if (exponent == 0) return sign | 0x7f800000;
  if (exponent > 252) return sign;
  return sign | ((253 - exponent) << 23) | (lookUp(0, (v >> 11) & 0xfff) << 11);
}

function reciprocalRoot(v: u32): u32 {
  const sign = v & 0x80000000;
  const exponent = (v >> 23) & 255;
  if (exponent == 255 && v & 0x7fffff) return v | 0x400000;
  if (exponent == 0) return sign | 0x7f800000;
  if (sign) return 0xffc00000;
  if (exponent == 255) return 0;
  // An odd power of two (an even biased exponent) goes with the fraction.
  const odd = (exponent & 1) ^ 1;
  return ((189 - ((exponent - odd) >> 1)) << 23) | (lookUp(1 + odd, (v >> 11) & 0xfff) << 11);
}

function both(root: bool, v: u64): u64 {
  const lower = <u32>v;
  const upper = <u32>(v >> 32);
  if (root) return <u64>reciprocalRoot(lower) | (<u64>reciprocalRoot(upper) << 32);
  return <u64>reciprocal(lower) | (<u64>reciprocal(upper) << 32);
}

/** 0F 52 (`root`) and 53; a scalar one keeps the rest of `d`. */
export function approximate(root: bool, scalar: bool, d: v128, s: v128): v128 {
  if (scalar) return i32x4.replace_lane(d, 0, <i32>(root ? reciprocalRoot(<u32>low(s)) : reciprocal(<u32>low(s))));
  return pair(both(root, low(s)), both(root, high(s)));
}
