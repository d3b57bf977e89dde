/** What is mapped in linear memory (Intel SDM vol. 3, chapter 4), as QEMU's `info mem` tells it. */
import { hex } from "./address.ts";
import type { CpuState, Target } from "./target.ts";

/** Page tables that are read at most, and lines shown: a guest may map one table millions of times. */
const MAX_TABLES = 4096;
const MAX_LINES = 400;

const PAGING = 1n << 31n;
const PSE = 1n << 4n;
const PAE = 1n << 5n;
const LONG_ACTIVE = 1n << 10n;
const PRESENT = 1n;
const WRITABLE = 2n;
const USER = 4n;
const LARGE = 0x80n;
const NO_EXECUTE = 1n << 63n;
const TABLE_64 = 0x000000fffffff000n;
const TABLE_32 = 0xfffff000n;

/** One level of tables: the linear address bits that choose an entry. */
interface Level {
  shift: bigint;
  entries: number;
  /** An entry may map a page of this level's size. */
  pages: boolean;
  /** Its entries carry rights. */
  rights: boolean;
}

interface Paging {
  root: bigint;
  entryBytes: 4 | 8;
  levels: readonly Level[];
}

interface Range {
  first: bigint;
  end: bigint;
  rights: string;
}

function pagingOf(cpu: CpuState): Paging {
  if (!(cpu.cr4 & PAE)) {
    const levels = [
      { shift: 22n, entries: 1024, pages: (cpu.cr4 & PSE) !== 0n, rights: true },
      { shift: 12n, entries: 1024, pages: true, rights: true },
    ];
    return { root: cpu.cr3 & TABLE_32, entryBytes: 4, levels };
  }
  const lower = [
    { shift: 21n, entries: 512, pages: true, rights: true },
    { shift: 12n, entries: 512, pages: true, rights: true },
  ];
  if (!(cpu.efer & LONG_ACTIVE)) {
    const top = { shift: 30n, entries: 4, pages: false, rights: false };
    return { root: cpu.cr3 & 0xffffffe0n, entryBytes: 8, levels: [top, ...lower] };
  }
  const upper = [
    { shift: 39n, entries: 512, pages: false, rights: true },
    { shift: 30n, entries: 512, pages: true, rights: true },
  ];
  return { root: cpu.cr3 & TABLE_64, entryBytes: 8, levels: [...upper, ...lower] };
}

/** Runs of mapped linear addresses with equal rights, a line each. */
export async function mappedRanges(target: Pick<Target, "cpu" | "readMemory">): Promise<string> {
  const cpu = await target.cpu();
  if (!(cpu.cr0 & PAGING)) return "Paging is off: linear addresses are physical ones.";
  const paging = pagingOf(cpu);
  const ranges: Range[] = [];
  let tables = 0;

  const add = (first: bigint, bytes: bigint, rights: string): void => {
    const last = ranges.at(-1);
    if (last?.end === first && last.rights === rights) last.end += bytes;
    else ranges.push({ first, end: first + bytes, rights });
  };

  /** False once there is more than can be shown. */
  const walk = async (table: bigint, depth: number, linear: bigint, granted: bigint): Promise<boolean> => {
    const level = paging.levels[depth];
    if (level === undefined) return true;
    if (++tables > MAX_TABLES) return false;
    const bytes = await target.readMemory("phys", table, level.entries * paging.entryBytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + paging.entryBytes <= bytes.length; at += paging.entryBytes) {
      const entry = paging.entryBytes === 8 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
      if (!(entry & PRESENT)) continue;
      // Rights to write and to use must be granted at each level; one level is enough to forbid execution.
      const rights = level.rights ? (granted & entry & (WRITABLE | USER)) | ((granted | entry) & NO_EXECUTE) : granted;
      const here = linear | (BigInt(at / paging.entryBytes) << level.shift);
      const deepest = depth === paging.levels.length - 1;
      if (deepest || (level.pages && entry & LARGE)) add(here, 1n << level.shift, rightsText(rights));
      else {
        const next = entry & (paging.entryBytes === 8 ? TABLE_64 : TABLE_32);
        if (!(await walk(next, depth + 1, here, rights))) return false;
      }
      if (ranges.length > MAX_LINES) return false;
    }
    return true;
  };

  const whole = await walk(paging.root, 0, 0n, WRITABLE | USER);
  const lines = ranges.slice(0, MAX_LINES).map(({ first, end, rights }) => {
    return `${hex(canonical(first), 16)}-${hex(canonical(end - 1n), 16)} ${rights} ${hex(end - first)} bytes`;
  });
  return [...lines, ...(whole ? [] : ["(more is mapped than is shown here)"])].join("\n") || "Nothing is mapped.";
}

/** A 48-bit linear address as the processor writes it. */
const canonical = (address: bigint): bigint => BigInt.asUintN(64, BigInt.asIntN(48, address));

const rightsText = (rights: bigint): string =>
  `${rights & USER ? "u" : "-"}r${rights & WRITABLE ? "w" : "-"}${rights & NO_EXECUTE ? "-" : "x"}`;
