/** The drawn map of an address space: what share of each stretch of it is mapped, by rights. */
import { ALL_RIGHTS, RIGHTS } from "./paging.ts";
import type { Extents } from "./extent.ts";
import type { TableAt } from "./tables.ts";

/**
 * Shares from 0 to 1 of `buckets` equal stretches of [first, end) that are mapped, by combination of rights; those that
 * no stretch has are left out. Addresses are places (see paging.ts).
 */
export function mappedShares(extents: Extents, first: number, end: number, buckets: number): Map<number, Float64Array> {
  const size = (end - first) / buckets;
  const shares = new Map<number, Float64Array>();
  const { tables } = extents;

  const add = (rights: number, bucket: number, bytes: number): void => {
    const row = shares.get(rights) ?? new Float64Array(buckets);
    shares.set(rights, row);
    row[bucket]! += bytes / size;
  };
  /** A stretch with the same rights throughout. */
  const spread = (rights: number, from: number, to: number): void => {
    const last = Math.min(buckets - 1, Math.floor((to - first) / size));
    for (let bucket = Math.max(0, Math.floor((from - first) / size)); bucket <= last; bucket++) {
      const low = Math.max(from, first + bucket * size);
      const high = Math.min(to, first + (bucket + 1) * size);
      if (high > low) add(rights, bucket, high - low);
    }
  };
  const visit = (at: TableAt, base: number, granted: number): void => {
    const words = tables.words(at.table);
    if (words === undefined) return;
    const { entries, span } = tables.paging.levels[at.depth]!;
    const from = Math.max(0, Math.floor((first - base) / span));
    const to = Math.min(entries, Math.ceil((end - base) / span));
    for (let index = from; index < to; index++) {
      if (!tables.isPresent(words, index)) continue;
      const rights = tables.rights(words, index, at.depth, granted);
      const begin = base + index * span;
      if (tables.mapsPage(words, index, at.depth)) {
        spread(rights, Math.max(begin, first), Math.min(begin + span, end));
        continue;
      }
      const next = { table: tables.next(words, index), depth: at.depth + 1 };
      const below = extents.of(next, rights);
      if (below.mapped === 0) continue;
      const bucket = Math.floor((begin - first) / size);
      const inside = begin >= first && begin + span <= Math.min(end, first + (bucket + 1) * size);
      if (!inside) visit(next, begin, rights);
      else for (let each = 0; each < RIGHTS; each++) if (below.bytes[each]! > 0) add(each, bucket, below.bytes[each]!);
    }
  };
  visit({ table: tables.paging.root, depth: 0 }, 0, ALL_RIGHTS);
  return shares;
}
