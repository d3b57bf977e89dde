/** Chooses which blocks are translated together, and finds out how control flows between them. */
import type { Core } from "../core/core.ts";
import { BlockAt, L, OpAt } from "../core/layout.ts";
import { Ends } from "./meaning.ts";
import { readOperations, type Operation } from "./operations.ts";

/** Most operations and blocks of a region: compiling takes longer than proportionally. */
const MAX_OPERATIONS = 600;
const MAX_BLOCKS = 80;
/** Value of a link slot: its target has to be looked up each time. */
const NEVER = 1;

/** How control leaves a block. */
export interface Edge {
  /** Index of the target in the region, or -1 when it is left. */
  readonly to: number;
  /** The link slot of the terminator (OpAt.TAKEN or NOT_TAKEN). */
  readonly slot: number;
  /** Address of the jump cache's entry for the target, when only that says whether the target is still mapped; else 0. */
  readonly cache: number;
  readonly ripLow: number;
  readonly ripHigh: number;
}

export interface RegionBlock {
  readonly address: number;
  readonly ripLow: number;
  readonly ripHigh: number;
  /** Instructions. */
  readonly count: number;
  /** The terminator is the last. */
  readonly operations: readonly Operation[];
  /** Taken, then not taken; one for unconditional ones, none for indirect ones. */
  edges: Edge[];
}

export interface Region {
  readonly key: number;
  readonly blocks: readonly RegionBlock[];
  /** Indices of the blocks that may be entered from outside. */
  readonly entries: number[];
}

/** Address of the jump cache's entry for a RIP (as cacheSlot in assembly/blocks.ts). */
export function cacheEntry(low: number, high: number): number {
  return L.JC + (((low ^ ((low >>> 14) | (high << 18))) & (L.JC_ENTRIES - 1)) << 2);
}

/** Finds regions in the core's decoded blocks. */
export class RegionFinder {
  readonly #core: Core;
  readonly #threshold: number;

  constructor(core: Core, threshold: number) {
    this.#core = core;
    this.#threshold = threshold;
  }

  /**
   * The region around some blocks, which become entries; undefined when none of them can be translated.
   * @param warm blocks that are welcome whatever their heat says
   */
  find(heads: readonly number[], warm: ReadonlySet<number>): Region | undefined {
    const { u32 } = this.#core;
    const key = u32[(heads[0]! + BlockAt.KEY) / 4]!;
    const index = new Map<number, number>();
    const blocks: RegionBlock[] = [];
    const entries: number[] = [];
    const waiting: { address: number; entry: boolean }[] = heads.map((address) => ({ address, entry: true }));
    let size = 0;
    for (let next = 0; next < waiting.length && blocks.length < MAX_BLOCKS && size < MAX_OPERATIONS; next++) {
      const { address, entry } = waiting[next]!;
      const known = index.get(address);
      if (known !== undefined) {
        if (entry && known >= 0 && !entries.includes(known)) entries.push(known);
        continue;
      }
      const block =
        this.#free(address, key) && (entry || warm.has(address) || this.#isHot(address))
          ? this.#read(address)
          : undefined;
      index.set(address, block ? blocks.length : -1);
      if (!block) continue;
      if (entry) entries.push(blocks.length);
      blocks.push(block);
      size += block.operations.length;
      for (const { address: target, returns } of this.#successors(block, key)) {
        waiting.push({ address: target, entry: returns });
      }
    }
    if (entries.length === 0) return undefined;
    for (const block of blocks) block.edges = this.#edges(block, key, index);
    return { key, blocks, entries };
  }

  /** Alive, and of no region yet. */
  #free(address: number, key: number): boolean {
    const { u32 } = this.#core;
    return (
      address >= (L.ARENA as number) &&
      u32[(address + BlockAt.KEY) / 4] === key &&
      u32[(address + BlockAt.CODE) / 4] === 0
    );
  }

  /** Run a good many times, or waiting for its translation: then its heat is far above the threshold. */
  #isHot(address: number): boolean {
    const heat = this.#core.i32[(address + BlockAt.HEAT) / 4]!;
    return heat > this.#threshold || heat <= this.#threshold - (this.#threshold >> 4);
  }

  /** The block's operations, or undefined when one of them is for the interpreter only. */
  #read(address: number): RegionBlock | undefined {
    const { u32, i32 } = this.#core;
    const operations = readOperations(this.#core, address + BlockAt.HEADER, u32[(address + BlockAt.END) / 4]!);
    if (!operations) return undefined;
    return {
      address,
      ripLow: i32[(address + BlockAt.RIP) / 4]!,
      ripHigh: i32[(address + BlockAt.RIP) / 4 + 1]!,
      count: u32[(address + BlockAt.COUNT) / 4]!,
      operations,
      edges: [],
    };
  }

  /** Blocks that may come next; `returns`: entered by a return, from wherever. */
  #successors(block: RegionBlock, key: number): { address: number; returns: boolean }[] {
    const found: { address: number; returns: boolean }[] = [];
    for (const { slot, ripLow, ripHigh } of this.#targets(block)) {
      const address = this.#target(block, slot, ripLow, ripHigh, key);
      if (address) found.push({ address, returns: false });
    }
    const ends = block.operations.at(-1)!.meaning.ends;
    if (ends === Ends.CALL || ends === Ends.INDIRECT_CALL) {
      const [low, high] = this.#behind(block);
      const address = this.#cached(low, high, key);
      if (address) found.push({ address, returns: true });
    }
    return found;
  }

  #edges(block: RegionBlock, key: number, index: ReadonlyMap<number, number>): Edge[] {
    return this.#targets(block).map(({ slot, ripLow, ripHigh }) => {
      const address = this.#target(block, slot, ripLow, ripHigh, key);
      const never = this.#core.u32[(block.operations.at(-1)!.address + slot) / 4] === NEVER;
      return { to: index.get(address) ?? -1, slot, cache: never ? cacheEntry(ripLow, ripHigh) : 0, ripLow, ripHigh };
    });
  }

  /** Where the terminator leads: its link slots, and the RIPs of their targets. */
  #targets(block: RegionBlock): { slot: number; ripLow: number; ripHigh: number }[] {
    const { i32 } = this.#core;
    const at = block.operations.at(-1)!.address;
    const low = i32[(at + OpAt.IMMEDIATE64) / 4]!;
    const high = i32[(at + OpAt.IMMEDIATE64) / 4 + 1]!;
    switch (block.operations.at(-1)!.meaning.ends) {
      case Ends.FALL:
        return [{ slot: OpAt.NOT_TAKEN, ripLow: low, ripHigh: high }];
      case Ends.JUMP:
      case Ends.CALL:
        return [{ slot: OpAt.TAKEN, ripLow: low, ripHigh: high }];
      case Ends.BRANCH: {
        const [fallLow, fallHigh] = this.#behind(block);
        return [
          { slot: OpAt.TAKEN, ripLow: low, ripHigh: high },
          { slot: OpAt.NOT_TAKEN, ripLow: fallLow, ripHigh: fallHigh },
        ];
      }
      case Ends.NOT:
      case Ends.RETURN:
      case Ends.INDIRECT_JUMP:
      case Ends.INDIRECT_CALL:
      case Ends.OTHER:
        return [];
    }
  }

  /** RIP behind the block. */
  #behind(block: RegionBlock): [number, number] {
    const length = this.#core.u32[(block.address + BlockAt.LENGTH) / 4]!;
    return add64(block.ripLow, block.ripHigh, length);
  }

  /** The block that a link slot leads to, as the interpreter would follow it now; 0 when it would look it up. */
  #target(block: RegionBlock, slot: number, ripLow: number, ripHigh: number, key: number): number {
    const link = this.#core.u32[(block.operations.at(-1)!.address + slot) / 4]!;
    if (link === NEVER) return this.#cached(ripLow, ripHigh, key);
    return link === 0 || this.#core.i32[(link + BlockAt.KEY) / 4]! < 0 ? 0 : link;
  }

  #cached(low: number, high: number, key: number): number {
    const { u32, i32 } = this.#core;
    const address = u32[cacheEntry(low, high) / 4]!;
    const at = (address + BlockAt.RIP) / 4;
    return i32[at] === low && i32[at + 1] === high && u32[(address + BlockAt.KEY) / 4] === key ? address : 0;
  }
}

/** Sum of a 64-bit number, as halves, and a small one. */
export function add64(low: number, high: number, by: number): [number, number] {
  const sum = (low >>> 0) + by;
  return [sum | 0, (high + Math.floor(sum / 2 ** 32)) | 0];
}
