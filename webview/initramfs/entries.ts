/** The entries of an archive as far as they have been asked for: a page of them at a time. */
import type { InitramfsEntry } from "../../debug-adapter/protocol.ts";

/** Entries of a page, and pages that are kept. */
const PAGE = 250;
const MAX_PAGES = 40;

/** Asks for a page of entries. */
export type AskEntries = (from: number, count: number) => Promise<readonly InitramfsEntry[]>;

export class Entries {
  readonly #pages = new Map<number, readonly InitramfsEntry[] | "asked">();
  readonly #ask: AskEntries;
  readonly #arrived: () => void;
  readonly #failed: (error: unknown) => void;
  /** Counts lists: an answer for an earlier one is dropped. */
  #list = 0;

  constructor(ask: AskEntries, arrived: () => void, failed: (error: unknown) => void) {
    this.#ask = ask;
    this.#arrived = arrived;
    this.#failed = failed;
  }

  /** Another list, of which the first page is here already. */
  begin(first: readonly InitramfsEntry[]): void {
    this.#list++;
    this.#pages.clear();
    this.#pages.set(0, first);
  }

  /** The entry, or undefined while it is not here: then it is being asked for. */
  at(index: number): InitramfsEntry | undefined {
    const number = Math.floor(index / PAGE);
    const page = this.#pages.get(number);
    if (page === undefined) this.#fetch(number);
    return page === undefined || page === "asked" ? undefined : page[index - number * PAGE];
  }

  #fetch(number: number): void {
    while (this.#pages.size >= MAX_PAGES) this.#pages.delete(this.#pages.keys().next().value ?? 0);
    this.#pages.set(number, "asked");
    const list = this.#list;
    this.#ask(number * PAGE, PAGE).then(
      (entries) => {
        if (list !== this.#list) return;
        this.#pages.set(number, entries);
        this.#arrived();
      },
      (error: unknown) => {
        if (list === this.#list) this.#failed(error);
      },
    );
  }
}

export const FIRST_PAGE = PAGE;
