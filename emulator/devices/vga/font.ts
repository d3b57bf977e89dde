/**
 * Bootscope's own 8×16 font for code page 437: what an adapter shows that no BIOS has set up. ASCII, accented letters, arrows
 * and blocks come from drawings in strokes, frames from their four arms.
 */
import { drawFrame, FRAMES } from "./font-frames.ts";
import { ACCENTED, DRAWINGS, MARKS } from "./font-drawings.ts";

export const FONT_HEIGHT = 16;
const GLYPHS = 256;
/** Row of a cell in which drawings start. */
const TOP = 2;
/** Character without a drawing: a hollow box. */
const UNKNOWN = "000vhhhhhv";

/** First and last column of a drawing. */
const FULL_WIDTH = 0x44;

type Rows = Uint8Array;

/** Two dots wide strokes from a drawing: five columns, a base-32 digit a row. */
function stroke(drawing: string, top: number, glyph: Rows): void {
  [...drawing].forEach((digit, row) => {
    const thin = Number.parseInt(digit, 32) << 2;
    // In m, w and the like, gaps of one column stay open.
    const open = (thin & FULL_WIDTH) === FULL_WIDTH ? thin << 1 : 0;
    glyph[top + row] = (glyph[top + row] ?? 0) | thin | ((thin >> 1) & ~open);
  });
}

/** Full, half and dotted blocks. */
function block(code: number, glyph: Rows): boolean {
  const shades: Record<number, [number, number]> = {
    0xb0: [0x22, 0x88],
    0xb1: [0x55, 0xaa],
    0xb2: [0xdd, 0x77],
    0xdb: [0xff, 0xff],
    0xdd: [0xf0, 0xf0],
    0xde: [0x0f, 0x0f],
  };
  const shade = shades[code];
  if (shade) glyph.forEach((_, row) => (glyph[row] = shade[(row & 1) as 0 | 1]));
  else if (code === 0xdc) glyph.fill(0xff, FONT_HEIGHT / 2);
  else if (code === 0xdf) glyph.fill(0xff, 0, FONT_HEIGHT / 2);
  else return false;
  return true;
}

function draw(code: number, glyph: Rows): void {
  if (block(code, glyph)) return;
  const frame = FRAMES.get(code);
  if (frame) {
    drawFrame(frame, glyph);
    return;
  }
  const accented = ACCENTED.get(code);
  if (!accented) {
    stroke(DRAWINGS.get(code) ?? UNKNOWN, TOP, glyph);
    return;
  }
  const [letter, mark] = accented;
  const base = DRAWINGS.get(letter.charCodeAt(0)) ?? UNKNOWN;
  const isSmall = letter === letter.toLowerCase();
  // A mark takes the place of the dot of an i.
  stroke(mark === "cedilla" ? base : base.replace(/^440/, "000"), TOP, glyph);
  stroke(MARKS[mark], mark === "cedilla" ? TOP + 10 : isSmall ? TOP : 0, glyph);
}

/** 256 glyphs of 16 bytes; the leftmost dot is bit 7. */
export function defaultFont(): Uint8Array {
  const font = new Uint8Array(GLYPHS * FONT_HEIGHT);
  for (let code = 0; code < GLYPHS; code++) {
    draw(code, font.subarray(code * FONT_HEIGHT, (code + 1) * FONT_HEIGHT));
  }
  return font;
}
