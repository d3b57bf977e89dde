/** `info pic` and `info device`: the board's devices from their own state. */
import type { ConsoleServices } from "./command.ts";

/** What is shown of a list, of a text, and of a whole device at most. */
const MAX_ITEMS = 16;
const MAX_TEXT = 200;
const MAX_LINES = 400;
const MAX_DEPTH = 8;

const bits = (value: number, first: number): string => {
  const names = Array.from({ length: 8 }, (_, n) => n).filter((n) => value & (1 << n));
  return names.length === 0 ? "none" : names.map((n) => `IRQ${first + n}`).join(" ");
};

/** A chip as PicPair saves it. */
interface ChipState {
  irr: number;
  imr: number;
  isr: number;
  elcr: number;
  vectorBase: number;
  awaits: number;
  autoEoi: boolean;
}

export async function pic(_: string, { target }: ConsoleServices): Promise<string> {
  const state = await target.device("pic");
  if (state === undefined) throw new Error("This machine has no 8259 interrupt controllers.");
  const chips = state["chips"] as readonly ChipState[];
  return chips
    .map((chip, index) => {
      const first = index * 8;
      const name = index === 0 ? "master" : "slave";
      const vectors = `0x${chip.vectorBase.toString(16)} to 0x${(chip.vectorBase + 7).toString(16)}`;
      const status = chip.awaits === 0 ? "" : " (being initialised)";
      return [
        `${name}: vectors ${vectors}${chip.autoEoi ? ", automatic end of interrupt" : ""}${status}`,
        `  requested   ${bits(chip.irr, first)}`,
        `  in service  ${bits(chip.isr, first)}`,
        `  masked      ${bits(chip.imr, first)}`,
        `  level       ${bits(chip.elcr, first)}`,
      ].join("\n");
    })
    .join("\n");
}

export async function device(name: string, { target }: ConsoleServices): Promise<string> {
  const names = await target.deviceNames();
  if (name === "") return names.join("\n");
  const state = await target.device(name);
  if (state === undefined) throw new Error(`There is no device "${name}": one of ${names.join(", ")} was expected.`);
  const lines: string[] = [];
  write(state, "", 0, lines);
  return lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), "(there is more)"].join("\n") : lines.join("\n");
}

function write(value: object, indent: string, depth: number, lines: string[]): void {
  for (const [name, item] of Object.entries(value) as [string, unknown][]) {
    if (lines.length > MAX_LINES) return;
    const nested = typeof item === "object" && item !== null && !ArrayBuffer.isView(item) && !isPlainList(item);
    if (nested && depth < MAX_DEPTH) {
      lines.push(`${indent}${name}:`);
      write(item, `${indent}  `, depth + 1, lines);
    } else lines.push(`${indent}${name}: ${oneLine(item)}`);
  }
}

const isPlainList = (item: object): boolean => Array.isArray(item) && item.every((one) => typeof one !== "object");

function oneLine(item: unknown): string {
  if (typeof item === "number")
    return Number.isInteger(item) && item > 9 ? `${item} (0x${item.toString(16)})` : `${item}`;
  if (ArrayBuffer.isView(item) || Array.isArray(item)) {
    const values = Array.from(item as ArrayLike<unknown>).slice(0, MAX_ITEMS);
    const more = (item as ArrayLike<unknown>).length - values.length;
    return `${values.map(listItem).join(" ")}${more > 0 ? ` … (${more} more)` : ""}`;
  }
  if (typeof item === "bigint") return `0x${item.toString(16)}`;
  if (typeof item === "string") return JSON.stringify(item.slice(0, MAX_TEXT));
  return typeof item === "boolean" ? `${item}` : item === undefined ? "none" : "…";
}

const listItem = (item: unknown): string =>
  typeof item === "number" && Number.isInteger(item) && item >= 0 ? `0x${item.toString(16)}` : String(item);
