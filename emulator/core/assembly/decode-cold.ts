/** What decoding the maps of opcodes shares: operations that are carried out in cold handlers, and #UD. */
import { Op } from "./op";
import { H } from "./handlers.gen";
import { codeSize, osize, asize, rex, rep, has66, lock, emitCold } from "./decode";
import { isReg, rm, reg, regRaw, rmRaw, prepareCold, fillMemory, regOf, effectiveSegment } from "./decode-operand";
import { systemAccess } from "./system/operand-size";

/** #UD when it runs; ends the block. The second immediate marks it for tests. */
export function undefinedOpcode(): bool {
  emitCold(H.SYSTEM, 0x10b, 0).imm2 = 1;
  return true;
}

/** Fields of ModRM as `info` has them. */
export function modrmInfo(): i32 {
  return (isReg ? 0x1000 : 0) | (regRaw << 23) | (rmRaw << 26) | (effectiveSegment() << 20);
}

/** Access of an operand whose segment the operation itself checks. */
export const UNCHECKED: u32 = 0x200;

/** A cold operation with a ModRM operand that takes `access` (bytes | write << 8, or UNCHECKED) of memory. */
export function coldModRM(h: u32, opcode: u32, imm: i64, access: u32): Op {
  if (!isReg) prepareCold(access == UNCHECKED ? 0 : access & 0xff ? access & 0xff : 1, (access & 0x100) != 0);
  const op = emitCold(h, opcode | modrmInfo(), imm);
  op.a = <u8>(reg << 3);
  op.b = <u8>(rm << 3);
  if (!isReg) fillMemory(op);
  return op;
}
/** The same for an integer instruction whose operands have `size` (log2): byte registers are byte offsets. */
export function coldInteger(h: u32, opcode: u32, size: u32, imm: i64, write: bool): Op {
  const op = coldModRM(h, opcode, imm, (1 << size) | (write ? 0x100 : 0));
  op.a = <u8>regOf(reg, size);
  if (isReg) op.b = <u8>regOf(rm, size);
  return op;
}
/** A system instruction with ModRM: ends the block. */
export function systemModRM(opcode: u32): bool {
  // Its access size may depend on all of info, so ask with a complete one.
  const prefix = rep ? rep : has66 ? 1 : 0;
  const info = opcode | (prefix << 10) | modrmInfo() | (osize << 16) | (asize << 18) | (rex & 8 ? 0x2000 : 0) | (codeSize == 2 ? 0x40000000 : 0);
  if (lock) return undefinedOpcode();
  const access = systemAccess(info);
  if (!isReg) prepareCold(access & 0xffff, (access & 0x10000) != 0);
  const op = emitCold(H.SYSTEM, opcode | modrmInfo(), 0);
  op.a = <u8>(reg << 3);
  op.b = <u8>(rm << 3);
  if (!isReg) fillMemory(op);
  return true;
}
export function system(opcode: u32, imm: i64): bool {
  if (lock) return undefinedOpcode();
  emitCold(H.SYSTEM, opcode, imm);
  return true;
}
export function coldPlain(opcode: u32, imm: i64): bool {
  if (lock) return undefinedOpcode();
  emitCold(H.INTEGER, opcode, imm);
  return false;
}
