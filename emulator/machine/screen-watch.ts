import { performance } from "node:perf_hooks";
import type { Screen } from "./api.ts";

/** Host milliseconds between two looks at a text screen; pictures cost more to make. */
const TEXT_MS = 50;
const GRAPHICS_MS = 100;

/** Tells when the screen of a running machine shows something else, a bounded number of times a second. */
export class ScreenWatch {
  readonly #changed: () => void;
  #last: Screen = { kind: "off" };
  #next = 0;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Between slices: looks when it is time. */
  slice(screen: () => Screen): void {
    if (performance.now() < this.#next) return;
    this.look(screen());
  }

  /** Compares at once. */
  look(screen: Screen): void {
    this.#next = performance.now() + (screen.kind === "graphics" ? GRAPHICS_MS : TEXT_MS);
    if (sameScreen(this.#last, screen)) return;
    this.#last = screen;
    this.#changed();
  }
}

function sameScreen(a: Screen, b: Screen): boolean {
  if (a.kind === "graphics" && b.kind === "graphics") {
    return a.width === b.width && a.height === b.height && sameBytes(a.pixels, b.pixels);
  }
  if (a.kind === "text" && b.kind === "text") {
    const { cells, font, ...rest } = a;
    const { cells: otherCells, font: otherFont, ...otherRest } = b;
    return (
      sameBytes(cells, otherCells) && sameBytes(font, otherFont) && JSON.stringify(rest) === JSON.stringify(otherRest)
    );
  }
  return a.kind === b.kind;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
