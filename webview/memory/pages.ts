/** Pages of guest memory that have been on the screen lately, what they held at the stop before, and what users wrote. */
import { placeText, type Place, type Space } from "./spaces.ts";

const PAGE = 4096;
const PAGE_MASK = BigInt(PAGE - 1);
/** Pages that are kept. */
const MAX_PAGES = 256;
/** Pieces that one page is read in: where holes divide it. */
const MAX_PIECES = 16;
/** Bytes that one question for a range may be about. */
export const MAX_RANGE = 1 << 16;

/** A run of bytes that can be read, and how many behind it cannot. */
export interface Piece {
  bytes: Uint8Array;
  unreadable: number;
}

/** The readMemory request. */
export type ReadPiece = (reference: string, length: number) => Promise<Piece>;

export interface ByteState {
  /** Undefined where there is nothing to be read, or it is not known yet. */
  value: number | undefined;
  /** Not read yet: nothing can be said. */
  isUnknown: boolean;
  /** What it was at the last stop, where that was something else. */
  was: number | undefined;
  /** Written by the user at this stop. */
  isEdited: boolean;
}

/** Bytes of a page; those outside memory are −1. */
type Bytes = Int16Array;

interface Page {
  /** What is shown: of this reading or, until that is there, of the last one. */
  shown: Bytes | undefined;
  /** Whether `shown` is what there is now. */
  isCurrent: boolean;
  reading: Promise<void> | undefined;
  /** At the stop before, where it was read then. */
  before: Bytes | undefined;
}

const UNKNOWN: ByteState = { value: undefined, isUnknown: true, was: undefined, isEdited: false };

export class MemoryPages {
  private readonly pages = new Map<string, Page>();
  private readonly edited = new Set<string>();
  private readonly read: ReadPiece;
  private readonly arrived: (failure: string | undefined) => void;
  /** Answers to what was asked before a stop or an edit are too late. */
  private reading = 0;
  private readable = false;

  /** `arrived` is told when bytes have come, or why they have not. */
  constructor(read: ReadPiece, arrived: (failure: string | undefined) => void) {
    this.read = read;
    this.arrived = arrived;
  }

  /** Another machine: nothing is known of it. */
  forget(): void {
    this.pages.clear();
    this.edited.clear();
    this.reading++;
    this.readable = false;
  }

  /** The machine stopped: what is known is how it was at the stop before. */
  stopped(): void {
    for (const page of this.pages.values()) page.before = page.isCurrent ? page.shown?.slice() : undefined;
    this.edited.clear();
    this.outdate();
    this.readable = true;
  }

  /** The machine runs: nothing is asked, and what was asked is answered too late. */
  running(): void {
    this.readable = false;
    this.reading++;
  }

  /** Memory was written behind our back: everything is read again, and compared with the same stop as before. */
  outdate(): void {
    this.reading++;
    for (const page of this.pages.values()) {
      page.isCurrent = false;
      page.reading = undefined;
    }
  }

  byte(space: Space, address: bigint): ByteState {
    const page = this.at(space, address);
    const index = Number(address & PAGE_MASK);
    if (page.shown === undefined) return UNKNOWN;
    const value = page.shown[index] ?? -1;
    const before = page.before?.[index] ?? -1;
    return {
      value: value < 0 ? undefined : value,
      isUnknown: false,
      was: before >= 0 && before !== value ? before : undefined,
      isEdited: this.edited.has(placeText({ space, address })),
    };
  }

  /** The bytes, read if they are not here; undefined for those that cannot be read. Rejects with one sentence. */
  async range({ space, address }: Place, length: number): Promise<(number | undefined)[]> {
    if (length > MAX_RANGE) throw new Error(`At most ${MAX_RANGE} bytes can be taken at once; ${length} are chosen.`);
    const values: (number | undefined)[] = [];
    for (let offset = 0; offset < length; offset++) {
      const page = this.at(space, address + BigInt(offset));
      await page.reading;
      const value = page.shown?.[Number((address + BigInt(offset)) & PAGE_MASK)] ?? -1;
      values.push(value < 0 ? undefined : value);
    }
    return values;
  }

  /** The bytes as they are shown; undefined unless all of them are. */
  known({ space, address }: Place, length: number): Uint8Array | undefined {
    const values = Array.from({ length }, (_, offset) => this.byte(space, address + BigInt(offset)).value);
    return values.every((value) => value !== undefined) ? Uint8Array.from(values) : undefined;
  }

  /** Shows bytes as they are being written, and marks them. */
  write({ space, address }: Place, bytes: Uint8Array): void {
    bytes.forEach((value, offset) => {
      const at = address + BigInt(offset);
      const page = this.pages.get(keyOf(space, at));
      if (page?.shown !== undefined) page.shown[Number(at & PAGE_MASK)] = value;
      this.edited.add(placeText({ space, address: at }));
    });
  }

  /** They were not written, or are again what they were. */
  unmark({ space, address }: Place, length: number): void {
    for (let offset = 0; offset < length; offset++) {
      this.edited.delete(placeText({ space, address: address + BigInt(offset) }));
    }
  }

  /** The page of an address, being read if it is not current. */
  private at(space: Space, address: bigint): Page {
    const key = keyOf(space, address);
    let page = this.pages.get(key);
    if (page === undefined) {
      page = { shown: undefined, isCurrent: false, reading: undefined, before: undefined };
      while (this.pages.size >= MAX_PAGES) this.pages.delete(this.pages.keys().next().value ?? "");
    } else this.pages.delete(key);
    // Last in the order of use.
    this.pages.set(key, page);
    if (!page.isCurrent && page.reading === undefined && this.readable) this.load(page, space, address & ~PAGE_MASK);
    return page;
  }

  private load(page: Page, space: Space, start: bigint): void {
    const number = this.reading;
    page.reading = this.readPage(space, start).then(
      (bytes) => {
        if (number !== this.reading) return;
        page.shown = bytes;
        page.isCurrent = true;
        page.reading = undefined;
        this.arrived(undefined);
      },
      (error: unknown) => {
        // Not asked again before the next stop.
        if (number === this.reading) this.arrived(error instanceof Error ? error.message : String(error));
      },
    );
  }

  private async readPage(space: Space, start: bigint): Promise<Bytes> {
    const page = new Int16Array(PAGE).fill(-1);
    let offset = 0;
    for (let piece = 0; offset < PAGE && piece < MAX_PIECES; piece++) {
      const reference = placeText({ space, address: start + BigInt(offset) });
      const { bytes, unreadable } = await this.read(reference, PAGE - offset);
      page.set(bytes.subarray(0, PAGE - offset), offset);
      if (bytes.length + unreadable <= 0) break;
      offset += bytes.length + unreadable;
    }
    return page;
  }
}

const keyOf = (space: Space, address: bigint): string => `${space} ${address >> 12n}`;
