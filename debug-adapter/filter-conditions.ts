/** What a condition over `$vector` or `$port` leaves over, so that the machine need not look at the others at all. */
import type { CompiledExpression, ExpressionNode } from "../emulator/machine/inspect-expression.ts";
import { hasErrorCode } from "./exceptions.ts";
import type { PlainCatch } from "./exception-filters.ts";

/** Whole numbers from `first` to `last`; none when `first` is larger. */
interface Interval {
  first: bigint;
  last: bigint;
}

const MAX_VECTOR = 255n;

/** A catch that leaves out what its condition excludes anyway. */
export function narrowed(plain: PlainCatch, { root }: CompiledExpression): PlainCatch {
  if (plain.kind === "port") {
    const { first, last } = possible(root, "port", { first: BigInt(plain.first), last: BigInt(plain.last) });
    // An access may begin below the port that it touches; the condition is about where it begins.
    return first > last ? plain : { ...plain, first: Number(first), last: Number(last) };
  }
  if (plain.kind === "msr" || plain.kind === "control" || plain.kind === "register" || plain.kind === "instruction") {
    return plain;
  }
  // Only exceptions have error codes; the others never meet a condition about one.
  if (plain.kind !== "exception" && needs(root, "error")) return { ...plain, vectors: [] };
  if (plain.vectors !== undefined) return plain;
  const { first, last } = possible(root, "vector", { first: 0n, last: MAX_VECTOR });
  if (first > last) return plain;
  const all = Array.from({ length: Number(last - first) + 1 }, (_, n) => Number(first) + n);
  const vectors = plain.kind === "exception" && needs(root, "error") ? all.filter(hasErrorCode) : all;
  return vectors.length > Number(MAX_VECTOR) ? plain : { ...plain, vectors };
}

/** Whether an expression has no value where a name has none. */
function needs(node: ExpressionNode, name: string): boolean {
  switch (node.op) {
    case "number":
      return false;
    case "register":
      return node.name === name;
    case "msr":
      return needs(node.index, name);
    case "memory":
      return needs(node.address, name);
    case "segment":
      return needs(node.offset, name);
    case "cast":
    case "unary":
      return needs(node.operand, name);
    case "binary":
      // The right side of "||" may not be looked at, that of "&&" decides.
      return needs(node.left, name) || (node.operator !== "||" && needs(node.right, name));
    case "choose":
      return needs(node.condition, name) || (needs(node.yes, name) && needs(node.no, name));
  }
}

/** The values of a name with which an expression may be true, out of `all`. */
function possible(node: ExpressionNode, name: string, all: Interval): Interval {
  if (node.op !== "binary") return all;
  if (node.operator === "&&") {
    const left = possible(node.left, name, all);
    const right = possible(node.right, name, all);
    return {
      first: left.first > right.first ? left.first : right.first,
      last: left.last < right.last ? left.last : right.last,
    };
  }
  if (node.operator === "||") {
    const left = possible(node.left, name, all);
    const right = possible(node.right, name, all);
    if (left.first > left.last) return right;
    if (right.first > right.last) return left;
    return {
      first: left.first < right.first ? left.first : right.first,
      last: left.last > right.last ? left.last : right.last,
    };
  }
  const swapped = isName(node.right, name) && node.left.op === "number";
  if (!swapped && !(isName(node.left, name) && node.right.op === "number")) return all;
  const number = numberOf(swapped ? node.left : node.right);
  const { first, last } = compared(swapped ? (MIRRORED[node.operator] ?? "") : node.operator, number, all);
  return { first: first < all.first ? all.first : first, last: last > all.last ? all.last : last };
}

const isName = (node: ExpressionNode, name: string): boolean =>
  node.op === "register" && node.name === name && node.shift === 0;

const numberOf = (node: ExpressionNode): bigint => (node.op === "number" ? BigInt(node.value) : 0n);

/** What an operator is with its sides exchanged. */
const MIRRORED: Readonly<Record<string, string>> = { "==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<=" };

function compared(operator: string, number: bigint, all: Interval): Interval {
  switch (operator) {
    case "==":
      return { first: number, last: number };
    case "<":
      return { first: all.first, last: number - 1n };
    case "<=":
      return { first: all.first, last: number };
    case ">":
      return { first: number + 1n, last: all.last };
    case ">=":
      return { first: number, last: all.last };
    default:
      return all;
  }
}
