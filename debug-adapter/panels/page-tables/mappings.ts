/** From a physical address back to the linear ones that map it, and to what it is among the tables themselves. */
import { ALL_RIGHTS, PAGE, type Level } from "./paging.ts";
import type { TableAt, Tables } from "./tables.ts";

/** One linear address (place, see paging.ts) of a physical one. */
export interface Mapping {
  place: number;
  /** Bytes of the page that maps it. */
  pageSize: number;
  rights: number;
  /** Physical address of the entry that does. */
  entryAddress: number;
}

/** Counts and lists the linear addresses of one physical address. */
export class Mappings {
  readonly #tables: Tables;
  readonly #physical: number;
  readonly #counts = new Map<number, number>();

  constructor(tables: Tables, physical: number) {
    this.#tables = tables;
    this.#physical = physical;
  }

  /** How many there are. */
  get total(): number {
    return this.#count({ table: this.#tables.paging.root, depth: 0 });
  }

  /** `count` of them, in the order of linear addresses, from number `from` on. */
  list(from: number, count: number): Mapping[] {
    const found: Mapping[] = [];
    this.#collect({ table: this.#tables.paging.root, depth: 0 }, 0, ALL_RIGHTS, { skip: from, count, found });
    return found;
  }

  #hits(words: Uint32Array, index: number, depth: number): boolean {
    const first = this.#tables.page(words, index, depth);
    return this.#physical >= first && this.#physical < first + this.#tables.paging.levels[depth]!.span;
  }

  #count(at: TableAt): number {
    const key = Math.floor(at.table / PAGE) * 8 + at.depth;
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const tables = this.#tables;
    const words = tables.words(at.table);
    let count = 0;
    const entries = words === undefined ? 0 : tables.paging.levels[at.depth]!.entries;
    for (let index = 0; index < entries; index++) {
      if (!tables.isPresent(words!, index)) continue;
      if (tables.mapsPage(words!, index, at.depth)) count += this.#hits(words!, index, at.depth) ? 1 : 0;
      else count += this.#count({ table: tables.next(words!, index), depth: at.depth + 1 });
    }
    this.#counts.set(key, count);
    return count;
  }

  #collect(
    at: TableAt,
    base: number,
    granted: number,
    wanted: { skip: number; count: number; found: Mapping[] },
  ): void {
    const tables = this.#tables;
    const words = tables.words(at.table);
    if (words === undefined) return;
    const { entries, span } = tables.paging.levels[at.depth]!;
    for (let index = 0; index < entries && wanted.found.length < wanted.count; index++) {
      if (!tables.isPresent(words, index)) continue;
      const rights = tables.rights(words, index, at.depth, granted);
      const first = base + index * span;
      if (!tables.mapsPage(words, index, at.depth)) {
        const next = { table: tables.next(words, index), depth: at.depth + 1 };
        const below = this.#count(next);
        if (below <= wanted.skip) wanted.skip -= below;
        else this.#collect(next, first, rights, wanted);
      } else if (this.#hits(words, index, at.depth)) {
        if (wanted.skip > 0) wanted.skip--;
        else {
          const place = first + (this.#physical - tables.page(words, index, at.depth));
          const entryAddress = at.table + index * tables.paging.entryBytes;
          wanted.found.push({ place, pageSize: span, rights, entryAddress });
        }
      }
    }
  }
}

/** The levels at which a page holds a table. */
export function tableLevels(tables: Tables, physical: number): Level["name"][] {
  const uses = tables.uses.get(Math.floor(physical / PAGE)) ?? 0;
  return tables.paging.levels.filter((_, depth) => uses & (1 << depth)).map(({ name }) => name);
}
