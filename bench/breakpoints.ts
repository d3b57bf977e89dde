/** What armed breakpoints and watchpoints that nothing runs into cost a boot. */
import { readFile } from "node:fs/promises";
import { parseElf } from "../boot-formats/elf.ts";
import type { ConditionalBreakpoint, MachineConfig, Watchpoint } from "../emulator/machine/api.ts";
import { findKallsyms } from "../boot-formats/kallsyms.ts";
import { compile } from "../debug-adapter/expressions/parser.ts";
import { Machine } from "../emulator/machine/machine.ts";
import { BUSYBOX_GREETING, busyboxInitramfs, cloudKernel, vmlinux } from "../scripts/guests/guests.ts";
import { MEMORY_MIB } from "./engines.ts";

const BREAKPOINTS = 100;
const WATCHPOINTS = 4;
/** So many times as many candidates: a boot runs into some. */
const CANDIDATES = 4;
const ROUNDS = 4;
/** So often a second the breakpoint with the false condition is to be met. */
const WANTED_RATE = 10_000;
/** Functions of the kernel that a boot calls often; one that is met more often than MOST_VISITS is no candidate. */
// prettier-ignore
const BUSY = [
  "kmem_cache_alloc", "kmem_cache_free", "__kmalloc", "kfree", "mutex_lock", "mutex_unlock", "vsnprintf", "format_decode",
  "string_nocheck", "strlen", "strcmp", "strnlen", "_raw_spin_lock", "_raw_spin_lock_irqsave", "rb_next", "rb_insert_color",
  "get_page_from_freelist", "__alloc_pages", "kernfs_name_hash", "full_name_hash", "idr_get_free", "handle_mm_fault",
];
const MOST_VISITS = 400_000;
const CONDITION = "rax == 0x1234567890 && rbx == 3";
const SLICE = 10_000_000;
/** A boot that retires more hangs. */
const MOST_INSTRUCTIONS = 20_000_000_000n;

interface Stops {
  breakpoints: readonly ConditionalBreakpoint[];
  watchpoints: readonly Watchpoint[];
}

const NONE: Stops = { breakpoints: [], watchpoints: [] };

interface Boot {
  /** Processor seconds in user mode. */
  user: number;
  icount: bigint;
  /** What nothing ran into; the rest was taken away when it was. */
  left: Stops;
}

/** Addresses at equal distances in a section of the kernel, where it was linked to lie. */
function spread(elf: ReturnType<typeof parseElf>, section: string, count: number): bigint[] {
  const found = elf.sections.find(({ name }) => name === section);
  if (!found) throw new RangeError(`The kernel has no section ${section}.`);
  const step = found.size / BigInt(count + 1);
  return Array.from({ length: count }, (_, i) => (found.address + step * BigInt(i + 1)) & ~0xfn);
}

/** Boots to the first line of /init. A breakpoint that is run into stays only if `keeps` says so. */
async function boot(
  config: MachineConfig,
  { breakpoints, watchpoints }: Stops,
  keeps: (address: bigint) => boolean = () => false,
): Promise<Boot> {
  let line = "";
  let reached = false;
  const before = process.cpuUsage();
  const machine = await Machine.create(config, {
    output(source, bytes) {
      if (source !== 0 || reached) return;
      const text = String.fromCharCode(...bytes);
      line = text.includes("\n") ? "" : line + text;
      if (!line.includes(BUSYBOX_GREETING)) return;
      reached = true;
      machine.endRun();
    },
    phase: () => undefined,
  });
  const left = { breakpoints: [...breakpoints], watchpoints: [...watchpoints] };
  machine.setBreakpoints(left.breakpoints);
  machine.setWatchpoints(left.watchpoints);
  while (!reached) {
    const result = machine.run(SLICE);
    if (result.reason === "breakpoint") {
      if (!keeps(result.address)) {
        left.breakpoints = left.breakpoints.filter(({ address }) => address !== result.address);
        machine.setBreakpoints(left.breakpoints);
      }
      machine.ignoreBreakpointOnce();
    } else if (result.reason === "watchpoint") {
      const { address: at } = result;
      const hit = ({ address, length }: Watchpoint): boolean => at >= address && at < address + BigInt(length);
      left.watchpoints = left.watchpoints.filter((watchpoint) => !hit(watchpoint));
      machine.setWatchpoints(left.watchpoints);
    } else if (result.reason !== "budget" || machine.icount > MOST_INSTRUCTIONS) {
      throw new Error(`The boot ended with "${result.reason}" at instruction ${machine.icount}.`);
    }
  }
  const { icount } = machine;
  await machine.close();
  return { user: process.cpuUsage(before).user / 1e6, icount, left };
}

/** Visits to each of the addresses in a boot, as far as they are fewer than MOST_VISITS. */
async function visits(config: MachineConfig, addresses: readonly bigint[]): Promise<Map<bigint, number>> {
  const counts = new Map<bigint, number>();
  const breakpoints = addresses.map((address) => ({ space: "lin" as const, address }));
  const { left } = await boot(config, { breakpoints, watchpoints: [] }, (address) => {
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    return count < MOST_VISITS;
  });
  const counted = new Set(left.breakpoints.map(({ address }) => address));
  return new Map([...counts].filter(([address]) => counted.has(address)));
}

/** What a breakpoint costs that is met all the time, with a condition that is false. */
async function conditionRow(): Promise<string> {
  const { config, bytes } = await guest();
  const symbols = findKallsyms(bytes)?.symbols ?? [];
  const busy = symbols.filter(({ name }) => BUSY.includes(name)).map(({ address }) => address);
  const counts = await visits(config, busy);
  const least = { without: Infinity, with: Infinity };
  let stops = NONE;
  let met = 0;
  for (let round = 0; round < ROUNDS; round++) {
    least.without = Math.min(least.without, (await boot(config, NONE)).user);
    if (stops === NONE) {
      // The place that is met at least as often as wanted, and least of those; else the one met most often.
      const places = [...counts].sort(([, a], [, b]) => a - b);
      const first = places.find(([, count]) => count >= WANTED_RATE * least.without) ?? places.at(-1);
      if (first === undefined) throw new RangeError("The boot ran into none of the breakpoints.");
      met = first[1];
      stops = { breakpoints: [{ space: "lin", address: first[0], condition: compile(CONDITION) }], watchpoints: [] };
    }
    least.with = Math.min(least.with, (await boot(config, stops)).user);
  }
  const cost = (100 * (least.with - least.without)) / least.without;
  return `A breakpoint that was met ${met} times (${Math.round(met / least.without)} a second of the boot without it), with the
condition \`${CONDITION}\`, which never holds: ${least.without.toFixed(2)} s without, ${least.with.toFixed(2)} s with it,
${cost >= 0 ? "+" : "−"}${Math.abs(cost).toFixed(1)} %.`;
}

/** Every so manieth of a list, `count` of them. */
function some<T>(list: readonly T[], count: number, what: string): T[] {
  if (list.length < count) throw new RangeError(`The boot ran into all but ${list.length} of the ${what}.`);
  return Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)]!);
}

/** The cloud kernel where it was linked to lie. */
async function guest(): Promise<{ config: MachineConfig; elf: ReturnType<typeof parseElf>; bytes: Uint8Array }> {
  const { vmlinuz } = await cloudKernel();
  const config: MachineConfig = {
    memoryMiB: MEMORY_MIB,
    kernel: await readFile(vmlinuz),
    initrd: await readFile(await busyboxInitramfs()),
    cmdline: "console=ttyS0 nokaslr",
  };
  const bytes = await readFile(await vmlinux(vmlinuz));
  return { config, elf: parseElf(bytes), bytes };
}

/** A section of the results: boots with and without stops, in turns. */
export async function breakpointRows(): Promise<string> {
  const { config, elf } = await guest();
  const { left, icount } = await boot(config, {
    breakpoints: spread(elf, ".text", BREAKPOINTS * CANDIDATES).map((address) => ({ space: "lin", address })),
    watchpoints: spread(elf, ".data", WATCHPOINTS * CANDIDATES).map((address) => ({
      space: "lin",
      address,
      length: 8,
      access: "readWrite",
    })),
  });
  const stops: Stops = {
    breakpoints: some(left.breakpoints, BREAKPOINTS, "breakpoints"),
    watchpoints: some(left.watchpoints, WATCHPOINTS, "watchpoints"),
  };
  const least = { without: Infinity, with: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of round % 2 === 0 ? (["without", "with"] as const) : (["with", "without"] as const)) {
      const run = await boot(config, kind === "with" ? stops : NONE);
      if (run.icount !== icount) {
        throw new Error(`A boot took ${run.icount} instructions, another of the same guest ${icount}.`);
      }
      least[kind] = Math.min(least[kind], run.user);
      console.log(`  ${kind} stops: ${run.user.toFixed(2)} s user`);
    }
  }
  const cost = (100 * (least.with - least.without)) / least.without;
  return `## Breakpoints and watchpoints

The cloud kernel to the first line of /init, direct (\`nokaslr\`), ${Number(icount / 1_000_000n)} million instructions;
processor seconds in user mode, the least of ${ROUNDS} boots each, in turns in one process. The breakpoints lie in the
kernel's code and the watchpoints (8 bytes, read and write) in its data, where the boot comes past without touching them.

| | user s | |
| --- | ---: | ---: |
| without | ${least.without.toFixed(2)} | |
| ${BREAKPOINTS} breakpoints, ${WATCHPOINTS} watchpoints | ${least.with.toFixed(2)} | ${cost >= 0 ? "+" : "−"}${Math.abs(cost).toFixed(1)} % |

${await conditionRow()}`;
}
