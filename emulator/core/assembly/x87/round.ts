/** Rounding: what all arithmetic ends in. SDM vol. 1, 4.8.4 (rounding), 4.9.1 and 8.5 (overflow, underflow). */
import { shiftRightJam, low } from "./wide";
import { Sw, Rc, BIAS, INTEGER_BIT, controlWord, rounding, isMasked, flag, setResult } from "./registers";

/** What exponents are moved by when an unmasked overflow or underflow gives its result. */
export const WRAP: i32 = 24576;

/** The significand that `roundBits` left, whether bits were lost, whether it went up, and whether it carried out. */
let rounded: u64 = 0;
let inexact: bool = false;
let wentUp: bool = false;
let carried: bool = false;

/** Whether to go up in magnitude, by the bits below the kept ones (left-aligned, sticky). */
// @ts-ignore: decorator
@inline
export function roundsUp(sign: u32, odd: bool, fraction: u64, rc: u32): bool {
  if (fraction == 0) return false;
  if (rc == Rc.NEAREST) return fraction > INTEGER_BIT || (fraction == INTEGER_BIT && odd);
  return rc == (sign ? Rc.DOWN : Rc.UP);
}

/** Rounds h:l to the upper `bits` bits (1 to 64). */
function roundBits(sign: u32, h: u64, l: u64, bits: u32): void {
  const fraction = bits == 64 ? l : (h << bits) | <u64>(l != 0);
  const ulp: u64 = <u64>1 << (64 - bits);
  const kept = h & (0 - ulp);
  inexact = fraction != 0;
  wentUp = roundsUp(sign, (kept & ulp) != 0, fraction, rounding());
  rounded = wentUp ? kept + ulp : kept;
  carried = wentUp && rounded == 0;
  if (carried) rounded = INTEGER_BIT;
}
function flagInexact(): void {
  if (!inexact) return;
  flag(wentUp ? Sw.PE | Sw.C1 : Sw.PE);
}

/** Significand bits by precision control. */
export function precision(): u32 {
  switch ((controlWord() >> 8) & 3) {
    case 0: return 24;
    case 2: return 53;
    default: return 64;
  }
}

/**
 * Makes the result h:l * 2^(exponent - BIAS - 63), where bit 63 of h is set, with `bits` of significand; raises
 * overflow, underflow and inexact. Tininess is detected after rounding.
 */
export function roundPack(sign: u32, exponent: i32, h: u64, l: u64, bits: u32): void {
  const se = sign << 15;
  roundBits(sign, h, l, bits);
  if (exponent + <i32>carried <= 0) {
    if (!isMasked(Sw.UE)) {
      flag(Sw.UE);
      flagInexact();
      setResult(se | <u32>((exponent + <i32>carried + WRAP) & 0x7fff), rounded);
      return;
    }
    const shifted = shiftRightJam(h, l, <u32>min<i32>(1 - exponent, 200));
    roundBits(sign, shifted, low, bits);
    if (inexact) flag(Sw.UE);
    flagInexact();
    setResult(se | <u32>(rounded >> 63), rounded);
    return;
  }
  exponent += <i32>carried;
  if (exponent < 0x7fff) {
    flagInexact();
    setResult(se | exponent, rounded);
    return;
  }
  flag(Sw.OE);
  if (!isMasked(Sw.OE)) {
    flagInexact();
    setResult(se | <u32>((exponent - WRAP) & 0x7fff), rounded);
    return;
  }
  overflowTo(sign, bits);
}

/** The masked answer to an overflow: infinity, or the largest finite value where the rounding points inwards. */
function overflowTo(sign: u32, bits: u32): void {
  const rc = rounding();
  if (rc == Rc.NEAREST || rc == (sign ? Rc.DOWN : Rc.UP)) {
    flag(Sw.PE | Sw.C1);
    setResult((sign << 15) | 0x7fff, INTEGER_BIT);
  } else {
    flag(Sw.PE);
    setResult((sign << 15) | 0x7ffe, ~(<u64>0) << (64 - bits));
  }
}

/** The 32- or 64-bit pattern that `narrow` made. */
export let narrowed: u64 = 0;

/**
 * Rounds a finite value to single (`bits` 24) or double (53) format, into `narrowed`. False when an unmasked overflow
 * or underflow forbids the store.
 */
export function narrow(se: u32, m: u64, bits: u32): bool {
  const sign = se >> 15;
  const fractionBits = bits - 1;
  const maxExponent: i32 = bits == 24 ? 255 : 2047;
  const signBit = <u64>sign << (bits == 24 ? 31 : 63);
  if (m == 0) {
    narrowed = signBit;
    return true;
  }
  const shift = <u32>clz<u64>(m);
  m <<= shift;
  let exponent = max<i32>(<i32>(se & 0x7fff), 1) - <i32>shift - BIAS + (maxExponent >> 1);
  roundBits(sign, m, 0, bits);
  if (exponent + <i32>carried <= 0) {
    if (!isMasked(Sw.UE)) {
      flag(Sw.UE);
      return false;
    }
    const shifted = shiftRightJam(m, 0, <u32>min<i32>(1 - exponent, 200));
    roundBits(sign, shifted, low, bits);
    if (inexact) flag(Sw.UE);
    flagInexact();
    // A carry into the integer bit makes it the smallest normal number: the field's lowest exponent bit.
    narrowed = signBit | (rounded >> (64 - bits));
    return true;
  }
  exponent += <i32>carried;
  if (exponent < maxExponent) {
    flagInexact();
    narrowed = signBit | (<u64>exponent << fractionBits) | ((rounded << 1) >> (65 - bits));
    return true;
  }
  flag(Sw.OE);
  if (!isMasked(Sw.OE)) return false;
  const rc = rounding();
  const infinity = <u64>maxExponent << fractionBits;
  if (rc == Rc.NEAREST || rc == (sign ? Rc.DOWN : Rc.UP)) {
    flag(Sw.PE | Sw.C1);
    narrowed = signBit | infinity;
  } else {
    flag(Sw.PE);
    narrowed = signBit | (infinity - 1);
  }
  return true;
}

/** Magnitude of the integer that `toInteger` made. */
export let integer: u64 = 0;

/** Rounds a finite value of magnitude below 2^64 to an integer. False when larger. Raises inexact. */
export function toInteger(se: u32, m: u64, rc: u32): bool {
  const shift = BIAS + 63 - <i32>(se & 0x7fff);
  if (m == 0) {
    integer = 0;
    return true;
  }
  if (shift < 0) return false;
  const sign = se >> 15;
  const whole = shiftRightJam(m, 0, <u32>min<i32>(shift, 200));
  inexact = low != 0;
  wentUp = roundsUp(sign, (whole & 1) != 0, low, rc);
  integer = whole + <u64>wentUp;
  if (wentUp && integer == 0) return false;
  flagInexact();
  return true;
}
