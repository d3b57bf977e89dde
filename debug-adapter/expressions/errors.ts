import { EvaluationError, placed } from "../../emulator/machine/inspect-expression.ts";

/**
 * Text that is no expression, or one without a value on this machine now: one sentence, which names the place and what
 * was expected there.
 */
export const ExpressionError = EvaluationError;
export type ExpressionError = EvaluationError;

/** Throws an ExpressionError about a place in a text. */
export function failAt(text: string, at: number, what: string): never {
  throw new ExpressionError(placed(text, at, what));
}
