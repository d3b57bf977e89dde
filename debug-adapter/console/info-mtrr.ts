/** `info mtrr`: the memory type range registers (Intel SDM vol. 3, 12.11). */
import { hex } from "../address.ts";
import type { ConsoleServices } from "./command.ts";

const TYPES: Readonly<Record<number, string>> = {
  0: "uncacheable",
  1: "write-combining",
  4: "write-through",
  5: "write-protected",
  6: "write-back",
};
const ADDRESS = 0x000000fffffff000n;
const ENABLED = 0x800n;
const FIXED_ENABLED = 0x400n;
const VALID = 0x800n;

const typeName = (value: bigint): string => {
  const type = Number(value & 0xffn);
  return TYPES[type] ?? `reserved type ${type}`;
};

/** First address and bytes of each of the eight ranges of the fixed registers, in the order of their indices. */
const FIXED: readonly (readonly [index: number, start: number, bytes: number])[] = [
  [0x250, 0, 0x10000],
  [0x258, 0x80000, 0x4000],
  [0x259, 0xa0000, 0x4000],
  ...Array.from({ length: 8 }, (_, n) => [0x268 + n, 0xc0000 + n * 0x8000, 0x1000] as const),
];

export async function mtrr(_: string, { target }: ConsoleServices): Promise<string> {
  const values = new Map((await target.msrs()).map(({ index, value }) => [index, value]));
  const valueOf = (index: number): bigint => values.get(index) ?? 0n;
  const defaults = valueOf(0x2ff);
  if (!(defaults & ENABLED)) return "The MTRRs are off: all memory is uncacheable.";
  const lines = [`elsewhere: ${typeName(defaults)}`];
  for (let n = 0; n < Number(valueOf(0xfe) & 0xffn); n++) {
    const [base, mask] = [valueOf(0x200 + 2 * n), valueOf(0x201 + 2 * n)];
    if (!(mask & VALID)) continue;
    // A mask of leading ones is a range from a multiple of its size on.
    const size = (~mask & ADDRESS) + 0x1000n;
    const start = base & ADDRESS;
    const where =
      (size & (size - 1n)) === 0n
        ? `phys:${hex(start & (mask & ADDRESS))}-${hex((start & (mask & ADDRESS)) + size - 1n)}`
        : `phys:${hex(start)} mask ${hex(mask & ADDRESS)}`;
    lines.push(`range ${n}: ${where} ${typeName(base)}`);
  }
  if (!(defaults & FIXED_ENABLED)) lines.push("The fixed ranges below 1 MiB are off.");
  else lines.push(...fixedLines(valueOf));
  return lines.join("\n");
}

/** Neighbours of one type stand in one line. */
function fixedLines(valueOf: (index: number) => bigint): string[] {
  const runs: { start: number; end: number; type: string }[] = [];
  for (const [index, start, bytes] of FIXED) {
    for (let n = 0; n < 8; n++) {
      const type = typeName(valueOf(index) >> BigInt(8 * n));
      const last = runs.at(-1);
      if (last?.type === type) last.end += bytes;
      else runs.push({ start: start + n * bytes, end: start + (n + 1) * bytes, type });
    }
  }
  return runs.map(({ start, end, type }) => `fixed: phys:${hex(start)}-${hex(end - 1)} ${type}`);
}
