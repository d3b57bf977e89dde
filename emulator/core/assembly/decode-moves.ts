/** MOV, LEA, XCHG, and what a stack is pushed to and popped from. */
import { Ct, Key, L } from "../layout";
import { waitsFor } from "./catch";
import { key } from "./state";
import { H } from "./handlers.gen";
import { codeSize, osize, asize, rex, lock, setOsize, fetch16, fetch32, fetch64, fetchZ, fetchS8, emit, emitCold, setFusible } from "./decode";
import { isReg, rm, reg, regRaw, fetchModRM, prepareMemory, prepareAbsolute, prepareLea, fillMemory, regOf } from "./decode-operand";
import { coldInteger, undefinedOpcode } from "./decode-cold";
import { fetchImmediate } from "./decode-alu";

const RSP8: u32 = 32;
const BX: u32 = 3;

export function moveForms(form: u32): bool {
  const size = form & 1 ? osize : 0;
  fetchModRM();
  if (lock) return undefinedOpcode();
  const r = regOf(reg, size);
  if (isReg) {
    const e = regOf(rm, size);
    const to = form < 2 ? e : r;
    const from = form < 2 ? r : e;
    if (size == 1) coldInteger(H.INTEGER, 0x88 + form, size, 0, false);
    else emit(size == 0 ? H.MOV_rr8 : size == 2 ? H.MOV_rr32 : H.MOV_rr64, to, from, L.REG_ZERO, 0, 0, 0);
  } else if (form < 2) {
    prepareMemory(1 << size, true);
    fillMemory(emit(storeHandler(size), r, 0, 0, 0, 0, 0));
  } else if (size == 1) coldInteger(H.INTEGER, 0x8b, size, 0, false);
  else {
    prepareMemory(1 << size, false);
    fillMemory(emit(loadHandler(size), r, 0, 0, 0, 0, 0));
  }
  return false;
}
export function storeHandler(size: u32): u32 {
  return size == 0 ? H.STORE8 : size == 1 ? H.STORE16 : size == 2 ? H.STORE32 : H.STORE64;
}
function loadHandler(size: u32): u32 {
  return size == 0 ? H.LOAD8 : size == 2 ? H.LOAD32 : H.LOAD64;
}
export function moveImmediate(size: u32): bool {
  fetchModRM();
  const imm = fetchImmediate(size);
  if (lock || regRaw != 0) return undefinedOpcode();
  if (!isReg) {
    prepareMemory(1 << size, true);
    fillMemory(emit(size == 0 ? H.STOREI8 : size == 1 ? H.STOREI16 : size == 2 ? H.STOREI32 : H.STOREI64, 0, 0, 0, 0, 0, imm));
  } else if (size == 1) coldInteger(H.INTEGER, 0xc7, size, imm, false);
  else emit(size == 0 ? H.MOV_ri8 : size == 2 ? H.MOV_ri32 : H.MOV_ri64, regOf(rm, size), 0, 0, 0, 0, imm);
  return false;
}
export function moveRegisterImmediate(opcode: u32): bool {
  const r = (opcode & 7) | ((rex & 1) << 3);
  if (osize == 3) {
    const v = fetch64();
    if (lock) return undefinedOpcode();
    if (<i64>(<i32>v) == <i64>v) emit(H.MOV_ri64, r << 3, 0, 0, 0, 0, <i32>v);
    else emit(H.MOV_ri64w, r << 3, 0, 0, 0, 0, 0).imm64 = v;
  } else if (osize == 2) {
    const v = <i32>fetch32();
    if (lock) return undefinedOpcode();
    emit(H.MOV_ri32, r << 3, 0, 0, 0, 0, v);
  } else {
    const v = fetch16();
    if (lock) return undefinedOpcode();
    emitCold(H.INTEGER, opcode, v).a = <u8>(r << 3);
  }
  return false;
}
/** Whether a stack operation of 32 bits is plain: flat segments, ESP, and a code segment that every target lies in. */
export function flatStack(): bool {
  const k = key();
  return osize == 2 && (k & Key.FLAT) != 0 && (k & Key.STACK32) != 0 && load<u32>(L.SEG_CS + L.SEG_LIMIT) == 0xffffffff;
}
/** Stack operations have 64-bit operands in 64-bit mode unless 66 makes them 16. */
export function stackSize(): void {
  if (codeSize == 2 && osize == 2) setOsize(3);
}
export function pushPopRegister(opcode: u32): bool {
  if (lock) return undefinedOpcode();
  stackSize();
  const r = ((opcode & 7) | ((rex & 1) << 3)) << 3;
  if (osize == 3) emit(opcode < 0x58 ? H.PUSH_r64 : H.POP_r64, r, RSP8, 0, 0, 0, 0);
  else if (flatStack()) emit(opcode < 0x58 ? H.PUSH_r32 : H.POP_r32, r, RSP8, 0, 0, 0, 0);
  else emitCold(H.INTEGER, opcode, 0).a = <u8>r;
  return false;
}
export function pushImmediate(opcode: u32): bool {
  const imm = opcode == 0x6a ? fetchS8() : fetchZ();
  if (lock) return undefinedOpcode();
  stackSize();
  if (osize == 3) emit(H.PUSH_i64, 0, RSP8, 0, 0, 0, imm);
  else if (flatStack()) emit(H.PUSH_i32, 0, RSP8, 0, 0, 0, imm);
  else emitCold(H.INTEGER, opcode, imm);
  return false;
}

export function lea(): bool {
  fetchModRM();
  if (isReg || lock) return undefinedOpcode();
  if (codeSize == 2 && osize >= 2) {
    prepareLea();
    fillMemory(emit(osize == 3 ? H.LEA64 : H.LEA32, reg << 3, 0, 0, 0, 0, 0));
  } else if (asize == 2 && osize == 2) fillMemory(emit(H.LEA32, reg << 3, 0, 0, 0, 0, 0));
  else {
    if (codeSize == 2) prepareLea();
    const op = emitCold(H.INTEGER, 0x8d, 0);
    op.a = <u8>(reg << 3);
    fillMemory(op);
  }
  return false;
}

export function exchange(size: u32, opcode: u32): bool {
  fetchModRM();
  if (lock && isReg) return undefinedOpcode();
  if (isReg && size == 1 && reg == BX && rm == BX && waitsFor(Ct.MAGIC)) {
    emit(H.BREAK, 0, 0, 0, 0, 0, 0);
    setFusible(0);
  }
  if (isReg && size >= 2) emit(size == 3 ? H.XCHG_rr64 : H.XCHG_rr32, reg << 3, rm << 3, 0, 0, 0, 0);
  else coldInteger(H.INTEGER, opcode, size, 0, true);
  return false;
}

export function moffs(opcode: u32): bool {
  const offset = asize == 3 ? fetch64() : asize == 2 ? <u64>fetch32() : <u64>fetch16();
  if (lock) return undefinedOpcode();
  const size = opcode & 1 ? osize : 0;
  const write = opcode >= 0xa2;
  prepareAbsolute(offset, 1 << size, write);
  if (write) fillMemory(emit(storeHandler(size), 0, 0, 0, 0, 0, 0));
  else if (size == 1) {
    // MOV AX: the same cold form as MOV r16, m16.
    fillMemory(emitCold(H.INTEGER, 0x8b, 0));
  } else fillMemory(emit(loadHandler(size), 0, 0, 0, 0, 0, 0));
  return false;
}
