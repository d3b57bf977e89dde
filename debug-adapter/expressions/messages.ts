/** Reads log messages: "AX={ax:04x} at {cs:ip}" (docs/expressions.md). */
import type { MessagePart, ValueFormat } from "../../emulator/machine/inspect-message.ts";
import { failAt } from "./errors.ts";
import { compile } from "./parser.ts";
import type { SymbolTable } from "./symbols.ts";

/** Longest message, and most values in it. */
const MAX_MESSAGE = 4096;
const MAX_VALUES = 32;
const MAX_WIDTH = 64;

/** Behind the last colon: zeros, a width, and one letter. */
const FORMAT = /^(.*):(0?)([0-9]{0,2})([xXduobcs])\s*$/s;

/** Throws ExpressionError, which names the place in the message. */
export function compileMessage(text: string, symbols?: SymbolTable): MessagePart[] {
  if (text.length > MAX_MESSAGE) {
    failAt(
      `${text.slice(0, 20)}…`,
      0,
      `a message of at most ${MAX_MESSAGE} characters was expected, not of ${text.length}`,
    );
  }
  const parts: MessagePart[] = [];
  let plain = "";
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if ((character === "{" || character === "}") && text.charAt(at + 1) === character) {
      plain += character;
      at++;
    } else if (character === "}") failAt(text, at, '"{" was expected before this "}" ("}}" is a brace as text)');
    else if (character === "{") {
      const end = endOfValue(text, at + 1);
      if (end < 0) failAt(text, at, '"}" was expected behind this "{" ("{{" is a brace as text)');
      if (++values > MAX_VALUES) failAt(text, at, `at most ${MAX_VALUES} values were expected`);
      if (plain !== "") parts.push(plain);
      plain = "";
      parts.push(valuePart(text.slice(at + 1, end), symbols));
      at = end;
    } else plain += character;
  }
  if (plain !== "") parts.push(plain);
  return parts;
}

/** The "}" that ends a value; one within quotes is part of it. */
function endOfValue(text: string, from: number): number {
  let quote = "";
  for (let at = from; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === "'" || character === '"' || character === "`") quote = character;
    else if (character === "}") return at;
  }
  return -1;
}

function valuePart(text: string, symbols: SymbolTable | undefined): MessagePart {
  const match = FORMAT.exec(text);
  if (match?.[1] === undefined) return { expression: compile(text, symbols) };
  const [, expression, zero, digits, letter] = match;
  const width = Number(digits);
  if (width > MAX_WIDTH)
    failAt(text, expression.length + 1, `a width of at most ${MAX_WIDTH} was expected, not ${width}`);
  return {
    expression: compile(expression, symbols),
    format: letter as ValueFormat,
    ...(width > 0 ? { width, fill: zero === "0" ? "0" : " " } : {}),
  };
}
