/** Makes xterm.js look like VS Code's own terminal, under a content security policy without inline styles. */
import type { ITheme } from "@xterm/xterm";

/** xterm.js makes style elements while it runs; they get this page's nonce, as our policy demands. */
export function allowTerminalStyles(): void {
  const nonce = document.querySelector("meta[property=csp-nonce]")?.getAttribute("content") ?? "";
  const create = document.createElement.bind(document);
  document.createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
    const made = create(name, options);
    if (name === "style") made.nonce = nonce;
    return made;
  };
}

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

function variable(name: string): string | undefined {
  const value = getComputedStyle(document.documentElement).getPropertyValue(`--vscode-${name}`).trim();
  return value === "" ? undefined : value;
}

export function terminalTheme(): ITheme {
  const theme: Record<string, string | undefined> = {
    background: variable("terminal-background") ?? variable("panel-background") ?? variable("editor-background"),
    foreground: variable("terminal-foreground") ?? variable("foreground"),
    cursor: variable("terminalCursor-foreground") ?? variable("terminal-foreground"),
    cursorAccent: variable("terminalCursor-background"),
    selectionBackground: variable("terminal-selectionBackground"),
    selectionInactiveBackground: variable("terminal-inactiveSelectionBackground"),
    scrollbarSliderBackground: variable("scrollbarSlider-background"),
    scrollbarSliderHoverBackground: variable("scrollbarSlider-hoverBackground"),
    scrollbarSliderActiveBackground: variable("scrollbarSlider-activeBackground"),
  };
  for (const colour of COLOURS) {
    const name = colour.charAt(0).toUpperCase() + colour.slice(1);
    theme[colour] = variable(`terminal-ansi${name}`);
    theme[`bright${name}`] = variable(`terminal-ansiBright${name}`);
  }
  return Object.fromEntries(Object.entries(theme).filter(([, value]) => value !== undefined));
}

export function terminalFont(): { fontFamily: string; fontSize: number } {
  return {
    fontFamily: variable("editor-font-family") ?? "monospace",
    fontSize: Number.parseFloat(variable("editor-font-size") ?? "") || 12,
  };
}
