/** What the registers make of the video memory: the mode in force. */
import { lineBytes } from "./vbe.ts";
import { at, chain4, Vbe, vbeEnabled, type VgaState } from "./state.ts";

export interface TextMode {
  kind: "text";
  columns: number;
  rows: number;
  cellWidth: number;
  cellHeight: number;
}

/** Linear pixels of the display interface, by their bits. */
export type LinearFormat = "linear8" | "linear15" | "linear16" | "linear24" | "linear32";

/** How the four bytes of an address become pixels. */
export type PixelFormat =
  /** Eight pixels, one bit from each plane. */
  | "planes"
  /** Eight pixels of two bits: even planes, then odd ones (CGA's modes). */
  | "pairs"
  /** Four pixels of a byte. */
  | "bytes"
  | LinearFormat;

export interface GraphicsMode {
  kind: "graphics";
  format: PixelFormat;
  /** Pixels that the memory describes. */
  width: number;
  height: number;
  /** Dots of the screen that each of them takes. */
  repeatX: number;
  repeatY: number;
  /** For people: "16 colours", "32 bits". */
  depth: string;
}

export type Mode = TextMode | GraphicsMode | { kind: "off" };

/** Scan lines shown, by the CRT controller. */
export function scanLines(state: VgaState): number {
  const overflow = at(state.crtc, 7);
  return (at(state.crtc, 0x12) | ((overflow & 2) << 7) | ((overflow & 0x40) << 3)) + 1;
}

/** Scan line behind which the picture starts over at address 0. */
export function lineCompare(state: VgaState): number {
  const { crtc } = state;
  return at(crtc, 0x18) | ((at(crtc, 7) & 0x10) << 4) | ((at(crtc, 9) & 0x40) << 3);
}

export function currentMode(state: VgaState): Mode {
  // Disconnected while the palette is loaded, or blanked by the sequencer.
  if (!(state.attributeIndex & 0x20) || at(state.sequencer, 1) & 0x20) return { kind: "off" };
  if (vbeEnabled(state)) return interfaceMode(state);
  return at(state.graphics, 6) & 1 ? graphicsMode(state) : textMode(state);
}

function textMode(state: VgaState): Mode {
  const { crtc, sequencer } = state;
  const cellHeight = (at(crtc, 9) & 0x1f) + 1;
  const linesPerRow = at(crtc, 9) & 0x80 ? cellHeight * 2 : cellHeight;
  const rows = Math.floor(scanLines(state) / linesPerRow);
  if (rows === 0) return { kind: "off" };
  const clocking = at(sequencer, 1);
  const cellWidth = (clocking & 1 ? 8 : 9) * (clocking & 8 ? 2 : 1);
  return { kind: "text", columns: at(crtc, 1) + 1, rows, cellWidth, cellHeight };
}

function graphicsMode(state: VgaState): Mode {
  const { crtc, sequencer, graphics, attribute } = state;
  const shift = (at(graphics, 5) >> 5) & 3;
  const format = shift === 0 ? "planes" : shift === 1 ? "pairs" : "bytes";
  const doubled = at(crtc, 9) & 0x80 ? 2 : 1;
  // Without CGA's banks all scan lines of a row show the same.
  const linesPerRow = (at(crtc, 0x17) & 3) === 3 ? (at(crtc, 9) & 0x1f) + 1 : 1;
  const repeatX = (at(sequencer, 1) & 8 ? 2 : 1) * (format === "bytes" ? 2 : 1);
  const repeatY = doubled * linesPerRow;
  const planes = [1, 2, 4, 8].filter((bit) => at(attribute, 0x12) & bit).length;
  return {
    kind: "graphics",
    format,
    width: (at(crtc, 1) + 1) * (format === "bytes" ? 4 : 8),
    height: Math.max(1, Math.floor(scanLines(state) / repeatY)),
    repeatX,
    repeatY,
    depth: `${format === "bytes" ? 256 : 2 ** planes} colours`,
  };
}

function interfaceMode(state: VgaState): Mode {
  const bits = at(state.vbe, Vbe.BITS_PER_PIXEL);
  if (lineBytes(state) === 0) return { kind: "off" };
  return {
    kind: "graphics",
    format: chain4(state) ? (`linear${bits}` as LinearFormat) : "planes",
    width: at(state.vbe, Vbe.X_RESOLUTION),
    height: at(state.vbe, Vbe.Y_RESOLUTION),
    repeatX: 1,
    repeatY: 1,
    depth: bits === 4 ? "16 colours" : bits === 8 ? "256 colours" : `${bits} bits`,
  };
}

/** One line for users; empty while the screen is off. */
export function describeMode(mode: Mode): string {
  if (mode.kind === "off") return "";
  if (mode.kind === "text") return `text ${mode.columns}×${mode.rows}`;
  return `${mode.width}×${mode.height}, ${mode.depth}`;
}
