/** What is mapped in linear memory (Intel SDM vol. 3, chapter 4), as QEMU's `info mem` tells it. */
import { hex } from "./address.ts";
import { Extents, rangesOf } from "./panels/page-tables/extent.ts";
import { canonical, pagingOf, rightsText } from "./panels/page-tables/paging.ts";
import { readTables } from "./panels/page-tables/tables.ts";
import type { Target } from "./target.ts";

/** A text has an end: tables made to lead to themselves can map a thousand million ranges, a guest's own some thousands. */
const MAX_LINES = 1 << 17;

/** Runs of mapped linear addresses with equal rights, a line each. */
export async function mappedRanges(target: Pick<Target, "cpu" | "readMemory">): Promise<string> {
  const paging = pagingOf(await target.cpu());
  if (paging === undefined) return "Paging is off: linear addresses are physical ones.";
  const tables = await readTables(target, paging);
  const lines: string[] = [];
  const address = (place: number): string => hex(canonical(paging, place), 16);
  for (const { first, end, rights } of rangesOf(new Extents(tables))) {
    if (lines.length === MAX_LINES) {
      lines.push(`(more is mapped from lin:${address(first)} on)`);
      break;
    }
    lines.push(`${address(first)}-${address(end - 1)} ${rightsText(rights)} ${hex(end - first)} bytes`);
  }
  if (tables.unread > 0) lines.push(`(at least ${tables.unread} tables more were not read)`);
  return lines.join("\n") || "Nothing is mapped.";
}
