/**
 * How much the tables map, and with which rights. Each table is added up once for each level and for each set of rights
 * that it is reached with, so repetitions and circles cost nothing.
 */
import { ALL_RIGHTS, PAGE, RIGHTS, type Paging } from "./paging.ts";
import type { TableAt, Tables } from "./tables.ts";

/** What is mapped below a table. */
export interface Extent {
  /** Bytes by combination of rights. */
  bytes: Float64Array;
  /** Pages by the level of the entries that map them. */
  pages: Float64Array;
  /** Bytes in all. */
  mapped: number;
}

/** Tables by level and rights that are added up at most: a guest's own never come near. */
const MAX_EXTENTS = 1 << 18;

const total = (bytes: Float64Array): number => bytes.reduce((sum, each) => sum + each, 0);

/** The one combination of rights with which all of so many bytes are mapped. */
export function uniformRights({ bytes }: Extent, span: number): number | undefined {
  const rights = bytes.indexOf(span);
  return rights < 0 ? undefined : rights;
}

export class Extents {
  readonly tables: Tables;
  readonly #known = new Map<number, Extent>();
  readonly #nothing: Extent;

  constructor(tables: Tables) {
    this.tables = tables;
    this.#nothing = {
      bytes: new Float64Array(RIGHTS),
      pages: new Float64Array(tables.paging.levels.length),
      mapped: 0,
    };
  }

  /** Of the whole address space. */
  all(): Extent {
    return this.of({ table: this.tables.paging.root, depth: 0 }, ALL_RIGHTS);
  }

  /** What is mapped by a table that is reached with these rights. */
  of({ table, depth }: TableAt, granted: number): Extent {
    const { tables } = this;
    const words = tables.words(table);
    if (words === undefined) return this.#nothing;
    // A page number has at most 28 bits, so this is exact.
    const key = Math.floor(table / PAGE) * 64 + depth * RIGHTS + granted;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_EXTENTS) return this.#nothing;
    const { levels } = tables.paging;
    const bytes = new Float64Array(RIGHTS);
    const pages = new Float64Array(levels.length);
    const { entries, span } = levels[depth]!;
    for (let index = 0; index < entries; index++) {
      if (!tables.isPresent(words, index)) continue;
      const rights = tables.rights(words, index, depth, granted);
      if (tables.mapsPage(words, index, depth)) {
        bytes[rights]! += span;
        pages[depth]!++;
      } else {
        const below = this.of({ table: tables.next(words, index), depth: depth + 1 }, rights);
        for (let each = 0; each < RIGHTS; each++) bytes[each]! += below.bytes[each]!;
        for (let each = 0; each < pages.length; each++) pages[each]! += below.pages[each]!;
      }
    }
    const extent = { bytes, pages, mapped: total(bytes) };
    this.#known.set(key, extent);
    return extent;
  }
}

/** A run of linear addresses (places, see paging.ts) that are mapped with the same rights. */
export interface MappedRange {
  first: number;
  end: number;
  rights: number;
}

/** All ranges in the order of addresses, neighbours with equal rights joined. */
export function* rangesOf(extents: Extents): Generator<MappedRange> {
  let open: MappedRange | undefined;
  for (const piece of pieces(extents, { table: extents.tables.paging.root, depth: 0 }, 0, ALL_RIGHTS)) {
    // The halves of a 48-bit space are not neighbours.
    const joins = piece.first !== half(extents.tables.paging);
    if (open?.end === piece.first && open.rights === piece.rights && joins) open.end = piece.end;
    else {
      if (open !== undefined) yield open;
      open = { ...piece };
    }
  }
  if (open !== undefined) yield open;
}

/** Where the upper half begins. */
const half = ({ mode, space }: Paging): number => (mode === "4-level" ? space / 2 : space);

function* pieces(extents: Extents, at: TableAt, base: number, granted: number): Generator<MappedRange> {
  const { tables } = extents;
  const { levels } = tables.paging;
  const words = tables.words(at.table);
  if (words === undefined) return;
  const { entries, span } = levels[at.depth]!;
  for (let index = 0; index < entries; index++) {
    if (!tables.isPresent(words, index)) continue;
    const rights = tables.rights(words, index, at.depth, granted);
    const first = base + index * span;
    const end = first + span;
    if (tables.mapsPage(words, index, at.depth)) yield { first, end, rights };
    else {
      const next = { table: tables.next(words, index), depth: at.depth + 1 };
      const below = extents.of(next, rights);
      const uniform = uniformRights(below, span);
      if (uniform !== undefined) yield { first, end, rights: uniform };
      else if (below.mapped > 0) yield* pieces(extents, next, first, rights);
    }
  }
}
