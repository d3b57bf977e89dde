/** What the monitor says of itself (VESA E-EDID 1.4), for drivers that ask the register BAR. */

/** Width, height, blanking and sync of 1024×768 at 60 Hz (VESA DMT 10h), dot clock in units of 10 kHz. */
const PREFERRED = {
  clock: 6500,
  width: 1024,
  blankX: 320,
  frontX: 24,
  syncX: 136,
  height: 768,
  blankY: 38,
  frontY: 3,
  syncY: 6,
  millimetresX: 260,
  millimetresY: 195,
} as const;

/** Three letters in five bits each. */
function manufacturer(letters: string): [number, number] {
  const code = [...letters].reduce((sum, letter) => (sum << 5) | (letter.charCodeAt(0) - 64), 0);
  return [code >> 8, code & 0xff];
}

function detailedTiming(): number[] {
  const t = PREFERRED;
  return [
    ...[t.clock & 0xff, t.clock >> 8],
    ...[t.width & 0xff, t.blankX & 0xff, ((t.width >> 8) << 4) | (t.blankX >> 8)],
    ...[t.height & 0xff, t.blankY & 0xff, ((t.height >> 8) << 4) | (t.blankY >> 8)],
    ...[t.frontX, t.syncX, (t.frontY << 4) | t.syncY, 0],
    ...[t.millimetresX & 0xff, t.millimetresY & 0xff, ((t.millimetresX >> 8) << 4) | (t.millimetresY >> 8)],
    // No border; separate sync signals, both negative.
    ...[0, 0, 0x18],
  ];
}

/** A display descriptor with up to 13 characters. */
function text(tag: number, content: string): number[] {
  return [0, 0, 0, tag, 0, ...[...`${content}\n`.padEnd(13)].map((letter) => letter.charCodeAt(0))];
}

export function edid(): Uint8Array {
  const bytes = [
    ...[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
    ...manufacturer("BTS"),
    // Product, serial number; week 1 of 2026; EDID 1.4.
    ...[1, 0, 0, 0, 0, 0, 1, 2026 - 1990, 1, 4],
    // Digital, 8 bits a colour; size in centimetres; gamma 2.2; RGB, sRGB, the first timing is the preferred one.
    ...[0xa0, PREFERRED.millimetresX / 10, Math.round(PREFERRED.millimetresY / 10), 120, 0x06],
    // Chromaticity of sRGB.
    ...[0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54],
    // Established timings: 640×480, 800×600 and 1024×768 at 60 Hz.
    ...[0x21, 0x08, 0x00],
    // Standard timings at 60 Hz: 1280×1024, 1600×1200, 1920×1080; the rest unused.
    ...[0x81, 0x80, 0xa9, 0x40, 0xd1, 0xc0, ...Array<number>(10).fill(1)],
    ...detailedTiming(),
    ...text(0xfc, "Bootscope"),
    // Range limits: 50 to 75 Hz, 30 to 85 kHz, up to 160 MHz.
    ...[0, 0, 0, 0xfd, 0, 50, 75, 30, 85, 16, 1, 10, 32, 32, 32, 32, 32, 32],
    ...[0, 0, 0, 0x10, ...Array<number>(14).fill(0)],
    // No extension.
    0,
  ];
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  return Uint8Array.from([...bytes, -sum & 0xff]);
}
