/** What may be typed at a place of a line: commands, their words, registers, symbols. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { ALL_NAMES } from "../expressions/names.ts";
import type { SymbolTable } from "../expressions/symbols.ts";
import type { Command } from "./command.ts";

const MAX_ITEMS = 200;
const SIZES = ["byte", "word", "dword", "qword", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];
const SPACES = ["phys", "lin"];

interface Choice {
  label: string;
  type: DebugProtocol.CompletionItemType;
  detail?: string;
}

/** @param before what stands before the cursor @param start offset that the client counts the first character as */
export function completions(
  before: string,
  start: number,
  commands: readonly Command[],
  symbols?: SymbolTable,
): DebugProtocol.CompletionItem[] {
  const word = /[$%]?[a-z_0-9.]*$/i.exec(before)?.[0] ?? "";
  const wanted = word.toLowerCase();
  const at = before.length - word.length;
  return choices(before.slice(0, at), word, commands, symbols)
    .filter(({ label }) => label.toLowerCase().startsWith(wanted) && label.length > word.length)
    .slice(0, MAX_ITEMS)
    .map(({ label, type, detail }) => ({
      label,
      type,
      start: at + start,
      length: word.length,
      ...(detail === undefined ? {} : { detail }),
    }));
}

function choices(left: string, word: string, commands: readonly Command[], symbols: SymbolTable | undefined): Choice[] {
  const names = (): Choice[] => [
    ...inExpressions(word),
    ...(symbols?.startingWith(word, MAX_ITEMS) ?? []).map((label): Choice => ({ label, type: "function" })),
  ];
  if (left.trim() === "") {
    return [...commands.map((one): Choice => ({ label: one.name, type: "keyword", detail: one.usage })), ...names()];
  }
  const first = /^\s*([a-z]+)(?:\/\S*)?\s/.exec(left)?.[1];
  const command = commands.find(({ name }) => name === first);
  if (command === undefined) return names();
  const isFirst = /^\s*\S+\s+$/.test(left);
  if (command.name === "help" && isFirst) return commands.map(({ name }): Choice => ({ label: name, type: "keyword" }));
  if (command.words !== undefined && isFirst) {
    return command.words.map((label): Choice => ({ label, type: "keyword" }));
  }
  return command.alone ? [] : names();
}

/** Names are offered plainly, or behind the "$" or "%" that was typed. */
function inExpressions(word: string): Choice[] {
  const prefix = /^[$%]/.exec(word)?.[0] ?? "";
  const registers = Array.from(ALL_NAMES, (name) => (prefix === "" || name.startsWith("$") ? name : prefix + name));
  return [
    ...registers.map((label): Choice => ({ label, type: "variable" })),
    ...[...SIZES, ...SPACES].map((label): Choice => ({ label, type: "keyword" })),
  ];
}
