/** The two address spaces of a PC, as far as a view of their bytes must know them. */
import type { Space } from "../../debug-adapter/protocol.ts";

export type { Space };

export interface Place {
  space: Space;
  address: bigint;
}

/** Bits of an address. Physical ones: CPUID 80000008h of our processor (emulator/core/assembly/system/cpuid.ts). */
const BITS: Record<Space, bigint> = { lin: 64n, phys: 40n };

/** First linear addresses that are not canonical, and the first that are again (SDM vol. 1, 3.3.7.1; 4-level paging). */
export const LOWER_END = 1n << 47n;
export const UPPER_BEGIN = (1n << 64n) - LOWER_END;

/** Addresses of the space: the first one behind its last. */
export const spaceEnd = (space: Space): bigint => 1n << BITS[space];

/** Hexadecimal digits that every address of the space fits into. */
export const addressDigits = (space: Space): number => Number(BITS[space]) / 4;

/** The nearest address that the space has. */
export function withinSpace(space: Space, address: bigint): bigint {
  const last = spaceEnd(space) - 1n;
  return address < 0n ? 0n : address > last ? last : address;
}

export const isCanonical = ({ space, address }: Place): boolean =>
  space === "phys" || address < LOWER_END || address >= UPPER_BEGIN;

/** "phys:0x7c00", "lin:0x7c00": what the adapter reads back as an expression or memory reference. */
export const placeText = ({ space, address }: Place): string => `${space}:0x${address.toString(16)}`;

/** Whether a text is a number by itself, which means the same in whichever space it is looked up in. */
export const isPlainNumber = (text: string): boolean =>
  /^(0x[0-9a-f_]+|[0-9][0-9a-f_]*h|[0-9][0-9_]*)$/i.test(text.trim());
