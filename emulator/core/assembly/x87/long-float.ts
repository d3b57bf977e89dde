/**
 * Floating-point numbers with 128 bits of significand, for the transcendental functions. Results are truncated; the
 * errors that add up stay far below the 64 bits that are kept in the end. Numbers live in fixed slots.
 */
import { multiply, divide, remainder, shiftRightJam, shiftLeft, low } from "./wide";
import { BIAS, INTEGER_BIT } from "./registers";
import { roundPack } from "./round";
import { exponentOf, normalized } from "./classify";

/** (-1)^s * h:l * 2^(e - 127) with bit 63 of h set, or zero when h is. */
// @ts-ignore: decorator
@unmanaged
export class Long {
  h: u64;
  l: u64;
  e: i32;
  s: u32;
}

const SLOTS = memory.data(24 * 12, 8);
// @ts-ignore: decorator
@inline export function slot(n: i32): Long { return changetype<Long>(SLOTS + <usize>n * 24); }

export function setLong(d: Long, s: u32, e: i32, h: u64, l: u64): void {
  d.h = h;
  d.l = l;
  d.e = e;
  d.s = s;
}
function copyLong(d: Long, a: Long): void {
  setLong(d, a.s, a.e, a.h, a.l);
}
/** A finite extended value. */
export function setExtended(d: Long, se: u32, m: u64): void {
  if (m == 0) setLong(d, se >> 15, 0, 0, 0);
  else setLong(d, se >> 15, exponentOf(se, m) - BIAS, normalized(m), 0);
}
export function setInteger(d: Long, v: i32): void {
  if (v == 0) {
    setLong(d, 0, 0, 0, 0);
    return;
  }
  const m = <u64>abs<i32>(v);
  const leading = <i32>clz<u64>(m);
  setLong(d, <u32>(v < 0), 63 - leading, m << leading, 0);
}

export function mulLong(d: Long, a: Long, b: Long): void {
  const s = a.s ^ b.s;
  if (a.h == 0 || b.h == 0) {
    setLong(d, s, 0, 0, 0);
    return;
  }
  let e = a.e + b.e + 1;
  const cross1 = multiply(a.h, b.l);
  const part1 = low;
  const cross2 = multiply(a.l, b.h);
  const part2 = low;
  let h = multiply(a.h, b.h);
  let l = low;
  // The lowest word counts by its carry only.
  const sum = part1 + part2;
  let carry = <u64>(sum < part1);
  const third = sum + multiply(a.l, b.l);
  carry += <u64>(third < sum);
  l += cross1;
  h += <u64>(l < cross1);
  l += cross2;
  h += <u64>(l < cross2);
  l += carry;
  h += <u64>(l < carry);
  if (!(h & INTEGER_BIT)) {
    h = (h << 1) | (l >> 63);
    l = (l << 1) | (third >> 63);
    e--;
  }
  setLong(d, s, e, h, l);
}

/** d = a + b, or a - b when `negate` is 1. */
export function addLong(d: Long, a: Long, b: Long, negate: u32): void {
  if (b.h == 0) {
    copyLong(d, a);
    return;
  }
  if (a.h == 0) {
    setLong(d, b.s ^ negate, b.e, b.h, b.l);
    return;
  }
  let s = a.s;
  let t = b.s ^ negate;
  let e = a.e;
  let h = a.h;
  let l = a.l;
  let count = e - b.e;
  let bh = b.h;
  let bl = b.l;
  if (count < 0 || (count == 0 && (h < bh || (h == bh && l < bl)))) {
    const sign = s;
    s = t;
    t = sign;
    h = b.h;
    l = b.l;
    bh = a.h;
    bl = a.l;
    e = b.e;
    count = -count;
  }
  bh = shiftRightJam(bh, bl, <u32>count);
  bl = low;
  if (s == t) {
    const sl = l + bl;
    const carry = <u64>(sl < l);
    const sh = h + bh;
    const sum = sh + carry;
    if (sh < h || sum < sh) {
      const shifted = shiftRightJam(sum, sl, 1) | INTEGER_BIT;
      setLong(d, s, e + 1, shifted, low);
    } else setLong(d, s, e, sum, sl);
    return;
  }
  const dl = l - bl;
  const dh = h - bh - <u64>(l < bl);
  if ((dh | dl) == 0) {
    setLong(d, 0, 0, 0, 0);
    return;
  }
  const shift = <u32>(dh ? clz<u64>(dh) : 64 + clz<u64>(dl));
  const upper = shiftLeft(dh, dl, shift);
  setLong(d, s, e - <i32>shift, upper, low);
}

/** d = a / b; b is not zero. */
export function divLong(d: Long, a: Long, b: Long): void {
  const s = a.s ^ b.s;
  if (a.h == 0) {
    setLong(d, s, 0, 0, 0);
    return;
  }
  let e = a.e - b.e;
  let rh = a.h;
  let rl = a.l;
  const bh = b.h;
  const bl = b.l;
  let carry: u64 = 0;
  if (rh < bh || (rh == bh && rl < bl)) {
    carry = rh >> 63;
    rh = (rh << 1) | (rl >> 63);
    rl <<= 1;
    e--;
  }
  let qh: u64 = 0;
  let ql: u64 = 0;
  for (let i = 0; i < 128; i++) {
    qh = (qh << 1) | (ql >> 63);
    ql <<= 1;
    if (carry || rh > bh || (rh == bh && rl >= bl)) {
      rh = rh - bh - <u64>(rl < bl);
      rl -= bl;
      ql |= 1;
    }
    carry = rh >> 63;
    rh = (rh << 1) | (rl >> 63);
    rl <<= 1;
  }
  setLong(d, s, e, qh, ql);
}

/** d = a / n, for n from 1 to 2^32. */
export function divSmall(d: Long, a: Long, n: u64): void {
  const leading = <i32>clz<u64>(n);
  const divisor = n << leading;
  let e = a.e - (63 - leading);
  let h = a.h;
  let l = a.l;
  if (h >= divisor) {
    l = (h << 63) | (l >> 1);
    h >>= 1;
  } else e--;
  const qh = divide(h, l, divisor);
  const ql = divide(remainder, 0, divisor);
  setLong(d, a.s, e, qh, ql);
}

/**
 * Rounds to the extended result of the instruction. An irrational value is never exact, whatever bits were kept:
 * `inexact` is 1 then, as a bit below all others.
 */
export function roundLong(a: Long, inexact: u64): void {
  roundPack(a.s, a.e + BIAS, a.h, a.l | inexact, 64);
}
