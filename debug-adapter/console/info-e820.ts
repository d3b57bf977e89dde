/** `info e820`: the memory map that the boot loader hands to the kernel in boot_params (kernel, zero-page.rst). */
import { BOOT_PARAMS_BYTES } from "../../boot-formats/boot-params.ts";
import { describe, hex, phys } from "../address.ts";
import type { Address } from "../address.ts";
import { findMap, mapIn, type MapEntry } from "../boot-params.ts";
import { evaluateAddress } from "../expressions/evaluate.ts";
import type { ConsoleServices } from "./command.ts";

/** ACPI 6.5, table 15.3. */
const TYPES: Readonly<Record<number, string>> = {
  1: "usable RAM",
  2: "reserved",
  3: "ACPI tables (reclaimable)",
  4: "ACPI non-volatile",
  5: "unusable",
  7: "persistent memory",
};

export async function e820(rest: string, services: ConsoleServices): Promise<string> {
  if (rest !== "") {
    const at = await evaluateAddress(rest, await services.context());
    const map = mapIn(await services.target.readMemory(at.space, at.address, BOOT_PARAMS_BYTES));
    if (map === undefined) throw new Error(`There is no boot_params with a memory map at ${describe(at)}.`);
    return mapText(at, map);
  }
  const found = await findMap(services.target, services.memoryBytes());
  const map = found && mapIn(found.bytes);
  if (found === undefined || map === undefined) {
    return "No boot_params with a memory map lies in memory: the kernel's setup code has not asked the BIOS for it yet.";
  }
  return mapText(phys(found.physical), map);
}

const mapText = (at: Address, map: readonly MapEntry[]): string =>
  [
    `boot_params at ${describe(at)}`,
    ...map.map(({ start, size, type }) => {
      return `phys:${hex(start, 10)}-${hex(start + size - 1n, 10)}  ${TYPES[type] ?? `type ${type}`}`;
    }),
  ].join("\n");
