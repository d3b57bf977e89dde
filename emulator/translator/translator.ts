/**
 * Translates hot blocks of guest code to WebAssembly (docs/translator.md). Which code is translated, and when, changes
 * nothing that the guest or the debugger can see.
 */
import type { Core } from "../core/core.ts";
import { BlockAt, L } from "../core/layout.ts";
import { RegionCompiler } from "./compile.ts";
import { HELPERS } from "./locals.ts";
import { ModuleWriter } from "./module.ts";
import { RegionFinder } from "./region.ts";
import { Code } from "./wasm.ts";

/** Entries into a block until it is translated, unless told otherwise. */
const DEFAULT_THRESHOLD = 200;
/** More than any boot enters a block; the heat of a block in a region is some times as much, and has 31 bits. */
const MAX_THRESHOLD = 1 << 24;
/** How often `work` waits for more requests. */
const PATIENCE = 1;
/** At which all translations are dropped: V8 keeps much more than the bytes of WebAssembly. */
const LIMITS = { regions: 20_000, bytes: 48 << 20 };
const TABLE_STEP = 1024;

/** Blocks of a region, for when it is to be extended. */
interface Translated {
  readonly blocks: readonly number[];
  readonly entries: readonly number[];
}

export interface TranslatorStatistics {
  regions: number;
  /** Regions made anew with one more entry. */
  extended: number;
  modules: number;
  operations: number;
  bytes: number;
  /** Times that all translations were dropped. */
  evictions: number;
  /** Milliseconds spent on making WebAssembly, and in having it compiled. */
  emitting: number;
  compiling: number;
}

export class Translator {
  readonly statistics: TranslatorStatistics = {
    regions: 0,
    extended: 0,
    modules: 0,
    operations: 0,
    bytes: 0,
    evictions: 0,
    emitting: 0,
    compiling: 0,
  };
  readonly #core: Core;
  readonly #limits: typeof LIMITS;
  readonly #finder: RegionFinder;
  readonly #compiler: RegionCompiler;
  readonly #writer: ModuleWriter;
  readonly #code = new Code(1 << 14);
  readonly #imports: WebAssembly.Imports;
  /** By place in the core's function table. */
  readonly #regions = new Map<number, Translated>();
  readonly #free: number[] = [];
  /** Entries into a block within a region until it becomes an entry of its own. */
  readonly #interiorHeat: number;
  #next: number;
  #bytes = 0;
  #generation = 0;
  #waited = 0;

  /**
   * @param threshold entries into a block until it is translated, 1 to 2^24; 1 translates all that runs twice. Throws
   * RangeError.
   */
  constructor(core: Core, threshold = DEFAULT_THRESHOLD, limits = LIMITS) {
    if (!Number.isInteger(threshold) || threshold < 1 || threshold > MAX_THRESHOLD) {
      throw new RangeError(
        `Translation after ${threshold} entries: expected a whole number from 1 to ${MAX_THRESHOLD}.`,
      );
    }
    this.#core = core;
    this.#limits = limits;
    this.#finder = new RegionFinder(core, threshold);
    this.#compiler = new RegionCompiler(core);
    this.#writer = new ModuleWriter(core.memory.buffer.byteLength / 65536);
    const helpers = Object.fromEntries(HELPERS.map(({ name }) => [name, core.helper(name)]));
    this.#imports = { e: { m: core.memory, ...helpers } };
    this.#next = core.table.length;
    this.#interiorHeat = threshold * 16;
    core.i32[L.HOT_THRESHOLD / 4] = threshold;
    core.exports.flushBlocks();
  }

  /** Translates what the core has asked for, when it is enough for a module. Between two runs of the core. */
  work(): void {
    const count = this.#core.u32[L.HOT_COUNT / 4]!;
    if (count === 0) return;
    if (count >= (L.HOT_BATCH as number) || this.#waited >= PATIENCE) this.translate(count);
    else this.#waited++;
  }

  /** Translates what the core has asked for by now. */
  translate(count = this.#core.u32[L.HOT_COUNT / 4]!): void {
    const { u32 } = this.#core;
    this.#waited = 0;
    u32[L.HOT_COUNT / 4] = 0;
    this.#core.exports.unpatch();
    this.#sweep();
    const began = performance.now();
    const slots: number[] = [];
    for (const block of u32.slice(L.HOT_QUEUE / 4, L.HOT_QUEUE / 4 + count)) {
      const slot = this.#translateAround(block);
      if (slot !== undefined) slots.push(slot);
    }
    const emitted = performance.now();
    this.statistics.emitting += emitted - began;
    if (slots.length === 0) return;
    this.#install(slots);
    this.statistics.compiling += performance.now() - emitted;
  }

  /** Adds the region around a block to the module at hand; its place in the table. */
  #translateAround(block: number): number | undefined {
    const core = this.#core;
    const { u32, i32 } = core;
    if (i32[(block + BlockAt.KEY) / 4]! < 0) return undefined;
    const old = u32[(block + BlockAt.CODE) / 4]!;
    let heads = [block];
    let warm: ReadonlySet<number> = new Set();
    if (old !== 0) {
      // A region of this batch took it along; or it was entered from outside again and again: make it an entry.
      if (i32[(block + BlockAt.HEAT) / 4]! <= this.#interiorHeat) return undefined;
      const region = this.#regions.get(old);
      if (region) {
        // With it all others that were entered at least some times.
        const cold = this.#interiorHeat - (this.#interiorHeat >> 3);
        heads = region.blocks.filter((one) => {
          const heat = i32[(one + BlockAt.HEAT) / 4]!;
          return heat < cold || heat > this.#interiorHeat;
        });
        warm = new Set(region.blocks);
      }
      core.exports.dropRegion(old);
      this.statistics.extended++;
    }
    const found = this.#finder.find(heads, warm);
    if (!found) return undefined;
    const slot = this.#free.pop() ?? this.#next++;
    this.#code.reset();
    const entries = this.#compiler.compile(found, slot, this.#code).map((index) => found.blocks[index]!.address);
    this.#writer.add(this.#code);
    const blocks = found.blocks.map(({ address }) => address);
    let last = 0;
    for (const { address, operations } of found.blocks) {
      const entry = entries.indexOf(address);
      u32[(address + BlockAt.CODE) / 4] = slot;
      i32[(address + BlockAt.ENTRY) / 4] = entry;
      i32[(address + BlockAt.HEAT) / 4] = entry >= 0 ? 0 : this.#interiorHeat;
      u32[(address + BlockAt.NEXT_IN_REGION) / 4] = last;
      last = address;
      this.statistics.operations += operations.length;
    }
    u32[L.REGION_HEADS / 4 + slot] = last;
    this.#regions.set(slot, { blocks, entries });
    this.statistics.regions++;
    return slot;
  }

  #install(slots: readonly number[]): void {
    const { table } = this.#core;
    const bytes = this.#writer.finish();
    this.#bytes += bytes.length;
    this.statistics.bytes += bytes.length;
    this.statistics.modules++;
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.#imports);
    if (this.#next > table.length) table.grow(Math.ceil((this.#next - table.length) / TABLE_STEP) * TABLE_STEP);
    slots.forEach((slot, index) => table.set(slot, exports[index]));
  }

  /** Lets go of regions whose code has changed; of all, when there are too many. */
  #sweep(): void {
    const { u32, table, exports } = this.#core;
    const generation = u32[L.GENERATION / 4]!;
    const full = this.#regions.size >= this.#limits.regions || this.#bytes >= this.#limits.bytes;
    if (full) {
      for (const slot of this.#regions.keys()) exports.dropRegion(slot);
      this.statistics.evictions++;
    }
    const flushed = generation !== this.#generation;
    this.#generation = generation;
    for (const slot of this.#regions.keys()) {
      if (!full && !flushed && u32[L.REGION_HEADS / 4 + slot] !== 0) continue;
      table.set(slot, null);
      this.#regions.delete(slot);
      this.#free.push(slot);
    }
    if (this.#regions.size === 0) this.#bytes = 0;
  }
}
