/** System.map, and what nm and /proc/kallsyms print: an address, a letter for the type, and a name on each line. */
import { FormatError } from "./errors.ts";
import { isSymbolType } from "./symbol-table.ts";
import type { SymbolEntry } from "./symbol-table.ts";

const LINE = /^([0-9a-f]{8}|[0-9a-f]{16}) (.) (\S{1,1024})(?:\s+\[[^\]]*\])?$/i;
const MAX_SYMBOLS = 4_000_000;
/** Bytes at the beginning that tell what a file is. */
const HEAD = 4096;

/** Whether a file's first lines are of this kind; a placeholder of a distribution is none. */
export function isSystemMap(bytes: Uint8Array): boolean {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, HEAD));
  // The last line of the head may be cut off.
  const lines = bytes.length > HEAD ? head.split("\n").slice(0, -1) : head.split("\n");
  const filled = lines.filter((line) => line !== "" && !/^ +[Uw] \S+$/.test(line));
  return filled.length > 0 && filled.every((line) => LINE.test(line));
}

/** Throws FormatError with the number of a line that is of another kind. */
export function parseSystemMap(bytes: Uint8Array): SymbolEntry[] {
  const symbols: SymbolEntry[] = [];
  let number = 0;
  for (const line of new TextDecoder("latin1").decode(bytes).split("\n")) {
    number++;
    const text = line.trimEnd();
    // nm prints undefined symbols without an address.
    if (text === "" || /^ +[Uw] \S+$/.test(text)) continue;
    const match = LINE.exec(text);
    const [, address = "", type = "", name = ""] = match ?? [];
    if (match === null || !isSymbolType(type)) {
      throw new FormatError(
        `Line ${number} is ${JSON.stringify(text.slice(0, 80))}: an address of 8 or 16 hexadecimal digits, a letter and a name were expected.`,
      );
    }
    if (symbols.length === MAX_SYMBOLS) throw new FormatError(`There are more than ${MAX_SYMBOLS} symbols.`);
    symbols.push({ name, type, address: BigInt(`0x${address}`) });
  }
  return symbols;
}
