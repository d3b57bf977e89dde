/** FPREM, FPREM1, FRNDINT, FSCALE and FXTRACT. All are exact but for FRNDINT and a scale out of range. */
import { shiftRightJam, low } from "./wide";
import { Sw, BIAS, INTEGER_BIT, flag, invalid, isMasked, rounding, setResult, resultSe, resultM } from "./registers";
import { WRAP, roundPack, roundsUp } from "./round";
import {
  settleOne,
  settleTwo,
  checkDenormals,
  exponentOf,
  isInfinite,
  isZero,
  log2Floor,
  normalized,
} from "./classify";

/**
 * Partial remainder of a by b; to the nearest quotient (FPREM1) or the truncated one. Sets C0 C3 C1 and C2. False when
 * the operands gave no quotient.
 */
export function partialRemainder(aSe: u32, aM: u64, bSe: u32, bM: u64, nearest: bool): bool {
  if (settleTwo(aSe, aM, bSe, bM)) return false;
  if (isInfinite(aSe, aM) || isZero(bSe, bM)) {
    invalid();
    return false;
  }
  if (checkDenormals(aSe, aM, bSe, bM)) return false;
  if (isZero(aSe, aM)) {
    setResult(aSe, aM);
    return true;
  }
  let sign = aSe >> 15;
  const aExp = exponentOf(aSe, aM);
  if (isInfinite(bSe, bM)) {
    roundPack(sign, aExp, normalized(aM), 0, 64);
    return true;
  }
  let r = normalized(aM);
  const d = normalized(bM);
  const difference = aExp - exponentOf(bSe, bM);
  const least = nearest ? -1 : 0;
  if (difference < least) {
    roundPack(sign, aExp, r, 0, 64);
    return true;
  }
  if (difference < 0) {
    remainderBelow(sign, aExp, r, d);
    return true;
  }
  const partial = difference >= 64;
  const steps = partial ? 32 + (difference & 31) : difference;
  const exponent = aExp - steps;
  let q: u64 = 0;
  let carry = false;
  for (let i = steps; i >= 0; i--) {
    q <<= 1;
    if (carry || r >= d) {
      r -= d;
      q |= 1;
    }
    if (i) {
      carry = r >> 63 != 0;
      r <<= 1;
    }
  }
  if (partial) {
    flag(Sw.C2);
    q = 0;
  } else if (nearest && (r > d - r || (r == d - r && q & 1))) {
    r = d - r;
    q++;
    sign ^= 1;
  }
  flagQuotient(q);
  if (r == 0) setResult((aSe >> 15) << 15, 0);
  else {
    const shift = <i32>clz<u64>(r);
    roundPack(sign, exponent - shift, r << shift, 0, 64);
  }
  return true;
}

/** FPREM1 for b / 4 < a < b, a's exponent one below b's: the quotient is 0 or 1. */
function remainderBelow(sign: u32, exponent: i32, a: u64, d: u64): void {
  // In a's scale b is 2 * d, so that a exceeds half of b when a > d.
  if (a <= d) {
    roundPack(sign, exponent, a, 0, 64);
    return;
  }
  flagQuotient(1);
  const r = d - (a - d);
  const shift = <i32>clz<u64>(r);
  roundPack(sign ^ 1, exponent - shift, r << shift, 0, 64);
}

function flagQuotient(q: u64): void {
  flag((q & 4 ? Sw.C0 : 0) | (q & 2 ? Sw.C3 : 0) | (q & 1 ? Sw.C1 : 0));
}

export function roundToInteger(se: u32, m: u64): void {
  if (settleOne(se, m)) return;
  if (checkDenormals(se, m, 0, 0)) return;
  const shift = BIAS + 63 - <i32>(se & 0x7fff);
  if (m == 0 || shift <= 0) {
    setResult(se, m);
    return;
  }
  const sign = se >> 15;
  let whole = shiftRightJam(m, 0, <u32>min<i32>(shift, 200));
  const fraction = low;
  if (fraction == 0) {
    setResult(se, m);
    return;
  }
  flag(Sw.PE);
  if (roundsUp(sign, (whole & 1) != 0, fraction, rounding())) {
    flag(Sw.C1);
    whole++;
  }
  if (whole == 0) setResult(sign << 15, 0);
  else {
    const leading = <u32>clz<u64>(whole);
    setResult((sign << 15) | (<u32>BIAS + 63 - leading), whole << leading);
  }
}

/** a * 2^trunc(b). */
export function scale(aSe: u32, aM: u64, bSe: u32, bM: u64): void {
  if (settleTwo(aSe, aM, bSe, bM)) return;
  const down = bSe >> 15 != 0;
  if (isInfinite(bSe, bM)) {
    if (down ? isInfinite(aSe, aM) : isZero(aSe, aM)) {
      invalid();
      return;
    }
    if (checkDenormals(aSe, aM, 0, 0)) return;
    if (down) setResult(aSe & 0x8000, 0);
    else setResult((aSe & 0x8000) | 0x7fff, INTEGER_BIT);
    return;
  }
  if (checkDenormals(aSe, aM, bSe, bM)) return;
  if (isInfinite(aSe, aM) || isZero(aSe, aM)) {
    setResult(aSe, aM);
    return;
  }
  const e = <i32>(bSe & 0x7fff) - BIAS;
  // 2^16 is out of the range of every exponent.
  let n = e < 0 ? 0 : e >= 16 ? 0x10000 : <i32>(bM >> (63 - e));
  if (down) n = -n;
  const exponent = exponentOf(aSe, aM) + n;
  // Too far even for the moved exponent of an unmasked exception.
  if (exponent >= 0x7fff + WRAP && !isMasked(Sw.OE)) {
    flag(Sw.OE | Sw.PE | Sw.C1);
    setResult((aSe & 0x8000) | 0x7fff, INTEGER_BIT);
  } else if (exponent <= -WRAP && !isMasked(Sw.UE)) {
    flag(Sw.UE | Sw.PE);
    setResult(aSe & 0x8000, 0);
  } else roundPack(aSe >> 15, exponent, normalized(aM), 0, 64);
}

/** The exponent that `extract` left; the significand is the result. */
export let exponentSe: u32 = 0;
export let exponentM: u64 = 0;

/** Splits into an exponent as a number and a significand in [1, 2). */
export function extract(se: u32, m: u64): void {
  if (settleOne(se, m)) {
    exponentSe = resultSe;
    exponentM = resultM;
    return;
  }
  if (isInfinite(se, m)) {
    exponentSe = 0x7fff;
    exponentM = INTEGER_BIT;
    setResult(se, m);
    return;
  }
  if (isZero(se, m)) {
    flag(Sw.ZE);
    exponentSe = 0xffff;
    exponentM = INTEGER_BIT;
    setResult(se, m);
    return;
  }
  if (checkDenormals(se, m, 0, 0)) return;
  const e = log2Floor(se, m);
  setResult((se & 0x8000) | BIAS, normalized(m));
  fromInteger(<u64>abs<i32>(e), e < 0);
  exponentSe = integerSe;
  exponentM = integerM;
}

/** The extended value that `fromInteger` made. */
export let integerSe: u32 = 0;
export let integerM: u64 = 0;

export function fromInteger(magnitude: u64, negative: bool): void {
  if (magnitude == 0) {
    integerSe = <u32>negative << 15;
    integerM = 0;
    return;
  }
  const leading = <u32>clz<u64>(magnitude);
  integerSe = (<u32>negative << 15) | (<u32>BIAS + 63 - leading);
  integerM = magnitude << leading;
}
