/** Names of cached guests that follow from what the guests are made of. */
import { createHash } from "node:crypto";

/** Twelve hex digits that change whenever the recipe does: any plain data. */
export function recipeDigest(recipe: unknown): string {
  return createHash("sha256").update(JSON.stringify(recipe)).digest("hex").slice(0, 12);
}
