/** The guest's screen as text. */
import type { Screen } from "../machine/api.ts";
import { CODE_PAGE_437 } from "./code-page.ts";

/**
 * The lines of a text screen as Unicode (code page 437), without trailing blanks and without empty lines at the end; one
 * line that says what is shown otherwise.
 */
export function screenText(screen: Screen): string[] {
  if (screen.kind === "off") return ["The screen is off."];
  if (screen.kind === "graphics") return [`The screen shows graphics, ${screen.width}×${screen.height} pixels.`];
  const lines: string[] = [];
  for (let row = 0; row < screen.rows; row++) {
    let line = "";
    for (let column = 0; column < screen.columns; column++) {
      line += CODE_PAGE_437[screen.cells[(row * screen.columns + column) * 2] ?? 0] ?? " ";
    }
    lines.push(line.trimEnd());
  }
  while (lines.at(-1) === "") lines.pop();
  return lines;
}
