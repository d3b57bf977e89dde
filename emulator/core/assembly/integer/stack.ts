/** Cold pushes and pops: 16- and 32-bit operands, memory operands, PUSHA, POPA, ENTER, LEAVE. */
import { Op, Info, ea } from "../op";
import { R, RSP, RBP } from "../state";
import { push } from "../system/stack";
import { probeWrite, probeRead } from "../mem";
import { getReg, setReg, readRm, storeSized } from "./operand";
import { peek, stackAddress, stackSize } from "./stack-address";

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
  if (!Info.isReg(op.imm)) storeSized(ea(op), size, v);
  moveStack(1 << size);
  if (Info.isReg(op.imm)) setReg(op.b, size, v);
}
export function pusha(op: Op): void {
  const size = Info.osize(op.imm);
  const sp = R(RSP);
  // All eight must fit before any is written.
  probeWrite(stackAddress(-(8 << size), 8 << size, true), 8 << size);
  for (let i: usize = 0; i < 8; i++) push(size, i == 4 ? sp : R(i * 8));
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
/** ENTER imm16, imm8: everything that may fault comes before the first write. */
export function enter(op: Op): void {
  const size = Info.osize(op.imm);
  const level = <i32>op.imm2 & 31;
  const bytes: i64 = 1 << size;
  const total = <i64>(level + 1) * bytes;
  const frame = R(RSP) - bytes;
  probeWrite(stackAddress(-total, <u32>total, true), <u32>total);
  const saved = R(RBP);
  const display = <i64>(saved - R(RSP));
  if (level > 1) probeRead(stackAddress(display - <i64>(level - 1) * bytes, <u32>(<i64>(level - 1) * bytes), false), <u32>(<i64>(level - 1) * bytes));
  push(size, saved);
  if (level > 0) {
    for (let i = 1; i < level; i++) {
      const at = <i64>(saved - R(RSP)) - <i64>i * bytes;
      push(size, peek(size, at));
    }
    push(size, frame);
  }
  setReg(RBP, size, frame);
  moveStack(-(op.imm64 & 0xffff));
}
/** LEAVE: the stack pointer is restored only when the pop succeeds. */
export function leave(op: Op): void {
  const size = Info.osize(op.imm);
  const delta = <i64>(R(RBP) - R(RSP));
  const v = peek(size, delta);
  setReg(RSP, stackSize(), R(RBP) + (1 << size));
  setReg(RBP, size, v);
}
