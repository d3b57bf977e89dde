/** Floating point instructions over the elements of a register: packed and scalar, arithmetic, compare, convert. */
import { low, high, pair } from "./operands";
import {
  begin, finish, arith, squareRoot, compare, toInteger, toIntegral, fromInteger, widen, narrow, roundingControl,
  quickSingles, quickDoubles, Kind, Order,
} from "./float";

/** Which elements an instruction works on, as the mandatory prefix says. */
// @ts-ignore: decorator
@inline const PACKED_SINGLE: i32 = 0;
// @ts-ignore: decorator
@inline const PACKED_DOUBLE: i32 = 1;
// @ts-ignore: decorator
@inline const SCALAR_SINGLE: i32 = 2;

/** Operations of `binary` beyond the kinds of `arith`. */
const SQRT: i32 = 8;
/** Compare predicates 0 to 7. */
const COMPARE: i32 = 16;
/** ROUNDxx with the low four bits of its immediate. */
const ROUND: i32 = 32;

function predicate(order: u32, n: i32): bool {
  let r: bool;
  switch (n & 3) {
    case 0: r = order == Order.EQUAL; break;
    case 1: r = order == Order.LESS; break;
    case 2: r = order == Order.LESS || order == Order.EQUAL; break;
    default: r = order == Order.UNORDERED; break;
  }
  return n & 4 ? !r : r;
}

function element<T>(operation: i32, a: u64, b: u64): u64 {
  if (operation < SQRT) return arith<T>(operation, a, b);
  if (operation == SQRT) return squareRoot<T>(b);
  if (operation < ROUND) {
    const n = operation & 7;
    // LT, LE and their negations signal on quiet NaNs (SDM vol. 2, CMPPD).
    const signaling = (n & 3) == 1 || (n & 3) == 2;
    return predicate(compare<T>(a, b, signaling), n) ? (sizeof<T>() == 4 ? 0xffffffff : <u64>-1) : 0;
  }
  return toIntegral<T>(b, operation & 4 ? roundingControl() : operation & 3, !(operation & 8));
}

/** Both singles in 64 bits. */
function singles(operation: i32, a: u64, b: u64): u64 {
  return element<f32>(operation, a & 0xffffffff, b & 0xffffffff) | (element<f32>(operation, a >> 32, b >> 32) << 32);
}

/** The operation on the elements that the prefix names; a scalar one keeps the rest of `d`. */
function apply(operation: i32, prefix: i32, d: v128, s: v128): v128 {
  begin();
  let r: v128;
  switch (prefix) {
    case PACKED_SINGLE:
      r = pair(singles(operation, low(d), low(s)), singles(operation, high(d), high(s)));
      break;
    case PACKED_DOUBLE:
      r = pair(element<f64>(operation, low(d), low(s)), element<f64>(operation, high(d), high(s)));
      break;
    case SCALAR_SINGLE:
      r = i32x4.replace_lane(d, 0, <i32>element<f32>(operation, low(d) & 0xffffffff, low(s) & 0xffffffff));
      break;
    default:
      r = i64x2.replace_lane(d, 0, <i64>element<f64>(operation, low(d), low(s)));
      break;
  }
  finish();
  return r;
}

/** Opcodes 0F 58, 59, 5C to 5F. */
export function arithmetic(opcode: i32, prefix: i32, d: v128, s: v128): v128 {
  const kind = opcode & 7;
  if (prefix <= PACKED_DOUBLE && kind != Kind.MIN && kind != Kind.MAX) {
    begin();
    const r = prefix == PACKED_SINGLE ? quickSingles(kind, d, s) : quickDoubles(kind, d, s);
    if (v128.any_true(r)) return r;
  }
  return apply(kind, prefix, d, s);
}
/** SQRTxx. */
export function squareRoots(prefix: i32, d: v128, s: v128): v128 {
  return apply(SQRT, prefix, d, s);
}
/** CMPxx. */
export function compares(prefix: i32, d: v128, s: v128, n: i32): v128 {
  return apply(COMPARE | (n & 7), prefix, d, s);
}
/** ROUNDxx. */
export function rounds(prefix: i32, d: v128, s: v128, immediate: i32): v128 {
  return apply(ROUND | (immediate & 15), prefix, d, s);
}

/** COMISS (signaling), UCOMISS and the double ones: the arithmetic flags. */
export function ordered(double: bool, a: u64, b: u64, signaling: bool): u32 {
  begin();
  const order = double ? compare<f64>(a, b, signaling) : compare<f32>(a & 0xffffffff, b & 0xffffffff, signaling);
  finish();
  switch (order) {
    case Order.LESS: return 0x01;
    case Order.EQUAL: return 0x40;
    case Order.GREATER: return 0;
    default: return 0x45;
  }
}

/** HADDPx (opcode 7C), HSUBPx (7D). */
export function horizontal(opcode: i32, double: bool, d: v128, s: v128): v128 {
  const kind = opcode == 0x7c ? Kind.ADD : Kind.SUB;
  begin();
  const r = double
    ? pair(arith<f64>(kind, low(d), high(d)), arith<f64>(kind, low(s), high(s)))
    : pair(neighbours(kind, low(d)) | (neighbours(kind, high(d)) << 32), neighbours(kind, low(s)) | (neighbours(kind, high(s)) << 32));
  finish();
  return r;
}
function neighbours(kind: i32, v: u64): u64 {
  return arith<f32>(kind, v & 0xffffffff, v >> 32);
}

/** ADDSUBPx: even elements subtracted, odd ones added. */
export function addSubtract(double: bool, d: v128, s: v128): v128 {
  begin();
  const r = double
    ? pair(arith<f64>(Kind.SUB, low(d), low(s)), arith<f64>(Kind.ADD, high(d), high(s)))
    : pair(addSubtractSingles(low(d), low(s)), addSubtractSingles(high(d), high(s)));
  finish();
  return r;
}
function addSubtractSingles(a: u64, b: u64): u64 {
  return arith<f32>(Kind.SUB, a & 0xffffffff, b & 0xffffffff) | (arith<f32>(Kind.ADD, a >> 32, b >> 32) << 32);
}

/** DPPS: products chosen by bits 4 to 7, their sum stored where bits 0 to 3 say. Each step rounds and may fault. */
export function dotSingles(d: v128, s: v128, immediate: i32): v128 {
  begin();
  const p0 = immediate & 0x10 ? arith<f32>(Kind.MUL, low(d) & 0xffffffff, low(s) & 0xffffffff) : 0;
  const p1 = immediate & 0x20 ? arith<f32>(Kind.MUL, low(d) >> 32, low(s) >> 32) : 0;
  const p2 = immediate & 0x40 ? arith<f32>(Kind.MUL, high(d) & 0xffffffff, high(s) & 0xffffffff) : 0;
  const p3 = immediate & 0x80 ? arith<f32>(Kind.MUL, high(d) >> 32, high(s) >> 32) : 0;
  finish();
  begin();
  const lower = arith<f32>(Kind.ADD, p0, p1);
  const upper = arith<f32>(Kind.ADD, p2, p3);
  finish();
  begin();
  const r = arith<f32>(Kind.ADD, lower, upper);
  finish();
  return pair(
    (immediate & 1 ? r : 0) | (immediate & 2 ? r << 32 : 0),
    (immediate & 4 ? r : 0) | (immediate & 8 ? r << 32 : 0),
  );
}
/** DPPD. */
export function dotDoubles(d: v128, s: v128, immediate: i32): v128 {
  begin();
  const p0 = immediate & 0x10 ? arith<f64>(Kind.MUL, low(d), low(s)) : 0;
  const p1 = immediate & 0x20 ? arith<f64>(Kind.MUL, high(d), high(s)) : 0;
  finish();
  begin();
  const r = arith<f64>(Kind.ADD, p0, p1);
  finish();
  return pair(immediate & 1 ? r : 0, immediate & 2 ? r : 0);
}

// ---------------------------------------------------------------- conversions

/** Two integers of 32 bits to singles. */
function singlesOfIntegers(v: u64): u64 {
  return fromInteger<f32>(<i64><i32>v) | (fromInteger<f32>(<i64>v >> 32) << 32);
}
/** Two singles to integers of 32 bits. */
function integersOfSingles(v: u64, mode: u32): u64 {
  return (toInteger<f32>(v & 0xffffffff, 32, mode) & 0xffffffff) | (toInteger<f32>(v >> 32, 32, mode) << 32);
}
/** Two doubles to integers of 32 bits. */
function integersOfDoubles(v: v128, mode: u32): u64 {
  return (toInteger<f64>(low(v), 32, mode) & 0xffffffff) | (toInteger<f64>(high(v), 32, mode) << 32);
}

/** CVTPI2PS; the low half of CVTDQ2PS. */
export function convertPi2Ps(v: u64): u64 {
  begin();
  const r = singlesOfIntegers(v);
  finish();
  return r;
}
/** CVTDQ2PS. */
export function convertDq2Ps(v: v128): v128 {
  begin();
  const r = pair(singlesOfIntegers(low(v)), singlesOfIntegers(high(v)));
  finish();
  return r;
}
/** CVTDQ2PD and CVTPI2PD: always exact. */
// @ts-ignore: decorator
@inline
export function convertDq2Pd(v: v128): v128 {
  return f64x2.convert_low_i32x4_s(v);
}
/** CVTPS2DQ, CVTTPS2DQ (truncate). */
export function convertPs2Dq(v: v128, truncate: bool): v128 {
  begin();
  const mode = truncate ? 3 : roundingControl();
  const r = pair(integersOfSingles(low(v), mode), integersOfSingles(high(v), mode));
  finish();
  return r;
}
/** CVTPS2PI, CVTTPS2PI. */
export function convertPs2Pi(v: u64, truncate: bool): u64 {
  begin();
  const r = integersOfSingles(v, truncate ? 3 : roundingControl());
  finish();
  return r;
}
/** CVTPD2DQ, CVTTPD2DQ, CVTPD2PI, CVTTPD2PI. */
export function convertPd2Dq(v: v128, truncate: bool): u64 {
  begin();
  const r = integersOfDoubles(v, truncate ? 3 : roundingControl());
  finish();
  return r;
}
/** CVTSS2SI, CVTTSS2SI, CVTSD2SI, CVTTSD2SI. */
export function convertToGeneral(double: bool, v: u64, bits: u32, truncate: bool): u64 {
  begin();
  const mode = truncate ? 3 : roundingControl();
  const r = double ? toInteger<f64>(v, bits, mode) : toInteger<f32>(v & 0xffffffff, bits, mode);
  finish();
  return r;
}
/** CVTSI2SS, CVTSI2SD. */
export function convertFromGeneral(double: bool, v: i64): u64 {
  begin();
  const r = double ? fromInteger<f64>(v) : fromInteger<f32>(v);
  finish();
  return r;
}
/** CVTPS2PD, CVTPD2PS, CVTSS2SD, CVTSD2SS, by the prefix of 0F 5A. */
export function convertPrecision(prefix: i32, d: v128, s: v128): v128 {
  begin();
  let r: v128;
  switch (prefix) {
    case PACKED_SINGLE: r = pair(widen(low(s) & 0xffffffff), widen(low(s) >> 32)); break;
    case PACKED_DOUBLE: r = pair(narrow(low(s)) | (narrow(high(s)) << 32), 0); break;
    case SCALAR_SINGLE: r = i64x2.replace_lane(d, 0, <i64>widen(low(s) & 0xffffffff)); break;
    default: r = i32x4.replace_lane(d, 0, <i32>narrow(low(s))); break;
  }
  finish();
  return r;
}
