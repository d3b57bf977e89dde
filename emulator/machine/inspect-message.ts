/** Log messages of breakpoints in their compiled form: text with values in between. Plain JSON, as expressions are. */
import type { PhaseName, Space } from "./api.ts";
import { PHASE_NAMES } from "./api.ts";
import { CPU_MODES, EvaluationError, codeWidth, prepare } from "./inspect-expression.ts";
import type { CompiledExpression, Readers, ValueType } from "./inspect-expression.ts";

/** How a value is written: hexadecimal, signed and unsigned decimal, octal, binary, a character, a string at the address. */
export type ValueFormat = "x" | "X" | "d" | "u" | "o" | "b" | "c" | "s";

export type MessagePart =
  | string
  | {
      expression: CompiledExpression;
      format?: ValueFormat;
      /** Digits at least, filled with zeros (or with blanks, where `fill` says so). */
      width?: number;
      fill?: "0" | " ";
    };

/** Bytes of a string in memory that are shown at most. */
const MAX_STRING = 256;

/** Makes a message ready to be written often. What cannot be evaluated stands in it as "{error: …}". */
export function prepareMessage(parts: readonly MessagePart[]): (readers: Readers) => string {
  const writers = parts.map((part): ((readers: Readers) => string) => {
    if (typeof part === "string") return () => part;
    const run = prepare(part.expression);
    return (readers) => {
      try {
        return formatted(run(readers), part, readers);
      } catch (error) {
        if (!(error instanceof EvaluationError)) throw error;
        return `{error: ${error.message}}`;
      }
    };
  });
  return (readers) => writers.map((write) => write(readers)).join("");
}

function formatted(value: bigint, part: Exclude<MessagePart, string>, readers: Readers): string {
  const { type } = part.expression;
  if (part.format === undefined) return valueText(value, type);
  if (part.format === "s") return stringAt(type.space ?? "lin", value, readers);
  const bits = type.bits === "code" ? codeWidth(readers) : type.bits;
  return pad(numberText(BigInt.asUintN(bits, value), part.format, bits), part.width ?? 0, part.fill ?? "0");
}

/** Fills up between a sign and the digits. */
function pad(text: string, width: number, fill: string): string {
  if (fill === " " || !text.startsWith("-")) return text.padStart(width, fill);
  return `-${text.slice(1).padStart(width - 1, fill)}`;
}

function numberText(value: bigint, format: Exclude<ValueFormat, "s">, bits: number): string {
  switch (format) {
    case "x":
      return value.toString(16);
    case "X":
      return value.toString(16).toUpperCase();
    case "d":
      return `${BigInt.asIntN(bits, value)}`;
    case "u":
      return `${value}`;
    case "o":
      return value.toString(8);
    case "b":
      return value.toString(2);
    case "c":
      return characterText(Number(value & 0xffn));
  }
}

/** A byte as a character; what cannot be printed as "\x1b". */
export const characterText = (byte: number): string =>
  byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;

function stringAt(space: Space, address: bigint, readers: Readers): string {
  const bytes = readers.memory(space, address, MAX_STRING);
  const end = bytes.indexOf(0);
  return Array.from(end < 0 ? bytes : bytes.subarray(0, end), characterText).join("");
}

/** A value as it is shown without a format: "0x2a", "lin:0x7c00", "-1", "kernel". */
export function valueText(value: bigint, type: ValueType): string {
  const name = nameOf(value, type);
  if (name !== undefined) return name;
  if (type.signed) return `${BigInt.asIntN(64, value)}`;
  return `${type.space === undefined ? "" : `${type.space}:`}0x${value.toString(16)}`;
}

/** The name that a value stands for, when its type is one of names. */
export function nameOf(value: bigint, { names }: ValueType): string | undefined {
  if (names === undefined) return undefined;
  return NAMES[names][Number(value)];
}

/** The lists behind ValueType.names. */
export const NAMES: { phase: readonly PhaseName[]; mode: readonly string[] } = { phase: PHASE_NAMES, mode: CPU_MODES };
