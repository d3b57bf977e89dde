/** What a debugger waits for beside addresses (enum Ct). Nothing here is reached unless L.CATCH asks for it. */
import { L, Ct, Exit } from "../layout";
import { getFlags } from "./flags";
import { noteTime } from "./mem";
import { curOp, icountAt, opRip } from "./state";

// @ts-ignore: decorator
@external("env", "unwind")
declare function unwind(): void;
/** A register was accessed by the executing instruction: enum Ct, its number, and what was read or held before. */
// @ts-ignore: decorator
@external("env", "caught")
declare function caught(kind: u32, register: u32, value: u64): void;

// @ts-ignore: decorator
@inline
export function waitsFor(kind: Ct): bool {
  return ((load<u32>(L.CATCH) >> kind) & 1) != 0;
}

/** From within an instruction that has done its work: tells the host, which may end the run behind it. */
export function told(kind: Ct, register: u32, value: u64): void {
  noteTime();
  caught(kind, register, value);
}

/** Leaves the machine right before the executing instruction, unless it was left there already. */
export function catchBefore(kind: Ct, detail: u32): void {
  const op = curOp();
  if (load<u64>(L.NOBREAK_ICOUNT) == icountAt(op) && load<u64>(L.NOBREAK_RIP) == opRip(op)) return;
  stopBefore(Exit.CATCH, <u32>kind | (detail << 8));
}

/** Unwinds to the host with the machine right before the executing instruction, of which nothing has been done. */
export function stopBefore(exit: Exit, detail: u32): void {
  const op = curOp();
  store<u64>(L.RIP, opRip(op));
  store<i32>(L.BUDGET, load<i32>(L.BUDGET) + op.rem);
  store<u32>(L.EXIT, exit);
  store<u32>(L.EXIT_DETAIL, detail);
  store<u32>(L.EXC_VECTOR, 0xffffffff);
  unwind();
}

/** Whether a register in CATCH_STATE holds something else than it did. */
export function stateChanged(): bool {
  const count = load<u32>(L.CATCH_STATE);
  for (let i: u32 = 0; i < count; i++) {
    const at = L.CATCH_STATE + 16 + <usize>i * 16;
    if (stateValue(load<u32>(at), load<u32>(at + 4)) != load<u64>(at + 8)) return true;
  }
  return false;
}
function stateValue(address: usize, size: u32): u64 {
  if (!address) return <u64>getFlags();
  if (size == 8) return load<u64>(address);
  return size == 4 ? <u64>load<u32>(address) : size == 2 ? <u64>load<u16>(address) : <u64>load<u8>(address);
}
