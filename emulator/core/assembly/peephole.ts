/**
 * Makes a decoded block faster without changing what it does: flags that nobody can see are not kept. Only operations
 * that can neither fault nor stop the run are touched (Property.PURE), so no exception, interrupt or debugger ever finds
 * itself between them.
 */
import { Op, SLOT } from "./op";
import { PROPERTIES, QUIET_FORM, Property } from "./handlers.gen";
import { slots } from "./control";

/** More operations than a block can hold. */
// @ts-ignore: decorator
@inline const MAX_OPS: usize = 512;
/** Addresses of the block's operations. */
const LIST: usize = memory.data(2048);

// @ts-ignore: decorator
@inline function opAt(i: usize): Op { return changetype<Op>(load<u32>(LIST + (i << 2))); }

/** Works on the operations from `first` to `end`. */
export function optimise(first: usize, end: usize): void {
  let n: usize = 0;
  for (let p = first; p < end && n < MAX_OPS; p += slots(changetype<Op>(p).h) * SLOT) store<u32>(LIST + (n++ << 2), <u32>p);
  dropDeadFlags(n);
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
