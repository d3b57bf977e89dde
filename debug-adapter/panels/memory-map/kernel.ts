/** The kernel: its image as loaded, where it unpacks itself, and its sections once its symbols are known. */
import { hex } from "../../address.ts";
import type { Address } from "../../address.ts";
import type { BootPlaces, Phase, Target } from "../../target.ts";
import type { HandedOver } from "../handed-over.ts";
import type { Region } from "./region.ts";

const SYSSIZE = 0x1f4;
const PROTOCOL = 0x206;
const CODE32_START = 0x214;
const INIT_SIZE = 0x260;
/** init_size came with protocol 2.10. */
const SINCE_INIT_SIZE = 0x20a;
const SYSSIZE_UNIT = 16n;
/** Sectors of 64-bit kernels in front of their 64-bit entry. */
const ENTRY_64 = 0x200n;

/** Between symbols of the kernel's linker script (arch/x86/kernel/vmlinux.lds.S). */
const SECTIONS: readonly (readonly [owner: string, from: string, to: string])[] = [
  ["kernel text", "_stext", "_etext"],
  ["kernel read-only data", "__start_rodata", "__end_rodata"],
  ["kernel data", "_sdata", "_edata"],
  ["kernel init sections", "__init_begin", "__init_end"],
  ["kernel bss", "__bss_start", "__bss_stop"],
  ["kernel brk", "__brk_base", "__brk_limit"],
];

/** Names of the kernel by the debugger's symbols. */
export interface KernelNames {
  ready(): Promise<void>;
  lookup(name: string): Address | undefined;
}

export async function kernelRegions(
  target: Pick<Target, "walk">,
  names: KernelNames,
  found: HandedOver | undefined,
  places: BootPlaces,
  phases: readonly Phase[],
  problems: string[],
): Promise<Region[]> {
  return [
    ...(found === undefined ? [] : loadedImage(found, places)),
    ...(await unpacked(target, names, found, places, phases, problems)),
  ];
}

function loadedImage({ kind, view, source }: HandedOver, { decompressor }: BootPlaces): Region[] {
  const bytes = BigInt(view.getUint32(SYSSIZE, true)) * SYSSIZE_UNIT;
  const start = BigInt(view.getUint32(CODE32_START, true));
  if (kind !== "boot_params" || decompressor === undefined || bytes === 0n) return [];
  // Where it was entered counts: code32_start is only where it may have been loaded.
  const first = decompressor === start + ENTRY_64 ? start : decompressor;
  return [
    {
      first,
      end: first + bytes,
      layer: "kernel",
      owner: "kernel image as loaded",
      detail: "decompressor and compressed kernel",
      source: `where it was entered (phys:${hex(decompressor)}), and syssize of ${source}`,
    },
  ];
}

async function unpacked(
  target: Pick<Target, "walk">,
  names: KernelNames,
  found: HandedOver | undefined,
  { kernel }: BootPlaces,
  phases: readonly Phase[],
  problems: string[],
): Promise<Region[]> {
  if (kernel === undefined) return [];
  const made: Region[] = [];
  await names.ready();
  const offset = await linearMinusPhysical(target, names, kernel);
  const between = (from: string, to: string): [bigint, bigint] | undefined => {
    const [first, end] = [names.lookup(from), names.lookup(to)];
    if (offset === undefined || first?.space !== "lin" || end?.space !== "lin") return undefined;
    return end.address > first.address ? [first.address - offset, end.address - offset] : undefined;
  };
  const extent = between("_text", "_end");
  const view = found?.view;
  const initSize =
    view !== undefined && view.getUint16(PROTOCOL, true) >= SINCE_INIT_SIZE ? view.getUint32(INIT_SIZE, true) : 0;
  if (extent !== undefined) {
    made.push({
      first: extent[0],
      end: extent[1],
      layer: "kernel",
      owner: "kernel",
      detail: "_text to _end",
      source: "the kernel's symbols",
    });
  } else if (initSize > 0) {
    const source = `where it was entered, and init_size of ${found?.source ?? ""}`;
    made.push({
      first: kernel,
      end: kernel + BigInt(initSize),
      layer: "kernel",
      owner: "kernel",
      detail: "and what it needs while it starts",
      source,
    });
    problems.push("The sections of the kernel are not known: its symbols have not been found in memory.");
  }
  const runsInit = phases.some(({ name }) => name === "init");
  for (const [owner, from, to] of SECTIONS) {
    const range = between(from, to);
    if (range === undefined) continue;
    const freed = owner === "kernel init sections" && runsInit ? ", freed before init was started" : "";
    made.push({
      first: range[0],
      end: range[1],
      layer: "kernel",
      owner,
      detail: `${from} to ${to}${freed}`,
      source: "the kernel's symbols",
    });
  }
  return made;
}

/** By the page tables, or before the kernel has its own by where its first instruction ran. */
async function linearMinusPhysical(
  target: Pick<Target, "walk">,
  names: KernelNames,
  kernel: bigint,
): Promise<bigint | undefined> {
  const text = names.lookup("_text");
  if (text?.space !== "lin") return undefined;
  const { physical } = await target.walk(text.address);
  if (physical !== undefined) return text.address - physical;
  const entry = names.lookup("startup_64") ?? names.lookup("startup_32");
  return entry?.space === "lin" ? entry.address - kernel : undefined;
}
