/** Saving and restoring x87 and SSE state: FXSAVE, FXRSTOR, XSAVE, XRSTOR, MXCSR (SDM vol. 1, 10.5 and chapter 13). */
import { L, Vec } from "../../layout";
import { raise, raiseGP, raiseUD } from "../fault";
import { checkOperand, ldc, probeRead, probeWrite, stc } from "../mem";
import { Info, Op, ea } from "../op";
import { R, RAX, RDX, isCode64 } from "../state";
import { Sw, updateSummary } from "../x87/registers";
import { Cr0, Cr4 } from "./mode";

const MXCSR_MASK: u32 = 0xffff;
const X87: u64 = 1;
const SSE: u64 = 2;

function at(lin: u64, offset: u64): u64 {
  return isCode64() ? lin + offset : <u64><u32>(lin + offset);
}
function requireFpu(mask: u64): void {
  if (load<u64>(L.CR0) & mask) raise(Vec.NM);
}
function top(): u32 {
  return (load<u32>(L.FPU_SW) >> 11) & 7;
}

// ---------------------------------------------------------------- the parts of the legacy area
/** AMD's processors give the pointers of the last instruction away only while an unmasked exception waits; else zeros. */
function saveX87(lin: u64, wide: bool): void {
  const pending = (load<u32>(L.FPU_SW) & Sw.ES) != 0;
  stc<u16>(lin, <u16>load<u32>(L.FPU_CW));
  stc<u16>(at(lin, 2), <u16>load<u32>(L.FPU_SW));
  stc<u16>(at(lin, 4), <u16>(load<u32>(L.FPU_TAG) & 0xff));
  stc<u16>(at(lin, 6), pending ? <u16>load<u32>(L.FPU_OPCODE) : 0);
  if (!pending) {
    stc<u64>(at(lin, 8), 0);
    stc<u64>(at(lin, 16), 0);
  } else if (wide) {
    stc<u64>(at(lin, 8), load<u64>(L.FPU_IP));
    stc<u64>(at(lin, 16), load<u64>(L.FPU_DP));
  } else {
    stc<u32>(at(lin, 8), <u32>load<u64>(L.FPU_IP));
    stc<u32>(at(lin, 12), load<u32>(L.FPU_CS) & 0xffff);
    stc<u32>(at(lin, 16), <u32>load<u64>(L.FPU_DP));
    stc<u32>(at(lin, 20), load<u32>(L.FPU_DS) & 0xffff);
  }
  for (let i: u32 = 0; i < 8; i++) {
    const r = L.FPU_REGS + ((top() + i) & 7) * 16;
    stc<u64>(at(lin, 32 + i * 16), load<u64>(r));
    stc<u64>(at(lin, 40 + i * 16), <u64>load<u16>(r + 8));
  }
}
function restoreX87(lin: u64, wide: bool): void {
  // FCW bit 6 reads as 1, the reserved bits as 0.
  store<u32>(L.FPU_CW, ((<u32>ldc<u16>(lin) & 0x1f3f) | 0x40));
  store<u32>(L.FPU_SW, <u32>ldc<u16>(at(lin, 2)));
  store<u32>(L.FPU_TAG, <u32>ldc<u16>(at(lin, 4)) & 0xff);
  store<u32>(L.FPU_OPCODE, <u32>ldc<u16>(at(lin, 6)) & 0x7ff);
  if (wide) {
    // 48 bits are kept, and read back sign-extended.
    store<u64>(L.FPU_IP, <u64>(<i64>(ldc<u64>(at(lin, 8)) << 16) >> 16));
    store<u64>(L.FPU_DP, <u64>(<i64>(ldc<u64>(at(lin, 16)) << 16) >> 16));
    store<u32>(L.FPU_CS, 0);
    store<u32>(L.FPU_DS, 0);
  } else {
    store<u64>(L.FPU_IP, <u64>ldc<u32>(at(lin, 8)));
    store<u32>(L.FPU_CS, <u32>ldc<u16>(at(lin, 12)));
    store<u64>(L.FPU_DP, <u64>ldc<u32>(at(lin, 16)));
    store<u32>(L.FPU_DS, <u32>ldc<u16>(at(lin, 20)));
  }
  for (let i: u32 = 0; i < 8; i++) {
    const r = L.FPU_REGS + ((top() + i) & 7) * 16;
    store<u64>(r, ldc<u64>(at(lin, 32 + i * 16)));
    store<u16>(r + 8, ldc<u16>(at(lin, 40 + i * 16)));
  }
  updateSummary();
}
function resetX87(): void {
  memory.fill(L.FPU_REGS, 0, 128);
  store<u32>(L.FPU_CW, 0x37f);
  store<u32>(L.FPU_SW, 0);
  store<u32>(L.FPU_TAG, 0);
  store<u32>(L.FPU_OPCODE, 0);
  store<u64>(L.FPU_IP, 0);
  store<u64>(L.FPU_DP, 0);
  store<u32>(L.FPU_CS, 0);
  store<u32>(L.FPU_DS, 0);
}
function xmmCount(): u32 {
  return isCode64() ? 16 : 8;
}
function saveXmm(lin: u64): void {
  for (let i: u32 = 0; i < xmmCount() * 2; i++) stc<u64>(at(lin, 160 + i * 8), load<u64>(L.XMM + i * 8));
}
function restoreXmm(lin: u64): void {
  for (let i: u32 = 0; i < xmmCount() * 2; i++) store<u64>(L.XMM + i * 8, ldc<u64>(at(lin, 160 + i * 8)));
}
function saveControl(lin: u64): void {
  stc<u32>(at(lin, 24), load<u32>(L.MXCSR));
  stc<u32>(at(lin, 28), MXCSR_MASK);
}
function checkedMxcsr(lin: u64): u32 {
  const v = ldc<u32>(lin);
  if (v & ~MXCSR_MASK) raiseGP(0);
  return v;
}

// ---------------------------------------------------------------- FXSAVE, FXRSTOR
/** Where alignment is checked, addresses that are no multiple of 4 are #AC, others that are none of 16 #GP (AMD). */
function checkFxArea(lin: u64): void {
  checkOperand(lin, 512, 4);
  if (lin & 15) raiseGP(0);
}
export function execFxsave(op: Op): void {
  requireFpu(Cr0.EM | Cr0.TS);
  const lin = ea(op);
  checkFxArea(lin);
  probeWrite(lin, 512);
  saveX87(lin, Info.rexW(op.imm));
  saveControl(lin);
  if (load<u64>(L.CR4) & Cr4.OSFXSR) saveXmm(lin);
}
export function execFxrstor(op: Op): void {
  requireFpu(Cr0.EM | Cr0.TS);
  const lin = ea(op);
  checkFxArea(lin);
  probeRead(lin, 512);
  const mxcsr = checkedMxcsr(at(lin, 24));
  restoreX87(lin, Info.rexW(op.imm));
  store<u32>(L.MXCSR, mxcsr);
  if (load<u64>(L.CR4) & Cr4.OSFXSR) restoreXmm(lin);
}

// ---------------------------------------------------------------- XSAVE, XRSTOR
/** The state components that an instruction is about: EDX:EAX and XCR0. */
function requested(): u64 {
  return (<u64><u32>R(RAX) | (R(RDX) << 32)) & load<u64>(L.XCR0);
}
function xsaveArea(op: Op): u64 {
  if (!(load<u64>(L.CR4) & Cr4.OSXSAVE)) raiseUD();
  requireFpu(Cr0.TS);
  const lin = ea(op);
  if (lin & 63) raiseGP(0);
  return lin;
}
/** XINUSE as AMD's processors have it: a component whose registers hold their initial values is not in use. */
function inUse(): u64 {
  let x87: u64 = 0;
  for (let i: usize = 0; i < 8; i++) x87 |= load<u64>(L.FPU_REGS + i * 16) | <u64>load<u16>(L.FPU_REGS + i * 16 + 8);
  x87 |= <u64>(load<u32>(L.FPU_SW) | load<u32>(L.FPU_TAG) | (load<u32>(L.FPU_CW) ^ 0x37f));
  let sse: u64 = load<u32>(L.MXCSR) ^ 0x1f80;
  for (let i: usize = 0; i < 32; i++) sse |= load<u64>(L.XMM + i * 8);
  return (x87 ? X87 : 0) | (sse ? SSE : 0);
}
export function execXsave(op: Op): void {
  const lin = xsaveArea(op);
  const parts = requested();
  probeRead(lin, 576);
  probeWrite(lin, 576);
  if (parts & X87) saveX87(lin, Info.rexW(op.imm));
  if (parts & SSE) {
    saveControl(lin);
    saveXmm(lin);
  }
  stc<u64>(at(lin, 512), (ldc<u64>(at(lin, 512)) & ~parts) | (inUse() & parts));
}
export function execXrstor(op: Op): void {
  const lin = xsaveArea(op);
  const parts = requested();
  probeRead(lin, 576);
  const present = ldc<u64>(at(lin, 512));
  if (present & ~load<u64>(L.XCR0) || ldc<u64>(at(lin, 520)) || ldc<u64>(at(lin, 528))) raiseGP(0);
  const mxcsr = parts & SSE ? checkedMxcsr(at(lin, 24)) : load<u32>(L.MXCSR);
  if (parts & X87) {
    if (present & X87) restoreX87(lin, Info.rexW(op.imm));
    else resetX87();
  }
  if (parts & SSE) {
    store<u32>(L.MXCSR, mxcsr);
    if (present & SSE) restoreXmm(lin);
    else memory.fill(L.XMM, 0, xmmCount() * 16);
  }
}

// ---------------------------------------------------------------- MXCSR
function requireSse(): void {
  if (!(load<u64>(L.CR4) & Cr4.OSFXSR) || load<u64>(L.CR0) & Cr0.EM) raiseUD();
  requireFpu(Cr0.TS);
}
export function execLdmxcsr(op: Op): void {
  requireSse();
  store<u32>(L.MXCSR, checkedMxcsr(ea(op)));
}
export function execStmxcsr(op: Op): void {
  requireSse();
  stc<u32>(ea(op), load<u32>(L.MXCSR));
}
