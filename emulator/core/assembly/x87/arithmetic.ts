/** Addition, multiplication, division, square root and comparison of extended values; results go to `setResult`. */
import { multiply, divide, shiftRightJam, shiftLeft, low, remainder } from "./wide";
import { Sw, Rc, BIAS, INTEGER_BIT, flag, invalid, rounding, setResult } from "./registers";
import { precision, roundPack } from "./round";
import {
  settleOne,
  settleTwo,
  checkDenormals,
  exponentOf,
  isInfinite,
  isNan,
  isSignaling,
  isUnsupported,
  isZero,
  normalized,
} from "./classify";

/** a + b, or a - b when `negate` is 1. */
export function add(aSe: u32, aM: u64, bSe: u32, bM: u64, negate: u32): void {
  if (settleTwo(aSe, aM, bSe, bM)) return;
  const aSign = aSe >> 15;
  const bSign = (bSe >> 15) ^ negate;
  if (isInfinite(aSe, aM) && isInfinite(bSe, bM) && aSign != bSign) {
    invalid();
    return;
  }
  if (checkDenormals(aSe, aM, bSe, bM)) return;
  if (isInfinite(aSe, aM)) {
    setResult(aSe, aM);
    return;
  }
  if (isInfinite(bSe, bM)) {
    setResult((bSign << 15) | 0x7fff, bM);
    return;
  }
  if (aM == 0 && bM == 0) {
    const sign = aSign == bSign ? aSign : <u32>(rounding() == Rc.DOWN);
    setResult(sign << 15, 0);
    return;
  }
  if (aM == 0) roundPack(bSign, exponentOf(bSe, bM), normalized(bM), 0, precision());
  else if (bM == 0) roundPack(aSign, exponentOf(aSe, aM), normalized(aM), 0, precision());
  else addNumbers(aSign, exponentOf(aSe, aM), normalized(aM), bSign, exponentOf(bSe, bM), normalized(bM));
}

function addNumbers(aSign: u32, aExp: i32, aM: u64, bSign: u32, bExp: i32, bM: u64): void {
  if (aExp < bExp || (aExp == bExp && aM < bM)) {
    addNumbers(bSign, bExp, bM, aSign, aExp, aM);
    return;
  }
  // a is the larger in magnitude.
  const h = shiftRightJam(bM, 0, <u32>(aExp - bExp));
  const l = low;
  if (aSign == bSign) {
    const sum = aM + h;
    if (sum < aM) {
      const shifted = shiftRightJam(sum, l, 1) | INTEGER_BIT;
      roundPack(aSign, aExp + 1, shifted, low, precision());
    } else roundPack(aSign, aExp, sum, l, precision());
    return;
  }
  const dl = 0 - l;
  const dh = aM - h - <u64>(l != 0);
  if ((dh | dl) == 0) {
    setResult(rounding() == Rc.DOWN ? 0x8000 : 0, 0);
    return;
  }
  const shift = <u32>(dh ? clz<u64>(dh) : 64 + clz<u64>(dl));
  const top = shiftLeft(dh, dl, shift);
  roundPack(aSign, aExp - <i32>shift, top, low, precision());
}

export function mul(aSe: u32, aM: u64, bSe: u32, bM: u64): void {
  if (settleTwo(aSe, aM, bSe, bM)) return;
  const sign = (aSe ^ bSe) >> 15;
  const infinite = isInfinite(aSe, aM) || isInfinite(bSe, bM);
  const zero = isZero(aSe, aM) || isZero(bSe, bM);
  if (infinite && zero) {
    invalid();
    return;
  }
  if (checkDenormals(aSe, aM, bSe, bM)) return;
  if (infinite) setResult((sign << 15) | 0x7fff, INTEGER_BIT);
  else if (zero) setResult(sign << 15, 0);
  else {
    let exponent = exponentOf(aSe, aM) + exponentOf(bSe, bM) - BIAS + 1;
    let h = multiply(normalized(aM), normalized(bM));
    let l = low;
    if (!(h & INTEGER_BIT)) {
      h = (h << 1) | (l >> 63);
      l <<= 1;
      exponent--;
    }
    roundPack(sign, exponent, h, l, precision());
  }
}

/** a / b. */
export function div(aSe: u32, aM: u64, bSe: u32, bM: u64): void {
  if (settleTwo(aSe, aM, bSe, bM)) return;
  const sign = (aSe ^ bSe) >> 15;
  const aInfinite = isInfinite(aSe, aM);
  const bInfinite = isInfinite(bSe, bM);
  const aZero = isZero(aSe, aM);
  const bZero = isZero(bSe, bM);
  if ((aInfinite && bInfinite) || (aZero && bZero)) {
    invalid();
    return;
  }
  if (bZero && !aInfinite) {
    flag(Sw.ZE);
    setResult((sign << 15) | 0x7fff, INTEGER_BIT);
    return;
  }
  if (checkDenormals(aSe, aM, bSe, bM)) return;
  if (aInfinite) setResult((sign << 15) | 0x7fff, INTEGER_BIT);
  else if (aZero || bInfinite) setResult(sign << 15, 0);
  else {
    let exponent = exponentOf(aSe, aM) - exponentOf(bSe, bM) + BIAS;
    const n = normalized(aM);
    const d = normalized(bM);
    let q: u64;
    if (n >= d) q = divide(n >> 1, n << 63, d);
    else {
      q = divide(n, 0, d);
      exponent--;
    }
    roundPack(sign, exponent, q, fractionOf(remainder, d), precision());
  }
}

/** remainder / divisor as bits behind a quotient: exact as to zero, below, at or above one half. */
// @ts-ignore: decorator
@inline
function fractionOf(r: u64, d: u64): u64 {
  if (r == 0) return 0;
  const rest = d - r;
  return r > rest ? 0xc000000000000000 : r == rest ? INTEGER_BIT : QUARTER;
}
// @ts-ignore: decorator
@inline const QUARTER: u64 = 0x4000000000000000;

export function sqrt(se: u32, m: u64): void {
  if (settleOne(se, m)) return;
  if (isZero(se, m)) {
    setResult(se, m);
    return;
  }
  if (se >> 15) {
    invalid();
    return;
  }
  if (isInfinite(se, m)) {
    setResult(se, m);
    return;
  }
  if (checkDenormals(se, m, 0, 0)) return;
  const e = exponentOf(se, m) - BIAS;
  const n = normalized(m);
  const odd = (e & 1) != 0;
  // A root of 64 bits from n << 64 or n << 63, two bits of it a step.
  let bitsH = odd ? n : n >> 1;
  let bitsL = odd ? 0 : n << 63;
  let root: u64 = 0;
  let rh: u64 = 0;
  let rl: u64 = 0;
  for (let i = 0; i < 64; i++) {
    rh = (rh << 2) | (rl >> 62);
    rl = (rl << 2) | (bitsH >> 62);
    bitsH = (bitsH << 2) | (bitsL >> 62);
    bitsL <<= 2;
    const tl = (root << 2) | 1;
    const th = root >> 62;
    root <<= 1;
    if (rh > th || (rh == th && rl >= tl)) {
      rh -= th + <u64>(rl < tl);
      rl -= tl;
      root |= 1;
    }
  }
  // The root's fraction is above one half exactly when the remainder exceeds the root.
  const fraction: u64 = (rh | rl) == 0 ? 0 : rh != 0 || rl > root ? 0xc000000000000000 : QUARTER;
  roundPack(0, (e >> 1) + BIAS, root, fraction, precision());
}

/** Outcomes of a comparison, as the condition codes C3 C2 C0 of the status word. */
export const enum Order {
  GREATER = 0,
  LESS = 0x100,
  EQUAL = 0x4000,
  UNORDERED = 0x4500,
}

/** Compares a with b. `quiet`: quiet NaNs are no invalid operands (FUCOM). */
export function compare(aSe: u32, aM: u64, bSe: u32, bM: u64, quiet: bool): u32 {
  if (isUnsupported(aSe, aM) || isUnsupported(bSe, bM)) {
    flag(Sw.IE);
    return Order.UNORDERED;
  }
  if (isNan(aSe, aM) || isNan(bSe, bM)) {
    if (!quiet || isSignaling(aSe, aM) || isSignaling(bSe, bM)) flag(Sw.IE);
    return Order.UNORDERED;
  }
  checkDenormals(aSe, aM, bSe, bM);
  if (isZero(aSe, aM) && isZero(bSe, bM)) return Order.EQUAL;
  const aSign = aSe >> 15;
  if (aSign != bSe >> 15) return aSign ? Order.LESS : Order.GREATER;
  // A pseudo-denormal has the exponent of the smallest normal numbers.
  const aExp = max<u32>(aSe & 0x7fff, <u32>(aM >> 63));
  const bExp = max<u32>(bSe & 0x7fff, <u32>(bM >> 63));
  if (aExp == bExp && aM == bM) return Order.EQUAL;
  const less = aExp != bExp ? aExp < bExp : aM < bM;
  return less != <bool>aSign ? Order.LESS : Order.GREATER;
}
