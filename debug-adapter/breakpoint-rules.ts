/** What decides about a stop at a breakpoint: its condition, its hit count, and whether it logs instead. */
import type { CompiledExpression } from "../emulator/machine/inspect-expression.ts";
import type { MessagePart } from "../emulator/machine/inspect-message.ts";
import { optionalText } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import type { DataPlace } from "./data-breakpoints.ts";
import { messageWithValue, withValue } from "./data-values.ts";
import { parseHitCondition } from "./expressions/hit-condition.ts";
import type { HitCondition } from "./expressions/hit-condition.ts";
import { compileMessage } from "./expressions/messages.ts";
import { compile } from "./expressions/parser.ts";
import type { SymbolTable } from "./expressions/symbols.ts";

export interface Rules {
  condition?: CompiledExpression;
  hitCondition?: HitCondition;
  /** Written at each hit that counts, instead of a stop. */
  message?: { parts: MessagePart[]; text: string };
}

/** Throws ExpressionError. `place` is what a data breakpoint watches. */
export function rulesOf(one: Arguments, place?: DataPlace, symbols?: SymbolTable): Rules {
  const condition = optionalText(one, "condition");
  const hitCondition = optionalText(one, "hitCondition");
  const message = optionalText(one, "logMessage");
  const about = (expression: CompiledExpression): CompiledExpression =>
    place === undefined ? expression : withValue(expression, place);
  const parts = message ? compileMessage(message, symbols) : undefined;
  return {
    ...(condition ? { condition: about(compile(condition, symbols)) } : {}),
    ...(hitCondition ? { hitCondition: parseHitCondition(hitCondition) } : {}),
    ...(message && parts
      ? { message: { parts: place === undefined ? parts : messageWithValue(parts, place), text: message } }
      : {}),
  };
}
