/**
 * Expressions in their compiled form, and what they yield on a machine. The form is plain JSON, so that a condition can
 * travel to the thread that owns the machine and be decided there without a message back (docs/expressions.md).
 * Values are 64-bit patterns from 0 to 2^64 - 1; whether one is read as a signed number is known from its type, before
 * anything is evaluated.
 */
import type { CpuMode, Space } from "./api.ts";

/** The processor's modes in the order of the numbers that "$mode" has. */
export const CPU_MODES = [
  "real",
  "vm86",
  "protected16",
  "protected32",
  "compat16",
  "compat32",
  "long",
] as const satisfies readonly CpuMode[];

export interface ValueType {
  /** Bits that the value is shown with; "code" is the width of the code that the processor runs. */
  bits: number | "code";
  /** The 64-bit pattern is a two's complement number. */
  signed: boolean;
  /** Where it is an address of; a plain number has none. */
  space?: Space;
  /** The value is the place of a name in a list. */
  names?: "phase" | "mode";
  /** 0 or 1. */
  truth?: true;
}

export type UnaryOperator = "-" | "~" | "!";

// prettier-ignore
export type BinaryOperator =
  "+" | "-" | "*" | "/" | "%" | "<<" | ">>" | "&" | "|" | "^" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "&&" | "||";

/** `at` is the place in the text, from 0, that an error names. */
export type ExpressionNode =
  | { op: "number"; /** Decimal digits, since JSON has no 64-bit integers. */ value: string }
  /** `bits` bits from `shift` on of a register by the names of `Readers`. */
  | { op: "register"; name: string; shift: number; bits: number; at: number }
  | { op: "msr"; index: ExpressionNode; at: number }
  | { op: "memory"; space: Space; size: number | "code"; signed: boolean; address: ExpressionNode; at: number }
  /** Linear address of an offset in a segment, as the processor would form it now. */
  | { op: "segment"; segment: string; offset: ExpressionNode }
  /** The lower bits, sign- or zero-extended. */
  | { op: "cast"; bits: number; signed: boolean; operand: ExpressionNode }
  | { op: "unary"; operator: UnaryOperator; operand: ExpressionNode }
  | { op: "binary"; operator: BinaryOperator; signed: boolean; left: ExpressionNode; right: ExpressionNode; at: number }
  | { op: "choose"; condition: ExpressionNode; yes: ExpressionNode; no: ExpressionNode };

export interface CompiledExpression {
  /** As the user wrote it. */
  text: string;
  type: ValueType;
  root: ExpressionNode;
}

/** What an expression looks at. */
export interface Readers {
  /**
   * A whole register by name: "rax" … "r15", "rip", "rflags", "cs.selector", "cs.base", "cr0", "gdtr.limit", "dr7",
   * "mxcsr", "xmm3.low", "st0.mantissa", "fpu.cw"; and "icount", "time", "cpl", "mode" (index in CPU_MODES), "phase"
   * (index in PHASE_NAMES), "exception", "error". Undefined when it has no value now.
   */
  register(name: string): bigint | undefined;
  /** A model specific register; undefined when there is none. */
  msr(index: number): bigint | undefined;
  /** The bytes from there up to the first that is not mapped or is no memory. */
  memory(space: Space, address: bigint, length: number): Uint8Array;
}

/** An expression that has no value on this machine now: one sentence, which names the place in the text. */
export class EvaluationError extends Error {}

/** One sentence about a place in an expression. */
export const placed = (text: string, at: number, what: string): string =>
  // What cannot be printed must not tear the sentence apart.
  `Character ${Math.min(at, text.length) + 1} of "${text}": ${what}.`.replaceAll(/\p{Cc}/gu, " ");

/** What decides about a stop: whether the condition is not 0, or has no value. Without one: always. */
export function decision(condition: CompiledExpression | undefined, readers: Readers): () => boolean {
  if (condition === undefined) return () => true;
  const run = prepare(condition);
  return () => {
    try {
      return run(readers) !== 0n;
    } catch (error) {
      if (error instanceof EvaluationError) return true;
      throw error;
    }
  };
}

type Run = (readers: Readers) => bigint;

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const i64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const hex = (value: bigint): string => `0x${value.toString(16)}`;
const truth = (holds: boolean): bigint => (holds ? 1n : 0n);

/** Evaluates an expression once. Throws EvaluationError. */
export const evaluate = (expression: CompiledExpression, readers: Readers): bigint => prepare(expression)(readers);

/** Makes an expression that is going to be evaluated often ready for it. */
export function prepare({ text, root }: CompiledExpression): Run {
  return new Preparation(text).node(root);
}

/** Width of the code that runs, in bits. */
export function codeWidth(readers: Readers): number {
  const mode = CPU_MODES[Number(readers.register("mode") ?? 0n)];
  if (mode === "long") return 64;
  return mode === "protected32" || mode === "compat32" ? 32 : 16;
}

class Preparation {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  node(node: ExpressionNode): Run {
    switch (node.op) {
      case "number": {
        const value = BigInt(node.value);
        return () => value;
      }
      case "register":
        return this.#register(node.name, BigInt(node.shift), node.bits, node.at);
      case "msr":
        return this.#msr(this.node(node.index), node.at);
      case "memory":
        return this.#memory(node, this.node(node.address));
      case "segment":
        return segmentAddress(node.segment, this.node(node.offset));
      case "cast": {
        const operand = this.node(node.operand);
        const { bits, signed } = node;
        return signed
          ? (readers) => u64(BigInt.asIntN(bits, operand(readers)))
          : (readers) => BigInt.asUintN(bits, operand(readers));
      }
      case "unary": {
        const operand = this.node(node.operand);
        if (node.operator === "-") return (readers) => u64(-operand(readers));
        if (node.operator === "~") return (readers) => u64(~operand(readers));
        return (readers) => truth(operand(readers) === 0n);
      }
      case "binary":
        return this.#binary(node.operator, node.signed, this.node(node.left), this.node(node.right), node.at);
      case "choose": {
        const [condition, yes, no] = [this.node(node.condition), this.node(node.yes), this.node(node.no)];
        return (readers) => (condition(readers) === 0n ? no(readers) : yes(readers));
      }
    }
  }

  #fail(at: number, what: string): never {
    throw new EvaluationError(placed(this.#text, at, what));
  }

  #register(name: string, shift: bigint, bits: number, at: number): Run {
    return (readers) => {
      const value = readers.register(name) ?? this.#fail(at, `"${name}" has no value at this stop`);
      return BigInt.asUintN(bits, value >> shift);
    };
  }

  #msr(index: Run, at: number): Run {
    return (readers) => {
      const number = index(readers);
      const value = number >> 32n === 0n ? readers.msr(Number(number)) : undefined;
      return value ?? this.#fail(at, `this processor has no MSR ${hex(number)}`);
    };
  }

  #memory({ space, size, signed, at }: ExpressionNode & { op: "memory" }, address: Run): Run {
    return (readers) => {
      const from = address(readers);
      const length = size === "code" ? codeWidth(readers) / 8 : size;
      const bytes = readers.memory(space, from, length);
      if (bytes.length < length) {
        this.#fail(at, `there is no memory at ${space}:${hex(u64(from + BigInt(bytes.length)))}`);
      }
      const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      return signed ? u64(BigInt.asIntN(length * 8, value)) : value;
    };
  }

  #binary(operator: BinaryOperator, signed: boolean, left: Run, right: Run, at: number): Run {
    // What is not needed is not looked at: "rax != 0 && u8 lin[rax] == 5".
    if (operator === "&&") return (readers) => truth(left(readers) !== 0n && right(readers) !== 0n);
    if (operator === "||") return (readers) => truth(left(readers) !== 0n || right(readers) !== 0n);
    const compute = operation(operator, signed);
    if (operator !== "/" && operator !== "%") return (readers) => compute(left(readers), right(readers));
    return (readers) => {
      const divisor = right(readers);
      if (divisor === 0n) this.#fail(at, "a divisor other than 0 was expected");
      return compute(left(readers), divisor);
    };
  }
}

function segmentAddress(segment: string, offset: Run): Run {
  const plain = segment !== "fs" && segment !== "gs";
  return (readers) => {
    const isLong = CPU_MODES[Number(readers.register("mode") ?? 0n)] === "long";
    const base = isLong && plain ? 0n : (readers.register(`${segment}.base`) ?? 0n);
    return BigInt.asUintN(isLong ? 64 : 32, base + offset(readers));
  };
}

type Operation = (a: bigint, b: bigint) => bigint;

/** `a` and `b` are 64-bit patterns, and so is the result; signed operations read them as numbers. */
function operation(operator: Exclude<BinaryOperator, "&&" | "||">, signed: boolean): Operation {
  const number = signed ? i64 : (value: bigint): bigint => value;
  switch (operator) {
    case "+":
      return (a, b) => u64(a + b);
    case "-":
      return (a, b) => u64(a - b);
    case "*":
      return (a, b) => u64(a * b);
    case "/":
      return (a, b) => u64(number(a) / number(b));
    case "%":
      return (a, b) => u64(number(a) % number(b));
    case "<<":
      return (a, b) => (b > 63n ? 0n : u64(a << b));
    case ">>":
      return (a, b) => u64(number(a) >> (b > 63n ? 64n : b));
    case "&":
      return (a, b) => a & b;
    case "|":
      return (a, b) => a | b;
    case "^":
      return (a, b) => a ^ b;
    case "==":
      return (a, b) => truth(a === b);
    case "!=":
      return (a, b) => truth(a !== b);
    case "<":
      return (a, b) => truth(number(a) < number(b));
    case "<=":
      return (a, b) => truth(number(a) <= number(b));
    case ">":
      return (a, b) => truth(number(a) > number(b));
    case ">=":
      return (a, b) => truth(number(a) >= number(b));
  }
}
