/** Operands of cold integer instructions: sizes are log2 of bytes, values sign-extended to 64 bits. */
import { L } from "../../layout";
import { Op, Info, ea } from "../op";
import { ldc, stc, probeWrite } from "../mem";
import { linearOf } from "../system/segments";

export function getReg(r: usize, size: i32): i64 {
  switch (size) {
    case 0: return <i64>load<i8>(r, L.REGS);
    case 1: return <i64>load<i16>(r, L.REGS);
    case 2: return <i64>load<i32>(r, L.REGS);
    default: return load<i64>(r, L.REGS);
  }
}
export function setReg(r: usize, size: i32, v: i64): void {
  switch (size) {
    case 0: store<u8>(r, <u8>v, L.REGS); break;
    case 1: store<u16>(r, <u16>v, L.REGS); break;
    case 2: store<u64>(r, <u64><u32>v, L.REGS); break;
    default: store<u64>(r, <u64>v, L.REGS); break;
  }
}
export function loadSized(lin: u64, size: i32): i64 {
  switch (size) {
    case 0: return <i64>ldc<i8>(lin);
    case 1: return <i64>ldc<i16>(lin);
    case 2: return <i64>ldc<i32>(lin);
    default: return ldc<i64>(lin);
  }
}
export function storeSized(lin: u64, size: i32, v: i64): void {
  switch (size) {
    case 0: stc<u8>(lin, <u8>v); break;
    case 1: stc<u16>(lin, <u16>v); break;
    case 2: stc<u32>(lin, <u32>v); break;
    default: stc<u64>(lin, <u64>v); break;
  }
}
/**
 * Address of a memory operand that the decoder left unchecked (UNCHECKED), moved by `bytes`: the sum wraps at the address
 * size, then the segment is checked for it.
 */
export function shiftedAddress(op: Op, bytes: i64, size: i32, write: bool): u64 {
  const lin = ea(op);
  const asize = Info.asize(op.imm);
  if (asize == 3) return lin + bytes;
  const segment = Info.segment(op.imm);
  const code64 = Info.code64(op.imm);
  const base = code64 && segment < 4 ? 0 : load<u64>(L.SEG + <usize>segment * L.SEG_SIZE);
  const sum = lin - base + bytes;
  const offset = asize == 2 ? <u64><u32>sum : <u64><u16>sum;
  return code64 ? base + offset : linearOf(segment, offset, 1 << size, write);
}
/** The ModRM.rm operand. */
export function readRm(op: Op, size: i32): i64 {
  return Info.isReg(op.imm) ? getReg(op.b, size) : loadSized(ea(op), size);
}
/** The same for an operand that will be written: memory must be writable before anything is computed. */
export function readRmForWrite(op: Op, size: i32): i64 {
  if (Info.isReg(op.imm)) return getReg(op.b, size);
  const lin = ea(op);
  probeWrite(lin, 1 << size);
  return loadSized(lin, size);
}
export function writeRm(op: Op, size: i32, v: i64): void {
  if (Info.isReg(op.imm)) setReg(op.b, size, v);
  else storeSized(ea(op), size, v);
}
/** Zero-extended from its size. */
export function unsigned(v: i64, size: i32): u64 {
  switch (size) {
    case 0: return <u64><u8>v;
    case 1: return <u64><u16>v;
    case 2: return <u64><u32>v;
    default: return <u64>v;
  }
}
/** Sign-extended from its size. */
export function signed(v: i64, size: i32): i64 {
  switch (size) {
    case 0: return <i64><i8>v;
    case 1: return <i64><i16>v;
    case 2: return <i64><i32>v;
    default: return v;
  }
}
