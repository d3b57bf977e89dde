/** One-byte opcodes (SDM vol. 2, table A-2). */
import { Ct, Key, L } from "../layout";
import { waitsFor } from "./catch";
import { Op, SLOT } from "./op";
import { key } from "./state";
import { H } from "./handlers.gen";
import {
  codeSize, osize, asize, rex, rep, has66, lock, segment, overrun, setOsize, fetch8, fetch16, fetch32, fetch64, fetchZ, fetchS8,
  emit, emitCold, setTargets, setFusible, getFusible, nextRip, instructionLength, dropOp,
} from "./decode";
import {
  isReg, modrm, reg, rm, regRaw, rmRaw, fetchModRM, prepareMemory, prepareCold, prepareAbsolute, prepareLea, fillMemory, reg8, regOf, effectiveSegment, adjustForPop,
} from "./decode-operand";
import { decodeMap1 } from "./decode-map1";
import { systemAccess } from "./system/operand-size";
import { x87Access } from "./x87/x87";

const RSP8: u32 = 32;
const BX: u32 = 3;

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
function system(opcode: u32, imm: i64): bool {
  if (lock) return undefinedOpcode();
  emitCold(H.SYSTEM, opcode, imm);
  return true;
}
function coldPlain(opcode: u32, imm: i64): bool {
  if (lock) return undefinedOpcode();
  emitCold(H.INTEGER, opcode, imm);
  return false;
}

/** Place of an ALU operation (in the order of the encoding) among the hot ones, or -1. */
function hotAlu(op: u32): i32 {
  switch (op) {
    case 0: return 0;
    case 1: return 1;
    case 4: return 2;
    case 5: return 3;
    case 6: return 4;
    case 7: return 5;
    default: return -1;
  }
}
/** Place of an operand size among 8, 32, 64 bits. */
// @ts-ignore: decorator
@inline function hotSize(size: u32): u32 { return size == 0 ? 0 : size - 1; }

const enum Form { RR, RI, RM, MR, MI }

function aluHandler(place: u32, form: u32, size: u32): u32 {
  return H.ADD_rr8 + (place * 5 + form) * 3 + hotSize(size);
}

/** ADD OR ADC SBB AND SUB XOR CMP with ModRM; `form` 0 Eb,Gb 1 Ev,Gv 2 Gb,Eb 3 Gv,Ev. */
function alu(op: u32, form: u32, opcode: u32): bool {
  const size = form & 1 ? osize : 0;
  fetchModRM();
  const toMemory = form < 2 && !isReg;
  if (lock && (!toMemory || op == 7)) return undefinedOpcode();
  const place = size == 1 ? -1 : hotAlu(op);
  if (place < 0) {
    if (size >= 2 && (isReg || !toMemory) && (op == 2 || op == 3)) {
      const h = (op == 2 ? H.ADC_rr32 : H.SBB_rr32) + (size - 2);
      if (isReg) emit(h, (form < 2 ? rm : reg) << 3, (form < 2 ? reg : rm) << 3, 0, 0, 0, 0);
      else {
        prepareMemory(1 << size, false);
        fillMemory(emit(h + (H.ADC_rm32 - H.ADC_rr32), reg << 3, 0, 0, 0, 0, 0));
      }
      return false;
    }
    coldInteger(H.INTEGER, opcode, size, 0, toMemory && op != 7);
    return false;
  }
  const r = regOf(reg, size);
  if (isReg) {
    const e = regOf(rm, size);
    const o = emit(aluHandler(place, Form.RR, size), form < 2 ? e : r, form < 2 ? r : e, L.REG_ZERO, 0, 0, 0);
    if (op == 7 && size >= 2) setFusible(changetype<usize>(o));
  } else {
    prepareMemory(1 << size, toMemory && op != 7);
    fillMemory(emit(aluHandler(place, toMemory ? Form.MR : Form.RM, size), r, 0, 0, 0, 0, 0));
  }
  return false;
}

/** An ALU operation with an immediate on the accumulator or a decoded ModRM operand. */
function aluImmediate(op: u32, size: u32, imm: i32, opcode: u32, accumulator: bool): bool {
  const memory = !accumulator && !isReg;
  if (lock && (!memory || op == 7)) return undefinedOpcode();
  const place = size == 1 ? -1 : hotAlu(op);
  const e = accumulator ? 0 : regOf(rm, size);
  if (place < 0) {
    if (size >= 2 && !memory && (op == 2 || op == 3)) {
      emit((op == 2 ? H.ADC_ri32 : H.SBB_ri32) + (size - 2), e, 0, 0, 0, 0, imm);
    } else if (accumulator) {
      const o = emitCold(H.INTEGER, opcode, imm);
      o.a = 0;
    } else coldInteger(H.INTEGER, opcode, size, imm, op != 7);
    return false;
  }
  if (memory) {
    prepareMemory(1 << size, op != 7);
    fillMemory(emit(aluHandler(place, Form.MI, size), 0, 0, 0, 0, 0, imm));
  } else {
    const o = emit(aluHandler(place, Form.RI, size), e, 0, L.REG_ZERO, 0, 0, imm);
    if (op == 7 && size >= 2) setFusible(changetype<usize>(o));
  }
  return false;
}

/** Immediate of an operand size; bytes are sign-extended. */
function fetchImmediate(size: u32): i32 {
  return size == 0 ? fetchS8() : fetchZ();
}

function testForms(size: u32, opcode: u32): bool {
  if (lock) return undefinedOpcode();
  if (size == 1) {
    coldInteger(H.INTEGER, opcode, size, 0, false);
    return false;
  }
  const r = regOf(reg, size);
  if (isReg) {
    const o = emit(aluHandler(6, Form.RR, size), regOf(rm, size), r, L.REG_ZERO, 0, 0, 0);
    setFusible(changetype<usize>(o));
  } else {
    prepareMemory(1 << size, false);
    fillMemory(emit(aluHandler(6, Form.MR, size), r, 0, 0, 0, 0, 0));
  }
  return false;
}
function testImmediate(size: u32, accumulator: bool, opcode: u32): bool {
  const imm = fetchImmediate(size);
  if (lock) return undefinedOpcode();
  if (size == 1) {
    if (accumulator) emitCold(H.INTEGER, opcode, imm);
    else coldInteger(H.INTEGER, opcode, size, imm, false);
  } else if (accumulator || isReg) {
    emit(aluHandler(6, Form.RI, size), accumulator ? 0 : regOf(rm, size), 0, L.REG_ZERO, 0, 0, imm);
  } else {
    prepareMemory(1 << size, false);
    fillMemory(emit(aluHandler(6, Form.MI, size), 0, 0, 0, 0, 0, imm));
  }
  return false;
}

// ---------------------------------------------------------------- branches
/** Target of a relative branch: IP is cut to the operand size outside 64-bit mode. */
function branchTarget(rel: i32): u64 {
  const t = nextRip() + <i64>rel;
  if (osize == 1) return t & 0xffff;
  return codeSize == 2 ? t : <u64><u32>t;
}
function fetchRelative(): i32 {
  return osize == 1 ? <i32><i16>fetch16() : <i32>fetch32();
}
/** Whether a branch may be hot: outside 64-bit mode the target must lie inside the segment, or it faults at the branch. */
function plainTarget(target: u64): bool {
  return codeSize == 2 ? osize != 1 && <i64>(target << 16) >> 16 == <i64>target : target <= <u64>load<u32>(L.SEG_CS + L.SEG_LIMIT);
}

export function conditionalBranch(c: u32, rel: i32, opcode: u32): bool {
  const target = branchTarget(rel);
  if (lock) return undefinedOpcode();
  if (!plainTarget(target)) {
    emitCold(H.INTEGER_END, opcode, target);
    return true;
  }
  // A branch that reaches into the next page is decoded again on its own: what stands before it must stay.
  const fused = overrun ? 0 : fuse(c);
  const op = fused ? changetype<Op>(fused) : emit(H.JCC0 + c, 0, 0, 0, 0, 0, 0);
  setTargets(op, target);
  return true;
}

/** Place of a condition among those of the fused compares, or -1. */
function compareCondition(c: u32): i32 {
  if (c >= 2 && c <= 7) return c - 2;
  if (c >= 12) return c - 6;
  return -1;
}
/** Turns a preceding register compare or test into a compare-and-branch; its address, or 0. */
function fuse(c: u32): usize {
  const at = getFusible();
  if (!at) return 0;
  const op = changetype<Op>(at);
  const h = op.h;
  let fusedHandler: i32 = -1;
  const k = compareCondition(c);
  if (h == H.CMP_rr64 && k >= 0) fusedHandler = H.CMPJ_rr64_2 + k;
  else if (h == H.CMP_ri64 && k >= 0) fusedHandler = H.CMPJ_ri64_2 + k;
  else if (h == H.CMP_rr32 && k >= 0) fusedHandler = H.CMPJ_rr32_2 + k;
  else if (h == H.CMP_ri32 && k >= 0) fusedHandler = H.CMPJ_ri32_2 + k;
  else {
    const t = c == 4 ? 0 : c == 5 ? 1 : c == 8 ? 2 : c == 9 ? 3 : -1;
    if (t >= 0) {
      if (h == H.TEST_rr64) fusedHandler = H.TESTJ_rr64_4 + t;
      else if (h == H.TEST_rr32) fusedHandler = H.TESTJ_rr32_4 + t;
      else if (h == H.TEST_rr8) fusedHandler = H.TESTJ_rr8_4 + t;
    }
  }
  if (fusedHandler < 0) return 0;
  const a = op.a, b = op.b, imm = op.imm, index = op.rem, off = op.off;
  dropOp();
  const f = emit(fusedHandler, a, b, 0, 0, 0, imm);
  f.rem = index;
  f.off = off;
  return at;
}

function jump(rel: i32, opcode: u32): bool {
  const target = branchTarget(rel);
  if (lock) return undefinedOpcode();
  if (!plainTarget(target)) emitCold(H.INTEGER_END, opcode, target);
  else setTargets(emit(H.JMP, 0, 0, 0, 0, 0, 0), target);
  return true;
}
function call(rel: i32): bool {
  const target = branchTarget(rel);
  if (lock) return undefinedOpcode();
  if (codeSize == 2 && plainTarget(target)) setTargets(emit(H.CALL64, 0, RSP8, 0, 0, 0, 0), target);
  else if (flatStack()) setTargets(emit(H.CALL32, 0, RSP8, 0, 0, 0, 0), target);
  else emitCold(H.INTEGER_END, 0xe8, target);
  return true;
}

// ---------------------------------------------------------------- groups
function shiftGroup(size: u32, counted: i32, imm: u32, opcode: u32): bool {
  if (lock) return undefinedOpcode();
  const kind = regRaw;
  if (isReg && size >= 2 && kind != 2 && kind != 3) {
    const r = rm << 3;
    const wide = size - 2;
    if (counted) {
      const n = imm & (size == 3 ? 63 : 31);
      if (n == 0) {
        if (size == 2) emit(H.MOV_rr32, r, r, L.REG_ZERO, 0, 0, 0);
        else emit(H.NOP, 0, 0, 0, 0, 0, 0);
        return false;
      }
      let h: u32;
      switch (kind) {
        case 0: h = wide ? H.ROL_i64 : H.ROL_i32; break;
        case 1: h = wide ? H.ROR_i64 : H.ROR_i32; break;
        case 5: h = wide ? H.SHR_i64 : H.SHR_i32; break;
        case 7: h = wide ? H.SAR_i64 : H.SAR_i32; break;
        default: h = wide ? H.SHL_i64 : H.SHL_i32; break;
      }
      emit(h, r, 0, 0, 0, 0, n);
      return false;
    }
    if (kind >= 4) {
      let h: u32;
      switch (kind) {
        case 5: h = wide ? H.SHR_c64 : H.SHR_c32; break;
        case 7: h = wide ? H.SAR_c64 : H.SAR_c32; break;
        default: h = wide ? H.SHL_c64 : H.SHL_c32; break;
      }
      emit(h, r, 0, 0, 0, 0, 0);
      return false;
    }
  }
  coldInteger(H.INTEGER, opcode, size, imm, true);
  return false;
}

function group3(size: u32, opcode: u32): bool {
  fetchModRM();
  if (regRaw < 2) return testImmediate(size, false, opcode);
  if (lock && (isReg || regRaw > 3)) return undefinedOpcode();
  if (size >= 2) {
    const wide = size == 3;
    if (isReg && regRaw < 4) {
      emit(regRaw == 2 ? (wide ? H.NOT64 : H.NOT32) : wide ? H.NEG64 : H.NEG32, rm << 3, 0, 0, 0, 0, 0);
      return false;
    }
    if (regRaw == 4) {
      if (isReg) emit(wide ? H.MUL_r64 : H.MUL_r32, 0, rm << 3, 0, 0, 0, 0);
      else {
        prepareMemory(1 << size, false);
        fillMemory(emit(wide ? H.MUL_m64 : H.MUL_m32, 0, 0, 0, 0, 0, 0));
      }
      return false;
    }
  }
  coldInteger(H.INTEGER, opcode, size, 0, regRaw < 4);
  return false;
}

function incDec(size: u32, opcode: u32): bool {
  if (lock && isReg) return undefinedOpcode();
  if (isReg && size >= 2) {
    const wide = size == 3;
    emit(regRaw == 0 ? (wide ? H.INC64 : H.INC32) : wide ? H.DEC64 : H.DEC32, rm << 3, 0, 0, 0, 0, 0);
  } else coldInteger(H.INTEGER, opcode, size, 0, true);
  return false;
}

function group5(): bool {
  fetchModRM();
  switch (regRaw) {
    case 0: case 1: return incDec(osize, 0xff);
    case 2: case 4: {
      if (lock) return undefinedOpcode();
      if (codeSize == 2 && osize != 1) {
        if (isReg) {
          if (regRaw == 2) emit(H.CALL_r64, rm << 3, RSP8, 0, 0, 0, instructionLength());
          else emit(H.JMP_r64, rm << 3, 0, 0, 0, 0, 0);
        } else {
          prepareMemory(8, false);
          if (regRaw == 2) fillMemory(emit(H.CALL_m64, 0, 0, 0, 0, 0, instructionLength()));
          else fillMemory(emit(H.JMP_m64, 0, 0, 0, 0, 0, 0));
        }
      } else if (flatStack() && (isReg || regRaw == 4)) {
        if (isReg) {
          if (regRaw == 2) emit(H.CALL_r32, rm << 3, RSP8, 0, 0, 0, instructionLength());
          else emit(H.JMP_r32, rm << 3, 0, 0, 0, 0, 0);
        } else {
          prepareMemory(4, false);
          fillMemory(emit(H.JMP_m32, 0, 0, 0, 0, 0, 0));
        }
      } else coldInteger(H.INTEGER_END, 0xff, osize, 0, false);
      return true;
    }
    case 3: case 5:
      if (isReg) return undefinedOpcode();
      return systemModRM(0xff);
    case 6:
      if (lock) return undefinedOpcode();
      if (codeSize == 2 && osize == 2) setOsize(3);
      coldInteger(H.INTEGER, 0xff, osize, 0, false);
      return false;
    default:
      return undefinedOpcode();
  }
}

// ---------------------------------------------------------------- moves, stack
function moveForms(form: u32): bool {
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
function moveImmediate(size: u32): bool {
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
function moveRegisterImmediate(opcode: u32): bool {
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
function flatStack(): bool {
  const k = key();
  return osize == 2 && (k & Key.FLAT) != 0 && (k & Key.STACK32) != 0 && load<u32>(L.SEG_CS + L.SEG_LIMIT) == 0xffffffff;
}
/** Stack operations have 64-bit operands in 64-bit mode unless 66 makes them 16. */
function stackSize(): void {
  if (codeSize == 2 && osize == 2) setOsize(3);
}
function pushPopRegister(opcode: u32): bool {
  if (lock) return undefinedOpcode();
  stackSize();
  const r = ((opcode & 7) | ((rex & 1) << 3)) << 3;
  if (osize == 3) emit(opcode < 0x58 ? H.PUSH_r64 : H.POP_r64, r, RSP8, 0, 0, 0, 0);
  else if (flatStack()) emit(opcode < 0x58 ? H.PUSH_r32 : H.POP_r32, r, RSP8, 0, 0, 0, 0);
  else emitCold(H.INTEGER, opcode, 0).a = <u8>r;
  return false;
}
function pushImmediate(opcode: u32): bool {
  const imm = opcode == 0x6a ? fetchS8() : fetchZ();
  if (lock) return undefinedOpcode();
  stackSize();
  if (osize == 3) emit(H.PUSH_i64, 0, RSP8, 0, 0, 0, imm);
  else if (flatStack()) emit(H.PUSH_i32, 0, RSP8, 0, 0, 0, imm);
  else emitCold(H.INTEGER, opcode, imm);
  return false;
}

function lea(): bool {
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

function exchange(size: u32, opcode: u32): bool {
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

function multiplyImmediate(opcode: u32): bool {
  fetchModRM();
  const imm = opcode == 0x6b ? fetchS8() : fetchZ();
  if (lock) return undefinedOpcode();
  if (isReg && osize >= 2) emit(osize == 3 ? H.IMUL_rri64 : H.IMUL_rri32, reg << 3, rm << 3, 0, 0, 0, imm);
  else coldInteger(H.INTEGER, opcode, osize, imm, false);
  return false;
}

/** MOVS CMPS STOS LODS SCAS. A REP form ends its block: it runs as far as the budget goes. */
function stringOp(opcode: u32): bool {
  if (lock) return undefinedOpcode();
  const op = emitCold(rep ? H.INTEGER_END : H.INTEGER, opcode | ((segment != 8 ? segment : 3) << 20), 0);
  op.a = 0;
  return rep != 0;
}

function moffs(opcode: u32): bool {
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

function loopBranch(opcode: u32): bool {
  const rel = fetchS8();
  const target = branchTarget(rel);
  if (lock) return undefinedOpcode();
  emitCold(H.INTEGER_END, opcode, target);
  return true;
}

function farPointer(opcode: u32): bool {
  const offset = osize == 1 ? <u64>fetch16() : <u64>fetch32();
  const selector = fetch16();
  if (codeSize == 2 || lock) return undefinedOpcode();
  emitCold(H.SYSTEM, opcode, offset).imm2 = <u16>selector;
  return true;
}

function x87(opcode: u32): bool {
  fetchModRM();
  if (lock) return undefinedOpcode();
  coldModRM(H.X87, opcode, modrm, isReg ? 0 : x87Access(opcode | modrmInfo() | (osize << 16)));
  return false;
}

/** Decodes what follows the prefixes; true when the instruction ends the block. */
export function decodeMap0(opcode: u32): bool {
  if (opcode < 0x40 && (opcode & 7) < 6) {
    const op = opcode >> 3;
    const form = opcode & 7;
    if (form < 4) return alu(op, form, opcode);
    const size = form == 5 ? osize : 0;
    return aluImmediate(op, size, fetchImmediate(size), opcode, true);
  }
  if (opcode >= 0x70 && opcode < 0x80) return conditionalBranch(opcode & 15, fetchS8(), opcode);
  if (opcode >= 0xd8 && opcode < 0xe0) return x87(opcode);
  if (opcode >= 0xb8 && opcode < 0xc0) return moveRegisterImmediate(opcode);
  if (opcode >= 0x50 && opcode < 0x60) return pushPopRegister(opcode);
  switch (opcode) {
    case 0x06: case 0x07: case 0x0e: case 0x16: case 0x17: case 0x1e: case 0x1f:
      return codeSize == 2 ? undefinedOpcode() : system(opcode, 0);
    case 0x0f: return decodeMap1();
    case 0x27: case 0x2f: case 0x37: case 0x3f: case 0xd6:
      return codeSize == 2 ? undefinedOpcode() : coldPlain(opcode, 0);
    case 0x40: case 0x41: case 0x42: case 0x43: case 0x44: case 0x45: case 0x46: case 0x47:
    case 0x48: case 0x49: case 0x4a: case 0x4b: case 0x4c: case 0x4d: case 0x4e: case 0x4f: {
      if (lock) return undefinedOpcode();
      const r = (opcode & 7) << 3;
      if (osize == 2) emit(opcode < 0x48 ? H.INC32 : H.DEC32, r, 0, 0, 0, 0, 0);
      else emitCold(H.INTEGER, opcode, 0).a = <u8>r;
      return false;
    }
    case 0x60: case 0x61: return codeSize == 2 ? undefinedOpcode() : coldPlain(opcode, 0);
    case 0x62:
      if (codeSize == 2) return undefinedOpcode();
      fetchModRM();
      return isReg ? undefinedOpcode() : systemModRM(0x62);
    case 0x63: {
      fetchModRM();
      if (codeSize != 2) return systemModRM(0x63);
      if (lock) return undefinedOpcode();
      if (osize == 3) {
        if (isReg) emit(H.MOVSX_r32_64, reg << 3, rm << 3, 0, 0, 0, 0);
        else {
          prepareMemory(4, false);
          fillMemory(emit(H.MOVSX_m32_64, reg << 3, 0, 0, 0, 0, 0));
        }
      } else coldInteger(H.INTEGER, 0x63, osize, 0, false);
      return false;
    }
    case 0x68: case 0x6a: return pushImmediate(opcode);
    case 0x69: case 0x6b: return multiplyImmediate(opcode);
    case 0x6c: case 0x6d: case 0x6e: case 0x6f: return system(opcode | ((segment != 8 ? segment : 3) << 20), 0);
    case 0x80: case 0x81: case 0x82: case 0x83: {
      if (opcode == 0x82 && codeSize == 2) return undefinedOpcode();
      fetchModRM();
      const size = opcode & 1 ? osize : 0;
      return aluImmediate(regRaw, size, opcode == 0x81 ? fetchZ() : fetchS8(), opcode, false);
    }
    case 0x84: case 0x85:
      fetchModRM();
      return testForms(opcode & 1 ? osize : 0, opcode);
    case 0x86: return exchange(0, opcode);
    case 0x87: return exchange(osize, opcode);
    case 0x88: case 0x89: case 0x8a: case 0x8b: return moveForms(opcode & 3);
    case 0x8c: case 0x8e:
      fetchModRM();
      if (regRaw > 5 || (opcode == 0x8e && regRaw == 1)) return undefinedOpcode();
      return systemModRM(opcode);
    case 0x8d: return lea();
    case 0x8f:
      fetchModRM();
      if (regRaw != 0 || lock) return undefinedOpcode();
      stackSize();
      adjustForPop(1 << osize);
      // The stack is read before the destination is looked at.
      coldModRM(H.INTEGER, 0x8f, 0, UNCHECKED);
      return false;
    case 0x90: case 0x91: case 0x92: case 0x93: case 0x94: case 0x95: case 0x96: case 0x97: {
      if (lock) return undefinedOpcode();
      const r = (opcode & 7) | ((rex & 1) << 3);
      // 90 is NOP (and F3 90 PAUSE): it does not clear the upper half of RAX.
      if (r == 0) emit(H.NOP, 0, 0, 0, 0, 0, 0);
      else if (osize >= 2) emit(osize == 3 ? H.XCHG_rr64 : H.XCHG_rr32, 0, r << 3, 0, 0, 0, 0);
      else emitCold(H.INTEGER, opcode, 0).a = <u8>(r << 3);
      return false;
    }
    case 0x98:
      if (osize == 3 && !lock) {
        emit(H.CDQE, 0, 0, 0, 0, 0, 0);
        return false;
      }
      return coldPlain(opcode, 0);
    case 0x99:
      if (osize >= 2 && !lock) {
        emit(osize == 3 ? H.CQO : H.CDQ, 0, 0, 0, 0, 0, 0);
        return false;
      }
      return coldPlain(opcode, 0);
    case 0x9a: case 0xea: return farPointer(opcode);
    case 0x9b:
      if (lock) return undefinedOpcode();
      emitCold(H.X87, 0x9b, 0);
      return false;
    case 0x9c: case 0x9d:
      stackSize();
      return system(opcode, 0);
    case 0x9e: case 0x9f: case 0xf5: case 0xf8: case 0xf9: case 0xfc: case 0xfd: case 0xc9:
      if (opcode == 0xc9) stackSize();
      return coldPlain(opcode, 0);
    case 0xa0: case 0xa1: case 0xa2: case 0xa3: return moffs(opcode);
    case 0xa4: case 0xa5: case 0xa6: case 0xa7: case 0xaa: case 0xab: case 0xac: case 0xad: case 0xae: case 0xaf:
      return stringOp(opcode);
    case 0xa8: return testImmediate(0, true, opcode);
    case 0xa9: return testImmediate(osize, true, opcode);
    case 0xb0: case 0xb1: case 0xb2: case 0xb3: case 0xb4: case 0xb5: case 0xb6: case 0xb7: {
      const imm = fetchS8();
      if (lock) return undefinedOpcode();
      emit(H.MOV_ri8, reg8((opcode & 7) | ((rex & 1) << 3)), 0, 0, 0, 0, imm);
      return false;
    }
    case 0xc0: case 0xc1: {
      fetchModRM();
      return shiftGroup(opcode & 1 ? osize : 0, 1, fetch8(), opcode);
    }
    case 0xd0: case 0xd1:
      fetchModRM();
      return shiftGroup(opcode & 1 ? osize : 0, 1, 1, opcode);
    case 0xd2: case 0xd3:
      fetchModRM();
      return shiftGroup(opcode & 1 ? osize : 0, 0, 0, opcode);
    case 0xc2: case 0xc3: {
      const imm = opcode == 0xc2 ? fetch16() : 0;
      if (lock) return undefinedOpcode();
      stackSize();
      if (osize == 3) emit(H.RET64, 0, RSP8, 0, 0, 0, imm);
      else if (flatStack()) emit(H.RET32, 0, RSP8, 0, 0, 0, imm);
      else emitCold(H.INTEGER_END, 0xc3, imm);
      return true;
    }
    case 0xc4: case 0xc5:
      if (codeSize == 2) return undefinedOpcode();
      fetchModRM();
      return isReg ? undefinedOpcode() : systemModRM(opcode);
    case 0xc6: return moveImmediate(0);
    case 0xc7: return moveImmediate(osize);
    case 0xc8: {
      const frame = fetch16();
      const level = fetch8();
      if (lock) return undefinedOpcode();
      stackSize();
      emitCold(H.INTEGER, 0xc8, frame).imm2 = <u16>level;
      return false;
    }
    case 0xca: return system(opcode, fetch16());
    case 0xcb: case 0xcc: case 0xcf: case 0xf1: case 0xf4: case 0xfa: case 0xfb: return system(opcode, 0);
    case 0xcd: return system(opcode, fetch8());
    case 0xce: return codeSize == 2 ? undefinedOpcode() : system(opcode, 0);
    case 0xd4: case 0xd5: {
      const imm = fetch8();
      return codeSize == 2 ? undefinedOpcode() : coldPlain(opcode, imm);
    }
    case 0xd7: return coldPlain(opcode | ((segment != 8 ? segment : 3) << 20), 0);
    case 0xe0: case 0xe1: case 0xe2: case 0xe3: return loopBranch(opcode);
    case 0xe4: case 0xe5: case 0xe6: case 0xe7: return system(opcode, fetch8());
    case 0xe8: return call(fetchRelative());
    case 0xe9: return jump(fetchRelative(), opcode);
    case 0xeb: return jump(fetchS8(), opcode);
    case 0xec: case 0xed: case 0xee: case 0xef: return system(opcode, 0);
    case 0xf6: return group3(0, opcode);
    case 0xf7: return group3(osize, opcode);
    case 0xfe:
      fetchModRM();
      return regRaw < 2 ? incDec(0, opcode) : undefinedOpcode();
    case 0xff: return group5();
    default: return undefinedOpcode();
  }
}
