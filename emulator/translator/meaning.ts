/** What the translator knows of a handler: how it is emitted, and what it does beside its operands. */
import type { Emitter } from "./emitter.ts";
import type { Operation } from "./operations.ts";

/** How an operation ends its block. */
export const enum Ends {
  NOT,
  /** No branch: the next block lies behind this one. */
  FALL,
  JUMP,
  BRANCH,
  CALL,
  RETURN,
  INDIRECT_JUMP,
  INDIRECT_CALL,
  /** Left to the interpreter. */
  OTHER,
}

/** Registers as bits: bit i is register i, bit TEMP_REGISTER the pseudo register. */
export type RegisterSet = number;

export interface Meaning {
  /** Slots of 16 bytes. */
  readonly slots: number;
  readonly ends: Ends;
  /** May leave the translated code before it has done anything, for the interpreter to do it. */
  readonly leaves: boolean;
  /** Runs in a function of the core: everything is stored before, and read again behind. */
  readonly helper: boolean;
  /** Sets all six arithmetic flags, whatever its operands. */
  readonly setsFlags: boolean;
  /** Needs flags for something else than to keep them. */
  readonly readsFlags: boolean;
  /** Changes some flags, or all of them sometimes, and keeps the rest. */
  readonly changesFlags: boolean;
  /** Registers written, in addition to `a` and `b` when they are. */
  readonly writes: RegisterSet;
  readonly writesA: boolean;
  readonly writesB: boolean;
  emit(e: Emitter, op: Operation): void;
}
