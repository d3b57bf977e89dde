/** Page tables as a tree: what is unfolded, what is on show, and how to get to an address. Knows no page elements. */
import type { Hex, PageTableRow } from "../../debug-adapter/protocol.ts";
import { placeOf, type Paging } from "./places.ts";

/** Which rows of a table are wanted: all with neighbours folded, or some by themselves. */
export interface Wanted {
  linear: Hex;
  depth: number;
  first?: number;
  count?: number;
}

export type LoadRows = (wanted: Wanted) => Promise<PageTableRow[]>;

export interface TreeRow {
  row: PageTableRow;
  key: string;
  /** 1 for the first table. */
  level: number;
  open: boolean;
  /** Place among its siblings, from 1, and their number. */
  position: number;
  siblings: number;
}

/** Tables that are unfolded at most to show what has changed. */
const MAX_UNFOLDED_CHANGES = 64;

export const isFoldable = (row: PageTableRow): boolean =>
  row.entries > 1 || (row.kind === "table" && row.change !== "gone");

const hasChanged = (row: PageTableRow): boolean => row.change !== undefined && row.change !== "touched";
const changesWithin = (row: PageTableRow): boolean => hasChanged(row) || row.changesBelow !== undefined;

/** A run and its first entry by itself begin at the same address. */
const keyOf = ({ depth, linear, entries }: PageTableRow): string => `${depth} ${linear}${entries > 1 ? " run" : ""}`;

export class PageTree {
  /** What can be seen, in order. */
  visible: TreeRow[] = [];
  readonly #load: LoadRows;
  #paging: Paging = "off";
  #roots: readonly PageTableRow[] = [];
  #children = new Map<string, readonly PageTableRow[]>();
  #parents = new Map<string, string>();
  #at = new Map<string, number>();
  readonly #open: Set<string>;
  #changedOnly = false;
  #reading = 0;

  /** @param open what was unfolded before */
  constructor(load: LoadRows, open: readonly string[] = []) {
    this.#load = load;
    this.#open = new Set(open);
  }

  get open(): string[] {
    return [...this.#open];
  }

  indexOf(key: string): number {
    return this.#at.get(key) ?? -1;
  }

  /** The row that another was unfolded from. */
  parentOf(key: string): string | undefined {
    return this.#parents.get(key);
  }

  /** Reads everything on show anew; what is unfolded stays so as far as it is still there. */
  async refresh(paging: Paging): Promise<void> {
    const reading = ++this.#reading;
    const children = new Map<string, readonly PageTableRow[]>();
    const parents = new Map<string, string>();
    const unfold = async (rows: readonly PageTableRow[]): Promise<void> => {
      const open = rows.filter((row) => isFoldable(row) && this.#open.has(keyOf(row)));
      await Promise.all(
        open.map(async (row) => {
          const below = await this.#load(wantedBelow(row));
          children.set(keyOf(row), below);
          for (const child of below) parents.set(keyOf(child), keyOf(row));
          await unfold(below);
        }),
      );
    };
    const roots = paging === "off" ? [] : await this.#load({ linear: "0x0", depth: 0 });
    await unfold(roots);
    // A later stop has overtaken this one.
    if (reading !== this.#reading) return;
    this.#paging = paging;
    this.#roots = roots;
    this.#children = children;
    this.#parents = parents;
    if (this.#changedOnly) await this.#unfoldChanges();
    this.#flatten();
  }

  async unfold(row: PageTableRow): Promise<void> {
    await this.#read(row);
    this.#open.add(keyOf(row));
    this.#flatten();
  }

  fold(row: PageTableRow): void {
    this.#open.delete(keyOf(row));
    this.#flatten();
  }

  foldAll(): void {
    this.#open.clear();
    this.#flatten();
  }

  /** Shows only what is new, gone or changed, and what it lies in. */
  async showChangedOnly(wanted: boolean): Promise<void> {
    this.#changedOnly = wanted;
    if (wanted) await this.#unfoldChanges();
    this.#flatten();
  }

  /** Unfolds the way to an address; the key of the last row on it, which may be the next one behind a hole. */
  async reveal(place: number): Promise<string | undefined> {
    let rows = this.#roots;
    let found: PageTableRow | undefined;
    for (;;) {
      const next = rows.find((row) => this.#end(row) > place);
      if (next === undefined) break;
      found = next;
      // A run of pages is one row for all of them: the address is in it.
      const within = placeOf(this.#paging, next.linear) <= place;
      if (!isFoldable(next) || (next.kind !== "table" && next.entries > 1) || !within) break;
      rows = await this.#read(next);
      this.#open.add(keyOf(next));
    }
    this.#flatten();
    return found && keyOf(found);
  }

  #end(row: PageTableRow): number {
    return placeOf(this.#paging, row.linear) + row.span * row.entries;
  }

  async #read(row: PageTableRow): Promise<readonly PageTableRow[]> {
    const key = keyOf(row);
    const known = this.#children.get(key);
    if (known !== undefined) return known;
    const reading = this.#reading;
    const rows = await this.#load(wantedBelow(row));
    if (reading !== this.#reading) return rows;
    this.#children.set(key, rows);
    for (const child of rows) this.#parents.set(keyOf(child), key);
    return rows;
  }

  async #unfoldChanges(): Promise<void> {
    let left = MAX_UNFOLDED_CHANGES;
    const visit = async (rows: readonly PageTableRow[]): Promise<void> => {
      for (const row of rows) {
        if (row.changesBelow === undefined || !isFoldable(row) || left-- <= 0) continue;
        const below = await this.#read(row);
        this.#open.add(keyOf(row));
        await visit(below);
      }
    };
    await visit(this.#roots);
  }

  #flatten(): void {
    const visible: TreeRow[] = [];
    const visit = (rows: readonly PageTableRow[], level: number): void => {
      const shown = this.#changedOnly ? rows.filter(changesWithin) : rows;
      for (const [index, row] of shown.entries()) {
        const key = keyOf(row);
        const below = this.#open.has(key) && isFoldable(row) ? this.#children.get(key) : undefined;
        const open = below !== undefined;
        visible.push({ row, key, level, open, position: index + 1, siblings: shown.length });
        if (below !== undefined) visit(below, level + 1);
      }
    };
    visit(this.#roots, 1);
    this.visible = visible;
    this.#at = new Map(visible.map(({ key }, index) => [key, index]));
  }
}

/** A run unfolds into its entries, an entry into the table that it leads to. */
function wantedBelow({ linear, depth, index, entries }: PageTableRow): Wanted {
  return entries > 1 ? { linear, depth, first: index, count: entries } : { linear, depth: depth + 1 };
}
