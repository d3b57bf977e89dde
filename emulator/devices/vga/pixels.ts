/** Lines of pixels from video memory: groups of four bytes, or linear ones. Colours are words of RGBA in memory order. */
import type { LinearFormat } from "./mode.ts";

const OPAQUE = 0xff00_0000;

/** Bit 7 - n of a byte in bit 28 - 4n: one plane's share of eight pixels of four bits. */
const SPREAD = Uint32Array.from({ length: 256 }, (_, byte) => {
  let spread = 0;
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) spread |= 1 << (bit * 4);
  return spread;
});

/** The same for CGA's pairs of bits: pixel n of a byte in bits 12 - 4n and 13 - 4n. */
const SPREAD_PAIRS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let spread = 0;
  for (let pixel = 0; pixel < 4; pixel++) spread |= ((byte >> (6 - pixel * 2)) & 3) << (12 - pixel * 4);
  return spread;
});

/** Eight pixels of four bits from the four planes' bytes, the first in the highest bits. */
export function planePixels(a: number, b: number, c: number, d: number): number {
  const [spreadA, spreadB] = [SPREAD[a] as number, SPREAD[b] as number];
  return (spreadA | (spreadB << 1) | ((SPREAD[c] as number) << 2) | ((SPREAD[d] as number) << 3)) >>> 0;
}

/** The same in CGA's format: two bits from planes 0 and 2, then from 1 and 3. */
export function pairPixels(a: number, b: number, c: number, d: number): number {
  const first = (SPREAD_PAIRS[a] as number) | ((SPREAD_PAIRS[c] as number) << 2);
  const second = (SPREAD_PAIRS[b] as number) | ((SPREAD_PAIRS[d] as number) << 2);
  return ((first << 16) | second) >>> 0;
}

/** Fills a line with linear pixels from byte `from` on; what lies behind the end of the memory is black. */
export type LinearLine = (vram: Uint8Array, from: number, line: Uint32Array) => void;

/** Number of whole pixels that the memory still has there. */
function whole(vram: Uint8Array, from: number, line: Uint32Array, bytes: number): number {
  const count = Math.max(0, Math.min(line.length, Math.floor((vram.length - from) / bytes)));
  line.fill(OPAQUE, count);
  return count;
}

function five(value: number): number {
  return ((value & 31) << 3) | ((value & 31) >> 2);
}

function six(value: number): number {
  return ((value & 63) << 2) | ((value & 63) >> 4);
}

function wordLine(colour: (word: number) => number): LinearLine {
  return (vram, from, line) => {
    const count = whole(vram, from, line, 2);
    for (let x = 0, at = from; x < count; x++, at += 2) {
      line[x] = colour((vram[at] as number) | ((vram[at + 1] as number) << 8));
    }
  };
}

/** Blue, green and red bytes. */
function line24(vram: Uint8Array, from: number, line: Uint32Array): void {
  const count = whole(vram, from, line, 3);
  for (let x = 0, at = from; x < count; x++, at += 3) {
    line[x] = OPAQUE | ((vram[at] as number) << 16) | ((vram[at + 1] as number) << 8) | (vram[at + 2] as number);
  }
}

/** The same and an unused one; lines start at multiples of four. */
function line32(vram: Uint8Array, from: number, line: Uint32Array): void {
  const count = whole(vram, from, line, 4);
  const words = new Uint32Array(vram.buffer, vram.byteOffset + (from & ~3), count);
  for (let x = 0; x < count; x++) {
    const word = words[x] as number;
    line[x] = OPAQUE | ((word & 0xff) << 16) | (word & 0xff00) | ((word >>> 16) & 0xff);
  }
}

/** @param palette 256 colours, for 8 bits */
export function linearLine(format: LinearFormat, palette: Uint32Array): LinearLine {
  switch (format) {
    case "linear15":
      return wordLine((word) => OPAQUE | (five(word) << 16) | (five(word >> 5) << 8) | five(word >> 10));
    case "linear16":
      return wordLine((word) => OPAQUE | (five(word) << 16) | (six(word >> 5) << 8) | five(word >> 11));
    case "linear24":
      return line24;
    case "linear32":
      return line32;
    case "linear8":
      return (vram, from, line) => {
        const count = whole(vram, from, line, 1);
        for (let x = 0; x < count; x++) line[x] = palette[vram[from + x] as number] as number;
      };
  }
}
