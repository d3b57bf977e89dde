/** The picture on the screen, from registers and video memory. */
import type { Screen } from "../../machine/api.ts";
import { currentMode, lineCompare, type GraphicsMode, type TextMode } from "./mode.ts";
import { linearLine, pairPixels, planePixels } from "./pixels.ts";
import { at, Vbe, VbeEnable, vbeEnabled, type VgaState } from "./state.ts";
import { firstByte, lineBytes } from "./vbe.ts";

const GLYPHS = 256;
const GLYPH_BYTES = 32;
/** A larger picture is cut at the bottom, so that a guest cannot make its user wait. */
const MAX_PIXELS = 3840 * 2400;

export function scanOut(state: VgaState, vram: Uint8Array): Screen {
  const mode = currentMode(state);
  if (mode.kind === "text") return scanText(state, vram, mode);
  if (mode.kind === "graphics") return scanGraphics(state, vram, mode);
  return { kind: "off" };
}

/** Address of the first character or group of pixels, in groups of four bytes. */
function startAddress(state: VgaState): number {
  const { crtc } = state;
  return (at(crtc, 0x0c) << 8) | at(crtc, 0x0d);
}

/** Groups from one row to the next. */
function rowGroups(state: VgaState): number {
  return at(state.crtc, 0x13) * 2;
}

/** Extra groups that byte panning skips. */
function bytePanning(state: VgaState): number {
  return (at(state.crtc, 8) >> 5) & 3;
}

function scanText(state: VgaState, vram: Uint8Array, mode: TextMode): Screen {
  const { columns, rows, cellWidth, cellHeight } = mode;
  const { crtc, attribute } = state;
  const start = startAddress(state) + bytePanning(state);
  const stride = rowGroups(state);
  const linesPerRow = at(crtc, 9) & 0x80 ? cellHeight * 2 : cellHeight;
  const split = Math.floor(lineCompare(state) / linesPerRow) + 1;
  const cells = new Uint8Array(columns * rows * 2);
  for (let row = 0; row < rows; row++) {
    const first = row < split ? start + row * stride : (row - split) * stride;
    for (let column = 0; column < columns; column++) {
      const from = ((first + column) & 0xffff) * 4;
      const to = (row * columns + column) * 2;
      cells[to] = vram[from] as number;
      cells[to + 1] = vram[from + 1] as number;
    }
  }
  const cursor = textCursor(state, mode, start, stride);
  return {
    kind: "text",
    columns,
    rows,
    cells,
    font: textFont(state, vram),
    cellWidth,
    cellHeight,
    palette: Array.from({ length: 16 }, (_, index) => swapRedAndBlue(attributeColour(state, index))),
    ...(cursor && { cursor }),
    blink: (at(attribute, 0x10) & 8) !== 0,
    lineGraphics: (at(attribute, 0x10) & 4) !== 0,
  };
}

function textCursor(
  state: VgaState,
  mode: TextMode,
  start: number,
  stride: number,
): { column: number; row: number; start: number; end: number } | undefined {
  const { crtc } = state;
  if (at(crtc, 0x0a) & 0x20 || stride === 0) return undefined;
  const distance = ((at(crtc, 0x0e) << 8) | at(crtc, 0x0f)) - start;
  const row = Math.floor(distance / stride);
  const column = distance - row * stride;
  const [first, last] = [at(crtc, 0x0a) & 0x1f, at(crtc, 0x0b) & 0x1f];
  if (distance < 0 || row >= mode.rows || column >= mode.columns || first > last) return undefined;
  return { column, row, start: first, end: last };
}

/** The font in plane 2 that the character map select register names; two when bit 3 of the attribute chooses between them. */
function textFont(state: VgaState, vram: Uint8Array): Uint8Array {
  const select = at(state.sequencer, 3);
  const first = ((select >> 4) & 1) | ((select << 1) & 6);
  const second = ((select >> 5) & 1) | ((select >> 1) & 6);
  const fonts = first === second ? [first] : [first, second];
  const bytes = GLYPHS * GLYPH_BYTES;
  const font = new Uint8Array(fonts.length * bytes);
  fonts.forEach((place, index) => {
    for (let i = 0; i < bytes; i++) font[index * bytes + i] = vram[(place * bytes + i) * 4 + 2] as number;
  });
  return font;
}

/** Colour of the DAC as 0xBBGGRR. */
function dacColour(state: VgaState, index: number): number {
  const { palette } = state;
  const entry = (index & state.dacMask) * 3;
  const eightBits = (at(state.vbe, Vbe.ENABLE) & VbeEnable.DAC_8_BITS) !== 0;
  const widen = (value: number): number => (eightBits ? value : ((value << 2) | (value >> 4)) & 0xff);
  return widen(at(palette, entry)) | (widen(at(palette, entry + 1)) << 8) | (widen(at(palette, entry + 2)) << 16);
}

/** Colour of a 4-bit pixel, through the attribute controller, as 0xBBGGRR. */
function attributeColour(state: VgaState, pixel: number): number {
  const { attribute } = state;
  const inner = at(attribute, pixel & at(attribute, 0x12) & 15);
  const select = at(attribute, 0x14);
  const low = at(attribute, 0x10) & 0x80 ? (inner & 15) | ((select & 3) << 4) : inner & 0x3f;
  return dacColour(state, low | ((select & 12) << 4));
}

function swapRedAndBlue(colour: number): number {
  return ((colour & 0xff) << 16) | (colour & 0xff00) | (colour >>> 16);
}

const OPAQUE = 0xff00_0000;

function scanGraphics(state: VgaState, vram: Uint8Array, mode: GraphicsMode): Screen {
  // What is doubled both ways is left to whoever shows it.
  const common = Math.min(mode.repeatX, mode.repeatY);
  const repeatX = Math.max(1, Math.floor(mode.repeatX / common));
  const repeatY = Math.max(1, Math.floor(mode.repeatY / common));
  const width = mode.width * repeatX;
  const height = Math.min(mode.height * repeatY, Math.floor(MAX_PIXELS / width));
  const pixels = new Uint8Array(width * height * 4);
  const words = new Uint32Array(pixels.buffer);
  const line = new Uint32Array(mode.width);
  const draw = lineDrawer(state, vram, mode);
  for (let row = 0; row * repeatY < height; row++) {
    draw(row, line);
    const first = row * repeatY * width;
    if (repeatX === 1) words.set(line, first);
    else for (let x = 0; x < width; x++) words[first + x] = line[Math.floor(x / repeatX)] as number;
    for (let copy = 1; copy < repeatY && row * repeatY + copy < height; copy++) {
      words.copyWithin(first + copy * width, first, first + width);
    }
  }
  return { kind: "graphics", width, height, pixels };
}

type DrawLine = (row: number, line: Uint32Array) => void;

function lineDrawer(state: VgaState, vram: Uint8Array, mode: GraphicsMode): DrawLine {
  const palette = Uint32Array.from({ length: 256 }, (_, index) => dacColour(state, index) | OPAQUE);
  switch (mode.format) {
    case "planes":
    case "pairs":
      return planarLines(state, vram, mode);
    case "bytes":
      return byteLines(state, vram, mode, palette);
    case "linear8":
    case "linear15":
    case "linear16":
    case "linear24":
    case "linear32": {
      const [first, stride] = [firstByte(state), lineBytes(state)];
      const draw = linearLine(mode.format, palette);
      return (row, line) => draw(vram, first + row * stride, line);
    }
  }
}

/** Eight pixels a group, of four bits each. */
function planarLines(state: VgaState, vram: Uint8Array, mode: GraphicsMode): DrawLine {
  const colours = Uint32Array.from({ length: 16 }, (_, index) => attributeColour(state, index) | OPAQUE);
  const pixelsOf = mode.format === "planes" ? planePixels : pairPixels;
  const linear = vbeEnabled(state);
  const addressOf = linear ? interfaceRows(state) : crtcRows(state, mode);
  const panning = linear ? 0 : at(state.attribute, 0x13) & 7;
  const mask = vram.length - 1;
  return (row, line) => {
    const address = addressOf(row);
    for (let x = -panning, index = 0; x < line.length; index++) {
      const from = (address(index) * 4) & mask;
      const pixels = pixelsOf(vram[from]!, vram[from + 1]!, vram[from + 2]!, vram[from + 3]!);
      for (let shift = 28; shift >= 0 && x < line.length; shift -= 4, x++) {
        if (x >= 0) line[x] = colours[(pixels >>> shift) & 15]!;
      }
    }
  };
}

/** Four pixels a group, of a byte each. */
function byteLines(state: VgaState, vram: Uint8Array, mode: GraphicsMode, palette: Uint32Array): DrawLine {
  const addressOf = crtcRows(state, mode);
  const panning = (at(state.attribute, 0x13) & 7) >> 1;
  const mask = vram.length - 1;
  return (row, line) => {
    const address = addressOf(row);
    for (let x = -panning, index = 0; x < line.length; index++) {
      const from = (address(index) * 4) & mask;
      for (let pixel = 0; pixel < 4 && x < line.length; pixel++, x++) {
        if (x >= 0) line[x] = palette[vram[from + pixel]!]!;
      }
    }
  };
}

type Addresses = (row: number) => (index: number) => number;

/** Group addresses as the CRT controller counts them: rows of one or more scan lines, CGA's banks, the split screen. */
function crtcRows(state: VgaState, mode: GraphicsMode): Addresses {
  const { crtc } = state;
  const start = startAddress(state) + bytePanning(state);
  const stride = rowGroups(state);
  const split = lineCompare(state);
  const doubled = at(crtc, 9) & 0x80 ? 2 : 1;
  const linesPerRow = ((at(crtc, 9) & 0x1f) + 1) * doubled;
  const control = at(crtc, 0x17);
  // In word mode the address is shifted before it reaches the memory.
  const bankBit = control & 0x40 ? 13 : 12;
  return (row) => {
    const scanLine = row * mode.repeatY;
    const below = scanLine - split - 1;
    const counted = below >= 0 ? below : scanLine;
    const base = (below >= 0 ? 0 : start) + Math.floor(counted / linesPerRow) * stride;
    const lineInRow = Math.floor((counted % linesPerRow) / doubled);
    return (index) => {
      let address = base + index;
      if (!(control & 1)) address = (address & ~(1 << bankBit)) | ((lineInRow & 1) << bankBit);
      if (!(control & 2)) address = (address & ~(2 << bankBit)) | ((lineInRow & 2) << bankBit);
      return address & 0xffff;
    };
  };
}

function interfaceRows(state: VgaState): Addresses {
  const [first, stride] = [firstByte(state) >>> 2, lineBytes(state) >>> 2];
  return (row) => (index) => first + row * stride + index;
}
