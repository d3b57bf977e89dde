/** Reads an initramfs out of guest memory, in the background: memory in pieces, then what lies in it. */
import { indexInitramfs } from "../../../boot-formats/initramfs/archive.ts";
import type { Initramfs } from "../../../boot-formats/initramfs/archive.ts";
import { FormatError } from "../../../boot-formats/errors.ts";
import { hex } from "../../address.ts";
import { Cancelled } from "../../progress.ts";
import type { Target } from "../../target.ts";
import type { Range } from "../handed-over.ts";
import { comparedWithDisk, comparedWithFile } from "./original.ts";
import type { Compared } from "./original.ts";
import { differingHashes, pageHashes, poisonedPages } from "./pages.ts";

const PIECE = 1 << 20;
/** Bytes of all archives together that are gone through: far above any initramfs that a guest of this size unpacks. */
const UNPACKED_BYTES = 2 ** 30;

/** What a reading found. */
export interface Reading {
  range: Range;
  /** Instructions retired at the stop at which memory was read. */
  icount: bigint;
  index: Initramfs;
  compared: Compared | undefined;
  /** Pages of which memory holds something else than what is listed. */
  overwritten: ReadonlySet<number>;
  problems: string[];
  /** Of the pages as they were read. */
  hashes: Int32Array;
  /** What later stops are compared with when there is nothing else: the first reading of it. */
  first: { hashes: Int32Array; icount: bigint };
}

export interface ReadingServices {
  target: Pick<Target, "cpu" | "readMemory" | "origins" | "readDrive">;
  /** Path of the initramfs that the launch names. */
  file: string | undefined;
  /** A reading of the same place at an earlier stop. */
  earlier: Reading | undefined;
}

export class Reader {
  readonly range: Range;
  readonly icount: bigint;
  /** Rejects with one sentence. */
  readonly finished: Promise<Reading>;
  /** Bytes of memory that have been read, and bytes of content. */
  done = 0;
  readonly #services: ReadingServices;
  #stale = false;

  constructor(range: Range, icount: bigint, services: ReadingServices) {
    this.range = range;
    this.icount = icount;
    this.#services = services;
    this.finished = this.#read();
    // Who asks for it hears of it.
    this.finished.catch(() => undefined);
  }

  /** Ends the work: nobody wants it any more. */
  cancel(): void {
    this.#stale = true;
  }

  async #read(): Promise<Reading> {
    const { range, icount } = this;
    const { earlier } = this.#services;
    const bytes = await this.#memory();
    const hashes = pageHashes(bytes);
    if (earlier !== undefined && differingHashes(earlier.hashes, hashes).size === 0) return { ...earlier, icount };
    const compared = (await this.#compared(bytes)) ?? comparedWithFirst(earlier, hashes);
    const differ = compared?.differ ?? new Set<number>();
    const problems = compared === undefined || differ.size === 0 ? [] : [overwrittenText(bytes, compared)];
    const isChanged = differ.size > 0;
    const original = isChanged ? compared?.original : bytes;
    // Without the bytes as they were, the list of the earlier stop stands for them.
    const index =
      original === undefined && earlier !== undefined ? earlier.index : await this.#index(original ?? bytes);
    const first = earlier?.first ?? { hashes, icount };
    return { range, icount, index, compared, overwritten: differ, problems, hashes, first };
  }

  async #memory(): Promise<Uint8Array> {
    const { physical, size } = this.range;
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += PIECE) {
      const length = Math.min(PIECE, size - at);
      const piece = await this.#services.target.readMemory("phys", physical + BigInt(at), length);
      bytes.set(piece, at);
      if (piece.length < length) {
        const end = hex(physical + BigInt(at + piece.length));
        throw new Error(
          `The initramfs of ${size} bytes at phys:${hex(physical)} leaves memory: there is none at phys:${end}.`,
        );
      }
      await this.#next(length);
    }
    return bytes;
  }

  /** So many bytes more are done. Rejects once the machine has moved on, or nobody wants the rest. */
  readonly #next = async (bytes: number): Promise<void> => {
    this.done += bytes;
    if (!this.#stale && (await this.#services.target.cpu()).icount !== this.icount) this.#stale = true;
    if (this.#stale) throw new Cancelled();
  };

  async #compared(bytes: Uint8Array): Promise<Compared | undefined> {
    const { file, target } = this.#services;
    const withFile = file === undefined ? undefined : await comparedWithFile(file, bytes, this.#next);
    return withFile ?? (await comparedWithDisk(target, this.range, bytes, this.#next));
  }

  async #index(bytes: Uint8Array): Promise<Initramfs> {
    let looked = 0;
    try {
      return await indexInitramfs(bytes, { unpackedBytes: UNPACKED_BYTES }, (read) => {
        this.done += read;
        if (this.#stale) throw new Cancelled();
        looked += read;
        if (looked < PIECE) return;
        looked = 0;
        this.#next(0).catch(() => (this.#stale = true));
      });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      const freed = poisonedPages(bytes, new Set([0])) > 0 ? `, which is what the kernel fills freed memory with` : "";
      throw new Error(`No initramfs lies at phys:${hex(this.range.physical)}${freed}: ${error.message}`);
    }
  }
}

function comparedWithFirst(earlier: Reading | undefined, hashes: Int32Array): Compared | undefined {
  if (earlier === undefined) return undefined;
  const { first } = earlier;
  const differ = differingHashes(first.hashes, hashes);
  return { with: `what it was at instruction ${first.icount}`, pages: hashes.length, differ };
}

function overwrittenText(bytes: Uint8Array, { with: original, pages, differ }: Compared): string {
  const poisoned = poisonedPages(bytes, differ);
  const how =
    differ.size < pages
      ? `${differ.size} of ${pages} pages of memory differ from ${original}`
      : `Nothing is left of it: all ${pages} pages of memory differ from ${original}`;
  const freed =
    poisoned === 0
      ? ""
      : `; ${poisoned === differ.size ? "they hold" : `${poisoned} of them hold`} nothing but cc, with which the kernel fills memory that it frees`;
  return `${how}${freed}. What is listed is the archive as it was.`;
}
