import { performance } from "node:perf_hooks";
import type { Screen } from "./api.ts";

/** Host milliseconds between two looks at a text screen; pictures cost more to make. */
const TEXT_MS = 50;
const GRAPHICS_MS = 100;

/**
 * Tells when the screen shows something else than whoever asked for it got: once, until it is asked for again, so that a
 * picture that nobody looks at costs nothing; and a bounded number of times a second.
 */
export class ScreenWatch {
  readonly #changed: () => void;
  /** What was given last; undefined when nobody waits for a change. */
  #shown: Screen | undefined;
  #next = 0;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Gives the screen to somebody who wants to know when it changes. */
  show(screen: Screen): Screen {
    this.#shown = screen;
    return screen;
  }

  /** The machine is another one: nobody has seen its screen. */
  forget(): void {
    if (this.#shown !== undefined) this.#changed();
    this.#shown = undefined;
  }

  /** Between slices: looks when it is time. */
  slice(screen: () => Screen): void {
    if (this.#shown !== undefined && performance.now() >= this.#next) this.look(screen);
  }

  /** Compares at once. */
  look(screen: () => Screen): void {
    if (this.#shown === undefined) return;
    const now = screen();
    this.#next = performance.now() + (now.kind === "graphics" ? GRAPHICS_MS : TEXT_MS);
    if (sameScreen(this.#shown, now)) return;
    this.#shown = undefined;
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
