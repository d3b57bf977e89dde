/** Ranges of memory as commands take them. */
import type { Address } from "../address.ts";
import { describe, plus } from "../address.ts";
import { failAt } from "../expressions/errors.ts";
import { evaluateAddress, evaluateExpression } from "../expressions/evaluate.ts";
import type { ExpressionContext } from "../expressions/evaluate.ts";

export interface MemoryRange {
  start: Address;
  /** At least 1. */
  length: number;
}

/** Bytes of a range at most: beyond 4 GiB there is no memory. */
const MAX_RANGE = 2 ** 32;

/** Reads "FROM..TO" (TO excluded) or "FROM, LENGTH". Rejects with one sentence. */
export async function parseRange(text: string, context: ExpressionContext): Promise<MemoryRange> {
  const dots = text.indexOf("..");
  if (dots >= 0) {
    const start = await evaluateAddress(text.slice(0, dots), context);
    const { value, space } = await evaluateExpression(text.slice(dots + 2), context);
    if (space !== undefined && space !== start.space) {
      failAt(text, dots + 2, `the range was expected to end in the space in which it starts, which is ${start.space}`);
    }
    return checked(start, value - start.address, text, dots + 2);
  }
  const comma = text.indexOf(",");
  if (comma < 0) failAt(text, text.length, 'a range was expected: "FROM..TO" or "FROM, LENGTH"');
  const start = await evaluateAddress(text.slice(0, comma), context);
  const { value } = await evaluateExpression(text.slice(comma + 1), context);
  return checked(start, value, text, comma + 1);
}

function checked(start: Address, length: bigint, text: string, at: number): MemoryRange {
  if (length < 1n) failAt(text, at, `an end behind ${describe(start)} was expected`);
  if (length > BigInt(MAX_RANGE)) failAt(text, at, `a range of at most 4 GiB was expected, not of ${length} bytes`);
  return { start, length: Number(length) };
}

/** A piece of memory, or where there is none. */
export interface Piece {
  at: Address;
  offset: number;
  bytes: Uint8Array;
}

const CHUNK = 1 << 20;
const PAGE = 4096;

/**
 * What can be read of a range, in pieces of at most 1 MiB; holes are passed over page by page.
 * @param reached told before each look at memory how far it is; may end it all by an error
 */
export async function* readPieces(
  { start, length }: MemoryRange,
  read: ExpressionContext["readMemory"],
  reached?: (offset: number) => void,
): AsyncGenerator<Piece> {
  let offset = 0;
  while (offset < length) {
    reached?.(offset);
    const at = plus(start, offset);
    const bytes = await read(at.space, at.address, Math.min(CHUNK, length - offset));
    if (bytes.length > 0) {
      yield { at, offset, bytes };
      offset += bytes.length;
    } else offset += PAGE - Number(at.address % BigInt(PAGE));
  }
}
