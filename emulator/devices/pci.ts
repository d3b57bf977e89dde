import type { Device, DeviceState, MmioHandler, PortHandler } from "./device.ts";
import { PciFunction } from "./pci-function.ts";

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
  /**
   * Further registers: offset, reset value, writable bits, size in bytes; the status (0x06), the interrupt pin (0x3D: 1
   * for INTA#) and capabilities too. They go over the standard ones: command 0 with bits 0, 1, 2, 8 and 10 writable,
   * subsystem 1af4:1100, interrupt line 0 writable, and the base address registers that the device has.
   */
  registers: readonly (readonly [offset: number, value: number, writable: number, size: 1 | 2 | 4])[];
}

/**
 * A 32-bit base address register. `bytes` is a power of two: 4 to 256 for ports, at least 4096 for memory. The bus does
 * the sizing, and answers only while the command register enables it.
 */
export type PciBar =
  /** Ports; `handler` gets them relative to the base, and accesses up to `width` bytes that do not cross the end. */
  | { kind: "io"; bytes: number; width: 1 | 2 | 4; handler: PortHandler }
  /** Registers in memory; offsets are relative to the base. */
  | { kind: "mmio"; bytes: number; prefetchable: boolean; handler: MmioHandler }
  /** Memory of the device: that from byte `offset` of `CpuLines.extra` on, read and written without a call. */
  | { kind: "memory"; bytes: number; prefetchable: boolean; offset: number };

/** Ports that a function decodes at fixed addresses while its command register enables I/O; handlers get the port itself. */
export interface FixedPorts {
  first: number;
  last: number;
  width: 1 | 2 | 4;
  handler: PortHandler;
}

/**
 * Memory that a function decodes at a fixed physical address (whole pages) while its command register enables memory.
 * It is no RAM even when it lies below the end of RAM.
 */
export interface FixedMemory {
  physical: number;
  bytes: number;
  handler: MmioHandler;
}

/**
 * A device on the PCI bus (one function). It is built with its `PciSlot`, then plugged in by the board. `reset`, `save` and
 * `restore` are for the device's own state: the bus keeps configuration space and the interrupt's level.
 */
export interface PciDevice extends Device {
  readonly pci: PciFunctionDescription;
  /** By index; undefined where there is none. */
  readonly bars: readonly (PciBar | undefined)[];
  /** Image of the expansion ROM; the board puts it into memory. */
  readonly rom?: Uint8Array;
  readonly fixedPorts?: readonly FixedPorts[];
  readonly fixedMemory?: readonly FixedMemory[];
  /** Answers a configuration read in the place of the stored registers; undefined: they do. */
  readConfig?(offset: number, size: 1 | 2 | 4): number | undefined;
  /** Configuration space was written and holds the new value. */
  configWritten?(offset: number, size: 1 | 2 | 4): void;
}

/** What a device may do with its place on the bus. */
export interface PciSlot {
  /** Level of its interrupt pin (asserted or not); which pin is in register 0x3D. */
  setInterrupt(level: boolean): void;
  /** The command register lets it master the bus: without that, it must not use `dmaRead` and `dmaWrite`. */
  readonly busMaster: boolean;
  /** A byte of its configuration space. */
  configByte(offset: number): number;
  /** Sets a byte of it, writable for software or not. */
  setConfigByte(offset: number, value: number): void;
}

const FUNCTIONS_PER_BUS = 256;

export interface PciBusOutputs {
  /** A function's configuration was written: device * 8 + function, first double word's offset. */
  changed(devfn: number, offset: number): void;
  /** Level of an interrupt pin (0 for INTA#) of a device, over all its functions. */
  interrupt(device: number, pin: number, level: boolean): void;
}

/**
 * Configuration mechanism #1 (PCI Local Bus specification 3.0, section 3.2.2.3.2) with bus 0 only. Functions that
 * are absent read as all ones. The address register takes 32-bit accesses only; the data ports any size within the
 * addressed double word.
 */
export class PciBus implements Device {
  readonly name = "pci";
  readonly #functions = new Array<PciFunction | undefined>(FUNCTIONS_PER_BUS).fill(undefined);
  readonly #outputs: PciBusOutputs;
  #address = 0;

  constructor(functions: readonly PciFunctionDescription[], outputs: PciBusOutputs) {
    this.#outputs = outputs;
    for (const description of functions) {
      this.#functions[description.device * 8 + description.function] = new PciFunction(description);
    }
  }

  /** The place of a function, for the device that will be plugged in there. */
  slot(device: number, fn: number): PciSlot {
    const devfn = device * 8 + fn;
    const at = (): PciFunction => {
      const one = this.#functions[devfn];
      if (!one) throw new Error(`The PCI device ${device}.${fn} is used before it is plugged in.`);
      return one;
    };
    return {
      setInterrupt: (level) => {
        const one = this.#functions[devfn];
        // A device that puts its line down while it is being built has no function yet.
        if (!one || one.wanted === level) return;
        one.want(level);
        this.#drive(devfn);
      },
      get busMaster() {
        return at().busMaster;
      },
      configByte: (offset) => at().config[offset & 0xff] as number,
      setConfigByte: (offset, value) => {
        at().config[offset & 0xff] = value;
      },
    };
  }

  plug(device: PciDevice): void {
    const devfn = device.pci.device * 8 + device.pci.function;
    if (this.#functions[devfn]) throw new Error(`Two PCI functions at ${device.pci.device}.${device.pci.function}.`);
    this.#functions[devfn] = new PciFunction(device.pci, device);
  }

  /** All functions that are devices of their own. */
  *plugged(): Iterable<readonly [devfn: number, fn: PciFunction, device: PciDevice]> {
    for (const [devfn, one] of this.#functions.entries()) if (one?.device) yield [devfn, one, one.device];
  }

  /** Configuration spaces only: the devices are reset by the board. */
  reset(): void {
    this.#address = 0;
    this.#functions.forEach((one, devfn) => {
      one?.reset();
      if (one) this.#drive(devfn);
    });
  }

  save(): DeviceState {
    return {
      address: this.#address,
      functions: this.#functions.flatMap((one, devfn) =>
        one ? [{ devfn, config: one.config.slice(), wanted: one.wanted }] : [],
      ),
    };
  }

  restore(state: DeviceState): void {
    this.#address = state["address"] as number;
    for (const { devfn, config, wanted } of state["functions"] as {
      devfn: number;
      config: Uint8Array;
      wanted: boolean;
    }[]) {
      const one = this.#functions[devfn];
      if (!one) continue;
      one.config.set(config);
      one.wanted = wanted;
    }
  }

  /** A configuration byte of a function, 0xff when it is absent. */
  configByte(devfn: number, offset: number): number {
    return this.#functions[devfn]?.config[offset] ?? 0xff;
  }

  /** Writes as software does, by the writable bits. */
  writeConfig(devfn: number, offset: number, size: 1 | 2 | 4, value: number): void {
    const target = this.#functions[devfn];
    if (!target) return;
    target.write(offset, size, value);
    this.#drive(devfn);
    this.#outputs.changed(devfn, offset & 0xfc);
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
      const target = this.#functions[this.#selected()];
      if (!target) return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
      return target.read((this.#address & 0xfc) | (port & 3), size);
    },
    writePort: (port, size, value) => {
      this.writeConfig(this.#selected(), (this.#address & 0xfc) | (port & 3), size, value);
    },
  };

  /** Function that the address register names, -1 for none. */
  #selected(): number {
    if (this.#address >>> 31 === 0 || (this.#address >>> 16) & 0xff) return -1;
    return (this.#address >>> 8) & 0xff;
  }

  /** Tells the level of the pin that a function shares with the others of its device. */
  #drive(devfn: number): void {
    const pin = this.#functions[devfn]?.pin ?? -1;
    if (pin < 0 || pin > 3) return;
    const device = devfn >> 3;
    let level = false;
    for (let fn = 0; fn < 8; fn++) {
      const one = this.#functions[device * 8 + fn];
      if (one?.pin === pin && one.interrupt) level = true;
    }
    this.#outputs.interrupt(device, pin, level);
  }
}
