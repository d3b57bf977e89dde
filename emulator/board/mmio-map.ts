import type { MmioHandler } from "../devices/device.ts";

const PAGE_SHIFT = 12;
const PAGES = 1 << 20;

/** Dispatch of physical addresses below 4 GiB that are no memory, by one table look-up on their page. */
export class MmioMap {
  readonly #index = new Uint8Array(PAGES);
  readonly #handlers: MmioHandler[] = [];
  /** First byte of each handler's range. */
  readonly #bases: number[] = [];
  readonly #unclaimed: (physical: number, write: boolean) => void;

  constructor(unclaimed: (physical: number, write: boolean) => void) {
    this.#unclaimed = unclaimed;
    this.add({ readMmio: () => 0, writeMmio: () => undefined });
  }

  /** Makes a handler known; the number is for `claim`. */
  add(handler: MmioHandler): number {
    this.#bases.push(0);
    return this.#handlers.push(handler) - 1;
  }

  replace(slot: number, handler: MmioHandler): void {
    this.#handlers[slot] = handler;
  }

  /** Gives the free pages of a range to a handler, whose offset 0 is the range's first byte; pages that another one has stay with it. */
  claim(slot: number, physical: number, bytes: number): void {
    this.#bases[slot] = physical;
    const last = Math.min(PAGES - 1, (physical + bytes - 1) >>> PAGE_SHIFT);
    for (let page = physical >>> PAGE_SHIFT; page <= last; page++) {
      if (this.#index[page] === 0) this.#index[page] = slot;
    }
  }

  release(slot: number, physical: number, bytes: number): void {
    const last = Math.min(PAGES - 1, (physical + bytes - 1) >>> PAGE_SHIFT);
    for (let page = physical >>> PAGE_SHIFT; page <= last; page++) {
      if (this.#index[page] === slot) this.#index[page] = 0;
    }
  }

  /** Value as an unsigned number; all ones where nobody answers. */
  read(physical: number, size: 1 | 2 | 4): number {
    const slot = physical < 2 ** 32 ? (this.#index[physical >>> PAGE_SHIFT] as number) : 0;
    if (slot !== 0) {
      return (this.#handlers[slot] as MmioHandler).readMmio(physical - (this.#bases[slot] as number), size);
    }
    this.#unclaimed(physical, false);
    return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
  }

  write(physical: number, size: 1 | 2 | 4, value: number): void {
    const slot = physical < 2 ** 32 ? (this.#index[physical >>> PAGE_SHIFT] as number) : 0;
    if (slot !== 0) {
      (this.#handlers[slot] as MmioHandler).writeMmio(physical - (this.#bases[slot] as number), size, value);
    } else {
      this.#unclaimed(physical, true);
    }
  }
}
