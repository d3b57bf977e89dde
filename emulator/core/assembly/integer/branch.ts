/** Near branches that are not hot: outside 64-bit mode, of 16-bit operand size, LOOP and JCXZ. All check the target first. */
import { L } from "../../layout";
import { Op, Info } from "../op";
import { R, RCX, RSP, setRip, rip, isCode64 } from "../state";
import { condition, getZF } from "../flags";
import { isCanonical } from "../mem";
import { raiseGP } from "../fault";
import { push } from "../system/stack";
import { peek, stackSize } from "./stack-address";
import { readRm, setReg, unsigned } from "./operand";

/** RIP = target after the checks of a near transfer. */
function jumpNear(target: u64): void {
  checkNear(target);
  setRip(target);
}
function checkNear(target: u64): void {
  if (isCode64() ? !isCanonical(target) : target > <u64>load<u32>(L.SEG_CS + L.SEG_LIMIT)) raiseGP(0);
}

export function jccFar(op: Op, opcode: i32): void {
  if (condition(opcode & 15)) jumpNear(<u64>op.imm64);
}
export function jmpNear(op: Op): void {
  jumpNear(<u64>op.imm64);
}
export function callNear(op: Op): void {
  callTo(op, <u64>op.imm64);
}
function callTo(op: Op, target: u64): void {
  checkNear(target);
  push(Info.osize(op.imm), rip());
  setRip(target);
}
/** RET and RET imm16. */
export function retNear(op: Op): void {
  const size = Info.osize(op.imm);
  const target = unsigned(peek(size, 0), size);
  checkNear(target);
  setReg(RSP, stackSize(), R(RSP) + (1 << size) + <u64>op.imm64);
  setRip(target);
}
/** FF /2 and FF /4. */
export function indirect(op: Op): void {
  const size = Info.osize(op.imm);
  const target = unsigned(readRm(op, size), size);
  if (Info.reg(op.imm) == 2) callTo(op, target);
  else jumpNear(target);
}
/** LOOPNE LOOPE LOOP JCXZ (E0 to E3); the counter has the address size. */
export function loop(op: Op, opcode: i32): void {
  const asize = Info.asize(op.imm);
  let n = unsigned(R(RCX), asize);
  let taken: bool;
  if (opcode == 0xe3) taken = n == 0;
  else {
    n = unsigned(n - 1, asize);
    taken = n != 0 && (opcode == 0xe2 || getZF() == (opcode == 0xe1));
    if (taken) checkNear(<u64>op.imm64);
    setReg(RCX, asize, n);
  }
  if (taken) jumpNear(<u64>op.imm64);
}
