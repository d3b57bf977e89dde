/** The trace of instructions: each is noted right before it runs. One that faults is followed by one of the same icount. */
import { L } from "../layout";
import { Block } from "./blocks";
import { fetchLinear, hostPage } from "./decode";
import { icount } from "./state";

/** Notes the single instruction of a throw-away block. */
export function trace(block: Block): void {
  const count = load<u32>(L.TRACE_COUNT);
  // The host looks behind each stretch; one that has more has lost its way.
  if (count >= <u32>L.TRACE_MAX) return;
  store<u32>(L.TRACE_COUNT, count + 1);
  const at = L.TRACE_RECORDS + <usize>count * L.TRACE_RECORD;
  store<u64>(at, icount());
  store<u64>(at + 8, fetchLinear(block.rip));
  store<u64>(at + 16, block.rip);
  store<u32>(at + 24, block.phys);
  store<u32>(at + 28, load<u32>(L.KEY));
  store<u32>(at + 32, load<u32>(L.SEG_CS + L.SEG_SELECTOR));
  // Code that a device answers for has no bytes to be shown.
  const length = hostPage(block.phys) ? min<u32>(block.length, 15) : 0;
  store<u32>(at + 36, length);
  const first = min<u32>(length, 4096 - (block.phys & 4095));
  memory.copy(at + 40, hostPage(block.phys) + (block.phys & 4095), first);
  if (length > first) memory.copy(at + 40 + first, hostPage(block.phys2), length - first);
}
