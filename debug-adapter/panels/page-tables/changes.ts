/** What differs between the tables as they are and as they were, entry by entry. */
import { PAGE } from "./paging.ts";
import type { Tables } from "./tables.ts";

/** "touched": only what the processor notes by itself, that a page was accessed or written. */
export type Change = "new" | "gone" | "changed" | "touched";

/** Accessed and dirty. */
export const NOTED = 0x60;
/** Pairs of tables that are compared at most. */
const MAX_PAIRS = 1 << 16;

/** Where a table was, beside where it is; none where there was none. */
export interface Pair {
  now: number;
  then: number | undefined;
  depth: number;
}

export class Changes {
  readonly now: Tables;
  readonly then: Tables;
  readonly #counts = new Map<string, number>();

  /** Both of the same paging mode. */
  constructor(now: Tables, then: Tables) {
    this.now = now;
    this.then = then;
  }

  /** Of one entry, by the words of its table now and then. */
  of(now: Uint32Array | undefined, then: Uint32Array | undefined, index: number): Change | undefined {
    const is = now !== undefined && this.now.isPresent(now, index);
    const was = then !== undefined && this.then.isPresent(then, index);
    if (!is || !was) return is ? "new" : was ? "gone" : undefined;
    const words = this.now.entryWords;
    const low = now[index * words]! ^ then[index * words]!;
    const high = words === 2 ? now[index * 2 + 1]! ^ then[index * 2 + 1]! : 0;
    if (low === 0 && high === 0) return undefined;
    return high === 0 && (low & ~NOTED) === 0 ? "touched" : "changed";
  }

  /** The pair of tables below an entry; undefined unless it leads to a table now. */
  below({ now, then, depth }: Pair, index: number): Pair | undefined {
    const words = this.now.words(now);
    if (words === undefined || !this.now.isPresent(words, index) || this.now.mapsPage(words, index, depth))
      return undefined;
    const old = then === undefined ? undefined : this.then.words(then);
    const led = old !== undefined && this.then.isPresent(old, index) && !this.then.mapsPage(old, index, depth);
    return { now: this.now.next(words, index), then: led ? this.then.next(old, index) : undefined, depth: depth + 1 };
  }

  /** Entries of a table, and of all below it, that are new, gone or changed. Nothing below a new entry is counted. */
  count(pair: Pair): number {
    const { now, then, depth } = pair;
    if (then === undefined) return 0;
    const key = `${Math.floor(now / PAGE)} ${Math.floor(then / PAGE)} ${depth}`;
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const words = this.now.words(now);
    const old = this.then.words(then);
    const { levels } = this.now.paging;
    const last = depth === levels.length - 1;
    let count = 0;
    if ((words !== old || !last) && words !== undefined && old !== undefined && this.#counts.size < MAX_PAIRS) {
      for (let index = 0; index < levels[depth]!.entries; index++) {
        const change = this.of(words, old, index);
        if (change !== undefined && change !== "touched") count++;
        const below = last ? undefined : this.below(pair, index);
        if (below !== undefined) count += this.count(below);
      }
    }
    this.#counts.set(key, count);
    return count;
  }
}
