/** Finds boot_params in guest memory (kernel Documentation/arch/x86/zero-page.rst). */
import { BOOT_PARAMS_BYTES } from "../boot-formats/boot-params.ts";
import { phys } from "./address.ts";
import { readPieces } from "./console/ranges.ts";
import type { Target } from "./target.ts";

const COUNT = 0x1e8;
const MAGIC = 0x202;
const TABLE = 0x2d0;
const ENTRY_BYTES = 20;
const MAX_ENTRIES = 128;
const HDRS = 0x53726448;
const MAX_TYPE = 7;
/** boot_params begins at a multiple of this. */
const ALIGNMENT = 16;
/** From a kernel's first sector to its setup code, and what that code reaches with 16-bit offsets. */
const SETUP_CODE = 0x200n;
const SETUP_REACH = 0x10000;

/** A range of the E820 memory map. */
export interface MapEntry {
  /** Physical address, and bytes. */
  start: bigint;
  size: bigint;
  type: number;
}

export interface FoundBootParams {
  /** Guest physical address. */
  physical: bigint;
  /** 4096 of them. */
  bytes: Uint8Array;
  by: "handed over" | "setup code" | "search";
}

type Memory = Pick<Target, "readMemory" | "places">;

/** Whether bytes have the magic of a setup header; GRUB clears the flag of boot sectors in front of it. */
export function hasHeader(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.length === BOOT_PARAMS_BYTES && view.getUint32(MAGIC, true) === HDRS;
}

/** The memory map in bytes that may be boot_params; undefined when they are not, or have none. */
export function mapIn(bytes: Uint8Array): MapEntry[] | undefined {
  if (!hasHeader(bytes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint8(COUNT);
  if (count === 0 || count > MAX_ENTRIES) return undefined;
  const entries = Array.from({ length: count }, (_, index): MapEntry => {
    const at = TABLE + index * ENTRY_BYTES;
    return {
      start: view.getBigUint64(at, true),
      size: view.getBigUint64(at + 8, true),
      type: view.getUint32(at + 16, true),
    };
  });
  return entries.every(({ size, type }) => size > 0n && type >= 1 && type <= MAX_TYPE) ? entries : undefined;
}

/**
 * The boot_params that the kernel's entry was given, whatever lies there by now; else the one that the kernel's setup code
 * is filling in; else the first one with a memory map below `searched` (a physical address).
 */
export async function findBootParams(target: Memory, searched: number): Promise<FoundBootParams | undefined> {
  const { bootParams, setup } = await target.places();
  if (bootParams !== undefined) {
    const bytes = await target.readMemory("phys", bootParams, BOOT_PARAMS_BYTES);
    if (bytes.length === BOOT_PARAMS_BYTES) return { physical: bootParams, bytes, by: "handed over" };
  }
  if (setup !== undefined) {
    const base = setup - SETUP_CODE;
    // The header at the base is the setup code's own.
    const own = (found: Found): boolean => found.physical !== base && hasHeader(found.bytes);
    const found = await search(target, base, SETUP_REACH, own);
    if (found !== undefined) return { ...found, by: "setup code" };
  }
  const found = await findMap(target, searched);
  return found && { ...found, by: "search" };
}

type Found = Pick<FoundBootParams, "physical" | "bytes">;

/** The one that the kernel's entry was given if it has a memory map, else the first one with a map below `searched`. */
export async function findMap(target: Memory, searched: number): Promise<Found | undefined> {
  const { bootParams } = await target.places();
  if (bootParams !== undefined) {
    const bytes = await target.readMemory("phys", bootParams, BOOT_PARAMS_BYTES);
    if (mapIn(bytes) !== undefined) return { physical: bootParams, bytes };
  }
  return search(target, 0n, searched, ({ bytes }) => mapIn(bytes) !== undefined);
}

/** The first in the order of addresses that has the magic of a setup header and fulfils a condition. */
async function search(
  target: Memory,
  start: bigint,
  length: number,
  accept: (found: Found) => boolean,
): Promise<Found | undefined> {
  const read: Memory["readMemory"] = (...where) => target.readMemory(...where);
  const magic = Buffer.from("HdrS");
  for await (const { at, bytes } of readPieces({ start: phys(start), length }, read)) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let place = buffer.indexOf(magic); place >= 0; place = buffer.indexOf(magic, place + 1)) {
      const physical = at.address + BigInt(place - MAGIC);
      if (physical < 0n || physical % BigInt(ALIGNMENT) !== 0n) continue;
      const found = { physical, bytes: await target.readMemory("phys", physical, BOOT_PARAMS_BYTES) };
      if (accept(found)) return found;
    }
  }
  return undefined;
}
