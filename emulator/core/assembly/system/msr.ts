/** RDMSR, WRMSR, and the registers of time (TSC). An unknown register raises #GP(0). */
import { L, Ct } from "../../layout";
import { told, waitsFor } from "../catch";
import { raiseGP } from "../fault";
import { isCanonical } from "../mem";
import { R, RAX, RCX, RDX, W32, cpl, curOp, icountAt } from "../state";
import { interruptsMayComeIn } from "./flag-control";
import { writeEfer } from "./control-registers";
import { Cr4 } from "./mode";
import { M, slot } from "./msr-slots";

// @ts-ignore: decorator
@external("env", "readApicBase")
declare function readApicBase(): u64;
// @ts-ignore: decorator
@external("env", "writeApicBase")
declare function writeApicBase(value: u64): void;

/** Physical address bits beyond the 40 that exist. */
const BEYOND: u64 = 0xffffff0000000000;

/** Power-on values. */
export function resetMsrs(): void {
  memory.fill(L.MSR, 0, L.FPU_REGS - L.MSR);
  store<u64>(slot(M.PAT), 0x0007040600070406);
  // TSC counts with P0, as firmware locks it on this family.
  store<u64>(slot(M.HWCR), 0x01000000);
  // LFENCE serializes.
  store<u64>(slot(M.DE_CFG), 2);
}

/** Guest time at the executing instruction as the TSC counts it (1 GHz). */
export function timeStamp(): u64 {
  return icountAt(curOp()) + load<u64>(L.SKEW) + load<u64>(slot(M.TSC_OFFSET));
}

/** The place of a register that is plain storage, or 0. */
export function msrAddress(index: u32): usize {
  if (index >= 0x200 && index <= 0x20f) return slot(M.MTRR_PHYS + index - 0x200);
  if (index >= 0x268 && index <= 0x26f) return slot(M.MTRR_FIXED + 3 + index - 0x268);
  if (index >= 0x400 && index <= 0x40f) return slot(M.MC_BANKS + index - 0x400);
  if (index >= 0xc0010016 && index <= 0xc0010019) return slot(M.IORR + index - 0xc0010016);
  switch (index) {
    case 0x174: return slot(M.SYSENTER_CS);
    case 0x175: return slot(M.SYSENTER_ESP);
    case 0x176: return slot(M.SYSENTER_EIP);
    case 0x17a: return slot(M.MCG_STATUS);
    case 0x17b: return slot(M.MCG_CTL);
    case 0x1d9: return slot(M.DEBUGCTL);
    case 0x250: return slot(M.MTRR_FIXED);
    case 0x258: return slot(M.MTRR_FIXED + 1);
    case 0x259: return slot(M.MTRR_FIXED + 2);
    case 0x277: return slot(M.PAT);
    case 0x2ff: return slot(M.MTRR_DEF_TYPE);
    case 0xc0000081: return slot(M.STAR);
    case 0xc0000082: return slot(M.LSTAR);
    case 0xc0000083: return slot(M.CSTAR);
    case 0xc0000084: return slot(M.FMASK);
    case 0xc0000100: return L.SEG_FS;
    case 0xc0000101: return L.SEG_GS;
    case 0xc0000102: return slot(M.KERNEL_GS_BASE);
    case 0xc0000103: return slot(M.TSC_AUX);
    case 0xc0010010: return slot(M.SYSCFG);
    case 0xc0010015: return slot(M.HWCR);
    case 0xc001001a: return slot(M.TOP_MEM);
    case 0xc001001d: return slot(M.TOP_MEM2);
    case 0xc001001f: return slot(M.NB_CFG);
    case 0xc0010055: return slot(M.INT_PENDING);
    case 0xc0011029: return slot(M.DE_CFG);
  }
  return 0;
}

export function execRdmsr(): void {
  if (cpl() != 0) raiseGP(0);
  const index = <u32>R(RCX);
  const value = readMsr(index);
  W32(RAX, <u32>value);
  W32(RDX, <u32>(value >> 32));
  if (waitsFor(Ct.MSR_READ)) told(Ct.MSR_READ, index, value);
}

function readMsr(index: u32): u64 {
  const at = msrAddress(index);
  if (at) return load<u64>(at);
  switch (index) {
    case 0x10: return timeStamp();
    case 0x1b: return readApicBase();
    // Microcode revision.
    case 0x8b: return 0x0a001173;
    // MTRR capabilities: 8 variable ranges, fixed ranges, write-combining.
    case 0xfe: return 0x508;
    // Four machine check banks, MCG_CTL present.
    case 0x179: return 0x104;
    // Last branch and last exception addresses: recorded only with DEBUGCTL.LBR, which stays 0.
    case 0x1db: case 0x1dc: case 0x1dd: case 0x1de: return 0;
    case 0xc0000080: return load<u64>(L.EFER);
  }
  raiseGP(0);
  return 0;
}

export function execWrmsr(): void {
  if (cpl() != 0) raiseGP(0);
  const index = <u32>R(RCX);
  const before = waitsFor(Ct.MSR_WRITE) ? readMsr(index) : 0;
  writeMsr(index, <u64><u32>R(RAX) | (R(RDX) << 32));
  if (waitsFor(Ct.MSR_WRITE)) told(Ct.MSR_WRITE, index, before);
}

function isMemoryType(type: u32): bool {
  return type == 0 || type == 1 || (type >= 4 && type <= 6);
}
function checkTypes(value: u64, pat: bool): void {
  for (let i: u64 = 0; i < 64; i += 8) {
    const type = <u32>(value >> i) & 255;
    if (!isMemoryType(type) && !(pat && type == 7)) raiseGP(0);
  }
}

/** Raises #GP(0) for a register that does not exist or a value that it cannot hold. */
export function writeMsr(index: u32, value: u64): void {
  switch (index) {
    case 0x10:
      store<u64>(slot(M.TSC_OFFSET), load<u64>(slot(M.TSC_OFFSET)) + value - timeStamp());
      return;
    case 0x1b:
      if (value & (BEYOND | 0x6ff)) raiseGP(0);
      writeApicBase(value);
      interruptsMayComeIn();
      return;
    case 0xc0000080:
      writeEfer(value);
      return;
    case 0x175: case 0x176: case 0xc0000082: case 0xc0000083: case 0xc0000100: case 0xc0000101: case 0xc0000102:
      if (!isCanonical(value)) raiseGP(0);
      break;
    case 0x174:
      value &= 0xffffffff;
      break;
    case 0xc0000084: case 0xc0000103:
      if (value >> 32) raiseGP(0);
      break;
    case 0x1d9:
      // Branch recording and branch traps do not exist here.
      if (value & ~(<u64>0x7f)) raiseGP(0);
      value = 0;
      break;
    case 0x277:
      checkTypes(value, true);
      break;
    case 0x2ff:
      if (value & ~(<u64>0xcff) || !isMemoryType(<u32>value & 255)) raiseGP(0);
      break;
  }
  if (index >= 0x200 && index <= 0x20f) {
    if (value & BEYOND) raiseGP(0);
    if (index & 1 ? value & 0x7ff : value & 0xf00 || !isMemoryType(<u32>value & 255)) raiseGP(0);
  } else if (index == 0x250 || index == 0x258 || index == 0x259 || (index >= 0x268 && index <= 0x26f)) checkTypes(value, false);
  // A machine check status register can only be cleared.
  else if (index >= 0x400 && index <= 0x40f && (index & 3) == 1 && value) raiseGP(0);
  const at = msrAddress(index);
  if (!at) raiseGP(0);
  store<u64>(at, value);
}

/** RDTSC; RDTSCP also gives TSC_AUX. */
export function execRdtsc(withAux: bool): void {
  if (load<u64>(L.CR4) & Cr4.TSD && cpl() != 0) raiseGP(0);
  const t = timeStamp();
  W32(RAX, <u32>t);
  W32(RDX, <u32>(t >> 32));
  if (withAux) W32(RCX, <u32>load<u64>(slot(M.TSC_AUX)));
}
