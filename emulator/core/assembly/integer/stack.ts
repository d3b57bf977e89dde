/** Cold pushes and pops: 16- and 32-bit operands, memory operands, PUSHA, POPA, ENTER, LEAVE. */
import { Op, Info } from "../op";
import { R, RSP, RBP } from "../state";
import { push } from "../system/stack";
import { probeWrite, probeRead } from "../mem";
import { getReg, setReg, readRm, storeSized, shiftedAddress } from "./operand";
import { peek, poke, stackAddress, stackSize } from "./stack-address";

function moveStack(by: i64): void {
  setReg(RSP, stackSize(), R(RSP) + by);
}
export function pushRegister(op: Op): void {
  const size = Info.osize(op.imm);
  push(size, getReg(op.a, size));
}
export function popRegister(op: Op): void {
  const size = Info.osize(op.imm);
  const v = peek(size, 0);
  moveStack(1 << size);
  setReg(op.a, size, v);
}
export function pushRm(op: Op): void {
  const size = Info.osize(op.imm);
  push(size, readRm(op, size));
}
/** The destination's address uses the incremented stack pointer (the decoder has added it). */
export function popRm(op: Op): void {
  const size = Info.osize(op.imm);
  const v = peek(size, 0);
  if (!Info.isReg(op.imm)) storeSized(shiftedAddress(op, 0, size, true), size, v);
  moveStack(1 << size);
  if (Info.isReg(op.imm)) setReg(op.b, size, v);
}
export function pusha(op: Op): void {
  const size = Info.osize(op.imm);
  // One after the other, as AMD does: a fault finds the first ones written, but the stack pointer unmoved.
  for (let i: usize = 0; i < 8; i++) poke(size, -(<i64>(i + 1) << size), R(i * 8));
  moveStack(-(8 << size));
}
export function popa(op: Op): void {
  const size = Info.osize(op.imm);
  const bytes = 1 << size;
  probeRead(stackAddress(0, 8 * bytes, false), 8 * bytes);
  for (let i = 7; i >= 0; i--) {
    if (i != 4) setReg(i * 8, size, peek(size, (7 - i) * bytes));
  }
  moveStack(8 * bytes);
}
/**
 * ENTER imm16, imm8. Like AMD's processors it copies the display step by step, so a fault may find words below the stack
 * pointer written; registers change only when all is done.
 */
export function enter(op: Op): void {
  const size = Info.osize(op.imm);
  const level = <i32>op.imm2 & 31;
  const bytes: i64 = 1 << size;
  const frame = R(RSP) - bytes;
  const saved = R(RBP);
  const display = <i64>(saved - R(RSP));
  poke(size, -bytes, saved);
  for (let i: i64 = 1; i < level; i++) poke(size, -(i + 1) * bytes, peek(size, display - i * bytes));
  if (level > 0) poke(size, -(<i64>level + 1) * bytes, frame);
  // The new top of the stack is not written, but must be writable (SDM vol. 2, ENTER), and aligned when that is checked.
  const top = -(<i64>(level + 1) * bytes) - (op.imm64 & 0xffff);
  probeWrite(stackAddress(top, <u32>bytes, true), <u32>bytes);
  peek(size, top);
  setReg(RBP, size, frame);
  moveStack(top);
}
/** LEAVE: the stack pointer is restored only when the pop succeeds. */
export function leave(op: Op): void {
  const size = Info.osize(op.imm);
  const delta = <i64>(R(RBP) - R(RSP));
  const v = peek(size, delta);
  setReg(RSP, stackSize(), R(RBP) + (1 << size));
  setReg(RBP, size, v);
}
