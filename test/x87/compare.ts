/** Holds an outcome of the core against the processor's. */
import type { OutcomeRecord } from "./records.ts";

/** C1 tells the direction of a rounding. */
const C1 = 0x200;

/** Steps between two extended values of the same sign, as if their bits were one number. */
function distance(aSe: number, aM: bigint, bSe: number, bM: bigint): bigint {
  const order = (se: number, m: bigint): bigint => (BigInt(Math.max(se & 0x7fff, 1)) << 63n) + m;
  if (aSe >> 15 !== bSe >> 15) return -1n;
  const d = order(aSe, aM) - order(bSe, bM);
  return d < 0n ? -d : d;
}

/**
 * What differs, in words; empty when nothing does. With `ulps` results may be that many units in the last place apart,
 * and rounded in another direction.
 */
export function differences(native: OutcomeRecord, core: OutcomeRecord, ulps: number): string[] {
  if (native.signal !== core.signal) return [`signal ${native.signal}, core ${core.signal}`];
  if (native.signal) return [];
  const found: string[] = [];
  const check = (what: string, a: number, b: number): void => {
    if (a !== b) found.push(`${what} ${a.toString(16)}, core ${b.toString(16)}`);
  };
  let close = false;
  for (let i = 0; i < 8; i++) {
    const [aSe, aM, bSe, bM] = [native.se(i), native.significand(i), core.se(i), core.significand(i)];
    if (aSe === bSe && aM === bM) continue;
    const apart = distance(aSe, aM, bSe, bM);
    if (apart >= 0n && apart <= BigInt(ulps)) close = true;
    else found.push(`ST(${i}) ${aSe.toString(16)}:${aM.toString(16)}, core ${bSe.toString(16)}:${bM.toString(16)}`);
  }
  check("control word", native.control, core.control);
  const ignored = ulps > 0 ? C1 : 0;
  check("status word", native.status & ~ignored, core.status & ~ignored);
  if (!close) check("tag word", native.tags, core.tags);
  check("flags", native.eflags, core.eflags);
  check("EAX", native.eax, core.eax);
  // AMD's FXSAVE keeps the pointers only while an exception is pending: a task switch of the host loses them.
  if (native.instruction !== 0 || native.opcode !== 0) {
    check("FIP", native.instruction, core.instruction);
    check("FOP", native.opcode, core.opcode);
  }
  if (!Buffer.from(native.memory).equals(core.memory)) {
    found.push(
      `memory ${Buffer.from(native.memory).toString("hex")}, core ${Buffer.from(core.memory).toString("hex")}`,
    );
  }
  return found;
}
