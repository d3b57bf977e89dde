/** Machine types as they travel in JSON (protocol.ts). */
import { hex } from "./address.ts";
import type { Wire } from "./protocol.ts";

/** `bigint` becomes "0x…", bytes become base64, all else stays. */
export function toWire<T>(value: T): Wire<T> {
  return convert(value) as Wire<T>;
}

function convert(value: unknown): unknown {
  if (typeof value === "bigint") return hex(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(convert);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, content]) => [key, convert(content)]));
}
