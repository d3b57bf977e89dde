/** Watched memory: the debugger's watchpoints and the guest's data breakpoints (DR0 to DR3). Reached on the slow way only. */
import { L, Exit } from "../layout";
import { g64 } from "./state";
import { stopAfterCurrent } from "./control";

/** Whether a watched byte lies in the page at this linear or physical address. */
export function watchedPage(page: u64, phys: u32): bool {
  const count = load<u32>(L.WATCHPOINTS);
  for (let i: u32 = 0; i < count; i++) {
    const at = L.WATCHPOINTS + 16 + <usize>i * 32;
    const start = load<u32>(at + 16) ? page : <u64>phys;
    if (start + 4095 >= load<u64>(at) && start <= load<u64>(at + 8)) return true;
  }
  return false;
}

/** Notes the watchpoints that an access touches, with the first address, and stops behind the instruction. */
export function checkWatch(lin: u64, phys: u32, size: u32, write: bool): void {
  const count = load<u32>(L.WATCHPOINTS);
  for (let i: u32 = 0; i < count; i++) {
    const at = L.WATCHPOINTS + 16 + <usize>i * 32;
    const address = load<u32>(at + 16) ? lin : <u64>phys;
    if (address > load<u64>(at + 8) || address + size - 1 < load<u64>(at)) continue;
    if (!(load<u32>(at + 20) & (write ? 2 : 1))) continue;
    store<u32>(at + 24, load<u32>(at + 24) | (write ? 2 : 1));
    if (load<u32>(L.WATCH_HIT) == 0) {
      store<u32>(L.WATCH_HIT, write ? 2 : 1);
      store<u64>(L.EXIT_ADDRESS, address > load<u64>(at) ? address : load<u64>(at));
    }
    stopAfterCurrent();
  }
}

/** The running instruction faults: it has touched nothing. */
export function forgetWatchHit(): void {
  if (!load<u32>(L.WATCH_HIT)) return;
  store<u32>(L.WATCH_HIT, 0);
  const count = load<u32>(L.WATCHPOINTS);
  for (let i: u32 = 0; i < count; i++) store<u32>(L.WATCHPOINTS + 16 + <usize>i * 32 + 24, 0);
}

/** Collects DR6 bits for data breakpoints of the debug registers (SDM vol. 3, 17.2). */
export function checkDebugRegisters(lin: u64, size: u32, write: bool): void {
  const dr7 = <u32>g64(L.DR + 56);
  for (let i: u32 = 0; i < 4; i++) {
    if (!(dr7 & (3 << (i * 2)))) continue;
    const kind = (dr7 >> (16 + i * 4)) & 3;
    if (kind == 0 || kind == 2 || (kind == 1 && !write)) continue;
    const code = (dr7 >> (18 + i * 4)) & 3;
    const length: u64 = code == 2 ? 8 : <u64>code + 1;
    const first = g64(L.DR + i * 8) & ~(length - 1);
    if (lin > first + length - 1 || lin + size - 1 < first) continue;
    store<u32>(L.PENDING_DB, load<u32>(L.PENDING_DB) | (1 << i));
    stopAfterCurrent();
  }
}

/** Exit code for a watchpoint that was hit, or -1. */
export function takeWatchHit(): i32 {
  const hit = load<u32>(L.WATCH_HIT);
  if (!hit) return -1;
  store<u32>(L.WATCH_HIT, 0);
  store<u32>(L.EXIT_DETAIL, hit);
  return Exit.WATCHPOINT;
}
