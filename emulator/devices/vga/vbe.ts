/** The Bochs display interface at ports 0x1CE and 0x1CF: resolutions beyond VGA's, with a linear frame buffer. */
import { at, Vbe, VbeEnable, type VgaState } from "./state.ts";

const MAX_WIDTH = 16000;
const MAX_HEIGHT = 12000;
const MAX_DEPTH = 32;
const DEPTHS: readonly number[] = [4, 8, 15, 16, 24, 32];

/** Bits that a pixel takes in memory. */
function storedBits(depth: number): number {
  return depth === 15 ? 16 : depth;
}

export function readVbe(state: VgaState): number {
  const { vbe, vbeIndex } = state;
  if (at(vbe, Vbe.ENABLE) & VbeEnable.GET_CAPABILITIES) {
    if (vbeIndex === (Vbe.X_RESOLUTION as number)) return MAX_WIDTH;
    if (vbeIndex === (Vbe.Y_RESOLUTION as number)) return MAX_HEIGHT;
    if (vbeIndex === (Vbe.BITS_PER_PIXEL as number)) return MAX_DEPTH;
  }
  return at(vbe, vbeIndex);
}

/** @returns whether the mode, or what the memory window shows, may have changed */
export function writeVbe(state: VgaState, value: number, vram: Uint8Array): boolean {
  const { vbe } = state;
  const index = state.vbeIndex as Vbe;
  switch (index) {
    case Vbe.ID:
      // Older drivers ask for older versions and read them back.
      if (value >= 0xb0c0 && value <= 0xb0c5) vbe[index] = value;
      return false;
    case Vbe.X_RESOLUTION:
    case Vbe.Y_RESOLUTION:
    case Vbe.BITS_PER_PIXEL:
    case Vbe.VIRTUAL_WIDTH:
    case Vbe.X_OFFSET:
    case Vbe.Y_OFFSET:
      vbe[index] = value;
      settle(vbe, vram.length);
      return true;
    case Vbe.BANK: {
      // A bank of 64 KiB in the window is four times that of memory when pixels lie in planes.
      const banks = (vram.length >>> 16) >> (at(vbe, Vbe.BITS_PER_PIXEL) === 4 ? 2 : 0);
      vbe[index] = value & (banks - 1);
      state.bankOffset = at(vbe, index) << 16;
      return true;
    }
    case Vbe.ENABLE: {
      const before = at(vbe, index);
      if (value & VbeEnable.ENABLED && !(before & VbeEnable.ENABLED)) {
        vbe[Vbe.VIRTUAL_WIDTH] = 0;
        vbe[Vbe.X_OFFSET] = 0;
        vbe[Vbe.Y_OFFSET] = 0;
        settle(vbe, vram.length);
        if (!(value & VbeEnable.NO_CLEAR)) vram.fill(0, 0, at(vbe, Vbe.Y_RESOLUTION) * lineBytes(state));
      } else if (!(value & VbeEnable.ENABLED)) {
        state.bankOffset = 0;
      }
      vbe[index] = value;
      return true;
    }
    case Vbe.VIRTUAL_HEIGHT:
    case Vbe.MEMORY_64K:
    case Vbe.COUNT:
    default:
      // VIRTUAL_HEIGHT and MEMORY_64K follow from the others.
      return false;
  }
}

/** Bytes from one line to the next (in a planar mode: of all four planes together). */
export function lineBytes(state: VgaState): number {
  const { vbe } = state;
  return (at(vbe, Vbe.VIRTUAL_WIDTH) * storedBits(at(vbe, Vbe.BITS_PER_PIXEL))) >>> 3;
}

/** Byte in memory of the first pixel shown. */
export function firstByte(state: VgaState): number {
  const { vbe } = state;
  const along = (at(vbe, Vbe.X_OFFSET) * storedBits(at(vbe, Vbe.BITS_PER_PIXEL))) >>> 3;
  return along + at(vbe, Vbe.Y_OFFSET) * lineBytes(state);
}

/** Makes the registers fit together and into the memory, whatever was written. */
function settle(vbe: Uint16Array, vramBytes: number): void {
  if (!DEPTHS.includes(at(vbe, Vbe.BITS_PER_PIXEL))) vbe[Vbe.BITS_PER_PIXEL] = 8;
  const bits = storedBits(at(vbe, Vbe.BITS_PER_PIXEL));
  const width = Math.max(8, Math.min(at(vbe, Vbe.X_RESOLUTION) & ~7, MAX_WIDTH));
  const virtual = Math.max(width, Math.min(at(vbe, Vbe.VIRTUAL_WIDTH) & ~7, MAX_WIDTH));
  const line = (virtual * bits) >>> 3;
  const lines = Math.floor(vramBytes / line);
  const height = Math.max(1, Math.min(at(vbe, Vbe.Y_RESOLUTION), MAX_HEIGHT, lines));
  vbe[Vbe.X_RESOLUTION] = width;
  vbe[Vbe.VIRTUAL_WIDTH] = virtual;
  vbe[Vbe.Y_RESOLUTION] = height;
  vbe[Vbe.VIRTUAL_HEIGHT] = Math.min(lines, 0xffff);
  const end = (): number => ((at(vbe, Vbe.X_OFFSET) * bits) >>> 3) + (at(vbe, Vbe.Y_OFFSET) + height) * line;
  if (end() > vramBytes) vbe[Vbe.Y_OFFSET] = 0;
  if (end() > vramBytes) vbe[Vbe.X_OFFSET] = 0;
}
