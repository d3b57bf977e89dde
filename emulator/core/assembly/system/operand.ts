/** Operands of system instructions. */
import { ldc, stc } from "../mem";
import { Info, Op, ea } from "../op";
import { R, R16, W, W16, W32 } from "../state";

/** Size of an implicit stack operand, log2 of bytes: 64 bits by default in 64-bit code. */
export function stackSize(info: i32): u32 {
  if (!Info.code64(info)) return Info.osize(info);
  return Info.has66(info) && !Info.rexW(info) ? 1 : 3;
}
/** Size of an operand that is a whole register in 64-bit code and 32 bits elsewhere (MOV CR, MOV DR), log2. */
export function nativeSize(info: i32): u32 {
  return Info.code64(info) ? 3 : 2;
}
/** 16-bit register or memory operand. */
export function readRm16(op: Op): u32 {
  return Info.isReg(op.imm) ? <u32>R16(op.b) : <u32>ldc<u16>(ea(op));
}
/** Writes a register with the operand size, zero-extending; memory always gets 16 bits. */
export function writeRm16(op: Op, value: u32): void {
  if (Info.isReg(op.imm)) writeReg(op.b, Info.osize(op.imm), <u64>value);
  else stc<u16>(ea(op), <u16>value);
}
/** Writes a general register (byte offset) with a size as log2 of bytes: 1, 2 or 3. */
export function writeReg(r: usize, size: u32, value: u64): void {
  if (size == 3) W(r, value);
  else if (size == 2) W32(r, <u32>value);
  else W16(r, <u16>value);
}
export function readReg(r: usize, size: u32): u64 {
  const v = R(r);
  return size == 3 ? v : size == 2 ? <u64><u32>v : <u64><u16>v;
}
/** Memory value of 2, 4 or 8 bytes (size as log2), zero-extended. */
export function loadSized(lin: u64, size: u32): u64 {
  if (size == 3) return ldc<u64>(lin);
  return size == 2 ? <u64>ldc<u32>(lin) : <u64>ldc<u16>(lin);
}
