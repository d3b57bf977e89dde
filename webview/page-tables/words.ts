/** What the entries of page tables are in words. */
import type { PageTableRow } from "../../debug-adapter/protocol.ts";
import { element } from "../ui/dom.ts";
import { hex, size } from "../ui/format.ts";

const MEANINGS: Record<string, string> = {
  P: "present",
  RW: "writable",
  US: "user may access",
  PWT: "write-through",
  PCD: "cache disabled",
  A: "accessed",
  D: "dirty: written",
  PS: "maps a large page",
  PAT: "page attribute table",
  G: "global",
  NX: "no execute",
};

export const LEVEL_MEANINGS: Record<string, string> = {
  PML4E: "each entry spans 512 GiB",
  PDPTE: "each entry spans 1 GiB",
  PDE: "each entry spans one page table, or maps a large page",
  PTE: "each entry maps a 4 KiB page",
};

export function chip(name: string, title = MEANINGS[name] ?? name, kind = ""): HTMLElement {
  return element("span", { class: `chip ${kind}`.trimEnd(), title }, name);
}

/** The flags of one entry. */
export function chips(names: readonly string[]): HTMLElement[] {
  return names.length === 0 ? [chip("none", "no flag is set", "off")] : names.map((name) => chip(name));
}

/** Flags of a run; A and D in another way when only some of its entries have them. */
export function rowChips({ flags, accessed, dirty, entries }: PageTableRow): HTMLElement[] {
  const noted = (name: string, count: number): HTMLElement[] => {
    if (count === 0) return [];
    if (count === entries) return [chip(name)];
    return [chip(`${name} ${count}`, `${MEANINGS[name] ?? name}: ${count} of ${entries}`, "some")];
  };
  return [...flags.map((name) => chip(name)), ...noted("A", accessed), ...noted("D", dirty)];
}

/** "urwx" → "user, readable, writable, executable". */
export function rightsWords(rights: string): string {
  return [
    rights.startsWith("u") ? "user and kernel" : "kernel only",
    rights.includes("w") ? "writable" : "read-only",
    rights.includes("x") ? "executable" : "not executable",
  ].join(", ");
}

/** "512 × 2 MiB". */
export const sizeText = ({ entries, span }: PageTableRow): string =>
  entries === 1 ? size(span) : `${entries} × ${size(span)}`;

const LEADS_TO: Record<string, string> = { PML4E: "PDPT", PDPTE: "PD", PDE: "PT" };

/** What a run leads to or maps. */
export function targetText(row: PageTableRow): string {
  const { kind, physical, entries, order, span, level, entry } = row;
  if (kind === "absent") return entries === 1 ? `not present, holds ${hex(entry)}` : "not present, but not 0";
  const first = `phys:${hex(physical ?? 0)}`;
  if (kind === "table") return `${LEADS_TO[level] ?? "table"} at ${first}${entries > 1 ? ", all the same" : ""}`;
  if (entries === 1) return first;
  if (order === "same") return `${first}, all the same`;
  return `${first} – ${hex(BigInt(physical ?? 0) + BigInt(span) * BigInt(entries) - 1n)}`;
}

/** Bytes in the largest unit that leaves a number of few digits: 1.5 GiB. */
export function roughSize(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[power] ?? ""}`;
}
