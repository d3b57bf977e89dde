/** The lowest layer of the memory map: E820 as the kernel gets it, before that what the machine was given. */
import type { HandedOver } from "../handed-over.ts";
import type { Region } from "./region.ts";

const E820_ENTRIES = 0x1e8;
const E820_TABLE = 0x2d0;
const ENTRY_BYTES = 20;
const MAX_ENTRIES = 128;
const LIMIT = 1n << 64n;

/** ACPI 6.5, table 15.3, and the kernel's own (arch/x86/include/asm/e820/types.h). */
const TYPES: Readonly<Record<number, string>> = {
  1: "usable RAM",
  2: "reserved",
  3: "ACPI data",
  4: "ACPI NVS",
  5: "unusable",
  7: "persistent memory",
};

/** The board's layout: RAM up to here, the rest from 4 GiB on. */
const LOW_RAM_LIMIT = 0xc000_0000n;
const FOUR_GIB = 1n << 32n;
const CONVENTIONAL = 0xa_0000n;
const HIGH_MEMORY = 0x10_0000n;

export function e820Regions({ kind, view, source }: HandedOver, problems: string[]): Region[] {
  if (kind !== "boot_params") return [];
  const count = view.getUint8(E820_ENTRIES);
  if (count > MAX_ENTRIES)
    problems.push(`e820_entries of ${source} is ${count}: at most ${MAX_ENTRIES} were expected.`);
  const regions: Region[] = [];
  for (let index = 0; index < Math.min(count, MAX_ENTRIES); index++) {
    const at = E820_TABLE + index * ENTRY_BYTES;
    const first = view.getBigUint64(at, true);
    const size = view.getBigUint64(at + 8, true);
    const type = view.getUint32(at + 16, true);
    if (size === 0n || first + size > LIMIT) {
      problems.push(
        `Entry ${index} of the E820 table of ${source} is no range: ${size} bytes from 0x${first.toString(16)}.`,
      );
      continue;
    }
    const owner = TYPES[type] ?? `E820 type ${type}`;
    regions.push({
      first,
      end: first + size,
      layer: "e820",
      owner,
      detail: `entry ${index}`,
      source: `E820 of ${source}`,
    });
  }
  return regions;
}

/** RAM as the machine has it, while nobody has told the kernel of it. */
export function boardRam(memoryBytes: number): Region[] {
  const total = BigInt(memoryBytes);
  const low = total < LOW_RAM_LIMIT ? total : LOW_RAM_LIMIT;
  const ram = (first: bigint, end: bigint): Region[] =>
    end <= first
      ? []
      : [{ first, end, layer: "e820", owner: "RAM", detail: "", source: "the machine's configuration (no E820 yet)" }];
  return [
    ...ram(0n, low < CONVENTIONAL ? low : CONVENTIONAL),
    ...ram(HIGH_MEMORY, low),
    ...ram(FOUR_GIB, FOUR_GIB + total - low),
  ];
}
