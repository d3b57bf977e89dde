/** Classes of values, and what an instruction does with operands that are not numbers. SDM vol. 1, 4.8.3, 8.2.2. */
import {
  Sw,
  INTEGER_BIT,
  QUIET_BIT,
  BIAS,
  flag,
  invalid,
  setResult,
  denormal,
} from "./registers";

/** Formats that the 387 and later do not support: unnormals, pseudo-infinities, pseudo-NaNs. */
// @ts-ignore: decorator
@inline
export function isUnsupported(se: u32, m: u64): bool {
  return (se & 0x7fff) != 0 && (m & INTEGER_BIT) == 0;
}
/** NaN, quiet or not; the value is not an unsupported one. */
// @ts-ignore: decorator
@inline
export function isNan(se: u32, m: u64): bool {
  return (se & 0x7fff) == 0x7fff && m << 1 != 0;
}
// @ts-ignore: decorator
@inline
export function isSignaling(se: u32, m: u64): bool {
  return isNan(se, m) && (m & QUIET_BIT) == 0;
}
// @ts-ignore: decorator
@inline
export function isInfinite(se: u32, m: u64): bool {
  return (se & 0x7fff) == 0x7fff && m << 1 == 0;
}
// @ts-ignore: decorator
@inline
export function isZero(se: u32, m: u64): bool {
  return (se & 0x7fff) == 0 && m == 0;
}
/** Denormal or pseudo-denormal. */
// @ts-ignore: decorator
@inline
export function isDenormal(se: u32, m: u64): bool {
  return (se & 0x7fff) == 0 && m != 0;
}

/** Answers one operand that is unsupported or a NaN. True when that settled the result. */
export function settleOne(se: u32, m: u64): bool {
  if (isUnsupported(se, m)) {
    invalid();
    return true;
  }
  if (!isNan(se, m)) return false;
  if (!(m & QUIET_BIT)) flag(Sw.IE);
  setResult(se, m | QUIET_BIT);
  return true;
}

/** Answers two operands of which one is unsupported or a NaN. True when that settled the result. */
export function settleTwo(aSe: u32, aM: u64, bSe: u32, bM: u64): bool {
  if (isUnsupported(aSe, aM) || isUnsupported(bSe, bM)) {
    invalid();
    return true;
  }
  const aNan = isNan(aSe, aM);
  const bNan = isNan(bSe, bM);
  if (!aNan && !bNan) return false;
  const aSignals = aNan && !(aM & QUIET_BIT);
  const bSignals = bNan && !(bM & QUIET_BIT);
  if (aSignals || bSignals) flag(Sw.IE);
  let first: bool;
  if (!bNan) first = true;
  else if (!aNan) first = false;
  else if (aSignals != bSignals) first = bSignals;
  else {
    const x = aM | QUIET_BIT;
    const y = bM | QUIET_BIT;
    first = x != y ? x > y : aSe <= bSe;
  }
  if (first) setResult(aSe, aM | QUIET_BIT);
  else setResult(bSe, bM | QUIET_BIT);
  return true;
}

/** True while the operand from memory was a denormal of its own (shorter) format: as an extended value it is normal. */
let memoryDenormal: bool = false;
// @ts-ignore: decorator
@inline export function noteMemoryDenormal(v: bool): void { memoryDenormal = v; }

/** Records denormal operands; true when that ends the instruction. */
// @ts-ignore: decorator
@inline
export function checkDenormals(aSe: u32, aM: u64, bSe: u32, bM: u64): bool {
  return (isDenormal(aSe, aM) || isDenormal(bSe, bM) || memoryDenormal) && denormal();
}

/** Biased exponent of a non-zero number as if its significand were normalized; it may be zero or less. */
// @ts-ignore: decorator
@inline
export function exponentOf(se: u32, m: u64): i32 {
  return max<i32>(<i32>(se & 0x7fff), 1) - <i32>clz<u64>(m);
}
/** Unbiased exponent of a non-zero number: floor(log2 |x|). */
// @ts-ignore: decorator
@inline
export function log2Floor(se: u32, m: u64): i32 {
  return exponentOf(se, m) - BIAS;
}
// @ts-ignore: decorator
@inline
export function normalized(m: u64): u64 {
  return m << clz<u64>(m);
}
