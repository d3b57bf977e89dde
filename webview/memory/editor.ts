/** Writes bytes into guest memory, and takes them back. */
import type { MemoryPages } from "./pages.ts";
import type { Place } from "./spaces.ts";

interface Write {
  place: Place;
  before: Uint8Array;
  after: Uint8Array;
}

/** Writes that can be taken back. */
const MAX_WRITES = 1000;

/** The writeMemory request. */
export type WriteBytes = (place: Place, bytes: Uint8Array) => Promise<void>;

export class MemoryEditor {
  private readonly done: Write[] = [];
  private readonly undone: Write[] = [];
  private readonly pages: MemoryPages;
  private readonly send: WriteBytes;

  constructor(pages: MemoryPages, send: WriteBytes) {
    this.pages = pages;
    this.send = send;
  }

  /** Rejects with one sentence; then what was there is read again. */
  async write(place: Place, after: Uint8Array): Promise<void> {
    const before = this.pages.known(place, after.length);
    await this.put(place, after);
    // What was not there to be read cannot be put back.
    if (before === undefined) return;
    this.done.push({ place, before, after });
    if (this.done.length > MAX_WRITES) this.done.shift();
    this.undone.length = 0;
  }

  /** Takes the last write back. Where it was; undefined if there is none. */
  undo(): Promise<Place | undefined> {
    return this.move(this.done, this.undone, "before");
  }

  redo(): Promise<Place | undefined> {
    return this.move(this.undone, this.done, "after");
  }

  /** The machine has run on: what was there before may mean something else now. */
  forget(): void {
    this.done.length = 0;
    this.undone.length = 0;
  }

  private async move(from: Write[], to: Write[], bytes: "before" | "after"): Promise<Place | undefined> {
    const write = from.pop();
    if (write === undefined) return undefined;
    await this.put(write.place, write[bytes]);
    to.push(write);
    if (bytes === "before") this.pages.unmark(write.place, write.before.length);
    return write.place;
  }

  private async put(place: Place, bytes: Uint8Array): Promise<void> {
    this.pages.write(place, bytes);
    try {
      await this.send(place, bytes);
    } catch (error) {
      this.pages.unmark(place, bytes.length);
      this.pages.outdate();
      throw error;
    }
  }
}
