/**
 * The processor's view of the planes through 0xA0000 to 0xBFFFF. The four planes lie interleaved: byte n of plane p is
 * byte 4n + p of the video memory, and chain-4 addresses are the memory's own (as in QEMU, so that its drivers and ours see the same).
 */
import { at, chain4, vbeEnabled, writtenPlanes, type VgaState } from "./state.ts";

/** Banks move what a window of this size shows. */
const BANK_WINDOW = 0x10000;
/** All bits of the planes that are set in the index. */
const PLANES = Uint32Array.from({ length: 16 }, (_, planes) =>
  [0, 1, 2, 3].reduce((mask, plane) => (planes & (1 << plane) ? mask | (0xff << (plane * 8)) : mask), 0),
);

/** Where the window's part in use starts and how long it is, by bits 2 and 3 of graphics register 6. */
const MAPS = [
  [0, 0x20000],
  [0, BANK_WINDOW],
  [0x10000, 0x8000],
  [0x18000, 0x8000],
] as const;

function map(state: VgaState): readonly [number, number] {
  return MAPS[vbeEnabled(state) ? 1 : (((at(state.graphics, 6) >> 2) & 3) as 0 | 1 | 2 | 3)];
}

/** A part of the window that shows video memory unchanged, read and written: offsets in bytes. */
export interface DirectWindow {
  start: number;
  bytes: number;
  /** In video memory. */
  offset: number;
}

export class MemoryWindow {
  readonly #vram: Uint8Array;
  readonly #groups: Uint32Array;

  /** @param vram video memory, at a multiple of 4 in its buffer */
  constructor(vram: Uint8Array) {
    this.#vram = vram;
    this.#groups = new Uint32Array(vram.buffer, vram.byteOffset, vram.length >>> 2);
  }

  /** What needs no translation at present, so that it can be memory for the processor. */
  direct(state: VgaState): DirectWindow | undefined {
    if (!chain4(state) || writtenPlanes(state) !== 15) return undefined;
    const [start, length] = map(state);
    const offset = length === BANK_WINDOW ? state.bankOffset : 0;
    const bytes = Math.min(length, this.#vram.length - offset);
    return bytes > 0 ? { start, bytes, offset } : undefined;
  }

  /** @param offset from 0xA0000 */
  read(state: VgaState, offset: number): number {
    const address = this.#translate(state, offset);
    if (address < 0) return 0xff;
    if (chain4(state)) return this.#vram[address] ?? 0xff;
    const { graphics } = state;
    const mode = at(graphics, 5);
    if (mode & 0x10) return this.#vram[oddEven(address, at(graphics, 4))] ?? 0xff;
    const group = this.#groups[address];
    if (group === undefined) return 0xff;
    state.latch = group;
    if (!(mode & 8)) return (group >>> ((at(graphics, 4) & 3) * 8)) & 0xff;
    // Read mode 1: bits whose colour equals the one to compare with, in the planes that care.
    const different = (group ^ plane(at(graphics, 2))) & plane(at(graphics, 7));
    const halves = different | (different >>> 16);
    return ~(halves | (halves >>> 8)) & 0xff;
  }

  write(state: VgaState, offset: number, value: number): void {
    const address = this.#translate(state, offset);
    if (address < 0) return;
    const planes = writtenPlanes(state);
    if (chain4(state)) {
      if (planes & (1 << (address & 3)) && address < this.#vram.length) this.#vram[address] = value;
      return;
    }
    const { graphics } = state;
    if (at(graphics, 5) & 0x10) {
      const target = oddEven(address, at(graphics, 4));
      if (planes & (1 << (target & 3)) && target < this.#vram.length) this.#vram[target] = value;
      return;
    }
    const old = this.#groups[address];
    if (old === undefined) return;
    const mask = plane(planes);
    this.#groups[address] = (this.#combine(state, value) & mask) | (old & ~mask);
  }

  /** What a write puts into all four planes, by write mode. */
  #combine(state: VgaState, value: number): number {
    const { graphics, latch } = state;
    const mode = at(graphics, 5) & 3;
    if (mode === 1) return latch;
    const rotation = at(graphics, 3) & 7;
    const rotated = ((value >>> rotation) | (value << (8 - rotation))) & 0xff;
    let bits = at(graphics, 8);
    let data: number;
    if (mode === 0) {
      const fixed = plane(at(graphics, 1));
      data = (Math.imul(rotated, 0x01010101) & ~fixed) | (plane(at(graphics, 0)) & fixed);
    } else if (mode === 2) {
      data = plane(value);
    } else {
      bits &= rotated;
      data = plane(at(graphics, 0));
    }
    const operation = (at(graphics, 3) >> 3) & 3;
    if (operation === 1) data &= latch;
    else if (operation === 2) data |= latch;
    else if (operation === 3) data ^= latch;
    const changed = Math.imul(bits, 0x01010101);
    return (data & changed) | (latch & ~changed);
  }

  /** Address within the planes (bytes when chained), -1 when the window is not open there. */
  #translate(state: VgaState, offset: number): number {
    const [start, bytes] = map(state);
    const address = offset - start;
    if (address < 0 || address >= bytes) return -1;
    return bytes === BANK_WINDOW ? address + state.bankOffset : address;
  }
}

function plane(planes: number): number {
  return PLANES[planes & 15] as number;
}

/** Even addresses lie in planes 0 and 2, odd ones in 1 and 3; bit 1 of the read map chooses the pair. */
function oddEven(address: number, readMap: number): number {
  return ((address & ~1) << 1) | (readMap & 2) | (address & 1);
}
