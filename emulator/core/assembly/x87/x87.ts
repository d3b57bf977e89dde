/**
 * The floating-point instructions D8…DF and FWAIT: which of them exist, when they may run, and what they note about
 * themselves. SDM vol. 1, 8.1 and 8.3; vol. 2, B.17.
 */
import { L, Vec } from "../../layout";
import { raise, raiseUD } from "../fault";
import { Op, Info, ea } from "../op";
import { opRip, isCode64 } from "../state";
import { Sw, begin, statusWord, fpuInit, x87TagWord, x87SetTagWord } from "./registers";
import { environmentSize, saveSize } from "./environment";
import { execMemoryForm } from "./memory-forms";
import { execRegisterForm } from "./register-forms";

export { fpuInit, x87TagWord, x87SetTagWord };

/** CR0 bits. */
const enum Cr0 {
  MP = 2,
  EM = 4,
  TS = 8,
  NE = 0x20,
}

/** In what `x87Access` returns: the operand is written. */
const WRITE = 0x100;

/** Bytes of the memory operand of an instruction D8…DF, with 0x100 when it is written. 0 for undefined ones. */
export function x87Access(info: i32): i32 {
  const reg = Info.reg(info);
  const wide = Info.osize(info) != 1;
  switch (Info.opcode(info) & 7) {
    case 0:
    case 2:
      return 4;
    case 4:
      return 8;
    case 6:
      return 2;
    case 1:
      switch (reg) {
        case 0: return 4;
        case 2:
        case 3: return 4 | WRITE;
        case 4: return environmentSize(wide);
        case 5: return 2;
        case 6: return environmentSize(wide) | WRITE;
        case 7: return 2 | WRITE;
        default: return 0;
      }
    case 3:
      switch (reg) {
        case 0: return 4;
        case 1:
        case 2:
        case 3: return 4 | WRITE;
        case 5: return 10;
        case 7: return 10 | WRITE;
        default: return 0;
      }
    case 5:
      switch (reg) {
        case 0: return 8;
        case 1:
        case 2:
        case 3: return 8 | WRITE;
        case 4: return saveSize(wide);
        case 6: return saveSize(wide) | WRITE;
        case 7: return 2 | WRITE;
        default: return 0;
      }
    default:
      switch (reg) {
        case 0: return 2;
        case 1:
        case 2:
        case 3: return 2 | WRITE;
        case 4: return 10;
        case 5: return 8;
        case 6: return 10 | WRITE;
        default: return 8 | WRITE;
      }
  }
}

/** Whether the register form exists. */
function isDefined(opcode: i32, reg: i32, rm: i32): bool {
  switch (opcode) {
    case 1:
      if (reg == 2) return rm == 0;
      if (reg == 4) return rm == 0 || rm == 1 || rm == 4 || rm == 5;
      return reg != 5 || rm != 7;
    case 2: return reg < 4 || (reg == 5 && rm == 1);
    case 3: return reg == 4 ? rm < 5 : reg != 7;
    case 5: return reg < 6;
    case 6: return reg != 3 || rm == 1;
    case 7: return reg == 4 ? rm == 0 : reg != 7;
    default: return true;
  }
}

/** Raises #MF for an exception that an earlier instruction left pending, when CR0.NE asks for it. */
function deliverPending(): void {
  if (statusWord() & Sw.ES && load<u64>(L.CR0) & Cr0.NE) raise(Vec.MF);
}

/** FNCLEX, FNINIT, FNSTENV, FNSAVE, FNSTCW, FNSTSW, and the 8087's and 287's mode instructions do not wait. */
function isNonWaiting(opcode: i32, reg: i32, isReg: bool): bool {
  if (isReg) return (opcode == 3 || opcode == 7) && reg == 4;
  if (opcode == 1) return reg >= 6;
  return opcode == 5 && reg >= 6;
}

/** Control instructions leave the pointers to the last non-control one. */
function isControl(opcode: i32, reg: i32, isReg: bool): bool {
  if (isReg) return (opcode == 3 || opcode == 7) && reg == 4;
  return (opcode == 1 || opcode == 5) && reg >= 4;
}

/** Raises what comes before an instruction D8…DF looks at its operand: #UD, #NM, or #MF for a pending exception. */
export function checkX87Ready(info: i32): void {
  const opcode = Info.opcode(info) & 7;
  const reg = Info.reg(info);
  const isReg = Info.isReg(info);
  if (isReg ? !isDefined(opcode, reg, Info.rm(info)) : x87Access(info) == 0) raiseUD();
  if (load<u32>(L.CR0) & (Cr0.EM | Cr0.TS)) raise(Vec.NM);
  if (!isNonWaiting(opcode, reg, isReg)) deliverPending();
}

export function execX87(op: Op): void {
  const info = op.imm;
  const cr0 = <u32>load<u64>(L.CR0);
  if (Info.opcode(info) == 0x9b) {
    if ((cr0 & (Cr0.MP | Cr0.TS)) == (Cr0.MP | Cr0.TS)) raise(Vec.NM);
    deliverPending();
    return;
  }
  const opcode = Info.opcode(info) & 7;
  const reg = Info.reg(info);
  const isReg = Info.isReg(info);
  checkX87Ready(info);
  begin();
  if (isReg) execRegisterForm(opcode, reg, Info.rm(info));
  else execMemoryForm(opcode, reg, ea(op), Info.osize(info) != 1);
  if (!isControl(opcode, reg, isReg)) notePointers(op);
}

/** Where the last non-control instruction and its operand lay, as offsets in their segments. */
function notePointers(op: Op): void {
  const info = op.imm;
  store<u64>(L.FPU_IP, opRip(op));
  store<u32>(L.FPU_CS, load<u16>(L.SEG_CS + L.SEG_SELECTOR));
  // Bits 6 and 7 of ModRM come with the immediate.
  const modrm = Info.isReg(info) ? 0xc0 : <i32>op.imm64 & 0xc0;
  store<u32>(L.FPU_OPCODE, ((Info.opcode(info) & 7) << 8) | modrm | (Info.reg(info) << 3) | Info.rm(info));
  if (Info.isReg(info)) return;
  const segment: usize = L.SEG + <usize>Info.segment(info) * L.SEG_SIZE;
  const offset = ea(op) - load<u64>(segment, L.SEG_BASE);
  store<u64>(L.FPU_DP, isCode64() ? offset : offset & 0xffffffff);
  store<u32>(L.FPU_DS, load<u16>(segment, L.SEG_SELECTOR));
}
