/** At which of its hits a breakpoint stops. */
import { failAt } from "./errors.ts";

/** Plain JSON, as conditions are. */
export interface HitCondition {
  operator: "==" | "!=" | "<" | "<=" | ">" | ">=" | "%";
  count: number;
}

/**
 * Reads "5" (from the fifth hit on), ">= 5", "> 5", "== 5", "!= 5", "< 5", "<= 5", or "% 5" (every fifth). Throws
 * ExpressionError.
 */
export function parseHitCondition(text: string): HitCondition {
  const match = /^\s*(>=|<=|==?|!=|>|<|%)?\s*([0-9]{1,15})\s*$/.exec(text);
  if (match === null) failAt(text, 0, '"5", "> 5", ">= 5", "== 5", "!= 5", "< 5", "<= 5" or "% 5" was expected');
  const count = Number(match[2]);
  const operator = match[1] ?? ">=";
  if (operator === "%" && count === 0) failAt(text, text.indexOf("0"), "a number from 1 on was expected");
  return { operator: (operator === "=" ? "==" : operator) as HitCondition["operator"], count };
}

/** Whether a breakpoint that has been hit `hits` times, this one included, stops. */
export function stopsAtHit({ operator, count }: HitCondition, hits: number): boolean {
  switch (operator) {
    case "==":
      return hits === count;
    case "!=":
      return hits !== count;
    case "<":
      return hits < count;
    case "<=":
      return hits <= count;
    case ">":
      return hits > count;
    case ">=":
      return hits >= count;
    case "%":
      return hits % count === 0;
  }
}

/** As the user would write it. */
export const hitConditionText = ({ operator, count }: HitCondition): string => `${operator} ${count}`;
