import type { CpuLines } from "../device.ts";

/** Little-endian fields in guest memory, as a bus master reads and writes them. Addresses are guest physical. */
export class GuestMemory {
  readonly #lines: Pick<CpuLines, "dmaRead" | "dmaWrite">;
  readonly #enabled: () => boolean;
  readonly #bytes = new Uint8Array(16);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #two = this.#bytes.subarray(0, 2);
  readonly #eight = this.#bytes.subarray(0, 8);

  /** @param enabled whether the function may master the bus: without that, reads give ones and writes are lost */
  constructor(lines: Pick<CpuLines, "dmaRead" | "dmaWrite">, enabled: () => boolean) {
    this.#lines = lines;
    this.#enabled = enabled;
  }

  read(address: number, into: Uint8Array): void {
    if (this.#enabled()) this.#lines.dmaRead(address, into);
    else into.fill(0xff);
  }

  write(address: number, bytes: Uint8Array): void {
    if (this.#enabled()) this.#lines.dmaWrite(address, bytes);
  }

  u16(address: number): number {
    this.read(address, this.#two);
    return this.#view.getUint16(0, true);
  }

  setU16(address: number, value: number): void {
    this.#view.setUint16(0, value, true);
    this.write(address, this.#two);
  }

  /** Two 32-bit fields in a row. */
  setPair(address: number, first: number, second: number): void {
    this.#view.setUint32(0, first, true);
    this.#view.setUint32(4, second, true);
    this.write(address, this.#eight);
  }

  /** Sixteen bytes as a view that the next access overwrites. */
  sixteen(address: number): DataView {
    this.read(address, this.#bytes);
    return this.#view;
  }
}

/** Two halves as an address. Beyond 2^53 it is no longer exact, but then there is no memory anyway. */
export function address64(low: number, high: number): number {
  return high * 0x1_0000_0000 + low;
}
