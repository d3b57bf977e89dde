import type { Device, DeviceState, PortHandler } from "./device.ts";

/** What a function shows after reset, and which bits of it software may change. */
export interface PciFunctionDescription {
  device: number;
  function: number;
  vendorId: number;
  deviceId: number;
  revision: number;
  /** Base class, subclass and interface as in register 0x09 to 0x0B. */
  classCode: number;
  /** Register 0x0E; bit 7: more functions follow. */
  headerType: number;
  /** Further registers: offset, reset value, writable bits, size in bytes. */
  registers: readonly (readonly [offset: number, value: number, writable: number, size: 1 | 2 | 4])[];
}

const CONFIG_SIZE = 256;
const FUNCTIONS_PER_BUS = 256;

class PciFunction {
  readonly #reset = new Uint8Array(CONFIG_SIZE);
  readonly #writable = new Uint8Array(CONFIG_SIZE);
  config = new Uint8Array(CONFIG_SIZE);

  constructor(description: PciFunctionDescription) {
    const { vendorId, deviceId, revision, classCode, headerType } = description;
    const standard = [
      [0x00, vendorId, 0, 2],
      [0x02, deviceId, 0, 2],
      // Interrupt line is storage for software.
      [0x3c, 0, 0xff, 1],
      [0x08, (classCode << 8) | revision, 0, 4],
      [0x0e, headerType, 0, 1],
    ] as const;
    for (const [offset, value, writable, size] of [...standard, ...description.registers]) {
      for (let byte = 0; byte < size; byte++) {
        this.#reset[offset + byte] = (value >>> (byte * 8)) & 0xff;
        this.#writable[offset + byte] = (writable >>> (byte * 8)) & 0xff;
      }
    }
    this.reset();
  }

  reset(): void {
    this.config = this.#reset.slice();
  }

  read(offset: number): number {
    return this.config[offset] as number;
  }

  /** Bits that are not writable keep their value: base address registers that do not exist read as 0 after all ones. */
  write(offset: number, value: number): void {
    const writable = this.#writable[offset] as number;
    this.config[offset] = ((this.config[offset] as number) & ~writable) | (value & writable);
  }
}

/**
 * Configuration mechanism #1 (PCI Local Bus specification 3.0, section 3.2.2.3.2) with bus 0 only. Functions that
 * are absent read as all ones. The address register takes 32-bit accesses only; the data ports any size within the
 * addressed double word.
 */
export class PciBus implements Device {
  readonly name = "pci";
  readonly #functions = new Array<PciFunction | undefined>(FUNCTIONS_PER_BUS).fill(undefined);
  readonly #changed: (devfn: number, offset: number) => void;
  #address = 0;

  /** @param changed called after a write to a function's register, with device * 8 + function */
  constructor(functions: readonly PciFunctionDescription[], changed: (devfn: number, offset: number) => void) {
    this.#changed = changed;
    for (const description of functions) {
      this.#functions[description.device * 8 + description.function] = new PciFunction(description);
    }
  }

  reset(): void {
    this.#address = 0;
    for (const one of this.#functions) one?.reset();
  }

  save(): DeviceState {
    return { address: this.#address, configs: this.#functions.map((one) => one?.config.slice() ?? null) };
  }

  restore(state: DeviceState): void {
    this.#address = state["address"] as number;
    const configs = state["configs"] as (Uint8Array | null)[];
    this.#functions.forEach((one, devfn) => one?.config.set(configs[devfn] ?? []));
  }

  /** A configuration byte of a function, 0xff when it is absent. */
  configByte(devfn: number, offset: number): number {
    return this.#functions[devfn]?.read(offset) ?? 0xff;
  }

  /** Port 0xCF8, 32-bit accesses. */
  readonly addressPort: PortHandler = {
    readPort: () => this.#address,
    writePort: (_port, _size, value) => {
      this.#address = (value & 0x80ff_fffc) >>> 0;
    },
  };

  /** Ports 0xCFC to 0xCFF. */
  readonly dataPort: PortHandler = {
    readPort: (port, size) => {
      const target = this.#selected();
      if (!target) return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
      const offset = (this.#address & 0xfc) | (port & 3);
      let value = 0;
      for (let byte = 0; byte < size; byte++) value |= target.read((offset + byte) & 0xff) << (byte * 8);
      return value >>> 0;
    },
    writePort: (port, size, value) => {
      const target = this.#selected();
      if (!target) return;
      const offset = (this.#address & 0xfc) | (port & 3);
      for (let byte = 0; byte < size; byte++) target.write((offset + byte) & 0xff, (value >>> (byte * 8)) & 0xff);
      this.#changed((this.#address >>> 8) & 0xff, offset & 0xfc);
    },
  };

  #selected(): PciFunction | undefined {
    if (this.#address >>> 31 === 0 || (this.#address >>> 16) & 0xff) return undefined;
    return this.#functions[(this.#address >>> 8) & 0xff];
  }
}
