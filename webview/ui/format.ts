import type { Base64, Hex } from "../../debug-adapter/protocol.ts";

/** "0x" and at least `digits` hexadecimal digits. */
export function hex(value: bigint | number | Hex, digits = 0): string {
  return `0x${BigInt(value).toString(16).padStart(digits, "0")}`;
}

/** The number in an address that says its space: "phys:0x7c00" → 0x7c00n; a plain number is itself. */
export function addressOf(reference: string): bigint {
  return BigInt(reference.replace(/^(phys|lin):/, ""));
}

/** All sixteen digits of a 64-bit value, without a prefix. */
export function hex64(value: Hex): string {
  return BigInt(value).toString(16).padStart(16, "0");
}

export function bytesOf(data: Base64): Uint8Array {
  return Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
}

export function base64Of(bytes: Uint8Array): Base64 {
  return btoa(String.fromCharCode(...bytes));
}

export function byteText(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** A byte as the right column of a hex dump shows it. */
export function printable(value: number): string {
  return value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : "·";
}

const UNITS = ["bytes", "KiB", "MiB", "GiB"];

/** 4096 → "4 KiB". */
export function size(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && value % 1024 === 0 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value} ${UNITS[unit] ?? ""}`;
}

/** Groups the digits of an instruction count by three, with narrow spaces that do not break. */
export function count(value: Hex): string {
  return BigInt(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, "\u202f");
}
