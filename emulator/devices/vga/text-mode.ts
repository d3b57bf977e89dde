/** The 80×25 text mode (mode 3) in which an adapter's BIOS leaves it. */
import { FONT_HEIGHT, defaultFont } from "./font.ts";
import type { VgaState } from "./state.ts";

/** Values of IBM's mode 3 with 400 scan lines: 720×400 dots, cells of 9×16. */
const MISC = 0x67;
const SEQUENCER = [0x03, 0x00, 0x03, 0x00, 0x02] as const;
const CRTC = [
  0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f,
  0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
] as const;
const GRAPHICS = [0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff] as const;
const ATTRIBUTE = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f,
  0x08, 0x00,
] as const;
const BLANK = 0x20;
const LIGHT_GREY = 0x07;
const CELLS = 0x4000;
const GLYPHS = 256;
const GLYPH_BYTES = 32;

/** Registers, palette, an empty screen, and the font. */
export function enterTextMode(state: VgaState, vram: Uint8Array): void {
  state.misc = MISC;
  state.sequencer.set(SEQUENCER);
  state.crtc.set(CRTC);
  state.graphics.set(GRAPHICS);
  state.attribute.set(ATTRIBUTE);
  state.attributeIndex = 0x20;
  state.palette.set(egaPalette());
  for (let cell = 0; cell < CELLS; cell++) {
    vram[cell * 4] = BLANK;
    vram[cell * 4 + 1] = LIGHT_GREY;
  }
  const font = defaultFont();
  for (let glyph = 0; glyph < GLYPHS; glyph++) {
    for (let row = 0; row < FONT_HEIGHT; row++) {
      vram[(glyph * GLYPH_BYTES + row) * 4 + 2] = font[glyph * FONT_HEIGHT + row] as number;
    }
  }
}

/** The 64 colours of EGA, two bits a component: bits 0 to 2 are two thirds of blue, green and red, bits 3 to 5 one third. */
function egaPalette(): Uint8Array {
  const palette = new Uint8Array(64 * 3);
  for (let colour = 0; colour < 64; colour++) {
    for (let component = 0; component < 3; component++) {
      const strong = (colour >> (2 - component)) & 1;
      const weak = (colour >> (5 - component)) & 1;
      palette[colour * 3 + component] = strong * 0x2a + weak * 0x15;
    }
  }
  return palette;
}
