/** For tests: a guest's memory with page tables made by hand, behind the part of a target that reads them. */
import type { CpuState, Space } from "../../target.ts";

export const PRESENT = 1n;
export const RW = 2n;
export const USER_PAGE = 4n;
export const ACCESSED = 0x20n;
export const DIRTY = 0x40n;
export const LARGE = 0x80n;
export const NX = 1n << 63n;

/** Control registers that turn each paging mode on. */
export const MODES = {
  "32-bit": { cr0: 1n << 31n, cr4: 0x10n, efer: 0n },
  PAE: { cr0: 1n << 31n, cr4: 0x20n, efer: 0n },
  "4-level": { cr0: 1n << 31n, cr4: 0x20n, efer: 0x400n },
} as const;

export class HandMade {
  readonly memory: Uint8Array;
  reads = 0;
  #cpu: CpuState;

  constructor(bytes: number, mode: keyof typeof MODES, cr3 = 0x1000n) {
    this.memory = new Uint8Array(bytes);
    this.#cpu = { ...MODES[mode], cr3, icount: 1n, msrs: [] as CpuState["msrs"] } as CpuState;
  }

  /** The machine moves (or is written to): another processor state. */
  move(changed: Partial<CpuState> = {}): void {
    this.#cpu = { ...this.#cpu, ...changed };
  }

  /** Entries of the table at a physical address, by index. */
  set(table: number, entries: Readonly<Record<number, bigint>>): this {
    const view = new DataView(this.memory.buffer);
    const wide = (this.#cpu.cr4 & 0x20n) !== 0n;
    for (const [index, entry] of Object.entries(entries)) {
      if (wide) view.setBigUint64(table + Number(index) * 8, entry, true);
      else view.setUint32(table + Number(index) * 4, Number(entry), true);
    }
    return this;
  }

  readonly cpu = (): Promise<CpuState> => Promise.resolve(this.#cpu);

  readonly readMemory = (space: Space, address: bigint, length: number): Promise<Uint8Array> => {
    if (space !== "phys") throw new Error("Page tables lie at physical addresses.");
    this.reads++;
    const first = Number(address);
    return Promise.resolve(this.memory.slice(first, first + length));
  };
}

/** The same entry for all of 512. */
export const every = (entry: (index: number) => bigint, count = 512): Record<number, bigint> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [index, entry(index)]));
