/** Devices without a tree of their own, as the plain data that their state is. */
import { hex } from "../../address.ts";
import { counted } from "../tree.ts";
import type { Item } from "../tree.ts";
import { fact, folder, inside } from "./device-items.ts";
import type { DeviceTree, DeviceView } from "./device-items.ts";

/** Elements of a list, and levels, that are shown. */
const MAX_ITEMS = 256;
const MAX_DEPTH = 8;
const MAX_TEXT = 200;

export const PLAIN: DeviceTree = { title: "", items: (view) => members(view, view.state, 0) };

function members(view: DeviceView, value: object, depth: number): Item[] {
  const entries = Object.entries(value) as [string, unknown][];
  const items = entries.slice(0, MAX_ITEMS).map(([name, member]) => item(view, name, member, depth));
  if (entries.length > MAX_ITEMS) items.push(fact("more", `${entries.length - MAX_ITEMS} further entries`));
  return items;
}

function item(view: DeviceView, name: string, value: unknown, depth: number): Item {
  if (typeof value === "number") return fact(name, Number.isInteger(value) ? counted(value, view.format) : `${value}`);
  if (typeof value === "bigint") return fact(name, hex(value));
  if (typeof value === "string") return fact(name, JSON.stringify(value.slice(0, MAX_TEXT)));
  if (typeof value === "boolean") return fact(name, value ? "yes" : "no");
  if (typeof value !== "object" || value === null) return fact(name, "none");
  const size = Array.isArray(value) || ArrayBuffer.isView(value) ? Object.keys(value).length : undefined;
  const title = fact(name, size === undefined ? "" : `${size} ${size === 1 ? "entry" : "entries"}`);
  if (size === 0 || depth >= MAX_DEPTH) return title;
  return folder(view, title, members(inside(view, name), value, depth + 1));
}
