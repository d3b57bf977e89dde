/**
 * IEEE arithmetic on the bits of f32 and f64 values under MXCSR: rounding modes, FTZ, DAZ, exact exception flags
 * (SDM vol. 1, 4.8, 4.9 and 11.5). Values travel as u64; T says which format the bits are in. An instruction calls
 * `begin`, then works on its elements, then `finish` before it writes anything.
 */
import { L, Vec } from "../../layout";
import { raise, raiseUD } from "../fault";

/** Exception flags of MXCSR; the mask of each is 7 bits higher. */
export namespace Ex {
  // @ts-ignore: decorator
  @inline export const IE: u32 = 1;
  // @ts-ignore: decorator
  @inline export const DE: u32 = 2;
  // @ts-ignore: decorator
  @inline export const ZE: u32 = 4;
  // @ts-ignore: decorator
  @inline export const OE: u32 = 8;
  // @ts-ignore: decorator
  @inline export const UE: u32 = 16;
  // @ts-ignore: decorator
  @inline export const PE: u32 = 32;
}
// @ts-ignore: decorator
@inline const DAZ: u32 = 0x40;
// @ts-ignore: decorator
@inline const FTZ: u32 = 0x8000;

/** MXCSR of the running instruction, and the exceptions that its elements have raised so far. */
let control: u32 = 0;
let raised: u32 = 0;
/**
 * Round to nearest, all exceptions masked, and PE set already: then the result of a WebAssembly operation on normal
 * numbers is all there is to know, if it is a normal number too.
 */
let quick: bool = false;

export function begin(): void {
  control = load<u32>(L.MXCSR);
  raised = 0;
  quick = (control & 0x7fa0) == 0x1fa0;
}
/** Makes the flags sticky; raises #XM when one of them is not masked. */
export function finish(): void {
  if (!raised) return;
  const unmasked = ~(control >> 7);
  const before = raised & (Ex.IE | Ex.DE | Ex.ZE);
  // An unmasked exception found before the computation leaves the flags of the computation alone.
  if (before & unmasked) raised = before;
  store<u32>(L.MXCSR, control | raised);
  if (raised & unmasked) {
    if (load<u32>(L.CR4) & 0x400) raise(Vec.XM);
    raiseUD();
  }
}
export function signal(flags: u32): void {
  raised |= flags;
}
/** Rounding control: 0 nearest, 1 down, 2 up, 3 towards zero. */
export function roundingControl(): u32 {
  return (control >> 13) & 3;
}

// ---------------------------------------------------------------- formats
// @ts-ignore: decorator
@inline function fractionBits<T>(): u64 { return sizeof<T>() == 4 ? 23 : 52; }
// @ts-ignore: decorator
@inline function exponentMax<T>(): i32 { return sizeof<T>() == 4 ? 255 : 2047; }
// @ts-ignore: decorator
@inline function bias<T>(): i32 { return sizeof<T>() == 4 ? 127 : 1023; }
// @ts-ignore: decorator
@inline export function signBit<T>(): u64 { return sizeof<T>() == 4 ? 0x80000000 : 0x8000000000000000; }
// @ts-ignore: decorator
@inline function quietBit<T>(): u64 { return (<u64>1) << (fractionBits<T>() - 1); }
// @ts-ignore: decorator
@inline export function infinity<T>(): u64 { return sizeof<T>() == 4 ? 0x7f800000 : 0x7ff0000000000000; }
// @ts-ignore: decorator
@inline function defaultNaN<T>(): u64 { return sizeof<T>() == 4 ? 0xffc00000 : 0xfff8000000000000; }
// @ts-ignore: decorator
@inline function magnitude<T>(v: u64): u64 { return v & (signBit<T>() - 1); }
// @ts-ignore: decorator
@inline function isNaNBits<T>(v: u64): bool { return magnitude<T>(v) > infinity<T>(); }
// @ts-ignore: decorator
@inline function isSignaling<T>(v: u64): bool { return isNaNBits<T>(v) && !(v & quietBit<T>()); }
// @ts-ignore: decorator
@inline function isInfinite<T>(v: u64): bool { return magnitude<T>(v) == infinity<T>(); }
// @ts-ignore: decorator
@inline function isZero<T>(v: u64): bool { return magnitude<T>(v) == 0; }
// @ts-ignore: decorator
@inline
function isDenormal<T>(v: u64): bool {
  return magnitude<T>(v) - 1 < ((<u64>1) << fractionBits<T>()) - 1;
}
/** Neither zero, denormal, infinite nor NaN. */
// @ts-ignore: decorator
@inline
function isNormal<T>(v: u64): bool {
  return (((v >> fractionBits<T>()) + 1) & <u64>exponentMax<T>()) > 1;
}
// @ts-ignore: decorator
@inline
function isLeastBinade<T>(v: u64): bool {
  return magnitude<T>(v) >> fractionBits<T>() == 1;
}
/** A denormal operand counts as zero under DAZ. */
// @ts-ignore: decorator
@inline
export function operand<T>(v: u64): u64 {
  return control & DAZ && isDenormal<T>(v) ? v & signBit<T>() : v;
}
/** Biased exponent as if the format had no lower bound. */
function exponentOf<T>(v: u64): i32 {
  const m = magnitude<T>(v);
  const e = <i32>(m >> fractionBits<T>());
  return e ? e : 64 - <i32>fractionBits<T>() - <i32>clz<u64>(m);
}
/** Significand with its leading bit at 63; 0 of a zero. */
function significandOf<T>(v: u64): u64 {
  const m = magnitude<T>(v);
  if (m >> fractionBits<T>()) return ((m << (63 - fractionBits<T>())) | signBit<f64>());
  return m ? m << clz<u64>(m) : 0;
}

// ---------------------------------------------------------------- NaNs
function invalid<T>(): u64 {
  raised |= Ex.IE;
  return defaultNaN<T>();
}
/** The first NaN of the two, made quiet (SDM vol. 1, table 4-7, SSE rows). */
function propagate<T>(a: u64, b: u64): u64 {
  if (isSignaling<T>(a) || isSignaling<T>(b)) raised |= Ex.IE;
  return (isNaNBits<T>(a) ? a : b) | quietBit<T>();
}

// ---------------------------------------------------------------- rounding

/** Shift right; bits that fall out leave a one at the end. */
function shiftJam(v: u64, n: u32): u64 {
  if (n == 0) return v;
  if (n > 63) return <u64>(v != 0);
  return (v >> n) | <u64>(v << (64 - n) != 0);
}
/** Whether `q`, with the rest `rest` in units of 2^-64, is to be rounded up in magnitude. */
// @ts-ignore: decorator
@inline
function roundsUp(mode: u32, negative: bool, q: u64, rest: u64): bool {
  if (!rest) return false;
  if (mode == 0) return rest > 0x8000000000000000 || (rest == 0x8000000000000000 && (q & 1) != 0);
  return mode == 3 ? false : (mode == 1) == negative;
}

/** The value significand/2^63 * 2^(exponent - bias), rounded to T; the significand has its leading bit at 63. */
function roundPack<T>(negative: bool, exponent: i32, significand: u64): u64 {
  const extra = 63 - fractionBits<T>();
  const mode = roundingControl();
  const sign = negative ? signBit<T>() : 0;
  if (exponent <= 0) {
    // Tiny is what is below the least normal number after rounding with an unbounded exponent.
    const q = significand >> extra;
    const rest = significand << (64 - extra);
    const carries = roundsUp(mode, negative, q, rest) && q + 1 == (<u64>2) << fractionBits<T>();
    const tiny = exponent < 0 || !carries;
    if (tiny && !(control & (Ex.UE << 7))) {
      raised |= rest ? Ex.UE | Ex.PE : Ex.UE;
      return sign;
    }
    if (tiny && control & FTZ) {
      raised |= Ex.UE | Ex.PE;
      return sign;
    }
    significand = shiftJam(significand, 1 - exponent);
    exponent = 0;
    if (tiny && significand << (64 - extra)) raised |= Ex.UE;
  }
  const q = significand >> extra;
  const rest = significand << (64 - extra);
  if (rest) raised |= Ex.PE;
  // The leading bit of a normal number adds one to the exponent below it.
  let bits = q + <u64>roundsUp(mode, negative, q, rest);
  if (exponent) bits += <u64>(exponent - 1) << fractionBits<T>();
  if (bits >= infinity<T>()) {
    raised |= control & (Ex.OE << 7) ? Ex.OE | Ex.PE : Ex.OE;
    bits = mode == 0 || (mode == 1 && negative) || (mode == 2 && !negative) ? infinity<T>() : infinity<T>() - 1;
  }
  return sign | bits;
}
/** The same for a significand whose leading bit may be anywhere; it is not zero. */
function normalizePack<T>(negative: bool, exponent: i32, significand: u64): u64 {
  const n = <i32>clz<u64>(significand);
  return roundPack<T>(negative, exponent - n, significand << n);
}

// ---------------------------------------------------------------- arithmetic

/** Kinds of `arith`, as the lowest three bits of opcodes 0F 58 to 0F 5F. */
export namespace Kind {
  // @ts-ignore: decorator
  @inline export const ADD: i32 = 0;
  // @ts-ignore: decorator
  @inline export const MUL: i32 = 1;
  // @ts-ignore: decorator
  @inline export const SUB: i32 = 4;
  // @ts-ignore: decorator
  @inline export const MIN: i32 = 5;
  // @ts-ignore: decorator
  @inline export const DIV: i32 = 6;
  // @ts-ignore: decorator
  @inline export const MAX: i32 = 7;
}

// @ts-ignore: decorator
@inline
function native<T>(kind: i32, a: T, b: T): T {
  if (kind == Kind.ADD) return <T>(a + b);
  if (kind == Kind.MUL) return <T>(a * b);
  return kind == Kind.SUB ? <T>(a - b) : <T>(a / b);
}
/** Two normal numbers whose result is clear of both ends of the range; 0 when it is not. */
// @ts-ignore: decorator
@inline
function quickArith<T>(kind: i32, a: u64, b: u64): u64 {
  let r: u64;
  if (sizeof<T>() == 4) {
    r = <u64>reinterpret<u32>(native<f32>(kind, reinterpret<f32>(<u32>a), reinterpret<f32>(<u32>b)));
  } else r = reinterpret<u64>(native<f64>(kind, reinterpret<f64>(a), reinterpret<f64>(b)));
  return isNormal<T>(r) && !isLeastBinade<T>(r) ? r : 0;
}

/** a kind b; `a` is the destination operand. */
export function arith<T>(kind: i32, a: u64, b: u64): u64 {
  if (kind == Kind.MIN || kind == Kind.MAX) return least<T>(kind == Kind.MAX, a, b);
  if (quick && isNormal<T>(a) && isNormal<T>(b)) {
    const r = quickArith<T>(kind, a, b);
    if (r) return r;
  }
  if (isNaNBits<T>(a) || isNaNBits<T>(b)) return propagate<T>(a, b);
  a = operand<T>(a);
  b = operand<T>(b);
  const denormal: u32 = isDenormal<T>(a) || isDenormal<T>(b) ? Ex.DE : 0;
  if (kind == Kind.MUL) return multiply<T>(a, b, denormal);
  if (kind == Kind.DIV) return divide<T>(a, b, denormal);
  return sum<T>(a, kind == Kind.SUB ? b ^ signBit<T>() : b, denormal);
}

function sum<T>(a: u64, b: u64, denormal: u32): u64 {
  const opposite = ((a ^ b) & signBit<T>()) != 0;
  if (isInfinite<T>(a)) {
    if (opposite && isInfinite<T>(b)) return invalid<T>();
    raised |= denormal;
    return a;
  }
  raised |= denormal;
  if (isInfinite<T>(b)) return b;
  if (isZero<T>(a) && isZero<T>(b)) return opposite ? exactZero<T>() : a;
  // The larger magnitude first.
  if (magnitude<T>(a) < magnitude<T>(b)) {
    const t = a;
    a = b;
    b = t;
  }
  const negative = (a & signBit<T>()) != 0;
  const exponent = exponentOf<T>(a);
  const x = significandOf<T>(a) >> 1;
  const y = isZero<T>(b) ? 0 : shiftJam(significandOf<T>(b) >> 1, exponent - exponentOf<T>(b));
  const r = opposite ? x - y : x + y;
  if (!r) return exactZero<T>();
  return normalizePack<T>(negative, exponent + 1, r);
}
function exactZero<T>(): u64 {
  return roundingControl() == 1 ? signBit<T>() : 0;
}

function multiply<T>(a: u64, b: u64, denormal: u32): u64 {
  const sign = (a ^ b) & signBit<T>();
  if (isInfinite<T>(a) || isInfinite<T>(b)) {
    if (isZero<T>(a) || isZero<T>(b)) return invalid<T>();
    raised |= denormal;
    return sign | infinity<T>();
  }
  raised |= denormal;
  if (isZero<T>(a) || isZero<T>(b)) return sign;
  const x = significandOf<T>(a);
  const y = significandOf<T>(b);
  // The upper 64 bits of the product, of halves of 32 bits.
  const cross = (x >> 32) * (y & 0xffffffff) + (((x & 0xffffffff) * (y & 0xffffffff)) >> 32);
  const middle = (x & 0xffffffff) * (y >> 32) + (cross & 0xffffffff);
  const upper = (x >> 32) * (y >> 32) + (cross >> 32) + (middle >> 32);
  return normalizePack<T>(sign != 0, exponentOf<T>(a) + exponentOf<T>(b) - bias<T>() + 1, upper | <u64>(x * y != 0));
}

function divide<T>(a: u64, b: u64, denormal: u32): u64 {
  const sign = (a ^ b) & signBit<T>();
  if (isInfinite<T>(a)) {
    if (isInfinite<T>(b)) return invalid<T>();
    raised |= denormal;
    return sign | infinity<T>();
  }
  if (isInfinite<T>(b)) {
    raised |= denormal;
    return sign;
  }
  if (isZero<T>(b)) {
    if (isZero<T>(a)) return invalid<T>();
    raised |= Ex.ZE;
    return sign | infinity<T>();
  }
  raised |= denormal;
  if (isZero<T>(a)) return sign;
  let x = significandOf<T>(a) >> 11;
  const y = significandOf<T>(b) >> 11;
  let exponent = exponentOf<T>(a) - exponentOf<T>(b) + bias<T>();
  if (x < y) {
    x <<= 1;
    exponent--;
  }
  // The nearest quotient of 53 bits; the exact remainder, less than 2^54, says on which side the true one lies.
  const q = <u64>(<f64>x / <f64>y * 4503599627370496.0);
  return roundPack<T>(sign != 0, exponent, adjust(q, <i64>((x << 52) - q * y)));
}
/** A 53-bit value moved up to bit 63, with a trace of what the exact one has more or less. */
function adjust(q: u64, remainder: i64): u64 {
  return (q << 11) + (remainder > 0 ? 1 : remainder < 0 ? <u64>-1 : 0);
}

/** All four singles have biased exponents from `lowest` to that of the largest finite numbers. */
// @ts-ignore: decorator
@inline
function areNormalSingles(v: v128, lowest: i32): bool {
  const exponents = i32x4.shr_u(i32x4.shl(v, 1), 24);
  return i32x4.all_true(i32x4.lt_u(i32x4.sub(exponents, i32x4.splat(lowest)), i32x4.splat(255 - lowest)));
}
/** The same for both doubles. */
// @ts-ignore: decorator
@inline
function areNormalDoubles(v: v128, lowest: i64): bool {
  const exponents = i64x2.shr_u(i64x2.shl(v, 1), 53);
  return i64x2.all_true(
    v128.and(i64x2.ge_s(exponents, i64x2.splat(lowest)), i64x2.lt_s(exponents, i64x2.splat(2047))),
  );
}
/** `arith` on all four singles at once, when the quick way is open and all results are clear of the ends; else zeros. */
export function quickSingles(kind: i32, a: v128, b: v128): v128 {
  if (quick && areNormalSingles(a, 1) && areNormalSingles(b, 1)) {
    let r: v128;
    switch (kind) {
      case Kind.ADD: r = f32x4.add(a, b); break;
      case Kind.MUL: r = f32x4.mul(a, b); break;
      case Kind.SUB: r = f32x4.sub(a, b); break;
      default: r = f32x4.div(a, b); break;
    }
    if (areNormalSingles(r, 2)) return r;
  }
  return i64x2.splat(0);
}
/** The same on both doubles. */
export function quickDoubles(kind: i32, a: v128, b: v128): v128 {
  if (quick && areNormalDoubles(a, 1) && areNormalDoubles(b, 1)) {
    let r: v128;
    switch (kind) {
      case Kind.ADD: r = f64x2.add(a, b); break;
      case Kind.MUL: r = f64x2.mul(a, b); break;
      case Kind.SUB: r = f64x2.sub(a, b); break;
      default: r = f64x2.div(a, b); break;
    }
    if (areNormalDoubles(r, 2)) return r;
  }
  return i64x2.splat(0);
}

export function squareRoot<T>(v: u64): u64 {
  if (quick && isNormal<T>(v) && !(v & signBit<T>())) {
    if (sizeof<T>() == 4) return <u64>reinterpret<u32>(sqrt<f32>(reinterpret<f32>(<u32>v)));
    return reinterpret<u64>(sqrt<f64>(reinterpret<f64>(v)));
  }
  if (isNaNBits<T>(v)) return propagate<T>(v, v);
  v = operand<T>(v);
  if (isZero<T>(v)) return v;
  if (v & signBit<T>()) return invalid<T>();
  if (isInfinite<T>(v)) return v;
  if (isDenormal<T>(v)) raised |= Ex.DE;
  const e = exponentOf<T>(v) - bias<T>();
  const x = (significandOf<T>(v) >> 11) << <u64>(e & 1);
  const q = <u64>(sqrt<f64>(<f64>x / 4503599627370496.0) * 4503599627370496.0);
  return roundPack<T>(false, (e >> 1) + bias<T>(), adjust(q, <i64>((x << 52) - q * q)));
}

/** MIN and MAX: the second operand when either is a NaN or both are zeros. */
function least<T>(greatest: bool, a: u64, b: u64): u64 {
  if (isNaNBits<T>(a) || isNaNBits<T>(b)) {
    raised |= Ex.IE;
    return operand<T>(b);
  }
  const order = compare<T>(a, b, false);
  return order == (greatest ? Order.GREATER : Order.LESS) ? operand<T>(a) : operand<T>(b);
}

// ---------------------------------------------------------------- comparison

export namespace Order {
  // @ts-ignore: decorator
  @inline export const LESS: u32 = 0;
  // @ts-ignore: decorator
  @inline export const EQUAL: u32 = 1;
  // @ts-ignore: decorator
  @inline export const GREATER: u32 = 2;
  // @ts-ignore: decorator
  @inline export const UNORDERED: u32 = 3;
}

/** How `a` stands to `b`. A quiet NaN is invalid only when `signaling`. */
export function compare<T>(a: u64, b: u64, signaling: bool): u32 {
  if (isNaNBits<T>(a) || isNaNBits<T>(b)) {
    if (signaling || isSignaling<T>(a) || isSignaling<T>(b)) raised |= Ex.IE;
    return Order.UNORDERED;
  }
  a = operand<T>(a);
  b = operand<T>(b);
  if (isDenormal<T>(a) || isDenormal<T>(b)) raised |= Ex.DE;
  if (a == b || (isZero<T>(a) && isZero<T>(b))) return Order.EQUAL;
  const negative = (a & signBit<T>()) != 0;
  if (negative != ((b & signBit<T>()) != 0)) return negative ? Order.LESS : Order.GREATER;
  return a < b != negative ? Order.LESS : Order.GREATER;
}

// ---------------------------------------------------------------- conversion

/** To a signed integer of `bits` (32 or 64), rounded by `mode`; out of range gives the integer indefinite. */
export function toInteger<T>(v: u64, bits: u32, mode: u32): i64 {
  const indefinite = <i64>((<u64>-1) << (bits - 1));
  const negative = (v & signBit<T>()) != 0;
  v = operand<T>(v);
  if (isZero<T>(v)) return 0;
  const e = exponentOf<T>(v) - bias<T>();
  if (e > 63 || isInfinite<T>(v) || isNaNBits<T>(v)) {
    raised |= Ex.IE;
    return indefinite;
  }
  const significand = significandOf<T>(v);
  const q = e < 0 ? 0 : significand >> <u64>(63 - e);
  const rest = restBelow(significand, e);
  const r = q + <u64>roundsUp(mode, negative, q, rest);
  if (r > ((<u64>1) << (bits - 1)) - (negative ? 0 : 1)) {
    raised |= Ex.IE;
    return indefinite;
  }
  if (rest) raised |= Ex.PE;
  return negative ? -<i64>r : <i64>r;
}
/** The fraction of significand/2^63 * 2^e in units of 2^-64, with a trace of what lies below. */
function restBelow(significand: u64, e: i32): u64 {
  if (e >= 63) return 0;
  return e >= -1 ? significand << <u64>(e + 1) : shiftJam(significand, -1 - e);
}

/** ROUNDSS and kin: to an integral value; `exact` also signals what was lost. */
export function toIntegral<T>(v: u64, mode: u32, exact: bool): u64 {
  if (isNaNBits<T>(v)) return propagate<T>(v, v);
  v = operand<T>(v);
  const e = exponentOf<T>(v) - bias<T>();
  if (isZero<T>(v) || e >= <i32>fractionBits<T>()) return v;
  const sign = v & signBit<T>();
  const significand = significandOf<T>(v);
  const q = e < 0 ? 0 : significand >> <u64>(63 - e);
  const rest = restBelow(significand, e);
  if (rest && exact) raised |= Ex.PE;
  const r = q + <u64>roundsUp(mode, sign != 0, q, rest);
  if (sizeof<T>() == 4) return sign | <u64>reinterpret<u32>(<f32>r);
  return sign | reinterpret<u64>(<f64>r);
}

export function fromInteger<T>(v: i64): u64 {
  if (!v) return 0;
  return normalizePack<T>(v < 0, bias<T>() + 63, v < 0 ? <u64>-v : <u64>v);
}

/** f32 to f64. */
export function widen(v: u64): u64 {
  if (isNaNBits<f32>(v)) {
    if (isSignaling<f32>(v)) raised |= Ex.IE;
    return ((v & signBit<f32>()) << 32) | infinity<f64>() | quietBit<f64>() | ((v & 0x7fffff) << 29);
  }
  v = operand<f32>(v);
  if (isDenormal<f32>(v)) raised |= Ex.DE;
  return reinterpret<u64>(<f64>reinterpret<f32>(<u32>v));
}
/** f64 to f32. */
export function narrow(v: u64): u64 {
  const sign = (v & signBit<f64>()) >> 32;
  if (isNaNBits<f64>(v)) {
    if (isSignaling<f64>(v)) raised |= Ex.IE;
    return sign | infinity<f32>() | quietBit<f32>() | ((v >> 29) & 0x7fffff);
  }
  v = operand<f64>(v);
  if (isInfinite<f64>(v)) return sign | infinity<f32>();
  if (isZero<f64>(v)) return sign;
  if (isDenormal<f64>(v)) raised |= Ex.DE;
  return roundPack<f32>(sign != 0, exponentOf<f64>(v) - bias<f64>() + bias<f32>(), significandOf<f64>(v));
}
