/** One-byte opcodes (SDM vol. 2, table A-2). */
import { L } from "../layout";
import { H } from "./handlers.gen";
import { codeSize, osize, rex, rep, lock, segment, setOsize, fetch8, fetch16, fetch32, fetchZ, fetchS8, emit, emitCold, instructionLength } from "./decode";
import { isReg, modrm, rm, reg, regRaw, fetchModRM, prepareMemory, fillMemory, reg8, adjustForPop } from "./decode-operand";
import { decodeMap1 } from "./decode-map1";
import { system, UNCHECKED, coldInteger, coldModRM, coldPlain, modrmInfo, systemModRM, undefinedOpcode } from "./decode-cold";
import { alu, aluImmediate, fetchImmediate, testForms, testImmediate } from "./decode-alu";
import { call, conditionalBranch, fetchRelative, jump, loopBranch } from "./decode-branches";
import { exchange, flatStack, lea, moffs, moveForms, moveImmediate, moveRegisterImmediate, pushImmediate, pushPopRegister, stackSize } from "./decode-moves";
import { x87Access } from "./x87/x87";

const RSP8: u32 = 32;

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
