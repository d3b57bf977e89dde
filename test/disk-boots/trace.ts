/**
 * Golden traces: what a boot went through, phase by phase, as text under `traces/`. BOOTSCOPE_ACCEPT=1 writes new ones.
 * Kept: which phases, which events in which order of first appearance. Masked: counts, addresses and places on disks,
 * which change with every build of a guest.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BootMachine } from "../../emulator/machine/api.ts";

const DIRECTORY = join(import.meta.dirname, "traces");

/** Addresses, places on disks and amounts, each with what stands for it. */
const MASKS: readonly (readonly [RegExp, string])[] = [
  [/LBA [0-9]+( to [0-9]+)?/g, "LBA …"],
  [/[0-9]+ sectors?/g, "… sectors"],
  [/\b[0-9a-f]{4}:[0-9a-f]{4}\b/g, "…:…"],
  [/(phys|at|limit|CR3 =) 0x[0-9a-f]+/g, "$1 …"],
];

/** An event's text without what differs between builds of the same guest. */
function masked(text: string): string {
  return MASKS.reduce((line, [pattern, mask]) => line.replace(pattern, mask), text);
}

/** The trace of a machine's boot so far, up to the end of its last phase. */
export function bootTrace(machine: BootMachine): string {
  const lines: string[] = [];
  machine.phases.forEach((phase, index) => {
    const end = machine.phases[index + 1]?.icount;
    const seen = new Set<string>();
    lines.push(phase.name);
    for (const event of machine.bootEvents) {
      if (event.icount < phase.icount || (end !== undefined && event.icount >= end)) continue;
      const line = `  ${event.kind}: ${masked(event.text)}`;
      if (!seen.has(line)) lines.push(line);
      seen.add(line);
    }
  });
  return `${lines.join("\n")}\n`;
}

/** Compares a machine's boot with the golden trace of that name. */
export async function checkTrace(name: string, machine: BootMachine): Promise<void> {
  const path = join(DIRECTORY, `${name}.txt`);
  const trace = bootTrace(machine);
  if (process.env["BOOTSCOPE_ACCEPT"] === "1") {
    await mkdir(DIRECTORY, { recursive: true });
    await writeFile(path, trace);
    return;
  }
  assert.ok(existsSync(path), `there is no golden trace ${path}: run with BOOTSCOPE_ACCEPT=1 to write it`);
  assert.equal(trace, await readFile(path, "utf8"), `the boot differs from ${path}`);
}
