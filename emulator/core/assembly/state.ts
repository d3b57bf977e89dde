/** Access to the processor's state, which lives at fixed addresses (layout.ts). */
import { L, Fl, Key } from "../layout";
import { Op } from "./op";

// ---- general registers; `r` is a byte offset into the register file
// @ts-ignore: decorator
@inline export function R(r: usize): u64 { return load<u64>(r, L.REGS); }
// @ts-ignore: decorator
@inline export function R32(r: usize): u32 { return load<u32>(r, L.REGS); }
// @ts-ignore: decorator
@inline export function R16(r: usize): u16 { return load<u16>(r, L.REGS); }
// @ts-ignore: decorator
@inline export function R8(r: usize): u8 { return load<u8>(r, L.REGS); }
// @ts-ignore: decorator
@inline export function W(r: usize, v: u64): void { store<u64>(r, v, L.REGS); }
/** Writing 32 bits clears the upper half. */
// @ts-ignore: decorator
@inline export function W32(r: usize, v: u32): void { store<u64>(r, <u64>v & 0xffffffff, L.REGS); }
// @ts-ignore: decorator
@inline export function W16(r: usize, v: u16): void { store<u16>(r, v, L.REGS); }
// @ts-ignore: decorator
@inline export function W8(r: usize, v: u8): void { store<u8>(r, v, L.REGS); }

// @ts-ignore: decorator
@inline export const RAX: usize = 0;
// @ts-ignore: decorator
@inline export const RCX: usize = 8;
// @ts-ignore: decorator
@inline export const RDX: usize = 16;
// @ts-ignore: decorator
@inline export const RBX: usize = 24;
// @ts-ignore: decorator
@inline export const RSP: usize = 32;
// @ts-ignore: decorator
@inline export const RBP: usize = 40;
// @ts-ignore: decorator
@inline export const RSI: usize = 48;
// @ts-ignore: decorator
@inline export const RDI: usize = 56;

// ---- whole-machine fields
// @ts-ignore: decorator
@inline export function g32(at: usize): u32 { return load<u32>(at); }
// @ts-ignore: decorator
@inline export function s32(at: usize, v: u32): void { store<u32>(at, v); }
// @ts-ignore: decorator
@inline export function g64(at: usize): u64 { return load<u64>(at); }
// @ts-ignore: decorator
@inline export function s64(at: usize, v: u64): void { store<u64>(at, v); }

/** RIP of the next instruction (a terminator sets it before it runs; far transfers overwrite it). */
// @ts-ignore: decorator
@inline export function rip(): u64 { return load<u64>(L.RIP); }
// @ts-ignore: decorator
@inline export function setRip(v: u64): void { store<u64>(L.RIP, v); }
/** RIP of the operation that is executing (what a fault pushes). */
// @ts-ignore: decorator
@inline export function opRip(o: Op): u64 { return load<u64>(L.REGS + L.REG_BLOCK_RIP) + <u64>o.off; }
// @ts-ignore: decorator
@inline export function curOp(): Op { return changetype<Op>(load<u32>(L.CUR_OP)); }

// @ts-ignore: decorator
@inline export function cpl(): u32 { return load<u32>(L.CPL); }
// @ts-ignore: decorator
@inline export function key(): u32 { return load<u32>(L.KEY); }
// @ts-ignore: decorator
@inline export function isCode64(): bool { return (load<u32>(L.KEY) & Key.SIZE_MASK) == 2; }
/** IA-32e mode (EFER.LMA), compatibility or 64-bit. */
// @ts-ignore: decorator
@inline export function isLong(): bool { return (load<u32>(L.KEY) & Key.LONG) != 0; }
/** Real or virtual-8086 mode. */
// @ts-ignore: decorator
@inline export function isRealOrVm86(): bool { return (load<u32>(L.KEY) & Key.REAL) != 0; }
// @ts-ignore: decorator
@inline export function isVm86(): bool { return (load<u32>(L.EFLAGS) & Fl.VM) != 0; }
// @ts-ignore: decorator
@inline export function isProtected(): bool { return (load<u32>(L.CR0) & 1) != 0; }

/** icount at the operation that is executing (instructions retired before it). */
// @ts-ignore: decorator
@inline export function icountAt(o: Op): u64 { return load<u64>(L.TARGET) - <i64>load<i32>(L.BUDGET) - <u64>o.rem; }
/** icount between instructions (nothing executing, budget settled). */
// @ts-ignore: decorator
@inline export function icount(): u64 { return load<u64>(L.TARGET) - <i64>load<i32>(L.BUDGET); }
