/** Cold integer instructions: which opcode is what. */
import { L, Exit, Fl } from "../../layout";
import { Op, Info, ea } from "../op";
import { R, RAX, RCX, RDX } from "../state";
import { condition, arithFlags, setArith } from "../flags";
import { raiseGP } from "../fault";
import { stopBefore } from "../catch";
import { probeWrite } from "../mem";
import { getReg, setReg, readRm, readRmForWrite, writeRm, signed } from "./operand";
import { aluOpcode, aluGroup, testSized, group3, incDec, incDecRm, multiplyTo, xadd, cmpxchg, cmpxchgPair } from "./arithmetic";
import { shiftGroup, doubleShift } from "./shift";
import { bitOp, bitScan, populationCount, daa, aaa, aam, aad, salc, sahf, lahf } from "./bits";
import { stringOp, xlat } from "./string";
import { pushRegister, popRegister, pushRm, popRm, pusha, popa, enter, leave } from "./stack";
import { push } from "../system/stack";
import { jccFar, jmpNear, callNear, retNear, indirect, loop } from "./branch";

/** An operation inside a block. */
export function execInteger(op: Op): void {
  const info = op.imm;
  if (Info.map(info)) secondMap(op, Info.opcode(info));
  else firstMap(op, Info.opcode(info));
}

function firstMap(op: Op, opcode: i32): void {
  const size = Info.osize(op.imm);
  if (opcode < 0x40 && (opcode & 7) < 6) {
    aluOpcode(op, opcode);
    return;
  }
  switch (opcode) {
    case 0x27: daa(false); break;
    case 0x2f: daa(true); break;
    case 0x37: aaa(false); break;
    case 0x3f: aaa(true); break;
    case 0x40: case 0x41: case 0x42: case 0x43: case 0x44: case 0x45: case 0x46: case 0x47:
      setReg(op.a, size, incDec(size, false, getReg(op.a, size)));
      break;
    case 0x48: case 0x49: case 0x4a: case 0x4b: case 0x4c: case 0x4d: case 0x4e: case 0x4f:
      setReg(op.a, size, incDec(size, true, getReg(op.a, size)));
      break;
    case 0x50: case 0x51: case 0x52: case 0x53: case 0x54: case 0x55: case 0x56: case 0x57: pushRegister(op); break;
    case 0x58: case 0x59: case 0x5a: case 0x5b: case 0x5c: case 0x5d: case 0x5e: case 0x5f: popRegister(op); break;
    case 0x60: pusha(op); break;
    case 0x61: popa(op); break;
    // MOVSXD reads 32 bits whatever the operand size is.
    case 0x63: setReg(op.a, size, readRm(op, 2)); break;
    case 0x68: case 0x6a: push(size, op.imm64); break;
    case 0x69: case 0x6b: multiplyTo(op, size, readRm(op, size), op.imm64); break;
    case 0x80: case 0x81: case 0x82: case 0x83: aluGroup(op, opcode); break;
    case 0x84: testSized(0, readRm(op, 0), getReg(op.a, 0)); break;
    case 0x85: testSized(size, readRm(op, size), getReg(op.a, size)); break;
    case 0x86: case 0x87: {
      const s = opcode & 1 ? size : 0;
      const v = readRmForWrite(op, s);
      const r = getReg(op.a, s);
      writeRm(op, s, r);
      setReg(op.a, s, v);
      break;
    }
    case 0x89: writeRm(op, size, getReg(op.a, size)); break;
    case 0x8b: setReg(op.a, size, readRm(op, size)); break;
    case 0x8d: {
      const asize = Info.asize(op.imm);
      const v = ea(op);
      setReg(op.a, size, asize == 3 ? v : asize == 2 ? <u64><u32>v : <u64><u16>v);
      break;
    }
    case 0x8f: popRm(op); break;
    case 0x90: case 0x91: case 0x92: case 0x93: case 0x94: case 0x95: case 0x96: case 0x97: {
      const v = getReg(RAX, size);
      setReg(RAX, size, getReg(op.a, size));
      setReg(op.a, size, v);
      break;
    }
    case 0x98: setReg(RAX, size, getReg(RAX, size - 1)); break;
    case 0x99: setReg(RDX, size, getReg(RAX, size) >> 63); break;
    case 0x9e: sahf(); break;
    case 0x9f: lahf(); break;
    case 0xa4: case 0xa5: case 0xa6: case 0xa7: case 0xaa: case 0xab: case 0xac: case 0xad: case 0xae: case 0xaf:
      stringOp(op, opcode);
      break;
    case 0xa9: testSized(size, getReg(RAX, size), op.imm64); break;
    case 0xb8: case 0xb9: case 0xba: case 0xbb: case 0xbc: case 0xbd: case 0xbe: case 0xbf:
      setReg(op.a, 1, op.imm64);
      break;
    case 0xc0: case 0xc1: case 0xd0: case 0xd1: case 0xd2: case 0xd3: shiftGroup(op, opcode); break;
    case 0xc7: writeRm(op, size, op.imm64); break;
    case 0xc8: enter(op); break;
    case 0xc9: leave(op); break;
    case 0xd4: aam(<u32>op.imm64); break;
    case 0xd5: aad(<u32>op.imm64); break;
    case 0xd6: salc(); break;
    case 0xd7: xlat(op); break;
    case 0xf5: setArith(arithFlags() ^ 1); break;
    case 0xf6: case 0xf7: group3(op, opcode); break;
    case 0xf8: setArith(arithFlags() & ~1); break;
    case 0xf9: setArith(arithFlags() | 1); break;
    case 0xfc: store<u32>(L.EFLAGS, load<u32>(L.EFLAGS) & ~Fl.DF); break;
    case 0xfd: store<u32>(L.EFLAGS, load<u32>(L.EFLAGS) | Fl.DF); break;
    case 0xfe: incDecRm(op, 0); break;
    case 0xff:
      if (Info.reg(op.imm) == 6) pushRm(op);
      else incDecRm(op, size);
      break;
    default: stopBefore(Exit.UNEMULATED, op.imm);
  }
}

function secondMap(op: Op, opcode: i32): void {
  const size = Info.osize(op.imm);
  if (opcode >= 0x40 && opcode < 0x50) {
    const v = readRm(op, 1);
    if (condition(opcode & 15)) setReg(op.a, 1, v);
    return;
  }
  if (opcode >= 0x90 && opcode < 0xa0) {
    probeWrite(ea(op), 1);
    writeRm(op, 0, condition(opcode & 15) ? 1 : 0);
    return;
  }
  switch (opcode) {
    case 0xa3: bitOp(op, 0, false); break;
    case 0xab: bitOp(op, 1, false); break;
    case 0xb3: bitOp(op, 2, false); break;
    case 0xbb: bitOp(op, 3, false); break;
    case 0xba: bitOp(op, Info.reg(op.imm) & 3, true); break;
    case 0xa4: doubleShift(op, false, false); break;
    case 0xa5: doubleShift(op, false, true); break;
    case 0xac: doubleShift(op, true, false); break;
    case 0xad: doubleShift(op, true, true); break;
    case 0xaf: multiplyTo(op, size, getReg(op.a, size), readRm(op, size)); break;
    case 0xb0: cmpxchg(op, 0); break;
    case 0xb1: cmpxchg(op, size); break;
    case 0xb6: setReg(op.a, 1, readRm(op, 0) & 0xff); break;
    case 0xb7: case 0xbf: setReg(op.a, 1, readRm(op, 1)); break;
    case 0xbe: setReg(op.a, 1, readRm(op, 0)); break;
    case 0xb8: populationCount(op); break;
    case 0xbc: bitScan(op, false); break;
    case 0xbd: bitScan(op, true); break;
    case 0xc0: xadd(op, 0); break;
    case 0xc1: xadd(op, size); break;
    case 0xc7: cmpxchgPair(op); break;
    // BSWAP of a 16-bit register: undefined in the manuals; the processor clears it.
    case 0xc8: setReg(op.a, 1, 0); break;
    default: stopBefore(Exit.UNEMULATED, op.imm);
  }
}

/** An operation that ends its block: RIP is that of the next instruction already. */
export function execIntegerEnd(op: Op): void {
  const info = op.imm;
  const opcode = Info.opcode(info);
  if (Info.map(info) == 3) {
    // Longer than 15 bytes, or beyond the code segment's limit.
    raiseGP(0);
    return;
  }
  if (Info.map(info) == 1 || (opcode >= 0x70 && opcode < 0x80)) {
    jccFar(op, opcode);
    return;
  }
  switch (opcode) {
    case 0xa4: case 0xa5: case 0xa6: case 0xa7: case 0xaa: case 0xab: case 0xac: case 0xad: case 0xae: case 0xaf:
      stringOp(op, opcode);
      break;
    case 0xc3: retNear(op); break;
    case 0xe0: case 0xe1: case 0xe2: case 0xe3: loop(op, opcode); break;
    case 0xe8: callNear(op); break;
    case 0xe9: case 0xeb: jmpNear(op); break;
    case 0xff: indirect(op); break;
    default: stopBefore(Exit.UNEMULATED, info);
  }
}
