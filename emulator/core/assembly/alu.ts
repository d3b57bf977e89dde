/** Arithmetic with lazy flags, generic over the signed type of the operand's size. */
import { L, Cc } from "../layout";
import { setLazy, setResult, getCF } from "./flags";

// ---- register file with an operand's size
// @ts-ignore: decorator
@inline export function get<T>(r: usize): T { return load<T>(r, L.REGS); }
/** 32-bit writes clear the upper half of the register. */
// @ts-ignore: decorator
@inline export function set<T>(r: usize, v: T): void {
  // A mask, not a cast to u32: Binaryen (of asc 0.28) makes `<u64><u32>` of a 32-bit signed load sign-extend.
  if (sizeof<T>() == 4) store<u64>(r, <u64>v & 0xffffffff, L.REGS);
  else store<T>(r, v, L.REGS);
}

// @ts-ignore: decorator
@inline export function add<T>(a: T, b: T): T { const r = <T>(a + b); setLazy(Cc.ADD + <u32>alignof<T>(), <i64>a, <i64>r); return r; }
// @ts-ignore: decorator
@inline export function sub<T>(a: T, b: T): T { const r = <T>(a - b); setLazy(Cc.SUB + <u32>alignof<T>(), <i64>a, <i64>r); return r; }
// @ts-ignore: decorator
@inline export function cmp<T>(a: T, b: T): void { setLazy(Cc.SUB + <u32>alignof<T>(), <i64>a, <i64><T>(a - b)); }
// @ts-ignore: decorator
@inline export function and<T>(a: T, b: T): T { const r = <T>(a & b); setResult(0, <i64>r); return r; }
// @ts-ignore: decorator
@inline export function or<T>(a: T, b: T): T { const r = <T>(a | b); setResult(0, <i64>r); return r; }
// @ts-ignore: decorator
@inline export function xor<T>(a: T, b: T): T { const r = <T>(a ^ b); setResult(0, <i64>r); return r; }
// @ts-ignore: decorator
@inline export function test<T>(a: T, b: T): void { setResult(0, <i64><T>(a & b)); }
// @ts-ignore: decorator
@inline export function adc<T>(a: T, b: T): T {
  const c = getCF(), r = <T>(a + b + <T>c);
  setLazy((c ? Cc.ADC : Cc.ADD) + <u32>alignof<T>(), <i64>a, <i64>r);
  return r;
}
// @ts-ignore: decorator
@inline export function sbb<T>(a: T, b: T): T {
  const c = getCF(), r = <T>(a - b - <T>c);
  setLazy((c ? Cc.SBB : Cc.SUB) + <u32>alignof<T>(), <i64>a, <i64>r);
  return r;
}
// @ts-ignore: decorator
@inline export function inc<T>(a: T): T { const r = <T>(a + 1); setLazy(Cc.INC + <u32>alignof<T>(), <i64>getCF(), <i64>r); return r; }
// @ts-ignore: decorator
@inline export function dec<T>(a: T): T { const r = <T>(a - 1); setLazy(Cc.DEC + <u32>alignof<T>(), <i64>getCF(), <i64>r); return r; }
// @ts-ignore: decorator
@inline export function neg<T>(a: T): T { const r = <T>(0 - a); setLazy(Cc.SUB + <u32>alignof<T>(), 0, <i64>r); return r; }

// ---- shifts by 1 and more (the caller masks the count, and skips 0)
// @ts-ignore: decorator
@inline function setShift(kind: u32, n: u32, a: i64, r: i64): void { setLazy(kind | (n << Cc.COUNT_SHIFT), a, r); }
// @ts-ignore: decorator
@inline export function shl<T>(a: T, n: u32): T { const r = <T>(a << <T>n); setShift(Cc.SHL + <u32>alignof<T>(), n, <i64>a, <i64>r); return r; }
/** `u` is the zero-extended operand. */
// @ts-ignore: decorator
@inline export function shr<T>(u: u64, n: u32): T { const r = <T>(u >> n); setShift(Cc.SHR + <u32>alignof<T>(), n, <i64>u, <i64>r); return r; }
// @ts-ignore: decorator
@inline export function sar<T>(a: T, n: u32): T { const r = <T>(<i64>a >> n); setShift(Cc.SAR + <u32>alignof<T>(), n, <i64>a, <i64>r); return r; }

// ---- multiplication
/** CF=OF=overflow; SF, ZF, PF of the low half (ZF undefined in the manual). */
// @ts-ignore: decorator
@inline export function mulFlags(overflow: bool, low: i64): void { setResult(overflow ? 0x801 : 0, low); }
// @ts-ignore: decorator
@inline export function imul64(a: i64, b: i64): i64 { const r = a * b; store<i64>(L.CC_B, b); setLazy(Cc.IMUL64, a, r); return r; }
// @ts-ignore: decorator
@inline export function imul32(a: i32, b: i32): i32 { const p = <i64>a * <i64>b, r = <i32>p; setLazy(Cc.IMUL32, p, <i64>r); return r; }
