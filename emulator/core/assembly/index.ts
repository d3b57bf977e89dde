/** What the host calls. */
import { L } from "../layout";
import { initializeCaches } from "./reset";
import { resetCpu } from "./system/mode";
import { msrAddress, writeMsr } from "./system/msr";
import { M, slot } from "./system/msr-slots";
import { icount } from "./state";
export { run } from "./run";
export { attention, recheck, unpatch } from "./control";
export { touched } from "./mem";
export { flushTlb } from "./tlb";
export { dropCodeAt, dropPage, dropRegion, flushBlocks, debugRegistersChanged } from "./blocks";
export { decodedLength } from "./decode";
export { getFlags, setFlags, conditionOf, arithOf } from "./flags";
// For translated code:
export { mulHigh } from "./wide-multiply";
export { execInteger } from "./integer/integer";
export { execSse } from "./sse/sse";
export { execX87 } from "./x87/x87";
export { execRdtsc } from "./system/msr";
export { deliverFault, settleFault } from "./system/interrupt";
export { refreshMode, resetCpu } from "./system/mode";

/** Once, on fresh memory: empty caches, power-on state. */
export function initialize(): void {
  initializeCaches();
  store<u32>(L.A20_MASK, 0xffffffff);
  store<u32>(L.INS_PHYS, 0xffffffff);
  store<u32>(L.HOT_THRESHOLD, 0x7fffffff);
  resetCpu();
}

// @ts-ignore: decorator
@external("env", "readApicBase")
declare function readApicBase(): u64;

/** A model specific register as a debugger sees it, between instructions; 0 when there is none of that number. */
export function peekMsr(index: u32): u64 {
  const at = msrAddress(index);
  if (at) return load<u64>(at);
  switch (index) {
    case 0x10: return icount() + load<u64>(L.SKEW) + load<u64>(slot(M.TSC_OFFSET));
    case 0x1b: return readApicBase();
    case 0xc0000080: return load<u64>(L.EFER);
  }
  return 0;
}
/** WRMSR by the debugger: unwinds where the instruction would raise #GP. */
export function pokeMsr(index: u32, value: u64): void {
  store<u32>(L.CUR_OP, L.NULL_OP);
  writeMsr(index, value);
}
