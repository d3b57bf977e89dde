/** Makes a region into the body of a WebAssembly function. */
import type { Core } from "../core/core.ts";
import { BlockAt, Key, L } from "../core/layout.ts";
import { Emitter, Kind, type Flow } from "./emitter.ts";
import { registerBit, TEMP, V } from "./locals.ts";
import type { Operation } from "./operations.ts";
import { add64, type Region, type RegionBlock } from "./region.ts";
import { structure, type Structure } from "./structure.ts";
import { type Code, W } from "./wasm.ts";

/** Label of the loop around everything, which jumps to entries go through; blocks' labels are their numbers. */
const DISPATCH = 1 << 16;
/** A block's label as the head of a loop. */
const LOOP = 1 << 17;

/** What differs from memory where a block begins. */
interface State {
  readonly dirty: number;
  readonly flagsDirty: boolean;
}
const CLEAN: State = { dirty: 0, flagsDirty: false };

function writtenBy(op: Operation): number {
  const { meaning } = op;
  return meaning.writes | (meaning.writesA ? registerBit(op.a) : 0) | (meaning.writesB ? registerBit(op.b) : 0);
}
/** A superset of the registers that an operation touches. */
function usedBy(op: Operation): number {
  return writtenBy(op) | registerBit(op.a) | registerBit(op.b) | registerBit(op.x) | (1 << 4) | 7;
}

/** Marks the operations whose flags nobody can see, within the block. */
function findDeadFlags(block: RegionBlock): void {
  let live = true;
  for (let i = block.operations.length; i-- > 0;) {
    const op = block.operations[i]!;
    op.flagsLive = live;
    const { meaning } = op;
    if (meaning.setsFlags) live = false;
    if (meaning.readsFlags) live = true;
    if (meaning.leaves || meaning.helper) live = true;
  }
}

/** What may be dirty behind a block. */
function after(block: RegionBlock, begin: State): State {
  let { dirty, flagsDirty } = begin;
  for (const op of block.operations) {
    const { meaning } = op;
    if (meaning.helper) {
      dirty = 0;
      flagsDirty = false;
      continue;
    }
    dirty |= writtenBy(op);
    if (op.flagsLive && (meaning.setsFlags || meaning.changesFlags)) flagsDirty = true;
  }
  return { dirty: dirty & ~TEMP, flagsDirty };
}

/** Compiles regions, one after the other. */
export class RegionCompiler implements Flow {
  readonly #e: Emitter;
  #region!: Region;
  #structure!: Structure;
  #entryNumbers!: Map<number, number>;
  #begins: State[] = [];
  #code = 0;
  #key = 0;
  #dispatches = false;
  /** Block being emitted. */
  #at = 0;

  constructor(core: Core) {
    this.#e = new Emitter(core);
    this.#e.flow = this;
  }

  /**
   * Appends the function's body, locals not included.
   * @param code place of the function in the core's table
   * @returns the blocks that are entries, by the number to enter them with
   */
  compile(region: Region, code: number, out: Code): readonly number[] {
    const { blocks } = region;
    this.#region = region;
    this.#code = code;
    this.#key = region.key;
    const successors = blocks.map(({ edges }) => edges.flatMap(({ to }) => (to < 0 ? [] : [to])));
    const found = structure(successors, region.entries);
    this.#structure = found;
    this.#entryNumbers = new Map(found.entries.map((block, number) => [block, number]));
    const multiple = found.entries.length > 1;
    // Returns and indirect jumps may lead to an entry.
    const returns = blocks.some(({ edges }) => edges.length === 0);
    this.#dispatches = multiple && (returns || found.detours);
    blocks.forEach(findDeadFlags);
    let used = 0;
    for (const { operations } of blocks) for (const op of operations) used |= usedBy(op);
    this.#findStates();
    const e = this.#e;
    e.begin();
    e.used = used;
    e.is64 = (region.key & Key.SIZE_MASK) === 2;
    e.loadState(used);
    e.loadTlbBase();
    if (multiple) e.open(W.LOOP, DISPATCH);
    this.#within(blocks.length, found.merges[blocks.length]!, 0);
    if (multiple) e.close();
    e.finish(out);
    return found.entries;
  }

  /** What may be dirty where each block begins, from wherever it is reached. */
  #findStates(): void {
    const { blocks } = this.#region;
    const { order, entries } = this.#structure;
    const begins: (State | undefined)[] = blocks.map(() => undefined);
    let all = 0;
    for (const { operations } of blocks) for (const op of operations) all |= writtenBy(op);
    const atEntries: State = this.#dispatches ? { dirty: all & ~TEMP, flagsDirty: true } : CLEAN;
    for (const entry of entries) begins[entry] = atEntries;
    const sequence = blocks.map((_, index) => index).filter((index) => order[index]! >= 0);
    sequence.sort((a, b) => order[a]! - order[b]!);
    for (let changed = true; changed;) {
      changed = false;
      for (const index of sequence) {
        const begin = begins[index];
        if (!begin) continue;
        const end = after(blocks[index]!, begin);
        for (const { to } of blocks[index]!.edges) {
          if (to < 0) continue;
          const known = begins[to] ?? CLEAN;
          const dirty = known.dirty | end.dirty;
          const flagsDirty = known.flagsDirty || end.flagsDirty;
          if (begins[to] && dirty === known.dirty && flagsDirty === known.flagsDirty) continue;
          begins[to] = { dirty, flagsDirty };
          changed = true;
        }
      }
    }
    this.#begins = begins.map((begin) => begin ?? CLEAN);
  }

  // ---------------------------------------------------------------- nesting
  #within(block: number, merges: readonly number[], from: number): void {
    const e = this.#e;
    const merge = merges[from];
    if (merge !== undefined) {
      e.open(W.BLOCK, merge);
      this.#within(block, merges, from + 1);
      e.close();
      this.#tree(merge);
      return;
    }
    if (block === this.#region.blocks.length) this.#enter();
    else this.#emit(block);
  }

  #tree(block: number): void {
    const e = this.#e;
    const isLoop = this.#structure.loops.has(block);
    if (isLoop) e.open(W.LOOP, LOOP + block);
    this.#within(block, this.#structure.merges[block]!, 0);
    if (isLoop) {
      e.op(W.UNREACHABLE);
      e.close();
    }
  }

  #enter(): void {
    const e = this.#e;
    const { entries } = this.#structure;
    if (entries.length === 1) {
      this.#tree(entries[0]!);
      return;
    }
    e.get(V.ENTRY);
    e.op(W.BR_TABLE);
    e.code.unsigned(entries.length - 1);
    for (const entry of entries) e.code.unsigned(e.depth(entry));
  }

  #emit(index: number): void {
    const e = this.#e;
    const block = this.#region.blocks[index]!;
    this.#at = index;
    e.block = block;
    const { isMerge, loops, entries } = this.#structure;
    if (isMerge[index] || loops.has(index) || entries.includes(index)) {
      const { dirty, flagsDirty } = this.#begins[index]!;
      e.dirty = dirty;
      e.flagsDirty = flagsDirty;
      e.kind = Kind.UNKNOWN;
    } else e.dirty &= ~TEMP;
    // A block that the budget does not hold is not begun.
    e.i32(block.address);
    e.set(V.NEXT);
    e.get(V.BUDGET);
    e.i32(block.count);
    e.op(W.I32_LT_S);
    e.leave(W.BR_IF);
    e.get(V.BUDGET);
    e.i32(block.count);
    e.op(W.I32_SUB);
    e.set(V.BUDGET);
    e.i64(block.ripLow, block.ripHigh);
    e.set(V.BLOCK_RIP);
    for (const op of block.operations) {
      op.meaning.emit(e, op);
      if (op.meaning.helper) continue;
      e.dirty |= writtenBy(op);
    }
  }

  // ---------------------------------------------------------------- Flow
  behind(): [number, number] {
    const block = this.#region.blocks[this.#at]!;
    return add64(block.ripLow, block.ripHigh, this.#e.core.u32[(block.address + BlockAt.LENGTH) / 4]!);
  }

  jump(op: Operation): void {
    this.resolve(op, 0);
    this.take(0);
  }

  branch(op: Operation): void {
    const e = this.#e;
    const at = this.#at;
    e.open(W.IF);
    this.#follow(op, 0);
    e.close();
    this.#at = at;
    this.#follow(op, 1);
  }

  /** Follows an edge without disturbing what is known where it leaves. */
  #follow(op: Operation, edge: number): void {
    const e = this.#e;
    const { block, dirty, flagsDirty, kind } = e;
    const at = this.#at;
    this.resolve(op, edge);
    this.take(edge);
    e.block = block;
    e.dirty = dirty;
    e.flagsDirty = flagsDirty;
    e.kind = kind;
    this.#at = at;
  }

  resolve(op: Operation, edge: number): void {
    const e = this.#e;
    const { to, slot, cache, ripLow, ripHigh } = this.#region.blocks[this.#at]!.edges[edge]!;
    if (to >= 0 && cache === 0) return;
    e.nextIsOperation(op);
    e.i32(0);
    if (cache === 0) {
      // The link may lead to a block by now, and to a living one.
      e.memory(W.I32_LOAD, op.address + slot);
      e.tee(V.I);
      e.i32(2);
      e.op(W.I32_LT_U);
      e.leave(W.BR_IF);
      e.get(V.I);
      e.memory(W.I32_LOAD, BlockAt.KEY);
      e.i32(0);
      e.op(W.I32_LT_S);
      e.leave(W.BR_IF);
    } else if (to >= 0) {
      e.memory(W.I32_LOAD, cache);
      e.i32(this.#region.blocks[to]!.address);
      e.op(W.I32_NE);
      e.leave(W.BR_IF);
      return;
    } else {
      e.memory(W.I32_LOAD, cache);
      e.set(V.I);
      this.#checkFound(() => e.i64(ripLow, ripHigh));
    }
    e.get(V.I);
    e.set(V.NEXT);
  }

  take(edge: number): void {
    const e = this.#e;
    const { to } = this.#region.blocks[this.#at]!.edges[edge]!;
    if (to < 0) {
      e.leave(W.BR);
      return;
    }
    const { order, isMerge } = this.#structure;
    const from = this.#at;
    if (order[to]! <= order[from]!) {
      if (this.#structure.dominates(to, from)) e.branch(LOOP + to);
      else {
        e.i32(this.#entryNumbers.get(to)!);
        e.set(V.ENTRY);
        e.branch(DISPATCH);
      }
    } else if (isMerge[to]) e.branch(to);
    else this.#tree(to);
  }

  lookUp(op: Operation): void {
    const e = this.#e;
    e.nextIsOperation(op);
    // cacheSlot of assembly/blocks.ts.
    e.get(V.T);
    e.op(W.WRAP);
    e.get(V.T);
    e.i64(14);
    e.op(W.I64_SHR_U);
    e.op(W.WRAP);
    e.op(W.I32_XOR);
    e.i32(L.JC_ENTRIES - 1);
    e.op(W.I32_AND);
    e.i32(2);
    e.op(W.I32_SHL);
    e.memory(W.I32_LOAD, L.JC);
    e.set(V.I);
    this.#checkFound(() => e.get(V.T));
    e.get(V.I);
    e.set(V.NEXT);
  }

  /** Leaves unless the block in V.I is the one for a RIP, and for this kind of code. */
  #checkFound(rip: () => void): void {
    const e = this.#e;
    e.get(V.I);
    e.memory(W.I64_LOAD, BlockAt.RIP);
    rip();
    e.op(W.I64_NE);
    e.leave(W.BR_IF);
    e.get(V.I);
    e.memory(W.I32_LOAD, BlockAt.KEY);
    e.i32(this.#key | 0);
    e.op(W.I32_NE);
    e.leave(W.BR_IF);
  }

  enterFound(): void {
    const e = this.#e;
    if (this.#dispatches) {
      e.get(V.NEXT);
      e.memory(W.I32_LOAD, BlockAt.CODE);
      e.i32(this.#code);
      e.op(W.I32_EQ);
      e.open(W.IF);
      e.get(V.NEXT);
      e.memory(W.I32_LOAD, BlockAt.ENTRY);
      e.tee(V.ENTRY);
      e.i32(0);
      e.op(W.I32_GE_S);
      e.branchIf(DISPATCH);
      e.close();
    }
    e.leave(W.BR);
  }
}
