/** A region of guest physical memory while the map is made. */
import type { MemoryLayer } from "../../protocol.ts";

export interface Region {
  /** Guest physical addresses of the first byte, and behind the last one. */
  first: bigint;
  end: bigint;
  layer: MemoryLayer;
  owner: string;
  detail: string;
  source: string;
}

export const PAGE = 0x1000n;

/** Lays pieces that touch, and of which all else is equal, together; in the order of addresses. */
export function joined(regions: readonly Region[]): Region[] {
  const sorted = [...regions].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const made: Region[] = [];
  for (const region of sorted) {
    const last = made.at(-1);
    const same = last?.owner === region.owner && last.detail === region.detail && last.source === region.source;
    if (same && last.end >= region.first) last.end = last.end > region.end ? last.end : region.end;
    else made.push({ ...region });
  }
  return made;
}
