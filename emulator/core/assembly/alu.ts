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
@inline function smallest<T>(): T { return <T>(<T>1 << <T>(sizeof<T>() * 8 - 1)); }
// @ts-ignore: decorator
@inline export function inc<T>(a: T): T {
  const r = <T>(a + 1);
  setResult(<u32>getCF() | (r == smallest<T>() ? 0x800 : 0) | ((<i32>r & 15) == 0 ? 0x10 : 0), <i64>r);
  return r;
}
// @ts-ignore: decorator
@inline export function dec<T>(a: T): T {
  const r = <T>(a - 1);
  setResult(<u32>getCF() | (a == smallest<T>() ? 0x800 : 0) | ((<i32>a & 15) == 0 ? 0x10 : 0), <i64>r);
  return r;
}
// @ts-ignore: decorator
@inline export function neg<T>(a: T): T { const r = <T>(0 - a); setLazy(Cc.SUB + <u32>alignof<T>(), 0, <i64>r); return r; }

// ---- shifts by 1 … size-1 (the caller masks, and skips a count of 0). OF is exact for every count, as AMD has it.
// @ts-ignore: decorator
@inline export function shl<T>(a: T, n: u32): T {
  const r = <T>(a << <T>n);
  const c = n <= sizeof<T>() * 8 ? <u32>((<u64>a >> (sizeof<T>() * 8 - n)) & 1) : 0;
  setResult(c | ((c ^ (r < 0 ? 1 : 0)) << 11), <i64>r);
  return r;
}
/** `u` is the zero-extended operand. */
// @ts-ignore: decorator
@inline export function shr<T>(u: u64, n: u32): T {
  const r = <T>(u >> n);
  // OF: the operand's sign for a count of 1; the processor computes it as the top two bits of the result differing.
  const top = <u32>((<u64>r >> (sizeof<T>() * 8 - 2)) & 3);
  setResult(<u32>((u >> (n - 1)) & 1) | (top == 1 || top == 2 ? 0x800 : 0), <i64>r);
  return r;
}
// @ts-ignore: decorator
@inline export function sar<T>(a: T, n: u32): T {
  const w = <i64>a, r = <T>(w >> n);
  setResult(<u32>((w >> (n - 1)) & 1), <i64>r);
  return r;
}

// ---- multiplication
/** High half of the unsigned product. */
export function mulHigh(a: u64, b: u64): u64 {
  const al = <u64><u32>a, ah = a >> 32, bl = <u64><u32>b, bh = b >> 32;
  const t = ah * bl + ((al * bl) >> 32);
  const u = al * bh + <u64><u32>t;
  return ah * bh + (t >> 32) + (u >> 32);
}
/** High half of the signed product. */
export function mulHighSigned(a: i64, b: i64): i64 {
  return <i64>mulHigh(<u64>a, <u64>b) - ((a >> 63) & b) - ((b >> 63) & a);
}
/** CF=OF=overflow; SF, ZF, PF of the low half (ZF undefined in the manual). */
// @ts-ignore: decorator
@inline export function mulFlags(overflow: bool, low: i64): void { setResult(overflow ? 0x801 : 0, low); }
// @ts-ignore: decorator
@inline export function imul64(a: i64, b: i64): i64 {
  const r = a * b;
  mulFlags(mulHighSigned(a, b) != r >> 63, r);
  return r;
}
// @ts-ignore: decorator
@inline export function imul32(a: i32, b: i32): i32 {
  const p = <i64>a * <i64>b, r = <i32>p;
  mulFlags(p != <i64>r, <i64>r);
  return r;
}
