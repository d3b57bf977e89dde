/** `x`, `xp` and `print`: memory and values in gdb's formats. */
import { characterText } from "../../emulator/machine/inspect-message.ts";
import { describe, hex, plus } from "../address.ts";
import type { Address } from "../address.ts";
import { byteText, disassemble } from "../disassembly.ts";
import { evaluateExpression } from "../expressions/evaluate.ts";
import type { ExpressionContext } from "../expressions/evaluate.ts";
import { ipMinusLinear } from "../memory.ts";
import { codeBits } from "../registers.ts";
import type { Command } from "./command.ts";

/** Units that `x` shows at most. */
const MAX_UNITS = 1024;
/** Bytes of one string. */
const MAX_STRING = 1024;
const LINE_BYTES = 16;

const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, g: 8 };

interface Format {
  count: number;
  letter: string;
  size: number | undefined;
}

function parseFormat(text: string, letters: string): Format {
  const match = /^([0-9]{0,6})([a-z]*)$/.exec(text);
  const count = match?.[1] ? Number(match[1]) : 1;
  let letter: string | undefined;
  let size: number | undefined;
  for (const one of match?.[2] ?? "?") {
    if (letters.includes(one) && letter === undefined) letter = one;
    else if (SIZES[one] !== undefined && size === undefined) size = SIZES[one];
    else {
      const wanted = `a count, one of ${letters.split("").join(" ")}, and a size (b h w g)`;
      throw new Error(`The format "/${text}" is not understood at "${one}": ${wanted} were expected.`);
    }
  }
  if (count < 1 || count > MAX_UNITS) throw new Error(`1 to ${MAX_UNITS} units can be shown, not ${count}.`);
  return { count, letter: letter ?? "x", size };
}

/** `x`, and with `physical` `xp`; each goes on behind what it showed last when no address is given. */
function examiner(name: string, physical: boolean): Command {
  let next: { at: Address; format: string } | undefined;
  return {
    name,
    usage: `${name}[/FORMAT] [ADDRESS]`,
    summary: physical ? "examine guest physical memory" : "examine memory",
    details: [
      "FORMAT is a count, a letter and a size, as gdb has them: x hexadecimal, d signed, u unsigned, o octal,",
      "t binary, c characters, f floating point, a addresses, s strings, i instructions; b h w g for 1, 2, 4, 8 bytes.",
      physical
        ? "ADDRESS is a number or a physical address."
        : "ADDRESS is linear unless it says phys:, or segment and offset: x/4i cs:ip, x/16xb phys:0x7c00.",
      "Without an address it goes on behind what was shown last.",
    ].join("\n"),
    async run(format, rest, services) {
      const context = await services.context();
      if (rest === "" && next === undefined) throw new Error(`An address was expected behind "${name}".`);
      const at = rest === "" && next ? next.at : await addressOf(rest, physical, context);
      const chosen = format === "" && rest === "" && next ? next.format : format;
      const shown = await examine(at, parseFormat(chosen, "xduotcafsi"), context);
      next = { at: shown.next, format: chosen };
      return shown.text;
    },
  };
}

async function addressOf(text: string, physical: boolean, context: ExpressionContext): Promise<Address> {
  const { value, space } = await evaluateExpression(text, context);
  if (physical && space === "lin") {
    throw new Error(`"${text}" is a linear address: a physical one was expected ("translate" finds it).`);
  }
  return { space: physical ? "phys" : (space ?? "lin"), address: value };
}

interface Shown {
  text: string;
  /** Behind what was shown. */
  next: Address;
}

function examine(at: Address, format: Format, context: ExpressionContext): Promise<Shown> {
  if (format.letter === "i") return instructions(at, format.count, context);
  if (format.letter === "s") return strings(at, format.count, context);
  return units(at, format, context);
}

async function instructions(at: Address, count: number, context: ExpressionContext): Promise<Shown> {
  const bits = codeBits(context.cpu.mode);
  const request = { at, instructionOffset: 0, count, bits, ipMinusLinear: ipMinusLinear(context.cpu) };
  const list = await disassemble(request, (...where) => context.readMemory(...where));
  const last = list.at(-1);
  return {
    text: list.map((one) => `${describe(one.at)}  ${byteText(one.bytes).padEnd(30)} ${one.text}`).join("\n"),
    next: last === undefined ? at : plus(last.at, Math.max(1, last.bytes.length)),
  };
}

async function strings(at: Address, count: number, context: ExpressionContext): Promise<Shown> {
  const lines: string[] = [];
  for (; lines.length < count;) {
    const bytes = await context.readMemory(at.space, at.address, MAX_STRING);
    if (bytes.length === 0) break;
    const end = bytes.indexOf(0);
    const text = Array.from(end < 0 ? bytes : bytes.subarray(0, end), quotedText).join("");
    lines.push(`${describe(at)}  "${text}"`);
    at = plus(at, end < 0 ? bytes.length : end + 1);
  }
  if (lines.length === 0) throw nothingAt(at);
  return { text: lines.join("\n"), next: at };
}

const quotedText = (byte: number): string =>
  byte === 0x22 || byte === 0x5c ? `\\${String.fromCharCode(byte)}` : byte === 10 ? "\\n" : characterText(byte);

const nothingAt = (at: Address): Error => new Error(`There is no memory at ${describe(at)}.`);

async function units(at: Address, { count, letter, size }: Format, context: ExpressionContext): Promise<Shown> {
  const bytesEach = size ?? defaultSize(letter, context);
  if (letter === "f" && bytesEach < 4) throw new Error("Floating-point numbers have 4 (w) or 8 (g) bytes.");
  const bytes = await context.readMemory(at.space, at.address, count * bytesEach);
  if (bytes.length < bytesEach) throw nothingAt(plus(at, bytes.length));
  const whole = Math.floor(bytes.length / bytesEach);
  const perLine = Math.max(1, letter === "t" ? LINE_BYTES / bytesEach / 2 : LINE_BYTES / bytesEach);
  const lines: string[] = [];
  for (let index = 0; index < whole; index += perLine) {
    const values: string[] = [];
    for (let unit = index; unit < Math.min(index + perLine, whole); unit++) {
      values.push(unitText(bytes.subarray(unit * bytesEach, (unit + 1) * bytesEach), letter));
    }
    lines.push(`${describe(plus(at, index * bytesEach))}  ${values.join(" ")}`);
  }
  if (whole < count) lines.push(`There is no memory at ${describe(plus(at, bytes.length))}.`);
  return { text: lines.join("\n"), next: plus(at, whole * bytesEach) };
}

function defaultSize(letter: string, context: ExpressionContext): number {
  if (letter === "c") return 1;
  if (letter === "f") return 8;
  return letter === "a" ? codeBits(context.cpu.mode) / 8 : 4;
}

function unitText(bytes: Uint8Array, letter: string): string {
  const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  if (letter === "f") {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return `${bytes.length === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true)}`;
  }
  return numberText(value, bytes.length * 8, letter);
}

/** A value of so many bits in one of gdb's formats. */
function numberText(value: bigint, bits: number, letter: string): string {
  const pattern = BigInt.asUintN(bits, value);
  switch (letter) {
    case "d":
      return `${BigInt.asIntN(bits, value)}`;
    case "u":
      return `${pattern}`;
    case "o":
      return `0o${pattern.toString(8)}`;
    case "t":
      return pattern.toString(2).padStart(bits, "0");
    case "c":
      return `'${characterText(Number(pattern & 0xffn))}'`;
    case "a":
      return hex(pattern);
    default:
      return hex(pattern, bits / 4);
  }
}

/** A pair of commands of their own for each session, since they go on where they ended. */
export const examiners = (): Command[] => [examiner("x", false), examiner("xp", true)];

export const PRINT: Command = {
  name: "print",
  usage: "print[/FORMAT] EXPRESSION",
  summary: "a value in another format",
  details: "FORMAT is one of x d u o t c a, as for x: print/t cr0.",
  async run(format, rest, services) {
    const { value, type } = await evaluateExpression(rest, await services.context());
    const { letter, count, size } = parseFormat(format, "xduotca");
    if (count !== 1 || size !== undefined) {
      throw new Error(`The format "/${format}" is not understood: one of x d u o t c a was expected.`);
    }
    return numberText(value, type.bits, letter);
  },
};
