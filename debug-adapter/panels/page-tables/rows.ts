/** The entries of a table as rows: neighbours that say the same of what follows in a row (or of one thing) are one. */
import { NOTED, type Change, type Changes, type Pair } from "./changes.ts";
import { ALL_RIGHTS, PAGE } from "./paging.ts";
import type { Tables } from "./tables.ts";

/** A run of entries of one table. */
export interface Row {
  /** "absent": not present, but not 0 either. Those that are gone say what they were. */
  kind: "table" | "page" | "absent";
  /** Place of the first linear address, see paging.ts. */
  place: number;
  depth: number;
  index: number;
  /** Entries in the run. */
  entries: number;
  /** What the first one leads to or maps; the others map what follows it ("consecutive"), or the same. */
  physical: number;
  order: "consecutive" | "same";
  /** Physical address of the first entry, and its value. */
  entryAddress: number;
  entry: bigint;
  /** Of all levels together. */
  rights: number;
  /** Entries whose page was accessed, and written. */
  accessed: number;
  dirty: number;
  change: Change | undefined;
  /** The first entry as it was, where it differs. */
  before: bigint | undefined;
  /** The tables below the (first) entry, now and then. */
  below: Pair | undefined;
  /** The table is one of those that lead to it. */
  circular: boolean;
}

/** A table in its place. */
export interface Place {
  pair: Pair;
  /** First linear address that it covers. */
  base: number;
  granted: number;
  /** Tables above it, and itself. */
  path: readonly number[];
}

/** The table at a depth below the root on the way of a linear address; undefined when the way ends before. */
export function findTable(
  tables: Tables,
  changes: Changes | undefined,
  then: number | undefined,
  place: number,
  depth: number,
): Place | undefined {
  const { levels, root } = tables.paging;
  let found: Place = { pair: { now: root, then, depth: 0 }, base: 0, granted: ALL_RIGHTS, path: [root] };
  while (found.pair.depth < depth) {
    const { pair, base } = found;
    const words = tables.words(pair.now);
    const level = levels[pair.depth];
    if (words === undefined || level === undefined) return undefined;
    const index = Math.floor((place - base) / level.span);
    const below = index >= 0 && index < level.entries ? pairBelow(tables, changes, pair, index) : undefined;
    if (below === undefined) return undefined;
    found = {
      pair: below,
      base: base + index * level.span,
      granted: tables.rights(words, index, pair.depth, found.granted),
      path: [...found.path, below.now],
    };
  }
  return found;
}

function pairBelow(tables: Tables, changes: Changes | undefined, pair: Pair, index: number): Pair | undefined {
  if (changes !== undefined) return changes.below(pair, index);
  const words = tables.words(pair.now);
  if (words === undefined || !tables.isPresent(words, index) || tables.mapsPage(words, index, pair.depth))
    return undefined;
  return { now: tables.next(words, index), then: undefined, depth: pair.depth + 1 };
}

/** Rows of the entries from `first` on; each by itself unless they are to be folded. */
export function rowsOf(
  tables: Tables,
  changes: Changes | undefined,
  place: Place,
  { first = 0, count = Infinity, fold = true }: { first?: number; count?: number; fold?: boolean } = {},
): Row[] {
  const { entries } = tables.paging.levels[place.pair.depth]!;
  const rows: Row[] = [];
  for (let index = first; index < Math.min(entries, first + count); index++) {
    const row = rowOf(tables, changes, place, index);
    const last = rows.at(-1);
    if (row === undefined) continue;
    if (fold && last !== undefined && joins(tables, last, row)) {
      last.entries++;
      last.accessed += row.accessed;
      last.dirty += row.dirty;
      if (row.physical !== last.physical) last.order = "consecutive";
    } else rows.push(row);
  }
  return rows;
}

function rowOf(
  tables: Tables,
  changes: Changes | undefined,
  { pair, base, granted, path }: Place,
  index: number,
): Row | undefined {
  const words = tables.words(pair.now);
  if (words === undefined) return undefined;
  const then = pair.then === undefined ? undefined : changes?.then.words(pair.then);
  const change = then === undefined ? undefined : changes?.of(words, then, index);
  const gone = change === "gone";
  // What is gone is told as it was.
  const [source, from] = gone && changes !== undefined ? [changes.then, then!] : [tables, words];
  const entry = source.entry(from, index);
  if (entry === 0n) return undefined;
  const { depth } = pair;
  const { span } = tables.paging.levels[depth]!;
  const present = source.isPresent(from, index);
  const kind = !present ? "absent" : source.mapsPage(from, index, depth) ? "page" : "table";
  const below = kind === "table" && !gone ? pairBelow(tables, changes, pair, index) : undefined;
  const differs = change === "changed" || change === "touched";
  return {
    kind,
    place: base + index * span,
    depth,
    index,
    entries: 1,
    physical: kind === "page" ? source.page(from, index, depth) : kind === "table" ? source.next(from, index) : 0,
    order: "same",
    entryAddress: pair.now + index * tables.paging.entryBytes,
    entry,
    rights: kind === "absent" ? 0 : source.rights(from, index, depth, granted),
    accessed: Number((entry >> 5n) & 1n),
    dirty: kind === "page" ? Number((entry >> 6n) & 1n) : 0,
    change,
    before: differs && then !== undefined ? changes?.then.entry(then, index) : undefined,
    below,
    circular: below !== undefined && path.some((table) => Math.floor(table / PAGE) === Math.floor(below.now / PAGE)),
  };
}

/** Whether an entry continues a run. What the processor notes by itself (accessed, dirty) does not part them. */
function joins(tables: Tables, run: Row, row: Row): boolean {
  if (run.kind !== row.kind || run.index + run.entries !== row.index || apart(run.change) !== apart(row.change))
    return false;
  if (row.kind === "absent") return true;
  if (bitsBeside(tables, run) !== bitsBeside(tables, row)) return false;
  const step = row.physical - run.physical;
  if (run.entries === 1) return step === 0 || (row.kind === "page" && step === tables.paging.levels[row.depth]!.span);
  if (run.order === "same") return step === 0;
  return step === run.entries * tables.paging.levels[row.depth]!.span;
}

const apart = (change: Change | undefined): Change | undefined => (change === "touched" ? undefined : change);

/** All bits of an entry but its address, and what the processor notes. */
function bitsBeside({ paging }: Tables, { entry, kind, depth }: Row): bigint {
  const noted = BigInt(NOTED);
  if (paging.entryBytes === 4) return entry & 0xfffn & ~noted;
  const large = kind === "page" && paging.levels[depth]!.span > PAGE;
  // Bit 12 of an entry for a large page chooses its memory type.
  return entry & (large ? 0xffffff0000001fffn : 0xffffff0000000fffn) & ~noted;
}
