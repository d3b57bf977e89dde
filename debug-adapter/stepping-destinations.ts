/** Places that a step waits for, and when the processor has come to one: code may pass there that belongs to others. */
import { lin, phys } from "./address.ts";
import { linearIp, linearSp } from "./registers.ts";
import type { Breakpoint, CpuState, Target } from "./target.ts";

/** A return may release this many bytes of arguments (`ret imm16`). */
const MAX_RELEASED = 0x10000n;
/** Above this, memory is not mapped to itself. */
const MAX_IDENTITY = 1n << 32n;
/** CR0.PG. */
const PAGING = 1n << 31n;
/** The page table base in CR3; bit 12 tells the two tables of one process apart in kernels that keep two. */
const PROCESS = 0xffffffffff_e000n;

export interface Destination {
  /** Linear. */
  address: bigint;
  /** The same as a physical address, where memory is mapped to itself: it stays the place when paging changes. */
  physical?: bigint;
  /** Linear stack pointers with which the place counts as reached; any unless given. */
  stack?: { above: bigint; below: bigint };
  /** How the processor works when the step begins. */
  mode: CpuState["mode"];
  paging: boolean;
  /** Page tables of the process, for user code. */
  process?: bigint;
}

const isPaging = (cpu: CpuState): boolean => (cpu.cr0 & PAGING) !== 0n;
const processOf = (cpu: CpuState): bigint => cpu.cr3 & PROCESS;

/** A linear address, to be reached with a stack pointer from `above` on, or a little more when arguments were released. */
export async function destination(
  target: Pick<Target, "walk">,
  cpu: CpuState,
  address: bigint,
  above?: bigint,
  released = MAX_RELEASED,
): Promise<Destination> {
  const paging = isPaging(cpu);
  const physical = paging ? await identity(target, address) : address;
  return {
    address,
    mode: cpu.mode,
    paging,
    ...(physical === undefined ? {} : { physical }),
    ...(above === undefined ? {} : { stack: { above, below: above + released } }),
    ...(cpu.cpl === 3 && paging ? { process: processOf(cpu) } : {}),
  };
}

async function identity(target: Pick<Target, "walk">, address: bigint): Promise<bigint | undefined> {
  if (address >= MAX_IDENTITY) return undefined;
  return (await target.walk(address)).physical === address ? address : undefined;
}

/** What the machine has to stop at. */
export const breakpointsOf = (list: readonly Destination[]): Breakpoint[] =>
  list.flatMap(({ address, physical }) => [lin(address), ...(physical === undefined ? [] : [phys(physical)])]);

/** Whether the processor stands at the place, in the code that is waited for and not in another's that passes there. */
export async function isReached(target: Pick<Target, "walk">, cpu: CpuState, to: Destination): Promise<boolean> {
  const ip = linearIp(cpu);
  const moved = ip !== to.address;
  if (moved && (to.physical === undefined || (await target.walk(ip)).physical !== to.physical)) return false;
  // Another process may have the same address, even the same stack pointer.
  if (to.process !== undefined && cpu.cpl === 3 && processOf(cpu) !== to.process) return false;
  if (to.stack === undefined) return true;
  const within = (sp: bigint): boolean => sp >= (to.stack?.above ?? 0n) && sp <= (to.stack?.below ?? 0n);
  const sp = linearSp(cpu);
  if (within(sp)) return true;
  if (moved) {
    const { physical } = await target.walk(sp);
    if (physical !== undefined && within(physical)) return true;
  }
  // What switches the processor over mostly brings its own stack along.
  return cpu.mode !== to.mode || isPaging(cpu) !== to.paging;
}
