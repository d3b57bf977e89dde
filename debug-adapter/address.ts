/** Addresses as users write and read them. An address always says where it lives (DESIGN.md, Addresses). */
import type { Space } from "../emulator/machine/api.ts";

export interface PhysAddress {
  readonly space: "phys";
  readonly address: bigint;
}

export interface LinAddress {
  readonly space: "lin";
  readonly address: bigint;
}

export type Address = PhysAddress | LinAddress;

export const phys = (address: bigint): PhysAddress => ({ space: "phys", address: BigInt.asUintN(64, address) });
export const lin = (address: bigint): LinAddress => ({ space: "lin", address: BigInt.asUintN(64, address) });
export const inSpace = (space: Space, address: bigint): Address => (space === "phys" ? phys(address) : lin(address));

/** The address `bytes` further on; wraps at 2^64. */
export const plus = (base: Address, bytes: bigint | number): Address =>
  inSpace(base.space, base.address + BigInt(bytes));

/** A value as "0x…", padded with zeros to that many digits. */
export const hex = (value: bigint | number, digits = 1): string => "0x" + value.toString(16).padStart(digits, "0");

/**
 * The text of an address that `parseReference` and the expression evaluator read back: "phys:0x7c00", or a plain
 * "0x7c00" for a linear one, which is what debug clients without a notion of address spaces expect.
 */
export const reference = (at: Address): string => (at.space === "phys" ? "phys:" : "") + hex(at.address);

/** As `reference`, but naming both spaces. For text that people read. */
export const describe = (at: Address): string => `${at.space}:${hex(at.address)}`;

/** Reads what `reference` and `describe` write; undefined for anything else. */
export function parseReference(text: string): Address | undefined {
  const match = /^(?:(phys|lin):)?(0x[0-9a-f]{1,16}|[0-9]{1,20})$/i.exec(text.trim());
  if (match?.[2] === undefined) return undefined;
  const value = BigInt(match[2]);
  if (value >= 1n << 64n) return undefined;
  return match[1]?.toLowerCase() === "phys" ? phys(value) : lin(value);
}

/** Real-mode "07c0:0000": the linear address segment × 16 + offset. */
export const segmented = (segment: bigint, offset: bigint): LinAddress => lin(segment * 16n + offset);
