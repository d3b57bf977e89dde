/** Operands in memory: floating-point formats, integers and packed decimals. SDM vol. 1, 4.2.2, 4.7, 8.1.2. */
import { checkOperand, ldc, stc, probeWrite, wrap } from "../mem";
import {
  Sw,
  Rc,
  INTEGER_BIT,
  QUIET_BIT,
  BIAS,
  INDEFINITE_SE,
  INDEFINITE_M,
  flag,
  unflag,
  isStopped,
  rounding,
} from "./registers";
import { isNan, isInfinite, isUnsupported, noteMemoryDenormal } from "./classify";
import { narrow, narrowed, toInteger, integer } from "./round";
import { fromInteger, integerSe, integerM } from "./parts";

/** The operand that a load brought. */
export let loadedSe: u32 = 0;
export let loadedM: u64 = 0;

/** Widens single (32) or double (64) bits. A signaling NaN stays one: the instruction answers it. */
function widen(bits: u64, size: u32): void {
  const fractionBits: u32 = size == 32 ? 23 : 52;
  const maxExponent: u32 = size == 32 ? 255 : 2047;
  const sign = (<u32>(bits >> (size - 1)) & 1) << 15;
  const exponent = <u32>(bits >> fractionBits) & maxExponent;
  const fraction = bits << (64 - fractionBits);
  noteMemoryDenormal(exponent == 0 && fraction != 0);
  if (exponent == maxExponent) {
    loadedSe = sign | 0x7fff;
    loadedM = INTEGER_BIT | (fraction >> 1);
  } else if (exponent) {
    loadedSe = sign | (exponent + <u32>BIAS - (maxExponent >> 1));
    loadedM = INTEGER_BIT | (fraction >> 1);
  } else if (fraction) {
    const leading = <u32>clz<u64>(fraction);
    loadedSe = sign | (<u32>BIAS - (maxExponent >> 1) - leading);
    loadedM = fraction << leading;
  } else {
    loadedSe = sign;
    loadedM = 0;
  }
}

/** The operand formats of the arithmetic opcodes, in bits 1 and 2 of D8…DF. */
const enum Format {
  REAL32 = 0,
  INT32 = 1,
  REAL64 = 2,
  INT16 = 3,
}

export function loadOperand(lin: u64, format: u32): void {
  noteMemoryDenormal(false);
  switch (format) {
    case Format.REAL32: widen(<u64>ldc<u32>(lin), 32); break;
    case Format.INT32: loadInteger(<i64>ldc<i32>(lin)); break;
    case Format.REAL64: widen(ldc<u64>(lin), 64); break;
    default: loadInteger(<i64>ldc<i16>(lin)); break;
  }
}
function loadInteger(v: i64): void {
  fromInteger(v < 0 ? 0 - <u64>v : <u64>v, v < 0);
  loadedSe = integerSe;
  loadedM = integerM;
}
export function loadInteger64(lin: u64): void {
  noteMemoryDenormal(false);
  loadInteger(ldc<i64>(lin));
}
export function loadExtended(lin: u64): void {
  noteMemoryDenormal(false);
  const m = ldc<u64>(lin);
  loadedSe = ldc<u16>(wrap(lin + 8));
  loadedM = m;
}
/** Eighteen decimal digits, two a byte, and the sign in bit 7 of the tenth byte. */
export function loadDecimal(lin: u64): void {
  noteMemoryDenormal(false);
  let digits = ldc<u64>(lin);
  const last = <u32>ldc<u16>(wrap(lin + 8));
  let v = <u64>((last >> 4) & 15) * 10 + (last & 15);
  for (let i = 0; i < 16; i++) {
    v = v * 10 + (digits >> 60);
    digits <<= 4;
  }
  fromInteger(v, last >> 15 != 0);
  loadedSe = integerSe;
  loadedM = integerM;
}

export function storeExtended(lin: u64, se: u32, m: u64): void {
  checkOperand(lin, 10, 8);
  probeWrite(lin, 10);
  stc<u64>(lin, m);
  stc<u16>(wrap(lin + 8), <u16>se);
}

/** Stores as single (24 bits of precision) or double (53). False when an unmasked exception forbids it. */
export function storeReal(lin: u64, se: u32, m: u64, bits: u32): bool {
  if (isUnsupported(se, m)) {
    flag(Sw.IE);
    se = INDEFINITE_SE;
    m = INDEFINITE_M;
  }
  let v: u64;
  const top: u64 = (<u64>(se >> 15) << 63) | 0x7ff0000000000000;
  if (isNan(se, m)) {
    if (!(m & QUIET_BIT)) flag(Sw.IE);
    if (isStopped()) return false;
    const fraction = ((m | QUIET_BIT) << 1) >> (65 - bits);
    v = (bits == 24 ? ((top >> 32) & 0x80000000) | 0x7f800000 : top) | fraction;
  } else if (isInfinite(se, m)) {
    v = bits == 24 ? ((top >> 32) & 0x80000000) | 0x7f800000 : top;
  } else {
    if (!narrow(se, m, bits)) return false;
    v = narrowed;
  }
  if (bits == 24) stc<u32>(lin, <u32>v);
  else stc<u64>(lin, v);
  return true;
}

/** Stores as an integer of 2, 4 or 8 bytes, rounded or truncated. False when an unmasked exception forbids it. */
export function storeInteger(lin: u64, se: u32, m: u64, size: u32, truncate: bool): bool {
  const sign = se >> 15;
  const limit = (<u64>1 << (size * 8 - 1)) - (1 - sign);
  let v = <u64>1 << (size * 8 - 1);
  if ((se & 0x7fff) == 0x7fff || isUnsupported(se, m) || !toInteger(se, m, truncate ? Rc.ZERO : rounding()) || integer > limit) {
    unflag(Sw.PE | Sw.C1);
    flag(Sw.IE);
    if (isStopped()) return false;
  } else v = sign ? 0 - integer : integer;
  storeIntegerBits(lin, v, size);
  return true;
}
function storeIntegerBits(lin: u64, v: u64, size: u32): void {
  if (size == 2) stc<u16>(lin, <u16>v);
  else if (size == 4) stc<u32>(lin, <u32>v);
  else stc<u64>(lin, v);
}

/** Stores eighteen packed decimal digits. False when an unmasked exception forbids it. */
export function storeDecimal(lin: u64, se: u32, m: u64): bool {
  if ((se & 0x7fff) == 0x7fff || isUnsupported(se, m) || !toInteger(se, m, rounding()) || integer >= 1000000000000000000) {
    unflag(Sw.PE | Sw.C1);
    flag(Sw.IE);
    if (isStopped()) return false;
    storeExtended(lin, 0xffff, INDEFINITE_M);
    return true;
  }
  let rest = integer;
  let digits: u64 = 0;
  for (let i = 0; i < 16; i++) {
    digits |= (rest % 10) << (i * 4);
    rest /= 10;
  }
  storeExtended(lin, (se & 0x8000) | <u32>(rest % 10) | (<u32>(rest / 10) << 4), digits);
  return true;
}
