/**
 * Compiles the text of an expression (docs/expressions.md). Types are known before anything is evaluated: whether a
 * value is signed, and whether it is an address and in which space. Symbols become their addresses here.
 */
import type { Space } from "../../emulator/machine/api.ts";
import { SEGMENT_NAMES } from "../../emulator/machine/api.ts";
import type {
  BinaryOperator,
  CompiledExpression,
  ExpressionNode,
  UnaryOperator,
  ValueType,
} from "../../emulator/machine/inspect-expression.ts";
import { NAMES } from "../../emulator/machine/inspect-message.ts";
import { segmented } from "../address.ts";
import { failAt } from "./errors.ts";
import { tokenize } from "./lexer.ts";
import type { Token } from "./lexer.ts";
import { lane, namedValue, wantsLane } from "./names.ts";
import type { Named } from "./names.ts";
import type { SymbolTable } from "./symbols.ts";

/** Brackets, signs and choices within each other. */
const MAX_DEPTH = 64;

/** Binding power of binary operators, as in C. */
const BINARY: Readonly<Record<BinaryOperator, number>> = {
  "||": 1,
  "&&": 2,
  "|": 3,
  "^": 4,
  "&": 5,
  "==": 6,
  "!=": 6,
  "<": 7,
  ">": 7,
  "<=": 7,
  ">=": 7,
  "<<": 8,
  ">>": 8,
  "+": 9,
  "-": 9,
  "*": 10,
  "/": 10,
  "%": 10,
};
const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", ">", "<=", ">="]);

const U64: ValueType = { bits: 64, signed: false };
const TRUTH: ValueType = { bits: 8, signed: false, truth: true };

const SIZE = /^(?:(byte|word|dword|qword)|([ui])(8|16|32|64))$/;
const ASSEMBLER_SIZES: Readonly<Record<string, number>> = { byte: 8, word: 16, dword: 32, qword: 64 };

interface Size {
  bits: number;
  signed: boolean;
}

function sizeOf(name: string): Size | undefined {
  const match = SIZE.exec(name.toLowerCase());
  if (match === null) return undefined;
  return { bits: ASSEMBLER_SIZES[match[1] ?? ""] ?? Number(match[3]), signed: match[2]?.toLowerCase() === "i" };
}

const isSpace = (name: string): name is Space => name === "phys" || name === "lin";
const isSegment = (name: string): boolean => (SEGMENT_NAMES as readonly string[]).includes(name);

/** A value, and which of the text it is. A name in quotes waits for what it is compared with. */
interface Value extends Named {
  start: number;
  quoted?: string;
}

/** Throws ExpressionError. */
export function compile(text: string, symbols?: SymbolTable): CompiledExpression {
  const parser = new Parser(text, symbols);
  const value = parser.whole();
  parser.expectEnd();
  return { text, type: value.type, root: value.node };
}

/** `TARGET = VALUE`; undefined when there is no "=" behind a first expression. Throws ExpressionError. */
export function compileAssignment(
  text: string,
  symbols?: SymbolTable,
): { target: CompiledExpression; value: CompiledExpression } | undefined {
  const parser = new Parser(text, symbols);
  if (!parser.hasAssignment()) return undefined;
  const target = parser.whole();
  const before = parser.expectAssignment();
  const value = parser.whole();
  parser.expectEnd();
  return {
    target: { text: text.slice(0, before).trim(), type: target.type, root: target.node },
    value: { text, type: value.type, root: value.node },
  };
}

class Parser {
  readonly #text: string;
  readonly #symbols: SymbolTable | undefined;
  readonly #tokens: Token[];
  #at = 0;
  #depth = 0;
  /** Inside the middle of a choice, outside brackets: there a colon behind a number ends the middle. */
  #inChoice = false;

  constructor(text: string, symbols: SymbolTable | undefined) {
    this.#text = text;
    this.#symbols = symbols;
    this.#tokens = tokenize(text);
  }

  whole(): Value {
    return this.#settled(this.#choice());
  }

  hasAssignment(): boolean {
    return this.#tokens.some((token) => token.kind === "operator" && token.operator === "=");
  }

  /** Returns where the "=" stands. */
  expectAssignment(): number {
    const at = this.#peek().start;
    this.#expect("=");
    return at;
  }

  expectEnd(): void {
    if (this.#peek().kind !== "end") this.#unexpected("an operator or the end");
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", start: this.#text.length, end: this.#text.length };
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #fail(at: number, what: string): never {
    failAt(this.#text, at, what);
  }

  #unexpected(expected: string): never {
    const token = this.#peek();
    const there =
      token.kind === "end" ? "the expression ends there" : `"${this.#text.slice(token.start, token.end)}" stands there`;
    this.#fail(token.start, `${expected} was expected, but ${there}`);
  }

  #accept(operator: string): boolean {
    const token = this.#peek();
    if (token.kind !== "operator" || token.operator !== operator) return false;
    this.#at++;
    return true;
  }

  /** A colon right behind what was just read, without a blank. */
  #acceptJoined(): boolean {
    const [before, token] = [this.#tokens[this.#at - 1], this.#peek()];
    return before?.end === token.start && this.#accept(":");
  }

  #expect(operator: string): void {
    if (!this.#accept(operator)) this.#unexpected(`"${operator}"`);
  }

  /** A name in quotes must have been compared with something by now. */
  #settled(value: Value): Value {
    if (value.quoted === undefined) return value;
    this.#fail(value.start, `a name in quotes can only be compared with $phase or $mode; a value was expected`);
  }

  #nested<T>(work: () => T): T {
    if (++this.#depth > MAX_DEPTH)
      this.#fail(this.#peek().start, `at most ${MAX_DEPTH} levels of nesting were expected`);
    try {
      return work();
    } finally {
      this.#depth--;
    }
  }

  /** Inside brackets a colon joins numbers again, whatever stands around. */
  #bracketed<T>(close: string, work: () => T): T {
    const outer = this.#inChoice;
    this.#inChoice = false;
    const value = this.#nested(work);
    this.#expect(close);
    this.#inChoice = outer;
    return value;
  }

  #choice(): Value {
    const condition = this.#binary(0);
    if (!this.#accept("?")) return condition;
    const outer = this.#inChoice;
    this.#inChoice = true;
    const yes = this.#nested(() => this.whole());
    this.#inChoice = outer;
    this.#expect(":");
    const no = this.#nested(() => this.whole());
    const node: ExpressionNode = { op: "choose", condition: this.#settled(condition).node, yes: yes.node, no: no.node };
    return { node, type: commonType(yes.type, no.type), start: condition.start };
  }

  #binary(minimum: number): Value {
    let left = this.#unary();
    for (;;) {
      const token = this.#peek();
      if (token.kind !== "operator" || !Object.hasOwn(BINARY, token.operator)) return left;
      const operator = token.operator as BinaryOperator;
      const power = BINARY[operator];
      if (power <= minimum) return left;
      this.#next();
      left = this.#combine(
        operator,
        left,
        this.#nested(() => this.#binary(power)),
        token.start,
      );
    }
  }

  #combine(operator: BinaryOperator, first: Value, second: Value, at: number): Value {
    const isComparison = COMPARISONS.has(operator);
    const left = isComparison ? this.#named(first, second) : this.#settled(first);
    const right = isComparison ? this.#named(second, first) : this.#settled(second);
    const signed = left.type.signed || right.type.signed;
    const node: ExpressionNode = { op: "binary", operator, signed, left: left.node, right: right.node, at };
    const [a, b] = [left.type.space, right.type.space];
    if (a !== undefined && b !== undefined && a !== b && (isComparison || operator === "-")) {
      this.#fail(at, `two addresses of one space were expected, not ${spaceName(a)} and ${spaceName(b)}`);
    }
    if (isComparison || operator === "&&" || operator === "||") return { node, type: TRUTH, start: left.start };
    // An address plus or minus a number stays an address, rounded down or up by a mask too; anything else is a number.
    const space =
      operator === "+" && (a === undefined || b === undefined)
        ? (a ?? b)
        : (operator === "-" || operator === "&") && b === undefined
          ? a
          : undefined;
    const type: ValueType = space === undefined ? { bits: 64, signed } : { bits: 64, signed: false, space };
    return { node, type, start: left.start };
  }

  /** A name in quotes as the number that the other side has for it. */
  #named(value: Value, other: Value): Value {
    if (value.quoted === undefined) return value;
    const list = other.type.names;
    if (list === undefined) return this.#settled(value);
    const index = NAMES[list].indexOf(value.quoted as never);
    if (index < 0) {
      const known = NAMES[list].map((name) => `"${name}"`).join(", ");
      this.#fail(value.start, `one of ${known} was expected, not "${value.quoted}"`);
    }
    return { node: constant(BigInt(index)), type: other.type, start: value.start };
  }

  #unary(): Value {
    const { start } = this.#peek();
    if (this.#accept("+")) return this.#nested(() => this.#settled(this.#unary()));
    const operator = (["-", "~", "!"] as const satisfies UnaryOperator[]).find((one) => this.#accept(one));
    if (operator === undefined) return this.#primary();
    const operand = this.#nested(() => this.#settled(this.#unary()));
    const node: ExpressionNode = { op: "unary", operator, operand: operand.node };
    if (operator === "!") return { node, type: TRUTH, start };
    return { node, type: { bits: 64, signed: operator === "-" || operand.type.signed }, start };
  }

  #primary(): Value {
    const token = this.#peek();
    const { start } = token;
    switch (token.kind) {
      case "number":
        this.#next();
        if (!this.#inChoice && this.#acceptJoined()) return this.#segmented(token.value, start);
        return { node: constant(token.value), type: U64, start };
      case "far":
        this.#next();
        return {
          node: constant(segmented(token.segment, token.offset).address),
          type: { bits: 64, signed: false, space: "lin" },
          start,
        };
      case "text":
        this.#next();
        return { node: constant(0n), type: U64, start, quoted: token.value };
      case "symbol":
        this.#next();
        return this.#symbol(token.name, start, true);
      case "name":
        this.#next();
        return this.#name(token.name, start);
      case "operator":
        if (this.#accept("(")) return { ...this.#bracketed(")", () => this.whole()), start };
        if (token.operator === "[") {
          this.#fail(start, '"phys[…]", "lin[…]" or "ds:[…]" was expected: a bracket alone does not say which memory');
        }
        break;
      case "end":
        break;
    }
    return this.#unexpected("a value");
  }

  #name(written: string, start: number): Value {
    const name = written.toLowerCase();
    const size = sizeOf(name);
    if (size !== undefined) return this.#sized(size, written, start);
    if (isSpace(name)) {
      if (this.#accept("[")) return this.#memory(name, undefined, start);
      if (this.#acceptJoined()) return this.#placed(name, start);
      return this.#unexpected(`"[" or ":" behind "${written}"`);
    }
    const [head = "", tail = ""] = name.split(".");
    const laneSize = isSpace(head) ? sizeOf(tail) : undefined;
    if (isSpace(head) && laneSize !== undefined) {
      this.#expect("[");
      return this.#memory(head, laneSize, start);
    }
    if (isSegment(name) && this.#acceptJoined()) return this.#inSegment(name, undefined, start);
    if (name === "msr") return this.#msr(start);
    if (wantsLane(written)) return this.#lane(written, start);
    const named = namedValue(written, start);
    return named === undefined ? this.#symbol(written, start, false) : { ...named, start };
  }

  /** Behind a size: a cast "(…)", or memory. */
  #sized(size: Size, written: string, start: number): Value {
    if (this.#accept("(")) {
      const operand = this.#bracketed(")", () => this.whole());
      return { node: { op: "cast", ...size, operand: operand.node }, type: size, start };
    }
    const token = this.#peek();
    const name = token.kind === "name" ? token.name.toLowerCase() : "";
    if (isSpace(name)) {
      this.#next();
      this.#expect("[");
      return this.#memory(name, size, start);
    }
    if (isSegment(name)) {
      this.#next();
      this.#expect(":");
      const address = this.#inSegment(name, size, start);
      if (address.node.op === "memory") return address;
      this.#fail(token.start, `"${name}:[…]" was expected: an address in brackets is what lies there`);
    }
    return this.#unexpected(`"(", "phys[", "lin[" or "ds:[" behind "${written}"`);
  }

  /** Behind "ds:": an offset, or "[offset]" for what lies there. */
  #inSegment(segment: string, size: Size | undefined, start: number): Value {
    const type: ValueType = { bits: 64, signed: false, space: "lin" };
    if (!this.#accept("[")) {
      const offset = this.#nested(() => this.#unary());
      this.#refuseAddress(offset, "an offset");
      return { node: { op: "segment", segment, offset: offset.node }, type, start };
    }
    const offset = this.#bracketed("]", () => this.whole());
    this.#refuseAddress(offset, "an offset");
    return this.#read("lin", size, { op: "segment", segment, offset: offset.node }, start);
  }

  #refuseAddress(value: Value, expected: string): void {
    this.#settled(value);
    if (value.type.space !== undefined) {
      this.#fail(value.start, `${expected} was expected, not ${spaceName(value.type.space)} address`);
    }
  }

  /** Behind "phys[" or "lin[". */
  #memory(space: Space, size: Size | undefined, start: number): Value {
    const address = this.#bracketed("]", () => this.whole());
    const other = address.type.space;
    if (other !== undefined && other !== space) {
      this.#fail(
        address.start,
        `${spaceName(space)} address was expected in "${space}[…]", not ${spaceName(other)} one ("${space}:" before it takes its number as it is)`,
      );
    }
    return this.#read(space, size, address.node, start);
  }

  #read(space: Space, size: Size | undefined, address: ExpressionNode, at: number): Value {
    const signed = size?.signed ?? false;
    const bytes = size === undefined ? ("code" as const) : size.bits / 8;
    const node: ExpressionNode = { op: "memory", space, size: bytes, signed, address, at };
    return { node, type: { bits: size?.bits ?? "code", signed }, start: at };
  }

  /** Behind "phys:" or "lin:": a number, taken as an address there. */
  #placed(space: Space, start: number): Value {
    const value = this.#nested(() => this.#settled(this.#unary()));
    return { node: value.node, type: { bits: 64, signed: false, space }, start };
  }

  /** Behind "0x7c0:": an offset in a real-mode segment. */
  #segmented(segment: bigint, start: number): Value {
    const offset = this.#nested(() => this.#unary());
    this.#refuseAddress(offset, "an offset");
    const [left, right] = [constant(segmented(segment, 0n).address), offset.node];
    return {
      node: { op: "binary", operator: "+", signed: false, left, right, at: start },
      type: { bits: 64, signed: false, space: "lin" },
      start,
    };
  }

  /** Behind "msr": "[index]", or ":index". */
  #msr(start: number): Value {
    const index = this.#accept("[")
      ? this.#bracketed("]", () => this.whole())
      : this.#acceptJoined()
        ? this.#nested(() => this.#settled(this.#unary()))
        : this.#unexpected('"[" behind "msr"');
    return { node: { op: "msr", index: index.node, at: start }, type: U64, start };
  }

  #lane(written: string, start: number): Value {
    this.#expect("[");
    const token = this.#peek();
    const found = token.kind === "number" ? lane(written, token.value, start) : undefined;
    const bits = Number(/[0-9]+$/.exec(written)?.[0]);
    if (found === undefined) return this.#unexpected(`the number of a lane from 0 to ${128 / bits - 1}`);
    this.#next();
    this.#expect("]");
    return { ...found, start };
  }

  #symbol(name: string, start: number, quoted: boolean): Value {
    const address = this.#symbols?.lookup(name);
    if (address !== undefined) {
      return { node: constant(address.address), type: { bits: 64, signed: false, space: address.space }, start };
    }
    this.#fail(
      start,
      quoted
        ? `a symbol was expected, which "${name}" is not`
        : `a register, number or symbol was expected, which "${name}" is not`,
    );
  }
}

const constant = (value: bigint): ExpressionNode => ({ op: "number", value: `${value}` });

const spaceName = (space: Space): string => (space === "phys" ? "a physical" : "a linear");

/** What a choice between two values is. */
function commonType(a: ValueType, b: ValueType): ValueType {
  if (a.space !== undefined && a.space === b.space) return a;
  if (a.truth && b.truth) return TRUTH;
  if (a.names !== undefined && a.names === b.names) return a;
  return { bits: 64, signed: a.signed || b.signed };
}
