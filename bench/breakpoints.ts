/** What armed breakpoints and watchpoints that nothing runs into cost a boot. */
import { readFile } from "node:fs/promises";
import { parseElf } from "../boot-formats/elf.ts";
import type { Breakpoint, MachineConfig, Watchpoint } from "../emulator/machine/api.ts";
import { Machine } from "../emulator/machine/machine.ts";
import { BUSYBOX_GREETING, busyboxInitramfs, cloudKernel, vmlinux } from "../scripts/guests/guests.ts";
import { MEMORY_MIB } from "./engines.ts";

const BREAKPOINTS = 100;
const WATCHPOINTS = 4;
/** So many times as many candidates: a boot runs into some. */
const CANDIDATES = 4;
const ROUNDS = 4;
const SLICE = 10_000_000;
/** A boot that retires more hangs. */
const MOST_INSTRUCTIONS = 20_000_000_000n;

interface Stops {
  breakpoints: readonly Breakpoint[];
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

/** Boots to the first line of /init. */
async function boot(config: MachineConfig, { breakpoints, watchpoints }: Stops): Promise<Boot> {
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
      left.breakpoints = left.breakpoints.filter(({ address }) => address !== result.address);
      machine.setBreakpoints(left.breakpoints);
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

/** Every so manieth of a list, `count` of them. */
function some<T>(list: readonly T[], count: number, what: string): T[] {
  if (list.length < count) throw new RangeError(`The boot ran into all but ${list.length} of the ${what}.`);
  return Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)]!);
}

/** A section of the results: boots with and without stops, in turns. */
export async function breakpointRows(): Promise<string> {
  const { vmlinuz } = await cloudKernel();
  const config: MachineConfig = {
    memoryMiB: MEMORY_MIB,
    kernel: await readFile(vmlinuz),
    initrd: await readFile(await busyboxInitramfs()),
    cmdline: "console=ttyS0 nokaslr",
  };
  const elf = parseElf(await readFile(await vmlinux(vmlinuz)));
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
| ${BREAKPOINTS} breakpoints, ${WATCHPOINTS} watchpoints | ${least.with.toFixed(2)} | ${cost >= 0 ? "+" : "−"}${Math.abs(cost).toFixed(1)} % |`;
}
