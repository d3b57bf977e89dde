/**
 * What the trees of variables are made of. A tree is described, not built: a group makes its items when the client opens
 * it, and only then is anything asked of the machine.
 */
import type { DeviceState } from "../../emulator/devices/device.ts";
import type { CpuState, Msr, Space } from "../../emulator/machine/api.ts";
import { hex, inSpace, reference } from "../address.ts";

/** How numbers are written: what the field counts (ticks, bytes, instructions) is decimal unless all is to be hexadecimal. */
export interface Format {
  hex: boolean;
}

/** What trees look at and write to. */
export interface Machine {
  readonly format: Format;
  cpu(): Promise<CpuState>;
  msrs(): Promise<Msr[]>;
  device(name: string): Promise<DeviceState | undefined>;
  deviceNames(): Promise<readonly string[]>;
  /** The bytes from `address` up to the first that is not mapped or is no memory. */
  readMemory(space: Space, address: bigint, length: number): Promise<Uint8Array>;
  /** All of them, or an error. */
  writeMemory(space: Space, address: bigint, bytes: Uint8Array): Promise<void>;
  writeRegister(name: string, value: bigint): Promise<void>;
  /** What the user typed, as a pattern of so many bits. Rejects with one sentence when it does not fit. */
  number(text: string, bits: number, name: string): Promise<bigint>;
}

export interface Item {
  /** One of its kind among its siblings, and the same at every stop: clients find changes by it. */
  name: string;
  /** Begins with the number, where it is one; the words behind it may be left standing when the user changes it. */
  value: string;
  type?: string;
  /** An expression that has this value (docs/expressions.md), or the name of the tree. */
  evaluateName?: string;
  memoryReference?: string;
  group?: Group;
  /** Writes what the user typed. Absent: it cannot be written. */
  write?: (text: string, machine: Machine) => Promise<void>;
  /** Why it cannot be written: a sentence's end, "it is …". */
  fixed?: string;
}

export interface Group {
  /** One of its kind in the whole session. */
  id: string;
  named?: (machine: Machine) => Promise<Item[]>;
  /** Entries of a table; `items` makes those from `start` on. Runs of empty ones come as one item. */
  indexed?: { count: number; items: (machine: Machine, start: number, count: number) => Promise<Item[]> };
}

/** A number as the field counts it. */
export const counted = (value: number | bigint, { hex: asHex }: Format): string => (asHex ? hex(value) : `${value}`);

/** Where an address is looked at. */
export const memoryAt = (space: Space, address: bigint): string =>
  reference(inSpace(space, BigInt.asUintN(64, address)));

/** An item that only tells. */
export const told = (name: string, value: string, fixed: string, type?: string): Item => ({
  name,
  value,
  fixed,
  ...(type === undefined ? {} : { type }),
});

export const little = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** `length` bytes of a number, the lowest first. */
export const bytesOf = (value: bigint, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, n) => Number((value >> BigInt(8 * n)) & 0xffn));
