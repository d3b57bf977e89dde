/** Reading and writing guest memory by linear or physical address, page by page, without touching devices. */
import type { BootMachine, Space } from "./api.ts";

const PAGE = 4096n;

/** What reading memory needs of a machine. */
export type MemorySource = Pick<BootMachine, "walk" | "readPhysical" | "writePhysical">;

/** Pieces of [address, address + length) that do not cross a page, each with its physical address; ends at a hole. */
function* physicalPieces(
  machine: MemorySource,
  space: Space,
  address: bigint,
  length: number,
): Generator<{ physical: bigint; offset: number; size: number }> {
  let offset = 0;
  while (offset < length) {
    const at = BigInt.asUintN(64, address + BigInt(offset));
    const size = Math.min(length - offset, Number(PAGE - (at % PAGE)));
    const physical = space === "phys" ? at : machine.walk(at).physical;
    if (physical === undefined) return;
    yield { physical, offset, size };
    offset += size;
  }
}

/** Longest readable prefix of a piece of memory of which not all can be read. */
function readablePrefix(machine: MemorySource, physical: bigint, size: number): Uint8Array | undefined {
  const whole = machine.readPhysical(physical, size);
  if (whole !== undefined) return whole;
  let good = 0;
  let bad = size;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (machine.readPhysical(physical, middle) === undefined) bad = middle;
    else good = middle;
  }
  return good > 0 ? machine.readPhysical(physical, good) : undefined;
}

/** The bytes from `address` up to the first that is not mapped or is no memory. */
export function readMemory(machine: MemorySource, space: Space, address: bigint, length: number): Uint8Array {
  const result = new Uint8Array(length);
  let filled = 0;
  for (const piece of physicalPieces(machine, space, address, length)) {
    const bytes = readablePrefix(machine, piece.physical, piece.size);
    if (bytes === undefined) break;
    result.set(bytes, piece.offset);
    filled = piece.offset + bytes.length;
    if (bytes.length < piece.size) break;
  }
  return result.slice(0, filled);
}

/** Number of bytes written, from `address` up to the first that is not mapped or is no RAM. */
export function writeMemory(machine: MemorySource, space: Space, address: bigint, bytes: Uint8Array): number {
  let written = 0;
  for (const piece of physicalPieces(machine, space, address, bytes.length)) {
    const count = machine.writePhysical(piece.physical, bytes.subarray(piece.offset, piece.offset + piece.size));
    written += count;
    if (count < piece.size) break;
  }
  return written;
}
