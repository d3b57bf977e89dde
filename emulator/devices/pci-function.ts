import type { PciBar, PciDevice, PciFunctionDescription } from "./pci.ts";

const CONFIG_SIZE = 256;
/** Offsets in configuration space (PCI Local Bus specification 3.0, chapter 6). */
const COMMAND = 0x04;
const STATUS = 0x06;
const FIRST_BAR = 0x10;
const ROM_BAR = 0x30;
const INTERRUPT_PIN = 0x3d;

const COMMAND_IO = 1;
const COMMAND_MEMORY = 2;
const COMMAND_MASTER = 4;
/** In the command register's upper byte. */
const COMMAND_NO_INTX = 4;
const STATUS_INTERRUPT = 8;

/** Memory that the subsystem ids of all functions name, as QEMU's do: firmware recognises the board by them. */
const SUBSYSTEM_VENDOR = 0x1af4;
const SUBSYSTEM = 0x1100;

/** One function's configuration space, and its interrupt output. */
export class PciFunction {
  readonly device: PciDevice | undefined;
  readonly #reset = new Uint8Array(CONFIG_SIZE);
  readonly #writable = new Uint8Array(CONFIG_SIZE);
  readonly config = new Uint8Array(CONFIG_SIZE);
  /** Whether the device asks for an interrupt. */
  wanted = false;

  constructor(description: PciFunctionDescription, device?: PciDevice) {
    this.device = device;
    const { vendorId, deviceId, revision, classCode, headerType } = description;
    const standard = [
      [0x00, vendorId, 0, 2],
      [0x02, deviceId, 0, 2],
      [COMMAND, 0, 0x0507, 2],
      [0x08, (classCode << 8) | revision, 0, 4],
      [0x0e, headerType, 0, 1],
      [0x2c, SUBSYSTEM_VENDOR, 0, 2],
      [0x2e, SUBSYSTEM, 0, 2],
      // Interrupt line is storage for software.
      [0x3c, 0, 0xff, 1],
    ] as const;
    const bars = (device?.bars ?? []).flatMap((bar, index) =>
      bar ? [[FIRST_BAR + index * 4, barFlags(bar), -bar.bytes, 4] as const] : [],
    );
    const rom = device?.rom ? [[ROM_BAR, 0, -romBytes(device.rom) | 1, 4] as const] : [];
    for (const [offset, value, writable, size] of [...standard, ...bars, ...rom, ...description.registers]) {
      for (let byte = 0; byte < size; byte++) {
        this.#reset[offset + byte] = (value >>> (byte * 8)) & 0xff;
        this.#writable[offset + byte] = (writable >>> (byte * 8)) & 0xff;
      }
    }
    this.reset();
  }

  reset(): void {
    this.config.set(this.#reset);
    this.wanted = false;
  }

  read(offset: number, size: 1 | 2 | 4): number {
    const own = this.device?.readConfig?.(offset, size);
    if (own !== undefined) return own >>> 0;
    let value = 0;
    for (let byte = 0; byte < size; byte++) value |= (this.config[(offset + byte) & 0xff] as number) << (byte * 8);
    return value >>> 0;
  }

  /** Bits that are not writable keep their value: base address registers that do not exist read as 0 after all ones. */
  write(offset: number, size: 1 | 2 | 4, value: number): void {
    for (let byte = 0; byte < size; byte++) {
      const at = (offset + byte) & 0xff;
      const writable = this.#writable[at] as number;
      this.config[at] = ((this.config[at] as number) & ~writable) | ((value >>> (byte * 8)) & writable);
    }
    this.device?.configWritten?.(offset, size);
  }

  get #command(): number {
    return this.config[COMMAND] as number;
  }

  get busMaster(): boolean {
    return (this.#command & COMMAND_MASTER) !== 0;
  }

  get ioEnabled(): boolean {
    return (this.#command & COMMAND_IO) !== 0;
  }

  get memoryEnabled(): boolean {
    return (this.#command & COMMAND_MEMORY) !== 0;
  }

  /** Level of the INTx output: what the device wants, unless the command register holds it off. */
  get interrupt(): boolean {
    return this.wanted && !((this.config[COMMAND + 1] as number) & COMMAND_NO_INTX);
  }

  /** 0 for INTA#, -1 when the function has no interrupt. */
  get pin(): number {
    return (this.config[INTERRUPT_PIN] as number) - 1;
  }

  want(level: boolean): void {
    this.wanted = level;
    const status = this.config[STATUS] as number;
    this.config[STATUS] = level ? status | STATUS_INTERRUPT : status & ~STATUS_INTERRUPT;
  }

  /** Where a base address register puts its range at present: a port or a physical address, -1 when nowhere. */
  barAddress(index: number): number {
    const bar = this.device?.bars[index];
    if (!bar) return -1;
    const enabled = bar.kind === "io" ? this.ioEnabled : this.memoryEnabled;
    const base = (this.#dword(FIRST_BAR + index * 4) & -bar.bytes) >>> 0;
    return enabled && base !== 0 ? base : -1;
  }

  /** Where the expansion ROM answers at present, -1 when nowhere. */
  romAddress(): number {
    const rom = this.device?.rom;
    if (!rom) return -1;
    const value = this.#dword(ROM_BAR);
    const base = (value & -romBytes(rom)) >>> 0;
    return this.memoryEnabled && value & 1 && base !== 0 ? base : -1;
  }

  #dword(offset: number): number {
    const { config } = this;
    return (
      ((config[offset] as number) |
        ((config[offset + 1] as number) << 8) |
        ((config[offset + 2] as number) << 16) |
        ((config[offset + 3] as number) << 24)) >>>
      0
    );
  }
}

function barFlags(bar: PciBar): number {
  if (bar.kind === "io") return 1;
  return bar.prefetchable ? 8 : 0;
}

/** Size of the range that an expansion ROM decodes: a power of two, at least a page. */
export function romBytes(rom: Uint8Array): number {
  let bytes = 4096;
  while (bytes < rom.length) bytes *= 2;
  return bytes;
}
