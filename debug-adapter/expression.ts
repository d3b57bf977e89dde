/**
 * Expressions over registers, addresses and memory: what the user may type into a watch, a breakpoint, a panel or the
 * console. The grammar is in docs/dap.md. All arithmetic is modulo 2^64, comparisons are unsigned.
 */
import type { CpuState, SegmentName, Space } from "../emulator/machine/api.ts";
import { SEGMENT_NAMES } from "../emulator/machine/api.ts";
import { describe, hex, inSpace, lin, segmented } from "./address.ts";
import type { Address } from "./address.ts";
import { codeBits, readRegister, segmentLinear } from "./registers.ts";

/** What an expression may look at. */
export interface ExpressionContext {
  cpu: CpuState;
  readMemory(space: Space, address: bigint, length: number): Promise<Uint8Array>;
}

/** A number, and the space that it is an address of when the expression said so. */
export interface ExpressionValue {
  value: bigint;
  space?: Space;
}

/** Text that is no expression, or one that cannot be evaluated: one sentence. */
export class ExpressionError extends Error {}

const MAX_LENGTH = 512;

type Token = { kind: "number"; value: bigint } | { kind: "name" | "operator" | "end"; text: string };

const TOKEN =
  /\s*(?:(0x[0-9a-f]+|0b[01]+|[0-9]+)(?![0-9a-z_])|([%$]?[a-z_][a-z0-9_]*(?:\.[a-z]+)?)|(<<|>>|==|!=|<=|>=|&&|\|\||[-+*/%&|^~!<>()[\]:]))/iy;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const trimmed = text.trimEnd();
  while (TOKEN.lastIndex < trimmed.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(trimmed);
    if (match === null) throw new ExpressionError(`"${text}" is not understood at "${trimmed.slice(at).trim()}".`);
    const [, number, name, operator] = match;
    if (number !== undefined) tokens.push({ kind: "number", value: BigInt(number) });
    else if (name !== undefined) tokens.push({ kind: "name", text: name.replace(/^[%$]/, "").toLowerCase() });
    else if (operator !== undefined) tokens.push({ kind: "operator", text: operator });
  }
  tokens.push({ kind: "end", text: "" });
  return tokens;
}

/** Binding power of binary operators, as in C. */
const BINARY: Record<string, number> = {
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

const SIZES: Record<string, number> = { byte: 1, word: 2, dword: 4, qword: 8 };

const isSpace = (name: string): name is Space => name === "phys" || name === "lin";
const isSegment = (name: string): name is SegmentName => (SEGMENT_NAMES as readonly string[]).includes(name);

class Evaluator {
  readonly #tokens: Token[];
  readonly #context: ExpressionContext;
  #at = 0;

  constructor(text: string, context: ExpressionContext) {
    this.#tokens = tokenize(text);
    this.#context = context;
  }

  async whole(): Promise<ExpressionValue> {
    const value = await this.#binary(0);
    const left = this.#peek();
    if (left.kind !== "end") throw new ExpressionError(`"${show(left)}" is not expected there.`);
    return value;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", text: "" };
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #accept(operator: string): boolean {
    const token = this.#peek();
    if (token.kind !== "operator" || token.text !== operator) return false;
    this.#at++;
    return true;
  }

  #expect(operator: string): void {
    if (!this.#accept(operator)) {
      throw new ExpressionError(`"${operator}" is expected where "${show(this.#peek())}" stands.`);
    }
  }

  async #binary(minimum: number): Promise<ExpressionValue> {
    let left = await this.#unary();
    for (;;) {
      const token = this.#peek();
      const power = token.kind === "operator" ? BINARY[token.text] : undefined;
      if (token.kind !== "operator" || power === undefined || power <= minimum) return left;
      this.#next();
      left = combine(token.text, left, await this.#binary(power));
    }
  }

  async #unary(): Promise<ExpressionValue> {
    if (this.#accept("-")) return { value: BigInt.asUintN(64, -(await this.#unary()).value) };
    if (this.#accept("+")) return this.#unary();
    if (this.#accept("~")) return { value: BigInt.asUintN(64, ~(await this.#unary()).value) };
    if (this.#accept("!")) return { value: (await this.#unary()).value === 0n ? 1n : 0n };
    return this.#primary();
  }

  async #primary(): Promise<ExpressionValue> {
    if (this.#accept("(")) {
      const value = await this.#binary(0);
      this.#expect(")");
      return value;
    }
    const token = this.#next();
    if (token.kind === "number") {
      if (token.value >= 1n << 64n) throw new ExpressionError(`${hex(token.value)} does not fit into 64 bits.`);
      return this.#accept(":") ? this.#segmented(token.value) : { value: token.value };
    }
    if (token.kind !== "name") throw new ExpressionError(`A value is expected where "${show(token)}" stands.`);
    const size = SIZES[token.text];
    if (size !== undefined) {
      const space = this.#next();
      if (space.kind !== "name" || !isSpace(space.text)) {
        throw new ExpressionError(`"phys[…]" or "lin[…]" is expected behind "${token.text}".`);
      }
      this.#expect("[");
      return this.#memory(space.text, size);
    }
    if (isSpace(token.text)) {
      if (this.#accept("[")) return this.#memory(token.text, codeBits(this.#context.cpu.mode) / 8);
      this.#expect(":");
      return this.#placed(token.text);
    }
    if (isSegment(token.text) && this.#accept(":")) {
      const offset = await this.#unary();
      return { value: segmentLinear(this.#context.cpu, token.text, offset.value), space: "lin" };
    }
    if (token.text === "msr") return this.#msr();
    const value = readRegister(this.#context.cpu, token.text);
    if (value === undefined) throw new ExpressionError(`"${token.text}" is neither a register nor an address.`);
    return { value };
  }

  /** Behind "msr": ":0xc0000080". */
  #msr(): ExpressionValue {
    this.#expect(":");
    const index = this.#next();
    const value = index.kind === "number" ? readRegister(this.#context.cpu, `msr:${hex(index.value)}`) : undefined;
    if (value === undefined) throw new ExpressionError(`There is no MSR "${show(index)}".`);
    return { value };
  }

  /** Behind "phys:" or "lin:": the rest of the sum is an offset into that space. */
  async #placed(space: Space): Promise<ExpressionValue> {
    return { value: (await this.#unary()).value, space };
  }

  async #segmented(segment: bigint): Promise<ExpressionValue> {
    const offset = await this.#unary();
    return { value: segmented(segment, offset.value).address, space: "lin" };
  }

  /** Behind "phys[" or "lin[": reads memory, little-endian. */
  async #memory(space: Space, size: number): Promise<ExpressionValue> {
    const at = await this.#binary(0);
    this.#expect("]");
    const bytes = await this.#context.readMemory(space, at.value, size);
    if (bytes.length < size) throw new ExpressionError(`There is no memory at ${describe(inSpace(space, at.value))}.`);
    return { value: bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n) };
  }
}

const show = (token: Token): string =>
  token.kind === "number" ? hex(token.value) : token.kind === "end" ? "the end" : token.text;

function combine(operator: string, left: ExpressionValue, right: ExpressionValue): ExpressionValue {
  const value = BigInt.asUintN(64, arithmetic(operator, left.value, right.value));
  // Address plus or minus a number stays an address; anything else is a number.
  const space = operator === "+" ? (left.space ?? right.space) : operator === "-" ? left.space : undefined;
  return space === undefined || (left.space !== undefined && right.space !== undefined) ? { value } : { value, space };
}

function arithmetic(operator: string, a: bigint, b: bigint): bigint {
  const truth = (condition: boolean): bigint => (condition ? 1n : 0n);
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
    case "%":
      if (b === 0n) throw new ExpressionError("The expression divides by zero.");
      return operator === "/" ? a / b : a % b;
    case "<<":
      return b > 63n ? 0n : a << b;
    case ">>":
      return b > 63n ? 0n : a >> b;
    case "&":
      return a & b;
    case "|":
      return a | b;
    case "^":
      return a ^ b;
    case "==":
      return truth(a === b);
    case "!=":
      return truth(a !== b);
    case "<":
      return truth(a < b);
    case ">":
      return truth(a > b);
    case "<=":
      return truth(a <= b);
    case ">=":
      return truth(a >= b);
    case "&&":
      return truth(a !== 0n && b !== 0n);
    default:
      return truth(a !== 0n || b !== 0n);
  }
}

/** Evaluates an expression. Rejects with ExpressionError. */
export async function evaluateExpression(text: string, context: ExpressionContext): Promise<ExpressionValue> {
  if (text.trim() === "") throw new ExpressionError("An address or expression is expected, but there is none.");
  if (text.length > MAX_LENGTH) {
    throw new ExpressionError(`The expression is ${text.length} characters long; at most ${MAX_LENGTH} are read.`);
  }
  // "07c0:0000" is written in hexadecimal without 0x, as firmware and boot code does.
  const bare = /^\s*([0-9a-f]{4}):([0-9a-f]{4,8})\s*$/i.exec(text);
  if (bare !== null) {
    return { value: segmented(BigInt("0x" + bare[1]), BigInt("0x" + bare[2])).address, space: "lin" };
  }
  return new Evaluator(text, context).whole();
}

/** Evaluates an expression as an address: linear unless it says "phys:". */
export async function evaluateAddress(text: string, context: ExpressionContext): Promise<Address> {
  const { value, space } = await evaluateExpression(text, context);
  return space === undefined ? lin(value) : inSpace(space, value);
}
