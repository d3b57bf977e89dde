/** From a handler's name (emulator/core/gen/hot.ts) to its meaning. */
import { arithmetic } from "./arithmetic.ts";
import { control } from "./control.ts";
import { Ends, type Meaning } from "./meaning.ts";
import { moves } from "./moves.ts";

/** Parts of a meaning; what is left out is 0, false or NOT. */
export type PartialMeaning = Partial<Omit<Meaning, "emit" | "slots">> & Pick<Meaning, "emit">;

/** The meaning of a handler; undefined for those that only the interpreter carries out. */
export function meaningOf(name: string, slots: number): Meaning | undefined {
  const found = arithmetic(name) ?? moves(name) ?? control(name);
  if (!found) return undefined;
  return {
    ends: Ends.NOT,
    leaves: false,
    helper: false,
    setsFlags: false,
    readsFlags: false,
    changesFlags: false,
    writes: 0,
    writesA: false,
    writesB: false,
    ...found,
    slots,
  };
}
