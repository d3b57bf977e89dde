/** Decoded operations as the translator sees them: fields, and the meaning of the handler. */
import type { Core } from "../core/core.ts";
import { OpAt } from "../core/layout.ts";
import { FIRST_TERMINATOR, FIRST_WIDE, HANDLERS, PAIR_FIRST, PAIRED } from "./handlers.gen.ts";
import type { Meaning } from "./meaning.ts";
import { meaningOf } from "./meanings.ts";

export interface Operation {
  /** Of the operation in the core's memory; for the second of a pair, of the pair. */
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

/** By handler number; null: only the interpreter does it. */
const meanings: (Meaning | null)[] = [];
for (const [number, name] of HANDLERS) meanings[number] = meaningOf(name, number >= FIRST_WIDE ? 2 : 1) ?? null;
const pairs = PAIRED.map((name) => meaningOf(name, 1)!);

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
    const flagsLive = true;
    const address = at;
    const place = handler - PAIR_FIRST;
    if (place >= 0 && place < PAIRED.length ** 2) {
      const first = pairs[Math.floor(place / PAIRED.length)]!;
      const second = pairs[place % PAIRED.length]!;
      operations.push(
        { address, meaning: first, a, b, x: 0, shift: 0, displacement: 0, immediate, flagsLive },
        {
          address,
          meaning: second,
          a: x,
          b: shift,
          x: 0,
          shift: 0,
          displacement: 0,
          immediate: displacement,
          flagsLive,
        },
      );
      at += OpAt.SLOT;
      continue;
    }
    const meaning = meanings[handler];
    if (!meaning) return undefined;
    operations.push({ address, meaning, a, b, x, shift, displacement, immediate, flagsLive });
    at += meaning.slots * OpAt.SLOT;
  }
  return operations;
}

/** Whether a handler ends its block. */
export function isTerminator(handler: number): boolean {
  return handler >= FIRST_TERMINATOR;
}
