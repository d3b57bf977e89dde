/**
 * The symbols of a running Linux kernel, out of guest memory: distributions strip their kernels, but these carry a table
 * for their own messages (boot-formats/kallsyms.ts), whose addresses have been moved already where KASLR moved the kernel.
 */
import { findKallsyms, findTokens } from "../boot-formats/kallsyms.ts";
import type { Kallsyms } from "../boot-formats/kallsyms.ts";
import { SymbolIndex } from "../boot-formats/symbol-table.ts";
import type { SymbolPlace } from "../boot-formats/symbol-table.ts";
import { hex } from "./address.ts";
import { linearIp } from "./registers.ts";
import type { CpuState, Target } from "./target.ts";

/** Memory is searched in pieces of this size, with what a table of tokens may need of the next one. */
const PIECE = 16 << 20;
const OVERLAP = 1 << 15;
/** How much around the tokens is read, where names and addresses lie: what a distribution's kernel needs, then more than any. */
const AROUND = [
  { before: 8 << 20, behind: 2 << 20 },
  { before: 48 << 20, behind: 16 << 20 },
];
/** Below lie holes for devices; no kernel is there. */
const LOWEST = 1 << 20;
const PAGE = 0x1000n;
const MSR_LSTAR = 0xc000_0082;
/** Where kernels are linked unless configured otherwise: __START_KERNEL_map, or PAGE_OFFSET, plus CONFIG_PHYSICAL_START. */
const LINKED = { 64: 0xffff_ffff_8100_0000n, 32: 0xc100_0000n };
/** KASLR moves by multiples of this at least (CONFIG_PHYSICAL_ALIGN is 2 MiB or more). */
const ALIGNMENT = 0x20_0000n;
const BANNER = new TextEncoder().encode("Linux version ");

export interface KernelSymbols {
  index: SymbolIndex;
  /** Linear addresses of the kernel's image: its first byte, and behind its last symbol. */
  start: bigint;
  end: bigint;
  /** Linear address minus physical one, within the image; undefined while it cannot be told. */
  offset?: bigint;
  /** For the user: what was found, and how far KASLR moved it. */
  text: string;
}

type Read = (address: bigint, length: number) => Promise<Uint8Array>;

/** @param memoryBytes size of guest RAM @param atEntry whether the machine stands at the kernel's first instruction */
export async function readKernelSymbols(
  target: Target,
  memoryBytes: number,
  atEntry: boolean,
): Promise<KernelSymbols | undefined> {
  const read: Read = (address, length) => target.readMemory("phys", address, length);
  const cpu = await target.cpu();
  const near = await nearKernel(target, cpu);
  for (const piece of piecesFrom(near, memoryBytes)) {
    const bytes = await read(BigInt(piece), PIECE + OVERLAP);
    const tokens = findTokens(bytes);
    if (tokens < 0) continue;
    const table = await tableAround(piece + tokens, read);
    if (table === undefined) continue;
    const { found, window, from } = table;
    const index = new SymbolIndex(found.symbols);
    const start = index.byName("_text")?.address ?? index.byName("_stext")?.address;
    if (start === undefined) continue;
    const last = found.symbols.at(-1)?.address ?? start;
    const physical = await physicalStart(target, index, start, window, from, atEntry ? cpu : undefined);
    const count = found.symbols.length.toLocaleString("en-US");
    const where = physical === undefined ? "" : `, loaded at phys:${hex(physical)}`;
    return {
      index,
      start,
      end: last + PAGE,
      ...(physical === undefined ? {} : { offset: start - physical }),
      text: `${count} symbols from the kernel in memory, ${slideText(start)}${where}.`,
    };
  }
  return undefined;
}

async function tableAround(
  tokens: number,
  read: Read,
): Promise<{ found: Kallsyms; window: Uint8Array; from: number } | undefined> {
  for (const { before, behind } of AROUND) {
    const from = Math.max(LOWEST, (tokens & -Number(PAGE)) - before);
    const window = await read(BigInt(from), tokens - from + behind);
    const found = findKallsyms(window);
    if (found !== undefined) return { found, window, from };
  }
  return undefined;
}

function slideText(start: bigint): string {
  const slide = start - LINKED[start >= 1n << 32n ? 64 : 32];
  if (slide === 0n) return "not moved by KASLR";
  return slide > 0n && slide % ALIGNMENT === 0n ? `KASLR slide ${hex(slide)}` : `_text at ${hex(start)}`;
}

/** The symbol of a physical address within the kernel's image. */
export function inKernelImage({ index, start, end, offset }: KernelSymbols, physical: bigint): SymbolPlace | undefined {
  if (offset === undefined) return undefined;
  const linear = physical + offset;
  return linear >= start && linear < end ? index.at(linear) : undefined;
}

/** A physical address that is likely within the kernel: of what runs, or of what it has set up to run. */
async function nearKernel(target: Target, cpu: CpuState): Promise<bigint | undefined> {
  const lstar = cpu.msrs.find(({ index }) => index === MSR_LSTAR)?.value ?? 0n;
  const gate = await target.readMemory("lin", cpu.idtr.base, 16);
  for (const linear of [cpu.cpl === 0 ? linearIp(cpu) : 0n, lstar, gateTarget(gate, cpu.mode === "long")]) {
    if (linear === 0n) continue;
    const { physical } = await target.walk(linear);
    if (physical !== undefined) return physical;
  }
  return undefined;
}

/** Where an interrupt gate leads (SDM vol. 3, 6.11 and 6.14.1). */
function gateTarget(gate: Uint8Array, long: boolean): bigint {
  if (gate.length < 16) return 0n;
  const view = new DataView(gate.buffer, gate.byteOffset);
  const low = BigInt(view.getUint16(0, true)) | (BigInt(view.getUint16(6, true)) << 16n);
  return long ? low | (BigInt(view.getUint32(8, true)) << 32n) : low;
}

/** Offsets of all pieces of memory: from the one that has an address upwards, then those below it. */
function piecesFrom(near: bigint | undefined, memoryBytes: number): number[] {
  const count = Math.ceil(Math.max(0, memoryBytes - LOWEST) / PIECE);
  const all = Array.from({ length: count }, (_, index) => LOWEST + index * PIECE);
  const first =
    near === undefined
      ? 0
      : Math.max(
          0,
          all.findLastIndex((piece) => BigInt(piece) <= near),
        );
  return [...all.slice(first), ...all.slice(0, first).reverse()];
}

/** Physical address of `_text`: by the page tables, or by where the machine stands at the kernel's entry, or by its banner. */
async function physicalStart(
  target: Target,
  index: SymbolIndex,
  start: bigint,
  window: Uint8Array,
  from: number,
  entry: CpuState | undefined,
): Promise<bigint | undefined> {
  const { physical } = await target.walk(start);
  if (physical !== undefined) return physical;
  if (entry !== undefined) {
    const startup = index.byName("startup_64") ?? index.byName("startup_32");
    if (startup !== undefined) return linearIp(entry) - (startup.address - start);
  }
  const banner = index.byName("linux_banner")?.address;
  if (banner === undefined) return undefined;
  const text = Buffer.from(window.buffer, window.byteOffset, window.length);
  for (let at = text.indexOf(BANNER); at >= 0; at = text.indexOf(BANNER, at + 1)) {
    const found = BigInt(from + at) - (banner - start);
    if (found >= 0n && found % ALIGNMENT === start % ALIGNMENT) return found;
  }
  return undefined;
}
