/** Page table walks in words. */
import type { Walk } from "../emulator/machine/api.ts";
import { hex } from "./address.ts";
import { pageEntryFlags } from "./flags.ts";

/** The flags of each entry by name. */
export const walkFlags = (walk: Walk): string[][] =>
  walk.steps.map(({ entry, level }, index) => {
    const last = index === walk.steps.length - 1;
    return pageEntryFlags(entry, last && (walk.physical !== undefined || level === "PTE"), level);
  });

const SIZES: readonly [number, string][] = [
  [1 << 30, "GiB"],
  [1 << 20, "MiB"],
  [1 << 10, "KiB"],
];

function sizeText(bytes: number): string {
  const [unit, name] = SIZES.find(([size]) => bytes >= size) ?? [1, "bytes"];
  return `${bytes / unit} ${name}`;
}

/** One line a level, and what comes out. */
export function walkText(walk: Walk): string {
  const flags = walkFlags(walk);
  const lines = walk.steps.map(
    ({ level, index, entryAddress, entry }, at) =>
      `${level.padEnd(5)} [${index}] at phys:${hex(entryAddress)}: ${hex(entry, 16)} ${flags[at]?.join(" ") ?? ""}`,
  );
  if (walk.physical === undefined) {
    lines.push(`lin:${hex(walk.linear)} is not mapped: ${walk.fault ?? "no translation"}`);
  } else {
    const rights = [
      walk.writable === true ? "writable" : "read-only",
      walk.user === true ? "user" : "supervisor",
      walk.executable === true ? "executable" : "no-execute",
    ];
    const how =
      walk.paging === "off"
        ? "paging is off"
        : `${walk.paging} paging, ${walk.pageSize === undefined ? "" : `${sizeText(walk.pageSize)} page, `}${rights.join(", ")}`;
    lines.push(`lin:${hex(walk.linear)} is phys:${hex(walk.physical)} (${how})`);
  }
  return lines.join("\n");
}
