/**
 * FSIN, FCOS, FSINCOS, FPTAN and FPATAN. Arguments are reduced by a pi of 66 bits, as processors do, so that the
 * results for large arguments are theirs rather than the mathematical ones. SDM vol. 1, 8.3.8.
 */
import { shiftLeft, low } from "./wide";
import { Sw, BIAS, INTEGER_BIT, flag, invalid, setResult, unflag, resultSe, resultM } from "./registers";
import { settleOne, settleTwo, checkDenormals, isInfinite, isZero, log2Floor } from "./classify";
import { Long, slot, setLong, setExtended, setInteger, mulLong, addLong, divLong, divSmall, roundLong } from "./long-float";

/** Terms of the series for sine and cosine up to pi / 4, and for the arctangent up to 1 / 32. */
const SINE_TERMS: u64 = 18;
const ATAN_TERMS = 13;

/** pi / 2 to 66 bits, in units of 2^-65: upper two bits and lower 64. */
const HALF_PI_H: u64 = 3;
const HALF_PI_L: u64 = 0x243f6a8885a308d3;

/** The second result of `tangent` and `sineAndCosine`. */
export let secondSe: u32 = 0;
export let secondM: u64 = 0;
function setSecond(se: u32, m: u64): void {
  secondSe = se;
  secondM = m;
}

/** Multiples of pi / 2 that `reduce` took away, modulo 4. */
let quadrant: u32 = 0;

/** d = the value less the nearest multiple of pi / 2. Magnitudes are below 2^63. */
function reduce(d: Long, se: u32, m: u64): void {
  quadrant = 0;
  setExtended(d, se, m);
  const e = d.e;
  // Up to pi / 4 nothing is to be done.
  if (e < -1 || (e == -1 && m <= 0xc90fdaa22168c234)) return;
  // In units of 2^-65: m << (e + 2), up to 128 bits; remainder by shifting one bit of m in at a time.
  let h: u64 = 0;
  let l: u64 = 0;
  let q: u32 = 0;
  for (let i = 0; i < 64 + e + 2; i++) {
    h = (h << 1) | (l >> 63);
    l = (l << 1) | (i < 64 ? (m >> (63 - i)) & 1 : 0);
    q <<= 1;
    if (h > HALF_PI_H || (h == HALF_PI_H && l >= HALF_PI_L)) {
      h -= HALF_PI_H + <u64>(l < HALF_PI_L);
      l -= HALF_PI_L;
      q |= 1;
    }
  }
  // Take the nearer multiple.
  let s: u32 = 0;
  let rh = HALF_PI_H - h - <u64>(HALF_PI_L < l);
  let rl = HALF_PI_L - l;
  if (rh < h || (rh == h && rl < l)) {
    s = 1;
    q++;
  } else {
    rh = h;
    rl = l;
  }
  const sign = se >> 15;
  quadrant = (sign ? 0 - q : q) & 3;
  if ((rh | rl) == 0) {
    setLong(d, sign, 0, 0, 0);
    return;
  }
  const shift = <u32>(rh ? clz<u64>(rh) : 64 + clz<u64>(rl));
  const upper = shiftLeft(rh, rl, shift);
  setLong(d, s ^ sign, 127 - <i32>shift - 65, upper, low);
}

/** d = sin r (`odd` 1) or cos r (`odd` 0), for |r| up to pi / 4. */
function series(d: Long, r: Long, odd: u64): void {
  const z = slot(8);
  const one = slot(9);
  mulLong(z, r, r);
  setLong(one, 0, 0, INTEGER_BIT, 0);
  setLong(d, 0, 0, INTEGER_BIT, 0);
  for (let k = SINE_TERMS; k >= 1; k--) {
    mulLong(d, d, z);
    divSmall(d, d, (2 * k - 1 + odd) * (2 * k + odd));
    addLong(d, one, d, 1);
  }
  if (odd) mulLong(d, d, r);
}

/** Handles operands that need no computing. True when the result is settled (or C2 set). */
function settleAngle(se: u32, m: u64): bool {
  if (settleOne(se, m)) {
    setSecond(resultSe, resultM);
    return true;
  }
  if (isInfinite(se, m)) {
    invalid();
    setSecond(resultSe, resultM);
    return true;
  }
  if (checkDenormals(se, m, 0, 0)) return true;
  if (isZero(se, m)) return false;
  if (log2Floor(se, m) >= 63) {
    flag(Sw.C2);
    setResult(se, m);
    return true;
  }
  return false;
}

/** The sine of the reduced argument plus `turns` quarter turns, as the instruction's result. */
function sineOfQuadrant(r: Long, turns: u32): void {
  const d = slot(1);
  series(d, r, turns & 1 ? 0 : 1);
  d.s ^= (turns >> 1) & 1;
  roundLong(d, 1);
}

export function sine(se: u32, m: u64): void {
  if (settleAngle(se, m)) return;
  if (m == 0) {
    setResult(se, 0);
    return;
  }
  const r = slot(0);
  reduce(r, se, m);
  sineOfQuadrant(r, quadrant);
}
export function cosine(se: u32, m: u64): void {
  if (settleAngle(se, m)) return;
  if (m == 0) {
    setResult(<u32>BIAS, INTEGER_BIT);
    return;
  }
  const r = slot(0);
  reduce(r, se, m);
  sineOfQuadrant(r, quadrant + 1);
}

/** The sine is the result, and C1 speaks of it; the cosine is the second one. */
export function sineAndCosine(se: u32, m: u64): void {
  cosine(se, m);
  setSecond(resultSe, resultM);
  unflag(Sw.C1);
  sine(se, m);
}

/** The tangent is the result, and 1 the second one. */
export function tangent(se: u32, m: u64): void {
  if (settleAngle(se, m)) return;
  setSecond(<u32>BIAS, INTEGER_BIT);
  if (m == 0) {
    setResult(se, 0);
    return;
  }
  const r = slot(0);
  const sin = slot(1);
  const cos = slot(2);
  reduce(r, se, m);
  if (r.e < -61) {
    // The tangent exceeds its argument by less than the quotient's precision.
    if (quadrant & 1) {
      setLong(cos, 1, 0, INTEGER_BIT, 0);
      divLong(r, cos, r);
    }
    roundLong(r, 1);
    return;
  }
  series(sin, r, 1);
  series(cos, r, 0);
  if (quadrant & 1) {
    divLong(sin, cos, sin);
    sin.s ^= 1;
  } else divLong(sin, sin, cos);
  roundLong(sin, 1);
}

/** atan(i / 16) for i from 1 to 16, as 128-bit significands; their exponents follow. */
const ATAN_TABLE = memory.data<u64>([
  0xffaaddb967ef4e36, 0xcb2792dc0e2e0d51,
  0xfeadd4d5617b6e32, 0xc897989f3e888ef8,
  0xbdcbda5e72d81134, 0x7b0b4f881c9c7488,
  0xfadbafc96406eb15, 0x6dc79ef5f7a217e6,
  0x9b13b9b83f5e5e69, 0xc5abb498d27af328,
  0xb7b0ca0f26f78473, 0x8aa32122dcfe4483,
  0xd327761e611fe5b6, 0x427c95e9001e7136,
  0xed63382b0dda7b45, 0x6fe445ecbc3a8d03,
  0x832bf4a6d9867e2a, 0x4b6a09cb61a515c1,
  0x8f005d5ef7f59f9b, 0x5c835e1665c43748,
  0x9a2f80e671bdda20, 0x4226f8e2204ff3bd,
  0xa4bc7d1934f70924, 0x19a87f2a457dac9f,
  0xaeac4c38b4d8c080, 0x14725e2f3e52070a,
  0xb8053e2bc2319e73, 0xcb2da55210a4443d,
  0xc0ce85b8ac526640, 0x89dd62c46e92fa25,
  0xc90fdaa22168c234, 0xc4c6628b80dc1cd1,
]);
const ATAN_EXPONENTS = memory.data<i8>([-5, -4, -3, -3, -2, -2, -2, -2, -1, -1, -1, -1, -1, -1, -1, -1]);

/** d = atan(n / m), for 0 <= n <= m. */
function arctangentOfRatio(d: Long, n: Long, m: Long): void {
  const c = slot(4);
  const t = slot(5);
  const u = slot(6);
  const z = slot(8);
  const one = slot(9);
  // The nearest sixteenth of the ratio; a coarse estimate serves.
  const difference = m.e - n.e;
  let i: i32 = 0;
  if (difference < 8) i = <i32>nearest<f64>((16.0 * <f64>n.h) / <f64>m.h / <f64>(1 << difference));
  // atan(n / m) = atan(c) + atan((n - c m) / (m + c n))
  setInteger(c, i);
  c.e -= 4;
  mulLong(t, c, m);
  addLong(t, n, t, 1);
  mulLong(u, c, n);
  addLong(u, m, u, 0);
  divLong(t, t, u);
  mulLong(z, t, t);
  setLong(one, 0, 0, INTEGER_BIT, 0);
  divSmall(d, one, 2 * ATAN_TERMS + 1);
  for (let k = ATAN_TERMS - 1; k >= 0; k--) {
    mulLong(d, d, z);
    divSmall(u, one, <u64>(2 * k + 1));
    addLong(d, u, d, 1);
  }
  mulLong(d, d, t);
  if (i) {
    const row = ATAN_TABLE + (<usize>(i - 1) << 4);
    setLong(u, 0, load<i8>(ATAN_EXPONENTS + <usize>(i - 1)), load<u64>(row), load<u64>(row, 8));
    addLong(d, d, u, 0);
  }
}

function setPi(d: Long, e: i32): void {
  setLong(d, 0, e, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1);
}

/** The angle of the point (x, y). */
export function arctangent(ySe: u32, yM: u64, xSe: u32, xM: u64): void {
  if (settleTwo(ySe, yM, xSe, xM)) return;
  if (checkDenormals(ySe, yM, xSe, xM)) return;
  const ySign = ySe >> 15;
  const xSign = xSe >> 15;
  const d = slot(1);
  const pi = slot(2);
  const xInfinite = isInfinite(xSe, xM);
  const yInfinite = isInfinite(ySe, yM);
  if (isZero(ySe, yM) || (xInfinite && !yInfinite)) {
    if (!xSign) {
      setResult(ySign << 15, 0);
      return;
    }
    setPi(d, 1);
  } else if (yInfinite) {
    if (!xInfinite) setPi(d, 0);
    else if (!xSign) setPi(d, -1);
    else setLong(d, 0, 1, 0x96cbe3f9990e91a7, 0x9394c9e8a0a5159d);
  } else if (isZero(xSe, xM)) setPi(d, 0);
  else {
    const x = slot(3);
    const y = slot(7);
    setExtended(x, xSe & 0x7fff, xM);
    setExtended(y, ySe & 0x7fff, yM);
    const steep = y.e > x.e || (y.e == x.e && y.h > x.h);
    if (steep) {
      arctangentOfRatio(d, x, y);
      setPi(pi, 0);
      addLong(d, pi, d, xSign ^ 1);
    } else {
      arctangentOfRatio(d, y, x);
      if (xSign) {
        setPi(pi, 1);
        addLong(d, pi, d, 1);
      }
    }
  }
  d.s = ySign;
  roundLong(d, 1);
}
