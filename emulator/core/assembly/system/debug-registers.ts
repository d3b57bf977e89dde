/** MOV to and from DR0 to DR7 (SDM vol. 3, 17.2). */
import { L, Vec } from "../../layout";
import { debugRegistersChanged } from "../blocks";
import { raise, raiseGP, raiseUD } from "../fault";
import { flushTlb } from "../tlb";
import { Info, Op } from "../op";
import { R, cpl, isCode64 } from "../state";
import { Cr4 } from "./mode";
import { nativeSize, writeReg } from "./operand";

/** General detect: DR7.GD makes any access a #DB. */
const GD: u64 = 0x2000;
const BD: u64 = 0x2000;

/** Whether an enabled instruction breakpoint stands at `rip` in the code segment in force. */
export function breakpointAt(rip: u64): bool {
  const dr7 = <u32>load<u64>(L.DR + 56);
  if (!(dr7 & 0xff)) return false;
  const lin = isCode64() ? rip : <u64><u32>(rip + load<u64>(L.SEG_CS));
  for (let i: u32 = 0; i < 4; i++) {
    if (dr7 & (3 << (i * 2)) && !((dr7 >> (16 + i * 4)) & 3) && load<u64>(L.DR + i * 8) == lin) return true;
  }
  return false;
}

/** Number of the register that ModRM.reg names: 4 and 5 stand for 6 and 7 unless CR4.DE is set. */
function numberOf(op: Op): u32 {
  const n = <u32>op.a >> 3;
  if (n > 7) raiseUD();
  if (n != 4 && n != 5) return n;
  if (load<u64>(L.CR4) & Cr4.DE) raiseUD();
  return n + 2;
}
function checkAccess(): void {
  if (cpl() != 0) raiseGP(0);
  if (load<u64>(L.DR + 56) & GD) {
    store<u64>(L.DR + 48, load<u64>(L.DR + 48) | BD);
    raise(Vec.DB);
  }
}

export function readDebugRegister(op: Op): void {
  const n = numberOf(op);
  checkAccess();
  writeReg(op.b, nativeSize(op.imm), load<u64>(L.DR + n * 8));
}

export function writeDebugRegister(op: Op): void {
  const n = numberOf(op);
  checkAccess();
  const value = Info.code64(op.imm) ? R(op.b) : R(op.b) & 0xffffffff;
  if (n >= 6 && value >> 32) raiseGP(0);
  const armed = load<u64>(L.DR + 56) & 0xff;
  if (n == 6) store<u64>(L.DR + 48, (value & 0xe00f) | 0xffff0ff0);
  else if (n == 7) store<u64>(L.DR + 56, (value & 0xffff2fff) | 0x400);
  else store<u64>(L.DR + n * 8, value);
  if (n != 6 && (armed | load<u64>(L.DR + 56)) & 0xff) {
    // Pages with data breakpoints go the slow way, blocks are decoded with instruction breakpoints.
    flushTlb();
    debugRegistersChanged();
  }
}
