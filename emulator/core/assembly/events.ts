/** Tells the host what a boot consists of: mode switches, table loads, BIOS calls (Ev), as far as L.EVENTS asks for it. */
import { L, Ev } from "../layout";
import { noteTime } from "./mem";
import { curOp, opRip } from "./state";

// @ts-ignore: decorator
@external("env", "bootEvent")
declare function bootEvent(kind: u32, value: u64, rip: u64): void;

/** From within the instruction that does it. */
export function event(kind: Ev, value: u64): void {
  if (!((load<u32>(L.EVENTS) >> kind) & 1)) return;
  noteTime();
  bootEvent(kind, value, opRip(curOp()));
}
