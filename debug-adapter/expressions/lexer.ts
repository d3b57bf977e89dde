/** Splits the text of an expression into tokens (docs/expressions.md). */
import { failAt } from "./errors.ts";

interface Place {
  /** Offsets in the text: of the first character, and behind the last. */
  start: number;
  end: number;
}

export type Token = Place &
  (
    | { kind: "number"; value: bigint }
    /** "07c0:0000" */
    | { kind: "far"; segment: bigint; offset: bigint }
    /** A register, size, space, "$phase", or a symbol; as written. */
    | { kind: "name"; name: string }
    /** "`name`": always a symbol. */
    | { kind: "symbol"; name: string }
    /** "\"kernel\"": the name of a phase or mode. */
    | { kind: "text"; value: string }
    | { kind: "operator"; operator: string }
    | { kind: "end" }
  );

/** Longest text that is read as an expression. */
export const MAX_LENGTH = 512;

const FAR = /([0-9a-f]{4}):([0-9a-f]{8}|[0-9a-f]{4})(?![0-9a-z_])/iy;
const NUMBER = /(?:([0-9][0-9a-f_]*)h|0x([0-9a-f_]+)|0b([01_]+)|0o([0-7_]+)|([0-9][0-9_]*))(?![0-9a-z_])/iy;
const NAME = /[%$]?[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*/iy;
const CHARACTERS = /'([\x20-\x7e]{1,8}?)'/y;
const SYMBOL = /`([^`\p{Cc}]+)`/uy;
const TEXT = /"([^"\p{Cc}]*)"/uy;
const OPERATOR = /<<|>>|==|!=|<=|>=|&&|\|\||[-+*/%&|^~!<>()[\]:?=]/y;
const BLANK = /\s*/y;

/** Throws ExpressionError. The last token is always "end". */
export function tokenize(text: string): Token[] {
  if (text.length > MAX_LENGTH) {
    failAt(
      `${text.slice(0, 20)}…`,
      0,
      `an expression of at most ${MAX_LENGTH} characters was expected, not of ${text.length}`,
    );
  }
  return new Lexer(text).all();
}

class Lexer {
  readonly #text: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  /** How many "?" wait for their ":", for each bracket that is open: there "1000:2000" is no address. */
  readonly #choices = [0];

  constructor(text: string) {
    this.#text = text;
  }

  all(): Token[] {
    for (;;) {
      this.#match(BLANK);
      if (this.#at >= this.#text.length) break;
      this.#one();
    }
    this.#tokens.push({ kind: "end", start: this.#at, end: this.#at });
    return this.#tokens;
  }

  /** The match right here; moves behind it. */
  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  #one(): void {
    const start = this.#at;
    const place = (): Place => ({ start, end: this.#at });
    const inChoice = (this.#choices.at(-1) ?? 0) > 0;
    const far = inChoice ? null : this.#match(FAR);
    if (far?.[1] !== undefined && far[2] !== undefined) {
      const [segment, offset] = [BigInt(`0x${far[1]}`), BigInt(`0x${far[2]}`)];
      this.#tokens.push({ kind: "far", segment, offset, ...place() });
      return;
    }
    const number = this.#match(NUMBER);
    if (number !== null) {
      this.#tokens.push({ kind: "number", value: this.#number(number, start), ...place() });
      return;
    }
    const name = this.#match(NAME);
    if (name !== null) {
      this.#tokens.push({ kind: "name", name: name[0], ...place() });
      return;
    }
    const characters = this.#match(CHARACTERS);
    if (characters?.[1] !== undefined) {
      this.#tokens.push({ kind: "number", value: littleEndian(characters[1]), ...place() });
      return;
    }
    const symbol = this.#match(SYMBOL);
    if (symbol?.[1] !== undefined) {
      this.#tokens.push({ kind: "symbol", name: symbol[1], ...place() });
      return;
    }
    const text = this.#match(TEXT);
    if (text?.[1] !== undefined) {
      this.#tokens.push({ kind: "text", value: text[1], ...place() });
      return;
    }
    const operator = this.#match(OPERATOR)?.[0];
    if (operator === undefined) this.#refuse(start);
    this.#nest(operator);
    this.#tokens.push({ kind: "operator", operator, ...place() });
  }

  #nest(operator: string): void {
    const last = this.#choices.length - 1;
    if (operator === "(" || operator === "[") this.#choices.push(0);
    else if (operator === ")" || operator === "]") {
      if (last > 0) this.#choices.pop();
    } else if (operator === "?") this.#choices[last]!++;
    else if (operator === ":" && this.#choices[last]! > 0) this.#choices[last]!--;
  }

  #number(match: RegExpExecArray, start: number): bigint {
    const [, suffixed, hex, binary, octal, decimal] = match;
    const digits = (suffixed ?? hex ?? binary ?? octal ?? decimal ?? "").replaceAll("_", "");
    const prefix =
      suffixed !== undefined || hex !== undefined
        ? "0x"
        : binary !== undefined
          ? "0b"
          : octal !== undefined
            ? "0o"
            : "";
    if (digits === "") failAt(this.#text, start, `digits were expected in "${match[0]}"`);
    const value = BigInt(prefix + digits);
    if (value >> 64n !== 0n) failAt(this.#text, start, `a number of at most 64 bits was expected, not "${match[0]}"`);
    return value;
  }

  #refuse(start: number): never {
    const word = /^[0-9a-z_]+/i.exec(this.#text.slice(start))?.[0];
    if (word === undefined) {
      failAt(this.#text, start, `a value or an operator was expected, not "${this.#text.charAt(start)}"`);
    }
    const hexadecimal = /^[0-9a-f_]+$/i.test(word) ? ` (0x${word}, if it is hexadecimal)` : "";
    failAt(this.#text, start, `a number was expected, which "${word}" is not${hexadecimal}`);
  }
}

/** The number that a processor reads where these characters lie in memory. */
function littleEndian(characters: string): bigint {
  let value = 0n;
  for (let index = characters.length - 1; index >= 0; index--) {
    value = (value << 8n) | BigInt(characters.charCodeAt(index));
  }
  return value;
}
