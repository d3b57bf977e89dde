/** `info e820`: the memory map that the boot loader hands to the kernel in boot_params (kernel, zero-page.rst). */
import { describe, hex, phys } from "../address.ts";
import type { Address } from "../address.ts";
import { evaluateAddress } from "../expressions/evaluate.ts";
import type { ConsoleServices } from "./command.ts";
import { readPieces } from "./ranges.ts";

const BYTES = 4096;
const COUNT = 0x1e8;
const BOOT_FLAG = 0x1fe;
const MAGIC = 0x202;
const TABLE = 0x2d0;
const ENTRY_BYTES = 20;
const MAX_ENTRIES = 128;
const HDRS = 0x53726448;
const MAX_TYPE = 7;
/** boot_params begins at a multiple of this. */
const ALIGNMENT = 16;

/** ACPI 6.5, table 15.3. */
const TYPES: Readonly<Record<number, string>> = {
  1: "usable RAM",
  2: "reserved",
  3: "ACPI tables (reclaimable)",
  4: "ACPI non-volatile",
  5: "unusable",
  7: "persistent memory",
};

interface Entry {
  start: bigint;
  size: bigint;
  type: number;
}

/** The map in bytes that may be boot_params; undefined when they are not. */
function mapIn(bytes: Uint8Array): Entry[] | undefined {
  if (bytes.length < BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint8(COUNT);
  if (view.getUint32(MAGIC, true) !== HDRS || view.getUint16(BOOT_FLAG, true) !== 0xaa55) return undefined;
  if (count === 0 || count > MAX_ENTRIES) return undefined;
  const entries = Array.from({ length: count }, (_, index): Entry => {
    const at = TABLE + index * ENTRY_BYTES;
    return {
      start: view.getBigUint64(at, true),
      size: view.getBigUint64(at + 8, true),
      type: view.getUint32(at + 16, true),
    };
  });
  return entries.every(({ size, type }) => size > 0n && type >= 1 && type <= MAX_TYPE) ? entries : undefined;
}

export async function e820(rest: string, services: ConsoleServices): Promise<string> {
  if (rest !== "") {
    const at = await evaluateAddress(rest, await services.context());
    const map = mapIn(await services.target.readMemory(at.space, at.address, BYTES));
    if (map === undefined) throw new Error(`There is no boot_params with a memory map at ${describe(at)}.`);
    return mapText(at, map);
  }
  const found = await search({ target: services.target, memoryBytes: services.memoryBytes() });
  if (found === undefined) {
    return "No boot_params with a memory map lies in memory: the kernel's setup code has not asked the BIOS for it yet.";
  }
  return mapText(found.at, found.map);
}

/** The first boot_params in the order of physical addresses. */
async function search({
  target,
  memoryBytes,
}: Pick<ConsoleServices, "target"> & { memoryBytes: number }): Promise<{ at: Address; map: Entry[] } | undefined> {
  const range = { start: phys(0n), length: memoryBytes };
  const read = (...where: Parameters<typeof target.readMemory>): Promise<Uint8Array> => target.readMemory(...where);
  for await (const { at, bytes } of readPieces(range, read)) {
    const magic = Buffer.from("HdrS");
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let place = buffer.indexOf(magic); place >= 0; place = buffer.indexOf(magic, place + 1)) {
      const start = at.address + BigInt(place - MAGIC);
      if (start < 0n || start % BigInt(ALIGNMENT) !== 0n) continue;
      const map = mapIn(await target.readMemory("phys", start, BYTES));
      if (map !== undefined) return { at: phys(start), map };
    }
  }
  return undefined;
}

const mapText = (at: Address, map: readonly Entry[]): string =>
  [
    `boot_params at ${describe(at)}`,
    ...map.map(({ start, size, type }) => {
      return `phys:${hex(start, 10)}-${hex(start + size - 1n, 10)}  ${TYPES[type] ?? `type ${type}`}`;
    }),
  ].join("\n");
