import type { DiskImage } from "./disk-image.ts";

/** What lies under a disk's changes: bytes that never change while the machine runs. */
export interface DiskSource {
  /** Size in bytes. */
  readonly bytes: number;
  /** Fills `into` from byte `offset` on; the caller stays within the size. Throws DiskError when that fails. */
  read(offset: number, into: Uint8Array): void;
  close(): void;
}

/** A read or write of an image failed; the message is one sentence for users. Drives answer the guest with an error. */
export class DiskError extends Error {
  override readonly name = "DiskError";
}

const BLOCK = 4096;
/** Changes that one disk holds in memory before its writes fail: the guest decides how much it writes. */
const DEFAULT_LIMIT = 1 << 30;

/** A disk whose writes stay in memory, in blocks of 4 KiB over an unchanging source. */
export class OverlayDisk implements DiskImage {
  readonly bytes: number;
  readonly #source: DiskSource;
  readonly #blocks = new Map<number, Uint8Array>();
  readonly #limit: number;
  readonly #persist: ((changes: Iterable<readonly [number, Uint8Array]>) => Promise<void>) | undefined;

  /**
   * @param persist puts changes where the source came from
   * @param limit bytes of changes that are kept; beyond, writes throw DiskError
   */
  constructor(
    source: DiskSource,
    persist?: (changes: Iterable<readonly [number, Uint8Array]>) => Promise<void>,
    limit = DEFAULT_LIMIT,
  ) {
    this.#source = source;
    this.bytes = source.bytes;
    this.#persist = persist;
    this.#limit = limit;
  }

  read(offset: number, into: Uint8Array): void {
    const inside = Math.max(0, Math.min(into.length, this.bytes - offset));
    if (inside < into.length) into.fill(0, inside);
    let at = 0;
    // Start of a stretch that no change covers, read from the source in one go.
    let plain = 0;
    while (at < inside && this.#blocks.size > 0) {
      const index = Math.floor((offset + at) / BLOCK);
      const from = (offset + at) % BLOCK;
      const count = Math.min(BLOCK - from, inside - at);
      const block = this.#blocks.get(index);
      if (block) {
        if (plain < at) this.#source.read(offset + plain, into.subarray(plain, at));
        into.set(block.subarray(from, from + count), at);
        plain = at + count;
      }
      at += count;
    }
    if (plain < inside) this.#source.read(offset + plain, into.subarray(plain, inside));
  }

  write(offset: number, bytes: Uint8Array): void {
    const inside = Math.max(0, Math.min(bytes.length, this.bytes - offset));
    for (let at = 0; at < inside;) {
      const index = Math.floor((offset + at) / BLOCK);
      const from = (offset + at) % BLOCK;
      const count = Math.min(BLOCK - from, inside - at);
      this.#blockForWriting(index, from === 0 && count === BLOCK).set(bytes.subarray(at, at + count), from);
      at += count;
    }
  }

  *changes(): Generator<readonly [number, Uint8Array]> {
    const indices = [...this.#blocks.keys()].sort((a, b) => a - b);
    for (const index of indices) {
      const offset = index * BLOCK;
      const block = this.#blocks.get(index) as Uint8Array;
      yield [offset, block.subarray(0, Math.min(BLOCK, this.bytes - offset))];
    }
  }

  async persist(): Promise<void> {
    if (this.#blocks.size > 0) await this.#persist?.(this.changes());
  }

  close(): void {
    this.#source.close();
  }

  #blockForWriting(index: number, whole: boolean): Uint8Array {
    const known = this.#blocks.get(index);
    if (known) return known;
    if ((this.#blocks.size + 1) * BLOCK > this.#limit) {
      throw new DiskError(`A disk's changes outgrow the ${this.#limit >> 20} MiB of memory that are kept for them.`);
    }
    const block = new Uint8Array(BLOCK);
    const offset = index * BLOCK;
    if (!whole) this.#source.read(offset, block.subarray(0, Math.min(BLOCK, this.bytes - offset)));
    this.#blocks.set(index, block);
    return block;
  }
}
