/** What the generated cases of hot.gen.ts call. */
import { L, Exit, Vec } from "../layout";
import { Op, SLOT } from "./op";
import { R, R32, W, RAX, RDX, opRip, icountAt, setRip } from "./state";
import { fastRmw, ldSlow, stSlow, probeWrite, isCanonical } from "./mem";
import { add, or, and, sub, xor, mulFlags } from "./alu";
import { mulHigh } from "./wide-multiply";
import { arithFlags, setArith } from "./flags";
import { Block, lookup } from "./blocks";
import { unpatch } from "./control";
import { raiseGP, raise } from "./fault";
import { ea, Info } from "./op";
import { linearOf } from "./system/segments";
import { checkX87Ready } from "./x87/x87";
import { checkSseReady } from "./sse/sse";
import { H } from "./handlers.gen";

// ---- the next operation, by the slots of the running one
// @ts-ignore: decorator
@inline export function narrow(op: Op): Op { return changetype<Op>(changetype<usize>(op) + SLOT); }
// @ts-ignore: decorator
@inline export function wide(op: Op): Op { return changetype<Op>(changetype<usize>(op) + 2 * SLOT); }

/** Follows a terminator's link slot: 0 to be filled, 1 never (the target may be mapped differently one day). */
// @ts-ignore: decorator
@inline
export function link(op: Op, slot: usize, rip: u64): Block {
  const b = load<u32>(changetype<usize>(op) + slot);
  // Within a page blocks die one by one, so a link may lead to a dead one (the sign of its key).
  if (b > 1 && <i32>changetype<Block>(b).key >= 0) return changetype<Block>(b);
  return b != 1 ? linkTo(changetype<usize>(op) + slot, rip) : lookup(rip);
}
function linkTo(at: usize, rip: u64): Block {
  const b = lookup(rip);
  // A block that reaches into another page, or a throw-away one, may not outlive its mapping.
  if (!b.crosses && changetype<usize>(b) >= <usize>L.ARENA) store<u32>(at, changetype<u32>(b));
  return b;
}

/** RIP behind a terminator that has no memory operand. */
// @ts-ignore: decorator
@inline export function follow(op: Op): u64 { return load<u64>(L.REGS + L.REG_BLOCK_RIP) + <i64>op.disp; }

/** A near transfer to a non-canonical address faults at the transfer. */
// @ts-ignore: decorator
@inline
export function checkTarget(to: u64, op: Op): void {
  if (!isCanonical(to)) badTarget(op);
}
function badTarget(op: Op): void {
  store<u32>(L.CUR_OP, changetype<u32>(op));
  raiseGP(0);
}

/** Pushes the return address of a call through memory: its operand's base says nothing about the stack access. */
export function pushReturn(sp: u64, value: u64, op: Op): void {
  const p = fastRmw<u64>(sp);
  if (p) {
    store<u64>(p, value);
    return;
  }
  store<u32>(L.CUR_OP, changetype<u32>(op));
  store<u32>(L.STACK_ACCESS, 1);
  stSlow<u64>(sp, value);
  store<u32>(L.STACK_ACCESS, 0);
}

// ---- read-modify-write memory operands
// @ts-ignore: decorator
@inline
function slowRead<T>(op: Op, lin: u64): T {
  store<u32>(L.CUR_OP, changetype<u32>(op));
  probeWrite(lin, sizeof<T>());
  return ldSlow<T>(lin);
}
function addSlow<T>(op: Op, lin: u64, v: T): void { stSlow<T>(lin, add<T>(slowRead<T>(op, lin), v)); }
function orSlow<T>(op: Op, lin: u64, v: T): void { stSlow<T>(lin, or<T>(slowRead<T>(op, lin), v)); }
function andSlow<T>(op: Op, lin: u64, v: T): void { stSlow<T>(lin, and<T>(slowRead<T>(op, lin), v)); }
function subSlow<T>(op: Op, lin: u64, v: T): void { stSlow<T>(lin, sub<T>(slowRead<T>(op, lin), v)); }
function xorSlow<T>(op: Op, lin: u64, v: T): void { stSlow<T>(lin, xor<T>(slowRead<T>(op, lin), v)); }
// @ts-ignore: decorator
@inline export function addMem<T>(op: Op, v: T): void {
  const lin = ea(op), p = fastRmw<T>(lin);
  if (p) store<T>(p, add<T>(load<T>(p), v));
  else addSlow<T>(op, lin, v);
}
// @ts-ignore: decorator
@inline export function orMem<T>(op: Op, v: T): void {
  const lin = ea(op), p = fastRmw<T>(lin);
  if (p) store<T>(p, or<T>(load<T>(p), v));
  else orSlow<T>(op, lin, v);
}
// @ts-ignore: decorator
@inline export function andMem<T>(op: Op, v: T): void {
  const lin = ea(op), p = fastRmw<T>(lin);
  if (p) store<T>(p, and<T>(load<T>(p), v));
  else andSlow<T>(op, lin, v);
}
// @ts-ignore: decorator
@inline export function subMem<T>(op: Op, v: T): void {
  const lin = ea(op), p = fastRmw<T>(lin);
  if (p) store<T>(p, sub<T>(load<T>(p), v));
  else subSlow<T>(op, lin, v);
}
// @ts-ignore: decorator
@inline export function xorMem<T>(op: Op, v: T): void {
  const lin = ea(op), p = fastRmw<T>(lin);
  if (p) store<T>(p, xor<T>(load<T>(p), v));
  else xorSlow<T>(op, lin, v);
}

// ---- flags of rotates and bit tests: only some change
/** Replaces CF, keeping the other five. */
export function setCarry(c: u32): void {
  setArith((arithFlags() & ~1) | c);
}
function setCarryOverflow(c: u32, o: u32): void {
  setArith((arithFlags() & ~0x801) | c | (o << 11));
}
/** CF = lowest bit of the result, OF = CF xor highest bit. */
// @ts-ignore: decorator
@inline export function rolFlags<T>(r: T): T {
  const c = <u32>r & 1;
  setCarryOverflow(c, c ^ (r < 0 ? 1 : 0));
  return r;
}
/** CF = highest bit of the result, OF = its two highest bits differ. */
// @ts-ignore: decorator
@inline export function rorFlags<T>(r: T): T {
  const top = r < 0 ? 1 : 0;
  setCarryOverflow(top, top ^ (<u32>(<u64>r >> (sizeof<T>() * 8 - 2)) & 1));
  return r;
}

// ---- MUL with a double-width product
export function mulWide64(b: u64): void {
  const a = R(RAX);
  const high = mulHigh(a, b);
  const low = a * b;
  W(RAX, low);
  W(RDX, high);
  mulFlags(high != 0, <i64>low);
}
export function mulWide32(b: u32): void {
  const p = <u64>R32(RAX) * <u64>b;
  W(RAX, p & 0xffffffff);
  W(RDX, p >> 32);
  mulFlags(p >> 32 != 0, <i64><i32>p);
}

/** Offsets from here on take the long way, where the limit decides: no access is larger than what is left. */
// @ts-ignore: decorator
@inline const LAST_PAGE: u32 = 0xfffff000;
/** EA_SEG for 32-bit addresses in a flat, present, writable data segment, which permits every access below LAST_PAGE. */
// @ts-ignore: decorator
@inline
export function address(op: Op): void {
  const at: usize = L.SEG + (<usize>(op.imm & 7)) * L.SEG_SIZE;
  const offset = <u32>ea(op);
  if (
    (op.imm & 0x30) == 0x20 && offset < LAST_PAGE && load<u32>(at, L.SEG_LIMIT) == 0xffffffff &&
    (load<u32>(at, L.SEG_ATTR) & 0x9e) == 0x92 && !load<u32>(at, L.SEG_NULL)
  ) {
    W(L.REG_TEMP, <u64>(load<u32>(at) + offset) & 0xffffffff);
    return;
  }
  store<u32>(L.CUR_OP, changetype<u32>(op));
  segmentedAddress(op);
}

/** EA_SEG: address with segment, wrapped to the address size; fields: disp, b, x, s as usual, imm = see eaImmediate in decode-operand.ts. */
export function segmentedAddress(op: Op): void {
  let offset = ea(op);
  const i = op.imm;
  // What the instruction itself asks for comes before its operand's segment.
  const next = narrow(op);
  if (next.h == H.X87) checkX87Ready(next.imm);
  const asize = (i >> 4) & 3;
  if (asize == 1) offset = offset & 0xffff;
  else if (asize == 2) offset = <u64><u32>offset;
  if (next.h == H.SSE) checkSseReady(next.imm, <u32>load<u64>(L.SEG + <usize>(i & 7) * L.SEG_SIZE) + <u32>offset);
  W(L.REG_TEMP, linearOf(i & 7, offset, (i >> 8) & 0xffff, (i & 0x80) != 0));
}

/** STOP: a stop had been asked for by the instruction before. */
export function stopHere(op: Op): i32 {
  unpatch();
  store<i32>(L.BUDGET, load<i32>(L.BUDGET) + op.rem);
  setRip(opRip(op));
  return Exit.BUDGET;
}

/** BREAK: stops unless this very place is to be passed over. */
export function breakHere(op: Op): bool {
  const rip = opRip(op);
  if (load<u64>(L.NOBREAK_ICOUNT) == icountAt(op) && load<u64>(L.NOBREAK_RIP) == rip) return false;
  store<i32>(L.BUDGET, load<i32>(L.BUDGET) + op.rem);
  setRip(rip);
  return true;
}

/** DR_BREAK: instruction breakpoint of the debug registers; RF suppresses it once. `imm` are the DR6 bits. */
export function debugBreak(op: Op): void {
  const flags = load<u32>(L.EFLAGS);
  if (flags & 0x10000) {
    store<u32>(L.EFLAGS, flags & ~0x10000);
    return;
  }
  store<u64>(L.DR + 48, (load<u64>(L.DR + 48) & ~15) | <u64>op.imm);
  raise(Vec.DB);
}
