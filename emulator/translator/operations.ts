/** Decoded operations as the translator sees them: fields, and the meaning of the handler. */
import type { Core } from "../core/core.ts";
import { OpAt } from "../core/layout.ts";
import { FIRST_WIDE, HANDLERS } from "./handlers.gen.ts";
import type { Meaning } from "./meaning.ts";
import { meaningOf } from "./meanings.ts";

export interface Operation {
  /** Of the operation in the core's memory. */
  readonly address: number;
  readonly meaning: Meaning;
  /** Byte offsets into the register file. */
  readonly a: number;
  readonly b: number;
  readonly x: number;
  readonly shift: number;
  readonly displacement: number;
  readonly immediate: number;
  /** Behind the translation's analysis: somebody may see the flags that it leaves. */
  flagsLive: boolean;
}

/** By handler number; undefined: only the interpreter does it. */
const meanings = HANDLERS.map((name, number) => meaningOf(name, number >= FIRST_WIDE ? 2 : 1));

/** Reads the operations of a block; undefined when one of them is for the interpreter only. */
export function readOperations(core: Core, from: number, end: number): Operation[] | undefined {
  const { u8, i32 } = core;
  const operations: Operation[] = [];
  for (let at = from; at < end;) {
    const handler = u8[at]! | (u8[at + 1]! << 8);
    const a = u8[at + OpAt.A]!;
    const b = u8[at + OpAt.B]!;
    const x = u8[at + OpAt.X]!;
    const shift = u8[at + OpAt.SHIFT]!;
    const displacement = i32[(at + OpAt.DISPLACEMENT) / 4]!;
    const immediate = i32[(at + OpAt.IMMEDIATE) / 4]!;
    const meaning = meanings[handler];
    if (!meaning) return undefined;
    operations.push({ address: at, meaning, a, b, x, shift, displacement, immediate, flagsLive: true });
    at += meaning.slots * OpAt.SLOT;
  }
  return operations;
}
