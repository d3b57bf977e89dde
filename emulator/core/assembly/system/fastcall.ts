/** SYSCALL, SYSRET, SYSENTER, SYSEXIT and SWAPGS, as AMD has them (AMD64 manual vol. 3). */
import { L, Ct, Fl } from "../../layout";
import { catchBefore, waitsFor } from "../catch";
import { raiseGP, raiseUD } from "../fault";
import { getFlags, setFlags } from "../flags";
import { Info, Op } from "../op";
import { R, RCX, RDX, RSP, W, W32, cpl, isCode64, isLong, isProtected, rip, setRip } from "../state";
import { interruptsMayComeIn } from "./flag-control";
import { Efer, refreshMode } from "./mode";
import { M, slot } from "./msr-slots";
import { setFlat } from "./segments";

const CODE64: u32 = 0xa09b;
const CODE32: u32 = 0xc09b;
const DATA: u32 = 0xc093;
const DPL3: u32 = 0x60;
const R11: usize = 88;

export function execSyscall(): void {
  if (!(load<u64>(L.EFER) & Efer.SCE) || !isProtected()) raiseUD();
  if (waitsFor(Ct.SYSCALL)) catchBefore(Ct.SYSCALL, 0);
  const star = load<u64>(slot(M.STAR));
  const selector = <u32>(star >> 32) & 0xfffc;
  const flags = getFlags();
  if (isLong()) {
    const target = load<u64>(slot(isCode64() ? M.LSTAR : M.CSTAR));
    W(RCX, rip());
    W(R11, <u64>(flags & ~Fl.RF));
    setFlat(1, selector, CODE64);
    setFlags(flags & ~(<u32>load<u64>(slot(M.FMASK))) & ~Fl.RF);
    setRip(target);
  } else {
    W32(RCX, <u32>rip());
    setFlat(1, selector, CODE32);
    setFlags(flags & ~(Fl.RF | Fl.IF | Fl.VM));
    setRip(star & 0xffffffff);
  }
  setFlat(2, selector + 8, DATA);
  store<u32>(L.CPL, 0);
  refreshMode();
  interruptsMayComeIn();
}

export function execSysret(op: Op): void {
  if (!(load<u64>(L.EFER) & Efer.SCE) || !isProtected()) raiseUD();
  if (cpl() != 0) raiseGP(0);
  const base = <u32>(load<u64>(slot(M.STAR)) >> 48);
  const flags = <u32>R(R11);
  if (isCode64()) {
    if (Info.rexW(op.imm)) {
      setFlat(1, (base + 16) | 3, CODE64 | DPL3);
      setRip(R(RCX));
    } else {
      setFlat(1, base | 3, CODE32 | DPL3);
      setRip(R(RCX) & 0xffffffff);
    }
    setFlags((flags & 0x3c7fd7) | 2);
  } else {
    setFlat(1, base | 3, CODE32 | DPL3);
    setRip(R(RCX) & 0xffffffff);
    if (isLong()) setFlags((flags & 0x3c7fd7) | 2);
    else setFlags(getFlags() | Fl.IF);
  }
  // Only the selector of SS changes; base, limit and attributes stay as they are.
  store<u16>(L.SEG_SS + L.SEG_SELECTOR, <u16>((base + 8) | 3));
  store<u32>(L.CPL, 3);
  refreshMode();
  interruptsMayComeIn();
}

/** Not available in long mode. */
export function execSysenter(): void {
  if (isLong()) raiseUD();
  if (!isProtected()) raiseGP(0);
  const selector = <u32>load<u64>(slot(M.SYSENTER_CS)) & 0xffff;
  if (!(selector & 0xfffc)) raiseGP(0);
  if (waitsFor(Ct.SYSCALL)) catchBefore(Ct.SYSCALL, 0);
  setFlat(1, selector & 0xfffc, CODE32);
  setFlat(2, (selector & 0xfffc) + 8, DATA);
  setFlags(getFlags() & ~(Fl.RF | Fl.IF | Fl.VM));
  setRip(load<u64>(slot(M.SYSENTER_EIP)) & 0xffffffff);
  W32(RSP, <u32>load<u64>(slot(M.SYSENTER_ESP)));
  store<u32>(L.CPL, 0);
  refreshMode();
}
export function execSysexit(): void {
  if (isLong()) raiseUD();
  const selector = <u32>load<u64>(slot(M.SYSENTER_CS)) & 0xffff;
  if (!isProtected() || !(selector & 0xfffc) || cpl() != 0) raiseGP(0);
  setFlat(1, (selector + 16) | 3, CODE32 | DPL3);
  setFlat(2, (selector + 24) | 3, DATA | DPL3);
  setRip(R(RDX) & 0xffffffff);
  W32(RSP, <u32>R(RCX));
  store<u32>(L.CPL, 3);
  refreshMode();
}

export function execSwapgs(): void {
  if (!isCode64()) raiseUD();
  if (cpl() != 0) raiseGP(0);
  const base = load<u64>(L.SEG_GS);
  store<u64>(L.SEG_GS, load<u64>(slot(M.KERNEL_GS_BASE)));
  store<u64>(slot(M.KERNEL_GS_BASE), base);
}
