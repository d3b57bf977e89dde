/** F2XM1, FYL2X and FYL2XP1. Special cases by SDM vol. 2. */
import { Sw, BIAS, INTEGER_BIT, flag, invalid, setResult, resultSe } from "./registers";
import { roundPack } from "./round";
import { settleOne, settleTwo, checkDenormals, isInfinite, isZero, log2Floor } from "./classify";
import { Long, slot, setLong, setExtended, setInteger, mulLong, addLong, divLong, divSmall, roundLong } from "./long-float";

/** Terms of the series: each adds more than 5 bits (logarithm), or a factorial's worth (exponential). */
const LOG_TERMS = 26;
const EXP_TERMS: u64 = 33;

/** Square root of two as a significand. */
const SQRT2: u64 = 0xb504f333f9de6484;

/** d = log2(n / (the same with the sum's other sign)): 2 / ln 2 * atanh(s), for |s| < 0.18. */
function log2OfRatio(d: Long, s: Long): void {
  const z = slot(8);
  const term = slot(9);
  const one = slot(10);
  setLong(one, 0, 0, INTEGER_BIT, 0);
  mulLong(z, s, s);
  divSmall(d, one, 2 * LOG_TERMS + 1);
  for (let k = LOG_TERMS - 1; k >= 0; k--) {
    mulLong(d, d, z);
    divSmall(term, one, <u64>(2 * k + 1));
    addLong(d, d, term, 0);
  }
  mulLong(d, d, s);
  setLong(term, 0, 1, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89);
  mulLong(d, d, term);
}

/** y * log2(x). */
export function logarithm(ySe: u32, yM: u64, xSe: u32, xM: u64): void {
  if (settleTwo(ySe, yM, xSe, xM)) return;
  const ySign = ySe >> 15;
  const xZero = isZero(xSe, xM);
  const yZero = isZero(ySe, yM);
  const yInfinite = isInfinite(ySe, yM);
  const one = isOne(xSe, xM);
  if ((xSe >> 15 && !xZero) || (yZero && (xZero || isInfinite(xSe, xM))) || (yInfinite && one)) {
    invalid();
    return;
  }
  if (xZero && !yInfinite) {
    flag(Sw.ZE);
    setResult(((ySign ^ 1) << 15) | 0x7fff, INTEGER_BIT);
    return;
  }
  if (checkDenormals(ySe, yM, xSe, xM)) return;
  const below = xZero || log2Floor(xSe, xM) < 0;
  if (yInfinite || isInfinite(xSe, xM)) {
    setResult(((ySign ^ <u32>below) << 15) | 0x7fff, INTEGER_BIT);
    return;
  }
  if (yZero || one) {
    setResult((ySign ^ <u32>below) << 15, 0);
    return;
  }
  const x = slot(4);
  setExtended(x, xSe, xM);
  multiplyByLog2(ySe, yM, x);
}

/** The result is y * log2(x), for x other than 1. */
function multiplyByLog2(ySe: u32, yM: u64, x: Long): void {
  const y = slot(0);
  const result = slot(1);
  const s = slot(2);
  const t = slot(3);
  setExtended(y, ySe, yM);
  let e = x.e;
  if (x.h == INTEGER_BIT && x.l == 0) {
    // A power of two has an exact logarithm, yet it is reported as inexact.
    setInteger(result, e);
    mulLong(result, result, y);
    roundLong(result, 0);
    flag(resultSe & 0x7fff ? Sw.PE : Sw.PE | Sw.UE);
    return;
  }
  const high = x.h > SQRT2;
  if (high) e++;
  // x = 2^e * f with f from 0.707 to 1.414; s = (f - 1) / (f + 1).
  setLong(s, 0, high ? -1 : 0, x.h, x.l);
  setLong(t, 0, 0, INTEGER_BIT, 0);
  addLong(result, s, t, 1);
  addLong(t, s, t, 0);
  divLong(s, result, t);
  log2OfRatio(result, s);
  setInteger(t, e);
  addLong(result, result, t, 0);
  mulLong(result, result, y);
  roundLong(result, 1);
}
function isOne(se: u32, m: u64): bool {
  return se == <u32>BIAS && m == INTEGER_BIT;
}

/** y * log2(x + 1). Meant for x near zero; others get what AMD's processors give. */
export function logarithmPlusOne(ySe: u32, yM: u64, xSe: u32, xM: u64): void {
  if (settleTwo(ySe, yM, xSe, xM)) return;
  const sign = (ySe ^ xSe) >> 15;
  const xZero = isZero(xSe, xM);
  const xInfinite = isInfinite(xSe, xM);
  if ((isInfinite(ySe, yM) && xZero) || (xInfinite && (xSe >> 15 || isZero(ySe, yM)))) {
    invalid();
    return;
  }
  if (checkDenormals(ySe, yM, xSe, xM)) return;
  if (isInfinite(ySe, yM) || xInfinite) {
    setResult((sign << 15) | 0x7fff, INTEGER_BIT);
    return;
  }
  if (xZero || isZero(ySe, yM)) {
    setResult(sign << 15, 0);
    return;
  }
  const e = log2Floor(xSe, xM);
  if (xSe >> 15 && e >= 0) {
    flag(Sw.PE);
    setResult(xSe, xM);
    return;
  }
  const s = slot(2);
  const t = slot(3);
  setExtended(s, xSe, xM);
  if (e >= -2) {
    const x = slot(4);
    setLong(t, 0, 0, INTEGER_BIT, 0);
    addLong(x, t, s, 0);
    multiplyByLog2(ySe, yM, x);
    return;
  }
  // The sum would lose bits of x: log2(1 + x) by s = x / (2 + x).
  const y = slot(0);
  const result = slot(1);
  setExtended(y, ySe, yM);
  setLong(t, 0, 1, INTEGER_BIT, 0);
  addLong(t, t, s, 0);
  divLong(s, s, t);
  log2OfRatio(result, s);
  mulLong(result, result, y);
  roundLong(result, 1);
}

/** 2^x - 1, for |x| up to 1; a larger x is its own result. */
export function exponentialMinusOne(se: u32, m: u64): void {
  if (settleOne(se, m)) return;
  if (isInfinite(se, m)) {
    if (se >> 15) setResult(0x8000 | <u32>BIAS, INTEGER_BIT);
    else setResult(se, m);
    return;
  }
  if (isZero(se, m)) {
    setResult(se, m);
    return;
  }
  if (checkDenormals(se, m, 0, 0)) return;
  if (log2Floor(se, m) >= 0) {
    if (isOne(se, m)) {
      // As if a little less than 1 had been rounded.
      roundPack(0, BIAS - 1, ~(<u64>0), ~(<u64>0), 64);
      return;
    }
    flag(Sw.PE);
    setResult(isOne(se & 0x7fff, m) ? se - 1 : se, m);
    return;
  }
  const t = slot(0);
  const result = slot(1);
  const one = slot(2);
  setExtended(t, se, m);
  setLong(one, 0, -1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af);
  mulLong(t, t, one);
  setLong(one, 0, 0, INTEGER_BIT, 0);
  setLong(result, 0, 0, INTEGER_BIT, 0);
  for (let k = EXP_TERMS; k >= 2; k--) {
    mulLong(result, result, t);
    divSmall(result, result, k);
    addLong(result, result, one, 0);
  }
  mulLong(result, result, t);
  roundLong(result, 1);
}
