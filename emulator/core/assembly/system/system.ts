/** System instructions: which function does what. Everything here ends a block. */
import { L, Vec } from "../../layout";
import { raise, raiseGP, raiseUD } from "../fault";
import { getOF } from "../flags";
import { ldc } from "../mem";
import { Info, Op, ea } from "../op";
import { R32, RDX, RSP, R, W16, W32, W, cpl, isCode64 } from "../state";
import {
  accessSegmentBase, clearTaskSwitched, loadStatusWord, readControlRegister, readXcr, storeStatusWord, writeControlRegister, writeXcr,
} from "./control-registers";
import { execCpuid } from "./cpuid";
import { readDebugRegister, writeDebugRegister } from "./debug-registers";
import { execFarDirect, execFarIndirect, execFarReturn } from "./far";
import { execSwapgs, execSyscall, execSysenter, execSysexit, execSysret } from "./fastcall";
import { castShadow, execCli, execPopf, execPushf, execSti, setAlignmentCheck } from "./flag-control";
import { execFxrstor, execFxsave, execLdmxcsr, execStmxcsr, execXrstor, execXsave } from "./fpstate";
import { halt, icebreakpoint, softwareInterrupt, trap } from "./interrupt";
import { execIn, execOut, execString } from "./io";
import { execIret } from "./iret";
import { execRdmsr, execRdtsc, execWrmsr } from "./msr";
import { loadSized, readReg, readRm16, stackSize, writeReg, writeRm16 } from "./operand";
import { execRandom } from "./random";
import { loadSegment, selectorOf } from "./segments";
import { peek, push, stackMask } from "./stack";
import { execArpl, execLar, execLldt, execLsl, execLtr, execVerify, loadTable, storeSelector, storeTable } from "./tables";
import { execInvlpg, execInvpcid } from "./tlb-control";

export function execSystem(op: Op): void {
  const info = op.imm;
  const opcode = Info.opcode(info);
  switch (Info.map(info)) {
    case 0: oneByte(op, opcode); return;
    case 1: twoByte(op, opcode); return;
  }
  if (Info.map(info) == 2 && opcode == 0x82) execInvpcid(op);
  else raiseUD();
}

function requirePrivilege(): void {
  if (cpl() != 0) raiseGP(0);
}

function oneByte(op: Op, opcode: i32): void {
  switch (opcode) {
    case 0x06: pushSegment(op, 0); return;
    case 0x0e: pushSegment(op, 1); return;
    case 0x16: pushSegment(op, 2); return;
    case 0x1e: pushSegment(op, 3); return;
    case 0x07: popSegment(op, 0); return;
    case 0x17: popSegment(op, 2); return;
    case 0x1f: popSegment(op, 3); return;
    case 0x62: execBound(op); return;
    case 0x63: execArpl(op); return;
    case 0x6c: case 0x6d: execString(op, true); return;
    case 0x6e: case 0x6f: execString(op, false); return;
    case 0x8c: storeSegment(op); return;
    case 0x8e: moveToSegment(op); return;
    case 0x9a: execFarDirect(op, true); return;
    case 0xea: execFarDirect(op, false); return;
    case 0x9c: execPushf(op); return;
    case 0x9d: execPopf(op); return;
    case 0xc4: loadFarPointer(op, 0); return;
    case 0xc5: loadFarPointer(op, 3); return;
    case 0xca: execFarReturn(op, <u32>op.imm64 & 0xffff); return;
    case 0xcb: execFarReturn(op, 0); return;
    case 0xcc: trap(Vec.BP); return;
    case 0xcd: softwareInterrupt(<u32>op.imm64 & 0xff); return;
    case 0xce: if (getOF()) trap(Vec.OF); return;
    case 0xcf: execIret(op); return;
    case 0xe4: case 0xe5: execIn(op, <u32>op.imm64 & 0xff); return;
    case 0xe6: case 0xe7: execOut(op, <u32>op.imm64 & 0xff); return;
    case 0xec: case 0xed: execIn(op, R32(RDX) & 0xffff); return;
    case 0xee: case 0xef: execOut(op, R32(RDX) & 0xffff); return;
    case 0xf1: icebreakpoint(); return;
    case 0xf4: requirePrivilege(); halt(); return;
    case 0xfa: execCli(); return;
    case 0xfb: execSti(op); return;
    case 0xff: execFarIndirect(op, Info.reg(op.imm) == 3); return;
  }
  raiseUD();
}

function twoByte(op: Op, opcode: i32): void {
  switch (opcode) {
    case 0x00: group6(op); return;
    case 0x01: if (Info.isReg(op.imm)) group7Register(op); else group7Memory(op); return;
    case 0x02: execLar(op); return;
    case 0x03: execLsl(op); return;
    case 0x05: execSyscall(); return;
    case 0x06: clearTaskSwitched(); return;
    case 0x07: execSysret(op); return;
    // INVD and WBINVD: there are no caches to lose.
    case 0x08: case 0x09: requirePrivilege(); return;
    case 0x20: readControlRegister(op); return;
    case 0x21: readDebugRegister(op); return;
    case 0x22: writeControlRegister(op); return;
    case 0x23: writeDebugRegister(op); return;
    case 0x30: execWrmsr(); return;
    case 0x32: execRdmsr(); return;
    // RDPMC: there are no counters.
    case 0x33: raiseGP(0); return;
    case 0x34: execSysenter(); return;
    case 0x35: execSysexit(); return;
    case 0xa0: pushSegment(op, 4); return;
    case 0xa1: popSegment(op, 4); return;
    case 0xa2: execCpuid(); return;
    case 0xa8: pushSegment(op, 5); return;
    case 0xa9: popSegment(op, 5); return;
    case 0xae: if (Info.isReg(op.imm)) group15Register(op); else group15Memory(op); return;
    case 0xb2: loadFarPointer(op, 2); return;
    case 0xb4: loadFarPointer(op, 4); return;
    case 0xb5: loadFarPointer(op, 5); return;
    case 0xc7: if (Info.prefix(op.imm) >= 2) raiseUD(); execRandom(op); return;
  }
  // RSM outside system management mode, UD0, UD1, UD2, and what the decoder found undefined.
  raiseUD();
}

// ---------------------------------------------------------------- groups
function group6(op: Op): void {
  switch (Info.reg(op.imm)) {
    case 0: storeSelector(op, 6); return;
    case 1: storeSelector(op, 7); return;
    case 2: execLldt(op); return;
    case 3: execLtr(op); return;
    case 4: execVerify(op, false); return;
    case 5: execVerify(op, true); return;
  }
  raiseUD();
}

function group7Memory(op: Op): void {
  switch (Info.reg(op.imm)) {
    case 0: storeTable(op, L.GDTR_BASE, L.GDTR_LIMIT); return;
    case 1: storeTable(op, L.IDTR_BASE, L.IDTR_LIMIT); return;
    case 2: loadTable(op, L.GDTR_BASE, L.GDTR_LIMIT); return;
    case 3: loadTable(op, L.IDTR_BASE, L.IDTR_LIMIT); return;
    case 4: storeStatusWord(op); return;
    case 6: loadStatusWord(op); return;
    case 7: execInvlpg(op); return;
  }
  raiseUD();
}

function group7Register(op: Op): void {
  const reg = Info.reg(op.imm);
  if (reg == 4) {
    storeStatusWord(op);
    return;
  }
  if (reg == 6) {
    loadStatusWord(op);
    return;
  }
  if (Info.prefix(op.imm) == 0) {
    switch ((reg << 3) | Info.rm(op.imm)) {
      case 0x0a: case 0x0b:
        if (cpl() != 0) raiseUD();
        setAlignmentCheck(Info.rm(op.imm) == 3);
        return;
      case 0x10: readXcr(); return;
      case 0x11: writeXcr(); return;
    }
  }
  switch ((reg << 3) | Info.rm(op.imm)) {
    case 0x38: execSwapgs(); return;
    case 0x39: execRdtsc(true); return;
  }
  raiseUD();
}

function group15Memory(op: Op): void {
  const reg = Info.reg(op.imm);
  const prefix = Info.prefix(op.imm);
  if (prefix == 0) {
    switch (reg) {
      case 0: execFxsave(op); return;
      case 1: execFxrstor(op); return;
      case 2: execLdmxcsr(op); return;
      case 3: execStmxcsr(op); return;
      case 4: execXsave(op); return;
      case 5: execXrstor(op); return;
      // CLFLUSH: checked like a load of the byte.
      case 7: ldc<u8>(ea(op)); return;
    }
  }
  raiseUD();
}

function group15Register(op: Op): void {
  const reg = Info.reg(op.imm);
  const prefix = Info.prefix(op.imm);
  if (prefix == 2 && reg < 4) {
    accessSegmentBase(op, reg);
    return;
  }
  // LFENCE, MFENCE, SFENCE: everything is in order anyway.
  if (prefix != 0 || reg < 5) raiseUD();
}

// ---------------------------------------------------------------- segment registers
function pushSegment(op: Op, index: u32): void {
  push(stackSize(op.imm), <u64>selectorOf(index));
}
function popSegment(op: Op, index: u32): void {
  const size = stackSize(op.imm);
  const selector = <u32>peek(size, 0) & 0xffff;
  // POP SS moves the stack pointer in the width of the old stack.
  const mask = stackMask();
  loadSegment(index, selector);
  const sp = R(RSP) + (<u64>1 << size);
  if (mask == 0xffff) W16(RSP, <u16>sp);
  else if (mask == 0xffffffff) W32(RSP, <u32>sp);
  else W(RSP, sp);
  if (index == 2) castShadow(op);
}
function storeSegment(op: Op): void {
  const index = <u32>Info.reg(op.imm);
  if (index > 5) raiseUD();
  writeRm16(op, selectorOf(index));
}
function moveToSegment(op: Op): void {
  const index = <u32>Info.reg(op.imm);
  if (index > 5 || index == 1) raiseUD();
  loadSegment(index, readRm16(op));
  if (index == 2) castShadow(op);
}
/** LES, LDS, LSS, LFS, LGS: the offset has 32 bits at most, as on AMD. */
function loadFarPointer(op: Op, index: u32): void {
  const size = min<u32>(Info.osize(op.imm), 2);
  const lin = ea(op);
  const offset = loadSized(lin, size);
  const next = lin + (<u64>1 << size);
  loadSegment(index, <u32>ldc<u16>(isCode64() ? next : <u64><u32>next));
  writeReg(op.a, size, offset);
}

function execBound(op: Op): void {
  const size = <u32>Info.osize(op.imm);
  const lin = ea(op);
  const next = <u64><u32>(lin + (1 << size));
  let low: i32, high: i32, value: i32;
  if (size == 1) {
    low = <i32><i16>ldc<u16>(lin);
    high = <i32><i16>ldc<u16>(next);
    value = <i32><i16>readReg(op.a, 1);
  } else {
    low = <i32>ldc<u32>(lin);
    high = <i32>ldc<u32>(next);
    value = <i32>readReg(op.a, 2);
  }
  if (value < low || value > high) raise(Vec.BR);
}
