/**
 * Makes a decoded block faster without changing what it does: flags that nobody can see are not kept, and neighbours
 * that only touch registers become one operation. Only operations that can neither fault nor stop the run are touched
 * (Property.PURE), so no exception, interrupt or debugger ever finds itself between them.
 */
import { Op, SLOT } from "./op";
import { H, PROPERTIES, QUIET_FORM, PAIR_PLACE, Property, PAIR_PLACES } from "./handlers.gen";
import { slots } from "./control";

/** More operations than a block can hold. */
// @ts-ignore: decorator
@inline const MAX_OPS: usize = 512;
/** Addresses of the block's operations. */
const LIST: usize = memory.data(2048);
// @ts-ignore: decorator
@inline const NO_PLACE: u32 = 255;

// @ts-ignore: decorator
@inline function opAt(i: usize): Op { return changetype<Op>(load<u32>(LIST + (i << 2))); }

/** Works on the operations from `first` to `end`; returns the new end. */
export function optimise(first: usize, end: usize): usize {
  let n: usize = 0;
  for (let p = first; p < end && n < MAX_OPS; p += slots(changetype<Op>(p).h) * SLOT) store<u32>(LIST + (n++ << 2), <u32>p);
  dropDeadFlags(n);
  return joinPairs(n, first);
}

/** Walks backwards; flags are dead where only pure operations lie between an operation and one that sets all six. */
function dropDeadFlags(n: usize): void {
  let live = true;
  for (let i = n; i-- > 0; ) {
    const op = opAt(i);
    const property = load<u8>(PROPERTIES + op.h);
    if (!(property & Property.PURE)) live = true;
    else if (property & Property.SETS_FLAGS) {
      const quiet = load<u16>(QUIET_FORM + (<usize>op.h << 1));
      if (!live && quiet) op.h = quiet;
      live = (property & Property.READS_FLAGS) != 0;
    } else if (property & Property.READS_FLAGS) live = true;
  }
}

/** The second operation's fields move to x, s and disp of the first (see the pairs in gen/hot.ts). */
function joinPairs(n: usize, first: usize): usize {
  let out = first;
  for (let i: usize = 0; i < n; i++) {
    const op = opAt(i);
    const size = slots(op.h) * SLOT;
    const place = load<u8>(PAIR_PLACE + op.h);
    if (place != NO_PLACE && i + 1 < n) {
      const next = opAt(i + 1);
      const second = load<u8>(PAIR_PLACE + next.h);
      if (second != NO_PLACE) {
        const a = next.a, b = next.b, imm = next.imm;
        if (out != changetype<usize>(op)) memory.copy(out, changetype<usize>(op), size);
        const pair = changetype<Op>(out);
        pair.h = <u16>(H.PAIR_FIRST + place * PAIR_PLACES + second);
        pair.x = a;
        pair.s = b;
        pair.disp = imm;
        out += SLOT;
        i++;
        continue;
      }
    }
    if (out != changetype<usize>(op)) memory.copy(out, changetype<usize>(op), size);
    out += size;
  }
  return out;
}
