/** What the machine catches beside addresses: for the client's filters and for its data breakpoints, in one list. */
import type { Catch, Caught, Target } from "./target.ts";

/** Who wants a catch. */
export type CatchOwner = "filters" | "data";

export class Catches {
  readonly #target: Pick<Target, "setCatches">;
  #lists: Readonly<Record<CatchOwner, readonly Catch[]>> = { filters: [], data: [] };

  constructor(target: Pick<Target, "setCatches">) {
    this.#target = target;
  }

  /** Replaces what one owner catches. Rejects with one sentence, and keeps the list before, when the machine refuses it. */
  async set(owner: CatchOwner, list: readonly Catch[]): Promise<void> {
    if (list.length === 0 && this.#lists[owner].length === 0) return;
    const lists = { ...this.#lists, [owner]: list };
    await this.#target.setCatches([...lists.filters, ...lists.data]);
    // Only now: a stop that was on its way is one by the list before.
    this.#lists = lists;
  }

  /** Another machine was switched on: it catches nothing yet. */
  forget(): void {
    this.#lists = { filters: [], data: [] };
  }

  /** Places in an owner's list of those behind a stop. To be asked as soon as the stop is known. */
  behind(owner: CatchOwner, caught: Caught): number[] {
    const first = owner === "filters" ? 0 : this.#lists.filters.length;
    const { length } = this.#lists[owner];
    return caught.catches.filter((place) => place >= first && place < first + length).map((place) => place - first);
  }
}
