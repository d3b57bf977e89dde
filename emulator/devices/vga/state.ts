/** What a VGA adapter remembers beside its memory, as plain data. Register numbers are those of IBM's VGA (FreeVGA documentation). */

/** Indices of the Bochs display interface (Bochs vbe_display_api.txt). */
export const enum Vbe {
  ID,
  X_RESOLUTION,
  Y_RESOLUTION,
  BITS_PER_PIXEL,
  ENABLE,
  BANK,
  VIRTUAL_WIDTH,
  VIRTUAL_HEIGHT,
  X_OFFSET,
  Y_OFFSET,
  MEMORY_64K,
  COUNT,
}

/** Bits of the interface's ENABLE register. */
export const enum VbeEnable {
  ENABLED = 0x01,
  GET_CAPABILITIES = 0x02,
  DAC_8_BITS = 0x20,
  LINEAR = 0x40,
  NO_CLEAR = 0x80,
}

export interface VgaState {
  /** Miscellaneous output register. */
  misc: number;
  featureControl: number;
  crtcIndex: number;
  crtc: Uint8Array;
  sequencerIndex: number;
  sequencer: Uint8Array;
  graphicsIndex: number;
  graphics: Uint8Array;
  /** Attribute controller's index; bit 5 connects the screen to the memory. */
  attributeIndex: number;
  /** The next write to 0x3C0 is data. */
  attributeData: boolean;
  attribute: Uint8Array;
  dacMask: number;
  dacReadIndex: number;
  dacWriteIndex: number;
  /** Which of red, green and blue comes next. */
  dacComponent: number;
  /** As port 0x3C7 reads: 3 behind a read index, 0 behind a write index. */
  dacMode: number;
  /** Red and green of the entry that is being written. */
  dacHeld: Uint8Array;
  /** Red, green, blue of 256 entries, in 6 bits (8 while the display interface says so). */
  palette: Uint8Array;
  /** The four latches, plane 0 in the low byte. */
  latch: number;
  vbeIndex: number;
  vbe: Uint16Array;
  /** Linear offset that the window at 0xA0000 adds, in bytes. */
  bankOffset: number;
}

export const MODE_REGISTERS = {
  /** Highest index of each group, plus one. */
  crtc: 0x19,
  sequencer: 5,
  graphics: 9,
  attribute: 0x15,
} as const;

/** Version of the interface that QEMU reports: with 8-bit DAC, banks and any resolution. */
const VBE_ID = 0xb0c5;

export function powerOnState(vramBytes: number): VgaState {
  const vbe = new Uint16Array(Vbe.COUNT);
  vbe[Vbe.ID] = VBE_ID;
  vbe[Vbe.MEMORY_64K] = vramBytes >>> 16;
  return {
    misc: 0,
    featureControl: 0,
    crtcIndex: 0,
    crtc: new Uint8Array(32),
    sequencerIndex: 0,
    sequencer: new Uint8Array(8),
    graphicsIndex: 0,
    graphics: new Uint8Array(16),
    attributeIndex: 0,
    attributeData: false,
    attribute: new Uint8Array(32),
    dacMask: 0xff,
    dacReadIndex: 0,
    dacWriteIndex: 0,
    dacComponent: 0,
    dacMode: 0,
    dacHeld: new Uint8Array(2),
    palette: new Uint8Array(768),
    latch: 0,
    vbeIndex: 0,
    vbe,
    bankOffset: 0,
  };
}

/** Elements behind their end read as 0. */
export function at(array: Uint8Array | Uint16Array, index: number): number {
  return array[index] ?? 0;
}

export function vbeEnabled(state: VgaState): boolean {
  return (at(state.vbe, Vbe.ENABLE) & VbeEnable.ENABLED) !== 0;
}

/** Chain-4 addressing: one byte a pixel, linear. The display interface forces it for all depths but 4 bits. */
export function chain4(state: VgaState): boolean {
  if (vbeEnabled(state)) return at(state.vbe, Vbe.BITS_PER_PIXEL) !== 4;
  return (at(state.sequencer, 4) & 8) !== 0;
}

/** Planes that writes reach, as 4 bits. */
export function writtenPlanes(state: VgaState): number {
  return vbeEnabled(state) && chain4(state) ? 15 : at(state.sequencer, 2) & 15;
}
