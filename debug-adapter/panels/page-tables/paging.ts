/**
 * The shape of page tables in each paging mode (Intel SDM vol. 3, chapter 4). Physical addresses have 40 bits, as the
 * machine's processor says by CPUID, so numbers hold them exactly. A linear address is here its place from 0 to 2^48 (or
 * 2^32): the upper half of four levels follows the lower one without the hole between them.
 */
import type { CpuState, Walk } from "../../target.ts";

const PAGING = 1n << 31n;
const PSE = 1n << 4n;
const PAE = 1n << 5n;
const LONG_ACTIVE = 1n << 10n;

/** Bytes of a page, and of every table but the first one of PAE paging. */
export const PAGE = 4096;

/** The mask of the address bits in CR3 and in 64-bit entries. */
const TABLE_64 = 0x000000fffffff000n;

/** One level of tables, by the linear address bits that choose an entry. */
export interface Level {
  name: "PML4E" | "PDPTE" | "PDE" | "PTE";
  /** Lowest of these bits. */
  shift: number;
  entries: number;
  /** Bytes of linear address space that an entry covers. */
  span: number;
  /** An entry may map a page of this level's size. */
  pages: boolean;
  /** Its entries carry rights. */
  rights: boolean;
}

export interface Paging {
  mode: Exclude<Walk["paging"], "off">;
  /** Physical address of the first table. */
  root: number;
  entryBytes: 4 | 8;
  /** From the root down. */
  levels: readonly Level[];
  /** Bytes of the whole linear address space. */
  space: number;
}

const level = (
  name: Level["name"],
  shift: number,
  entries: number,
  pages: boolean,
  rights = true,
): Readonly<Level> => ({ name, shift, entries, span: 2 ** shift, pages, rights });

const LOWER = [level("PDE", 21, 512, true), level("PTE", 12, 512, true)];
const FOUR_LEVELS = [level("PML4E", 39, 512, false), level("PDPTE", 30, 512, true), ...LOWER];
const PAE_LEVELS = [level("PDPTE", 30, 4, false, false), ...LOWER];

/** @param from another first table than CR3's, by its physical address; undefined when paging is off */
export function pagingOf(
  cpu: Pick<CpuState, "cr0" | "cr3" | "cr4" | "efer">,
  from: bigint = cpu.cr3,
): Paging | undefined {
  if (!(cpu.cr0 & PAGING)) return undefined;
  if (!(cpu.cr4 & PAE)) {
    const levels = [level("PDE", 22, 1024, (cpu.cr4 & PSE) !== 0n), level("PTE", 12, 1024, true)];
    return { mode: "32-bit", root: Number(from & 0xfffff000n), entryBytes: 4, levels, space: 2 ** 32 };
  }
  if (cpu.efer & LONG_ACTIVE) {
    return { mode: "4-level", root: Number(from & TABLE_64), entryBytes: 8, levels: FOUR_LEVELS, space: 2 ** 48 };
  }
  return { mode: "PAE", root: Number(from & 0xffffffe0n), entryBytes: 8, levels: PAE_LEVELS, space: 2 ** 32 };
}

/** The address as the processor writes it; the end of the space wraps to 0 with four levels, as 2^64 would. */
export function canonical({ mode }: Paging, place: number): bigint {
  const address = BigInt(place);
  return mode === "4-level" ? BigInt.asUintN(64, BigInt.asIntN(48, address)) : address;
}

/** The place of a linear address; undefined for one that this paging cannot translate. */
export function placeOf({ mode }: Paging, linear: bigint): number | undefined {
  if (mode !== "4-level") return Number(BigInt.asUintN(32, linear));
  return BigInt.asUintN(64, BigInt.asIntN(48, linear)) === linear ? Number(BigInt.asUintN(48, linear)) : undefined;
}

/** Rights that all levels grant together. */
export const WRITE = 1;
export const USER = 2;
export const EXECUTE = 4;
/** Numbers of combinations of rights. */
export const RIGHTS = 8;
export const ALL_RIGHTS = WRITE | USER | EXECUTE;

/** As "urwx", with a dash for what is not granted. */
export const rightsText = (rights: number): string =>
  `${rights & USER ? "u" : "-"}r${rights & WRITE ? "w" : "-"}${rights & EXECUTE ? "x" : "-"}`;
