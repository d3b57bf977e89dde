/** ADD to CMP and TEST: hot where operands are 8, 32 or 64 bits wide. */
import { L } from "../layout";
import { H } from "./handlers.gen";
import { osize, lock, fetchZ, fetchS8, emit, emitCold, setFusible } from "./decode";
import { isReg, rm, reg, fetchModRM, prepareMemory, fillMemory, regOf } from "./decode-operand";
import { coldInteger, undefinedOpcode } from "./decode-cold";

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
export function alu(op: u32, form: u32, opcode: u32): bool {
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
export function aluImmediate(op: u32, size: u32, imm: i32, opcode: u32, accumulator: bool): bool {
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
export function fetchImmediate(size: u32): i32 {
  return size == 0 ? fetchS8() : fetchZ();
}

export function testForms(size: u32, opcode: u32): bool {
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
export function testImmediate(size: u32, accumulator: bool, opcode: u32): bool {
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
