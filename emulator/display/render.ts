/** The guest's screen as pixels, for a canvas or an image file. */
import type { Screen } from "../machine/api.ts";

export interface Picture {
  width: number;
  height: number;
  /** RGBA, 4 bytes a pixel. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
}

type TextScreen = Extract<Screen, { kind: "text" }>;

const GLYPH_BYTES = 32;
const GLYPHS = 256;
/** Frames of 70 Hz that the cursor is on, then off; characters blink at half that rate. */
const CURSOR_PERIOD_MS = (16 * 1000) / 70;

/** When the picture of a screen changes by itself: milliseconds between changes, Infinity for never. */
export function blinkPeriod(screen: Screen): number {
  if (screen.kind !== "text") return Infinity;
  const blinks = screen.blink && screen.cells.some((byte, index) => index % 2 === 1 && byte & 0x80);
  return screen.cursor || blinks ? CURSOR_PERIOD_MS : Infinity;
}

/**
 * @param time milliseconds, for what blinks: the cursor and blinking characters show at 0
 * @returns undefined while the screen is off
 */
export function renderScreen(screen: Screen, time = 0): Picture | undefined {
  if (screen.kind === "off") return undefined;
  if (screen.kind === "graphics") {
    const { width, height } = screen;
    const pixels = new Uint8ClampedArray(width * height * 4);
    pixels.set(screen.pixels.subarray(0, pixels.length));
    return { width, height, pixels };
  }
  return renderText(screen, time);
}

function renderText(screen: TextScreen, time: number): Picture {
  const { columns, rows, cells, cellWidth, cellHeight, cursor } = screen;
  const [width, height] = [columns * cellWidth, rows * cellHeight];
  const pixels = new Uint8ClampedArray(width * height * 4);
  const words = new Uint32Array(pixels.buffer);
  const colours = screen.palette.map(
    (colour) => (0xff00_0000 | ((colour & 0xff) << 16) | (colour & 0xff00) | ((colour >> 16) & 0xff)) >>> 0,
  );
  const phase = Math.floor(time / CURSOR_PERIOD_MS);
  const cursorOn = phase % 2 === 0;
  const charactersOn = phase % 4 < 2;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = (row * columns + column) * 2;
      const [character, attribute] = [cells[cell] ?? 0, cells[cell + 1] ?? 0];
      const foreground = colours[attribute & 15] ?? 0;
      const background = colours[screen.blink ? (attribute >> 4) & 7 : attribute >> 4] ?? 0;
      const hidden = screen.blink && attribute & 0x80 && !charactersOn;
      const underCursor = cursorOn && cursor?.row === row && cursor.column === column ? cursor : undefined;
      const first = row * cellHeight * width + column * cellWidth;
      for (let y = 0; y < cellHeight; y++) {
        let dots = hidden ? 0 : glyphRow(screen, character, attribute, y);
        if (underCursor && y >= underCursor.start && y <= underCursor.end) dots = 0x1ff;
        paintRow(words, first + y * width, cellWidth, dots, foreground, background);
      }
    }
  }
  return { width, height, pixels };
}

/** Nine dots of a glyph, leftmost in bit 8. */
function glyphRow(screen: TextScreen, character: number, attribute: number, y: number): number {
  const { font } = screen;
  const second = font.length > GLYPHS * GLYPH_BYTES && attribute & 8 ? GLYPHS : 0;
  const bits = font[(second + character) * GLYPH_BYTES + y] ?? 0;
  const repeats = screen.lineGraphics && character >= 0xc0 && character <= 0xdf;
  return (bits << 1) | (repeats ? bits & 1 : 0);
}

function paintRow(
  words: Uint32Array,
  first: number,
  cellWidth: number,
  dots: number,
  foreground: number,
  background: number,
): void {
  const dotWidth = cellWidth >= 16 ? 2 : 1;
  for (let x = 0; x < cellWidth; x++) {
    words[first + x] = dots & (0x100 >> Math.floor(x / dotWidth)) ? foreground : background;
  }
}
