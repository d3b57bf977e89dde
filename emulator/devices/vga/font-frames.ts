/** Characters of frames, drawn from their arms so that neighbours meet. */

/** Lines that leave the middle in each direction: none, one, or two side by side. */
export interface Frame {
  up: number;
  down: number;
  left: number;
  right: number;
}

/** Up, down, left and right of the characters 0xB3 to 0xDA. */
const ARMS =
  "1100 1110 1120 2210 0210 0120 2220 2200 0220 2020 2010 1020 0110 1001 1011 0111 1101 0011 1111 1102 " +
  "2201 2002 0202 2022 0222 2202 0022 2222 1022 2011 0122 0211 2001 1002 0102 0201 2211 1122 1010 0101";

export const FRAMES: ReadonlyMap<number, Frame> = new Map(
  ARMS.split(" ").map((arms, index) => {
    const [up, down, left, right] = [...arms].map(Number) as [number, number, number, number];
    return [0xb3 + index, { up, down, left, right }] as const;
  }),
);

const [LAST_COLUMN, LAST_ROW] = [7, 15];
/** A single line takes two columns or one row; a double one has the walls beside them. */
const [LEFT_WALL, LEFT_DOT, RIGHT_DOT, RIGHT_WALL] = [2, 3, 4, 5];
const [UPPER_WALL, MIDDLE, LOWER_WALL] = [6, 7, 8];

function rectangle(glyph: Uint8Array, x1: number, x2: number, y1: number, y2: number, dots: boolean): void {
  const mask = (0xff >> x1) & (0xff << (LAST_COLUMN - x2)) & 0xff;
  for (let y = y1; y <= y2; y++) glyph[y] = dots ? (glyph[y] ?? 0) | mask : (glyph[y] ?? 0) & ~mask;
}

/** Double lines first, as bars that are then hollowed out where they lead; single lines go over them. */
export function drawFrame(frame: Frame, glyph: Uint8Array): void {
  const { up, down, left, right } = frame;
  const horizontal = Math.max(left, right);
  const vertical = Math.max(up, down);
  const top = horizontal === 2 ? UPPER_WALL : MIDDLE;
  const bottom = horizontal === 2 ? LOWER_WALL : MIDDLE;
  if (up === 2) rectangle(glyph, LEFT_WALL, RIGHT_WALL, 0, bottom, true);
  if (down === 2) rectangle(glyph, LEFT_WALL, RIGHT_WALL, top, LAST_ROW, true);
  const leftEnd = vertical === 2 ? LEFT_WALL : LEFT_DOT;
  const rightEnd = vertical === 2 ? RIGHT_WALL : RIGHT_DOT;
  if (left === 2) rectangle(glyph, 0, rightEnd, UPPER_WALL, LOWER_WALL, true);
  if (right === 2) rectangle(glyph, leftEnd, LAST_COLUMN, UPPER_WALL, LOWER_WALL, true);
  // A single line that crosses closes the bar; one that only touches it does not.
  const crossed = horizontal === 1 && (left === right || !(up === 2 && down === 2));
  if (up === 2) rectangle(glyph, LEFT_DOT, RIGHT_DOT, 0, crossed ? MIDDLE - 1 : MIDDLE, false);
  if (down === 2) rectangle(glyph, LEFT_DOT, RIGHT_DOT, crossed ? MIDDLE + 1 : MIDDLE, LAST_ROW, false);
  if (left === 2) rectangle(glyph, 0, RIGHT_DOT, MIDDLE, MIDDLE, false);
  if (right === 2) rectangle(glyph, LEFT_DOT, LAST_COLUMN, MIDDLE, MIDDLE, false);
  if (vertical === 1) {
    const through = left === 2 && right === 2;
    const [from, to] = [through ? LOWER_WALL : top, through ? UPPER_WALL : bottom];
    if (up && down) rectangle(glyph, LEFT_DOT, RIGHT_DOT, 0, LAST_ROW, true);
    else if (up) rectangle(glyph, LEFT_DOT, RIGHT_DOT, 0, to, true);
    else rectangle(glyph, LEFT_DOT, RIGHT_DOT, from, LAST_ROW, true);
  }
  if (horizontal === 1) {
    const touches = up === 2 && down === 2;
    if (left && right) rectangle(glyph, 0, LAST_COLUMN, MIDDLE, MIDDLE, true);
    else if (left) rectangle(glyph, 0, touches ? LEFT_WALL : rightEnd, MIDDLE, MIDDLE, true);
    else rectangle(glyph, touches ? RIGHT_WALL : leftEnd, LAST_COLUMN, MIDDLE, MIDDLE, true);
  }
}
