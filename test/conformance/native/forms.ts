/**
 * Instruction forms, written one a line: `[np|66|f2|f3] [0f|0f38|0f3a] OP[..OP] [/digit|/r|+r] [attributes]`.
 * Attributes:
 *   v        operand size 16, 32 or 64 bits, by 66 and REX.W
 *   d64      64 bits by default in 64-bit code, 16 by 66
 *   w        REX.W is allowed and selects another form
 *   r, m     the rm operand is a register only, memory only (default: either)
 *   ib iw iz iv io   immediate: 1 byte, 2, 2 or 4, as wide as the operand, a plain address
 *   lock     LOCK is allowed with a memory destination
 *   64, no64 only in, not in 64-bit code
 *   align    the memory operand should mostly be aligned to 16 bytes
 *   sN       the memory operand has N bytes (default 8)
 *   N        weight (`x3` three times as often)
 *   needs:   sp stack, bx translation table, bit bit offset, div dividend, cl count
 */

export type Need = "sp" | "bx" | "bit" | "div" | "cl" | "len";

export interface Form {
  prefix: 0 | 0x66 | 0xf2 | 0xf3;
  /** True when 66, F2, F3 choose another instruction, so that none may be added. */
  strict: boolean;
  map: readonly number[];
  opcode: number;
  modrm: boolean;
  /** ModRM.reg when it belongs to the opcode. */
  digit: number | undefined;
  /** Register in the opcode's low three bits. */
  plus: boolean;
  variable: boolean;
  default64: boolean;
  rexW: boolean;
  operand: "both" | "register" | "memory";
  immediate: "" | "ib" | "iw" | "iz" | "iv" | "io";
  lock: boolean;
  only64: boolean;
  not64: boolean;
  align: boolean;
  size: number;
  weight: number;
  needs: readonly Need[];
}

const MAPS: Readonly<Record<string, readonly number[]>> = { "0f": [0x0f], "0f38": [0x0f, 0x38], "0f3a": [0x0f, 0x3a] };
const PREFIXES: Readonly<Record<string, 0 | 0x66 | 0xf2 | 0xf3>> = { np: 0, "66": 0x66, f2: 0xf2, f3: 0xf3 };

function parseLine(line: string): Form[] {
  const words = line.split(/\s+/);
  let strict = false;
  let prefix: Form["prefix"] = 0;
  const first = PREFIXES[words[0] ?? ""];
  if (first !== undefined) {
    strict = true;
    prefix = first;
    words.shift();
  }
  let map: readonly number[] = [];
  const named = MAPS[words[0] ?? ""];
  if (named) {
    map = named;
    words.shift();
  }
  const range = words.shift()?.split("..") ?? [];
  const from = parseInt(range[0] ?? "", 16);
  const to = parseInt(range[1] ?? range[0] ?? "", 16);
  if (!(from <= to && to < 256)) throw new Error(`no opcode in the form "${line}"`);
  const form: Form = {
    prefix,
    strict,
    map,
    opcode: from,
    modrm: false,
    digit: undefined,
    plus: false,
    variable: false,
    default64: false,
    rexW: false,
    operand: "both",
    immediate: "",
    lock: false,
    only64: false,
    not64: false,
    align: false,
    size: 8,
    weight: 1,
    needs: [],
  };
  for (const word of words) {
    if (word === "/r") form.modrm = true;
    else if (/^\/[0-7]$/.test(word)) {
      form.modrm = true;
      form.digit = Number(word[1]);
    } else if (word === "+r") form.plus = true;
    else if (word === "v") form.variable = true;
    else if (word === "d64") form.default64 = true;
    else if (word === "w") form.rexW = true;
    else if (word === "r") form.operand = "register";
    else if (word === "m") form.operand = "memory";
    else if (/^i[bwzvo]$/.test(word)) form.immediate = word as Form["immediate"];
    else if (word === "lock") form.lock = true;
    else if (word === "64") form.only64 = true;
    else if (word === "no64") form.not64 = true;
    else if (word === "align") form.align = true;
    else if (/^s\d+$/.test(word)) form.size = Number(word.slice(1));
    else if (/^x\d+$/.test(word)) form.weight = Number(word.slice(1));
    else if (["sp", "bx", "bit", "div", "cl", "len"].includes(word)) form.needs = [...form.needs, word as Need];
    else throw new Error(`unknown attribute "${word}" in the form "${line}"`);
  }
  const forms: Form[] = [];
  for (let opcode = from; opcode <= to; opcode++) forms.push({ ...form, opcode });
  return forms;
}

/** Forms of a table, one a line; empty lines and what follows `;` are left out. */
export function parseForms(text: string): Form[] {
  return text
    .split("\n")
    .map((line) => line.replace(/;.*/, "").trim())
    .filter((line) => line !== "")
    .flatMap(parseLine);
}
