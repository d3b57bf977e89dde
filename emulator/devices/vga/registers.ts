/** Ports 0x3B0 to 0x3DF of a VGA adapter: CRT controller, sequencer, graphics and attribute controllers, DAC. */
import { at, MODE_REGISTERS, Vbe, VbeEnable, type VgaState } from "./state.ts";

/** What software may change in each sequencer register. */
const SEQUENCER_MASK = [0x03, 0x3d, 0x0f, 0x3f, 0x0e] as const;
const GRAPHICS_MASK = [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff] as const;

/** What a write may have changed beside the register itself. */
export const enum Change {
  NONE = 0,
  /** How the memory is shown. */
  MODE = 1,
  /** How the processor reaches the memory. */
  WINDOW = 2,
  BOTH = 3,
}

const CRTC_CHANGES: ReadonlySet<number> = new Set([0x01, 0x07, 0x09, 0x12, 0x17]);

export interface RegisterInputs {
  /** Bits 0 and 3 of input status register 1. */
  retrace(): number;
}

export class VgaRegisters {
  readonly #state: VgaState;
  readonly #inputs: RegisterInputs;

  constructor(state: VgaState, inputs: RegisterInputs) {
    this.#state = state;
    this.#inputs = inputs;
  }

  read(port: number): number {
    const state = this.#state;
    switch (this.#place(port)) {
      case 0x3c0:
        return state.attributeData ? at(state.attribute, state.attributeIndex & 31) : state.attributeIndex;
      case 0x3c1:
        return at(state.attribute, state.attributeIndex & 31);
      case 0x3c2:
        return 0;
      case 0x3c4:
        return state.sequencerIndex;
      case 0x3c5:
        return at(state.sequencer, state.sequencerIndex);
      case 0x3c6:
        return state.dacMask;
      case 0x3c7:
        return state.dacMode;
      case 0x3c8:
        return state.dacWriteIndex;
      case 0x3c9:
        return this.#readPalette();
      case 0x3ca:
        return state.featureControl;
      case 0x3cc:
        return state.misc;
      case 0x3ce:
        return state.graphicsIndex;
      case 0x3cf:
        return at(state.graphics, state.graphicsIndex);
      case 0x3d4:
        return state.crtcIndex;
      case 0x3d5:
        return this.#readCrtc();
      case 0x3da:
        state.attributeData = false;
        return this.#inputs.retrace();
      default:
        return 0xff;
    }
  }

  write(port: number, value: number): Change {
    const state = this.#state;
    switch (this.#place(port)) {
      case 0x3c0:
        return this.#writeAttribute(value);
      case 0x3c2:
        state.misc = value;
        return Change.NONE;
      case 0x3c4:
        state.sequencerIndex = value & 7;
        return Change.NONE;
      case 0x3c5:
        return this.#writeSequencer(value);
      case 0x3c6:
        state.dacMask = value;
        return Change.NONE;
      case 0x3c7:
        state.dacReadIndex = value;
        state.dacComponent = 0;
        state.dacMode = 3;
        return Change.NONE;
      case 0x3c8:
        state.dacWriteIndex = value;
        state.dacComponent = 0;
        state.dacMode = 0;
        return Change.NONE;
      case 0x3c9:
        this.#writePalette(value);
        return Change.NONE;
      case 0x3ce:
        state.graphicsIndex = value & 15;
        return Change.NONE;
      case 0x3cf:
        return this.#writeGraphics(value);
      case 0x3d4:
        state.crtcIndex = value;
        return Change.NONE;
      case 0x3d5:
        return this.#writeCrtc(value);
      case 0x3da:
        state.featureControl = value & 0x10;
        return Change.NONE;
      default:
        return Change.NONE;
    }
  }

  /** The CRT controller and input status register 1 answer at 0x3Bx or 0x3Dx, by bit 0 of the miscellaneous output. */
  #place(port: number): number {
    if ((port & ~15) === 0x3c0) return port;
    if ((port & ~15) !== (this.#state.misc & 1 ? 0x3d0 : 0x3b0)) return -1;
    const low = port & 15;
    // Decoding is partial: 0x3D0 to 0x3D7 are pairs of index and data.
    return low < 8 ? 0x3d4 | (low & 1) : 0x3d0 | low;
  }

  #readPalette(): number {
    const state = this.#state;
    const value = at(state.palette, state.dacReadIndex * 3 + state.dacComponent);
    if (++state.dacComponent === 3) {
      state.dacComponent = 0;
      state.dacReadIndex = (state.dacReadIndex + 1) & 0xff;
    }
    return value;
  }

  /** An entry changes as a whole, when its blue comes. */
  #writePalette(value: number): void {
    const state = this.#state;
    const eightBits = (at(state.vbe, Vbe.ENABLE) & VbeEnable.DAC_8_BITS) !== 0;
    const component = eightBits ? value : value & 0x3f;
    if (state.dacComponent < 2) {
      state.dacHeld[state.dacComponent++] = component;
      return;
    }
    const entry = state.dacWriteIndex * 3;
    state.palette[entry] = at(state.dacHeld, 0);
    state.palette[entry + 1] = at(state.dacHeld, 1);
    state.palette[entry + 2] = component;
    state.dacComponent = 0;
    state.dacWriteIndex = (state.dacWriteIndex + 1) & 0xff;
  }

  #readCrtc(): number {
    const state = this.#state;
    // Two registers that IBM did not document: a latch, and which way the next write to 0x3C0 goes.
    if (state.crtcIndex === 0x22) return (state.latch >>> ((at(state.graphics, 4) & 3) * 8)) & 0xff;
    if (state.crtcIndex === 0x24) return state.attributeData ? 0x80 : 0;
    return at(state.crtc, state.crtcIndex);
  }

  #writeCrtc(value: number): Change {
    const { crtc, crtcIndex } = this.#state;
    if (crtcIndex >= MODE_REGISTERS.crtc) return Change.NONE;
    if (crtcIndex <= 7 && at(crtc, 0x11) & 0x80) {
      // Write protected, but for the line compare bit.
      if (crtcIndex === 7) crtc[7] = (at(crtc, 7) & ~0x10) | (value & 0x10);
      return Change.NONE;
    }
    crtc[crtcIndex] = value;
    return CRTC_CHANGES.has(crtcIndex) ? Change.MODE : Change.NONE;
  }

  #writeSequencer(value: number): Change {
    const { sequencer, sequencerIndex } = this.#state;
    const mask = SEQUENCER_MASK[sequencerIndex];
    if (mask === undefined) return Change.NONE;
    const before = at(sequencer, sequencerIndex);
    sequencer[sequencerIndex] = value & mask;
    if (before === (value & mask)) return Change.NONE;
    if (sequencerIndex === 1) return Change.MODE;
    if (sequencerIndex === 2) return Change.WINDOW;
    return sequencerIndex === 4 ? Change.BOTH : Change.NONE;
  }

  #writeGraphics(value: number): Change {
    const { graphics, graphicsIndex } = this.#state;
    const mask = GRAPHICS_MASK[graphicsIndex];
    if (mask === undefined) return Change.NONE;
    const before = at(graphics, graphicsIndex);
    graphics[graphicsIndex] = value & mask;
    if (before === (value & mask)) return Change.NONE;
    if (graphicsIndex === 5) return Change.MODE;
    return graphicsIndex === 6 ? Change.BOTH : Change.NONE;
  }

  #writeAttribute(value: number): Change {
    const state = this.#state;
    const isData = state.attributeData;
    state.attributeData = !isData;
    if (!isData) {
      const before = state.attributeIndex;
      state.attributeIndex = value & 0x3f;
      return (before ^ value) & 0x20 ? Change.MODE : Change.NONE;
    }
    const index = state.attributeIndex & 31;
    if (index >= MODE_REGISTERS.attribute) return Change.NONE;
    state.attribute[index] = value & attributeMask(index);
    return index === 0x10 || index === 0x12 ? Change.MODE : Change.NONE;
  }
}

function attributeMask(index: number): number {
  if (index === 0x10) return 0xef;
  if (index === 0x11) return 0xff;
  return index < 0x10 || index === 0x12 ? 0x3f : 0x0f;
}
