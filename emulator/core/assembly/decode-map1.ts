/** Opcodes behind 0F, 0F38 and 0F3A (SDM vol. 2, tables ). */
import { L } from "../layout";
import { H } from "./handlers.gen";
import { codeSize, osize, rep, has66, lock, rex, fetch8, fetch16, fetch32, emit, emitCold, setOsize } from "./decode";
import { isReg, reg, rm, regRaw, fetchModRM, prepareMemory, prepareCold, fillMemory, reg8, regOf } from "./decode-operand";
import { conditionalBranch } from "./decode-branches";
import { undefinedOpcode, coldModRM, UNCHECKED, coldInteger, systemModRM, modrmInfo } from "./decode-cold";
import { storeHandler } from "./decode-moves";
import { sseAccess, sseExists } from "./sse/sse";

function system(opcode: u32): bool {
  if (lock) return undefinedOpcode();
  emitCold(H.SYSTEM, 0x100 | opcode, 0);
  return true;
}

/** MMX and SSE forms; `map` 1, 2 or 3. */
function vector(map: u32, opcode: u32, hasImmediate: bool): bool {
  fetchModRM();
  const imm = hasImmediate ? fetch8() : 0;
  const prefix = rep ? rep : has66 ? 1 : 0;
  const info =
    opcode | (map << 8) | (prefix << 10) | modrmInfo() | (rex & 8 ? 0x2000 : 0) | (osize << 16) | (has66 ? 0x20000000 : 0) |
    (codeSize == 2 ? 0x40000000 : 0);
  if (lock || !sseExists(info)) return undefinedOpcode();
  coldModRM(H.SSE, opcode | (map << 8), imm, sseAccess(info));
  return false;
}

function bitTest(opcode: u32): bool {
  fetchModRM();
  if (lock && (isReg || opcode == 0xa3)) return undefinedOpcode();
  if (isReg && osize >= 2 && opcode == 0xa3) {
    emit(osize == 3 ? H.BT_rr64 : H.BT_rr32, rm << 3, reg << 3, 0, 0, 0, 0);
    return false;
  }
  // The bit offset moves the address before its segment is checked.
  coldModRM(H.INTEGER, 0x100 | opcode, 0, UNCHECKED);
  return false;
}
function bitTestImmediate(): bool {
  fetchModRM();
  const imm = fetch8();
  if (regRaw < 4 || (lock && (isReg || regRaw == 4))) return undefinedOpcode();
  if (isReg && osize >= 2 && regRaw == 4) {
    emit(osize == 3 ? H.BT_ri64 : H.BT_ri32, rm << 3, 0, 0, 0, 0, imm & (osize == 3 ? 63 : 31));
    return false;
  }
  coldInteger(H.INTEGER, 0x1ba, osize, imm, regRaw != 4);
  return false;
}

function conditionalMove(c: u32): bool {
  fetchModRM();
  if (lock) return undefinedOpcode();
  if (osize == 1) {
    coldInteger(H.INTEGER, 0x140 | c, 1, 0, false);
    return false;
  }
  if (isReg) emit((osize == 3 ? H.CMOV0_rr64 : H.CMOV0_rr32) + c, reg << 3, rm << 3, L.REG_ZERO, 0, 0, 0);
  else {
    prepareMemory(1 << osize, false);
    fillMemory(emit(osize == 3 ? H.CMOV_rm64 : H.CMOV_rm32, reg << 3, 0, 0, 0, 0, c));
  }
  return false;
}

function extend(opcode: u32): bool {
  fetchModRM();
  if (lock) return undefinedOpcode();
  const from = opcode & 1;
  const signed = opcode >= 0xbe;
  if (osize == 1) {
    coldInteger(H.INTEGER, 0x100 | opcode, from, 0, false).a = <u8>(reg << 3);
    return false;
  }
  let h: u32;
  if (!signed) h = from ? H.MOVZX_r16 : H.MOVZX_r8;
  else if (osize == 2) h = from ? H.MOVSX_r16_32 : H.MOVSX_r8_32;
  else h = from ? H.MOVSX_r16_64 : H.MOVSX_r8_64;
  if (isReg) emit(h, reg << 3, regOf(rm, from), L.REG_ZERO, 0, 0, 0);
  else {
    prepareMemory(1 << from, false);
    // The memory form's number follows the register form's.
    fillMemory(emit(h + 1, reg << 3, 0, 0, 0, 0, 0));
  }
  return false;
}

/** Hints and multi-byte NOPs: an address is decoded but not used. */
function hint(): bool {
  fetchModRM();
  if (lock) return undefinedOpcode();
  emit(H.NOP, 0, 0, 0, 0, 0, 0);
  return false;
}

function group9(): bool {
  fetchModRM();
  if (regRaw == 1 && !isReg) {
    const size = osize == 3 ? 4 : 3;
    prepareCold(1 << size, true);
    const op = emitCold(H.INTEGER, 0x1c7 | modrmInfo(), 0);
    fillMemory(op);
    return false;
  }
  if (lock) return undefinedOpcode();
  if (isReg && regRaw >= 6) return systemModRM(0x1c7);
  return undefinedOpcode();
}

function map38(): bool {
  const opcode = fetch8();
  if (opcode == 0x82) {
    fetchModRM();
    return isReg || !has66 || rep ? undefinedOpcode() : systemModRM(0x282);
  }
  return vector(2, opcode, false);
}

export function decodeMap1(): bool {
  const opcode = fetch8();
  if (opcode >= 0x80 && opcode < 0x90) {
    return conditionalBranch(opcode & 15, osize == 1 ? <i32><i16>fetch16() : <i32>fetch32(), 0x100 | opcode);
  }
  if (opcode >= 0x40 && opcode < 0x50) return conditionalMove(opcode & 15);
  if (opcode >= 0x90 && opcode < 0xa0) {
    fetchModRM();
    if (lock) return undefinedOpcode();
    if (isReg) emit(H.SETCC0_r + (opcode & 15), reg8(rm), 0, 0, 0, 0, 0);
    else coldInteger(H.INTEGER, 0x100 | opcode, 0, 0, true);
    return false;
  }
  if (opcode >= 0xc8 && opcode < 0xd0) {
    if (lock) return undefinedOpcode();
    const r = ((opcode & 7) | ((rex & 1) << 3)) << 3;
    if (osize >= 2) emit(osize == 3 ? H.BSWAP64 : H.BSWAP32, r, 0, 0, 0, 0, 0);
    else emitCold(H.INTEGER, 0x1c8, 0).a = <u8>r;
    return false;
  }
  switch (opcode) {
    case 0x00: case 0x01: case 0x02: case 0x03:
      fetchModRM();
      return systemModRM(0x100 | opcode);
    case 0x05: case 0x06: case 0x07: case 0x08: case 0x09: case 0x0b:
    case 0x30: case 0x32: case 0x33: case 0x34: case 0x35:
    case 0xa2: case 0xaa:
      return system(opcode);
    case 0x31:
      if (lock) return undefinedOpcode();
      emit(H.RDTSC, 0, 0, 0, 0, 0, 0);
      return false;
    case 0xa0: case 0xa1: case 0xa8: case 0xa9:
      if (codeSize == 2 && osize == 2) setOsize(3);
      return system(opcode);
    case 0x0d:
      fetchModRM();
      if (isReg || lock) return undefinedOpcode();
      emit(H.NOP, 0, 0, 0, 0, 0, 0);
      return false;
    case 0x18:
    case 0x19: case 0x1a: case 0x1b: case 0x1c: case 0x1d: case 0x1e: case 0x1f:
      return hint();
    case 0x20: case 0x21: case 0x22: case 0x23: {
      // ModRM.mod is ignored: always registers, no displacement. LOCK MOV CR0 is CR8 on AMD outside 64-bit mode.
      const b = fetch8();
      const altCr8 = lock && (opcode == 0x20 || opcode == 0x22);
      if (lock && !altCr8) return undefinedOpcode();
      let r = ((b >> 3) & 7) | ((rex & 4) << 1);
      if (altCr8) r |= 8;
      const op = emitCold(H.SYSTEM, 0x1100 | opcode | (((b >> 3) & 7) << 23) | ((b & 7) << 26), 0);
      op.a = <u8>(r << 3);
      op.b = <u8>(((b & 7) | ((rex & 1) << 3)) << 3);
      return true;
    }
    case 0x38: return map38();
    case 0x3a: {
      const third = fetch8();
      return vector(3, third, true);
    }
    case 0x77: {
      if (lock || has66 || rep) return undefinedOpcode();
      emitCold(H.SSE, 0x177, 0);
      return false;
    }
    case 0xa3: case 0xab: case 0xb3: case 0xbb: return bitTest(opcode);
    case 0xba: return bitTestImmediate();
    case 0xa4: case 0xac: {
      fetchModRM();
      const imm = fetch8();
      if (lock) return undefinedOpcode();
      coldInteger(H.INTEGER, 0x100 | opcode, osize, imm, true);
      return false;
    }
    case 0xa5: case 0xad:
      fetchModRM();
      if (lock) return undefinedOpcode();
      coldInteger(H.INTEGER, 0x100 | opcode, osize, 0, true);
      return false;
    case 0xae:
      fetchModRM();
      return systemModRM(0x1ae);
    case 0xaf:
      fetchModRM();
      if (lock) return undefinedOpcode();
      if (osize == 1) coldInteger(H.INTEGER, 0x1af, 1, 0, false);
      else if (isReg) emit(osize == 3 ? H.IMUL_rr64 : H.IMUL_rr32, reg << 3, rm << 3, 0, 0, 0, 0);
      else {
        prepareMemory(1 << osize, false);
        fillMemory(emit(osize == 3 ? H.IMUL_rm64 : H.IMUL_rm32, reg << 3, 0, 0, 0, 0, 0));
      }
      return false;
    case 0xb0: case 0xb1: case 0xc0: case 0xc1: {
      fetchModRM();
      if (lock && isReg) return undefinedOpcode();
      coldInteger(H.INTEGER, 0x100 | opcode, opcode & 1 ? osize : 0, 0, true);
      return false;
    }
    case 0xb2: case 0xb4: case 0xb5:
      fetchModRM();
      return isReg ? undefinedOpcode() : systemModRM(0x100 | opcode);
    case 0xb6: case 0xb7: case 0xbe: case 0xbf: return extend(opcode);
    case 0xb8:
      fetchModRM();
      if (rep != 2 || lock) return undefinedOpcode();
      coldInteger(H.INTEGER, 0x1b8, osize, 0, false);
      return false;
    case 0xb9: case 0xff:
      fetchModRM();
      return undefinedOpcode();
    case 0xbc: case 0xbd:
      fetchModRM();
      if (lock) return undefinedOpcode();
      coldInteger(H.INTEGER, 0x100 | opcode, osize, 0, false);
      return false;
    case 0xc3:
      fetchModRM();
      if (isReg || lock || has66 || rep) return undefinedOpcode();
      // MOVNTI: 32 bits in 16-bit code, too.
      prepareMemory(osize == 3 ? 8 : 4, true);
      fillMemory(emit(storeHandler(osize == 3 ? 3 : 2), reg << 3, 0, 0, 0, 0, 0));
      return false;
    case 0xc7: return group9();
    case 0x70: case 0x71: case 0x72: case 0x73: case 0xc2: case 0xc4: case 0xc5: case 0xc6:
      return vector(1, opcode, true);
    default:
      if ((opcode >= 0x10 && opcode < 0x18) || (opcode >= 0x28 && opcode < 0x30) || (opcode >= 0x50 && opcode < 0x80) || opcode >= 0xd0) {
        return vector(1, opcode, false);
      }
      return undefinedOpcode();
  }
}
