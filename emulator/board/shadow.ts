import type { CpuLines, MmioHandler } from "../devices/device.ts";
import { Extra } from "./memory-map.ts";

/** The host bridge's registers PAM0 to PAM6. */
export const PAM_FIRST = 0x59;
export const PAM_LAST = 0x5f;
const READ = 1;
const WRITE = 2;

const SHADOW_START = 0xc_0000;
const SHADOW_BYTES = 0x4_0000;
/** Part of the firmware that answers below 1 MiB. */
const ALIAS_START = 0xe_0000;
const ALIAS_BYTES = 0x2_0000;

/** The thirteen ranges of the PAM registers (Intel data sheet 290549, section 3.2.17): which register, which half of it. */
const SEGMENTS = [
  { physical: 0xf_0000, bytes: 0x1_0000, register: 0, shift: 4 },
  ...Array.from({ length: 12 }, (_, index) => ({
    physical: SHADOW_START + index * 0x4000,
    bytes: 0x4000,
    register: 1 + (index >> 1),
    shift: (index & 1) * 4,
  })),
];

/**
 * Memory between 0xC0000 and 0xFFFFF: RAM, or the ROMs behind it, for reads and writes apart, by the PAM registers; and the
 * firmware below 4 GiB.
 */
export class ShadowMemory implements MmioHandler {
  readonly #lines: CpuLines;
  readonly #ramBytes: number;
  readonly #biosBytes: number;
  /** Rights of each segment as mapped, -1 before the first time. */
  readonly #rights = SEGMENTS.map(() => -1);
  readonly #byte = new Uint8Array(1);

  constructor(lines: CpuLines, ramBytes: number, bios?: Uint8Array) {
    this.#lines = lines;
    this.#ramBytes = ramBytes;
    this.#biosBytes = bios?.length ?? 0;
    if (bios) {
      if (bios.length === 0 || bios.length % 0x1_0000 !== 0 || bios.length > (Extra.BIOS_SIZE as number)) {
        throw new RangeError(
          `The firmware has ${bios.length} bytes: a multiple of 64 KiB up to ${Extra.BIOS_SIZE >> 10} KiB was expected.`,
        );
      }
      lines.extra.set(bios, this.#biosOffset);
      lines.mapMemory(2 ** 32 - bios.length, bios.length, ramBytes + this.#biosOffset, "read");
    }
  }

  get #biosOffset(): number {
    return Extra.BIOS + Extra.BIOS_SIZE - this.#biosBytes;
  }

  /** @param pam a PAM register's value, by number 0 to 6 */
  apply(pam: (register: number) => number): void {
    SEGMENTS.forEach((segment, index) => {
      const rights = (pam(segment.register) >> segment.shift) & (READ | WRITE);
      if (this.#rights[index] === rights) return;
      this.#rights[index] = rights;
      this.#map(segment, rights);
    });
  }

  #map(segment: { physical: number; bytes: number }, rights: number): void {
    const { physical, bytes } = segment;
    if (rights & READ) {
      this.#lines.mapMemory(physical, bytes, physical, rights & WRITE ? "readWrite" : "read");
      return;
    }
    const fromEnd = SHADOW_START + SHADOW_BYTES - physical;
    if (physical >= ALIAS_START && fromEnd <= Math.min(this.#biosBytes, ALIAS_BYTES)) {
      const offset = this.#ramBytes + Extra.BIOS + Extra.BIOS_SIZE - fromEnd;
      this.#lines.mapMemory(physical, bytes, offset, "read");
    } else {
      this.#lines.mapMemory(physical, bytes, 0, "none");
    }
  }

  /** Offset from 0xC0000: only where there is neither RAM nor ROM. */
  readMmio(_offset: number, size: 1 | 2 | 4): number {
    return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
  }

  /** Reaches RAM where only reads go to the ROM. */
  writeMmio(offset: number, size: 1 | 2 | 4, value: number): void {
    const segment = offset >= 0x3_0000 ? 0 : 1 + (offset >> 14);
    if (!((this.#rights[segment] as number) & WRITE)) return;
    for (let byte = 0; byte < size; byte++) {
      this.#byte[0] = value >>> (byte * 8);
      this.#lines.dmaWrite(SHADOW_START + offset + byte, this.#byte);
    }
  }
}
