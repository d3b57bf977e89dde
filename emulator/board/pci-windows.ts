import type { CpuLines, PortHandler } from "../devices/device.ts";
import { romBytes, type PciFunction } from "../devices/pci-function.ts";
import type { FixedMemory, FixedPorts, PciBar, PciDevice } from "../devices/pci.ts";
import type { FirstUse } from "./first-use.ts";
import { Extra } from "./memory-map.ts";
import type { MmioMap } from "./mmio-map.ts";
import type { PortMap } from "./port-map.ts";

/** The PCI hole ends where the I/O APIC begins. */
const HOLE_END = 0xfec0_0000;

/** A range that moves with configuration registers. */
interface Window {
  devfn: number;
  /** Where it should be at present: a port or a physical address, -1 for nowhere. */
  wanted(): number;
  /** Where it is. */
  at: number;
  place(at: number): void;
  remove(at: number): void;
}

/**
 * Puts what PCI functions decode where their configuration says. Which of two overlapping ranges answers depends on the
 * order of plugging in only, never on the order in which they were moved: after a change all are placed anew.
 */
export class PciWindows {
  readonly #windows: Window[] = [];
  readonly #ports: PortMap;
  readonly #memory: MmioMap;
  readonly #lines: CpuLines;
  readonly #ramBytes: number;
  readonly #firstUse: FirstUse;
  /** Room for expansion ROMs that is taken. */
  #romsEnd = 0;

  constructor(ports: PortMap, memory: MmioMap, firstUse: FirstUse, lines: CpuLines, ramBytes: number) {
    this.#ports = ports;
    this.#memory = memory;
    this.#firstUse = firstUse;
    this.#lines = lines;
    this.#ramBytes = ramBytes;
  }

  /** Ports whose place a register of a function says. */
  addPorts(devfn: number, slot: number, count: number, wanted: () => number): void {
    this.#windows.push({
      devfn,
      wanted,
      at: -1,
      place: (at) => this.#ports.claim(slot, at, at + count - 1),
      remove: (at) => this.#ports.release(slot, at, at + count - 1),
    });
  }

  /** All that a device decodes. */
  add(devfn: number, fn: PciFunction, device: PciDevice): void {
    // Devices of a kind are numbered, but of interest is the first use of any.
    const kind = device.name.replace(/-\d+$/, "");
    for (const fixed of device.fixedPorts ?? []) this.#addFixedPorts(devfn, fn, kind, fixed);
    for (const fixed of device.fixedMemory ?? []) this.#addFixedMemory(devfn, fn, kind, fixed);
    device.bars.forEach((bar, index) => {
      if (bar?.kind === "io") this.#addIoBar(devfn, fn, index, kind, bar);
      else if (bar?.kind === "mmio") this.#addMmioBar(devfn, fn, index, kind, bar);
      else if (bar) this.#addDirect(devfn, () => fn.barAddress(index), bar.bytes, bar.offset, "readWrite");
    });
    if (device.rom) this.#addRom(devfn, fn, device.rom);
  }

  /** After a change of a function's configuration, or of any (no argument). */
  update(devfn?: number): void {
    const moved = this.#windows.some((one) => (devfn ?? one.devfn) === one.devfn && one.wanted() !== one.at);
    if (!moved) return;
    for (const one of this.#windows) if (one.at >= 0) one.remove(one.at);
    for (const one of this.#windows) {
      one.at = one.wanted();
      if (one.at >= 0) one.place(one.at);
    }
  }

  #addFixedPorts(devfn: number, fn: PciFunction, name: string, fixed: FixedPorts): void {
    const slot = this.#firstUse.ports(this.#ports, name, fixed.handler, fixed.width);
    this.addPorts(devfn, slot, fixed.last - fixed.first + 1, () => (fn.ioEnabled ? fixed.first : -1));
  }

  #addFixedMemory(devfn: number, fn: PciFunction, name: string, fixed: FixedMemory): void {
    // What lies below the end of RAM must not be RAM.
    this.#lines.mapMemory(fixed.physical, fixed.bytes, 0, "none");
    const slot = this.#firstUse.memory(this.#memory, name, fixed.handler);
    this.#windows.push({
      devfn,
      wanted: () => (fn.memoryEnabled ? fixed.physical : -1),
      at: -1,
      place: (at) => this.#memory.claim(slot, at, fixed.bytes),
      remove: (at) => this.#memory.release(slot, at, fixed.bytes),
    });
  }

  #addIoBar(devfn: number, fn: PciFunction, index: number, name: string, bar: PciBar & { kind: "io" }): void {
    const wanted = (): number => {
      const base = fn.barAddress(index);
      return base >= 0 && base + bar.bytes <= 0x1_0000 ? base : -1;
    };
    let base = 0;
    const relative: PortHandler = {
      readPort: (port, size) => bar.handler.readPort(port - base, size),
      writePort: (port, size, value) => bar.handler.writePort(port - base, size, value),
    };
    const slot = this.#firstUse.ports(this.#ports, name, relative, bar.width);
    this.#windows.push({
      devfn,
      wanted,
      at: -1,
      place: (at) => {
        base = at;
        this.#ports.claim(slot, at, at + bar.bytes - 1);
      },
      remove: (at) => this.#ports.release(slot, at, at + bar.bytes - 1),
    });
  }

  #addMmioBar(devfn: number, fn: PciFunction, index: number, name: string, bar: PciBar & { kind: "mmio" }): void {
    const slot = this.#firstUse.memory(this.#memory, name, bar.handler);
    this.#windows.push({
      devfn,
      wanted: () => this.#inHole(fn.barAddress(index), bar.bytes),
      at: -1,
      place: (at) => this.#memory.claim(slot, at, bar.bytes),
      remove: (at) => this.#memory.release(slot, at, bar.bytes),
    });
  }

  #addRom(devfn: number, fn: PciFunction, rom: Uint8Array): void {
    const bytes = romBytes(rom);
    const offset = Extra.ROMS + this.#romsEnd;
    this.#romsEnd += bytes;
    if (this.#romsEnd > (Extra.ROMS_SIZE as number)) {
      throw new RangeError(`The expansion ROMs need ${this.#romsEnd} bytes: at most ${Extra.ROMS_SIZE} were expected.`);
    }
    this.#lines.extra.fill(0xff, offset, offset + bytes);
    this.#lines.extra.set(rom, offset);
    this.#addDirect(devfn, () => fn.romAddress(), bytes, offset, "read");
  }

  #addDirect(devfn: number, address: () => number, bytes: number, offset: number, access: "read" | "readWrite"): void {
    this.#windows.push({
      devfn,
      wanted: () => this.#inHole(address(), bytes),
      at: -1,
      place: (at) => this.#lines.mapMemory(at, bytes, this.#ramBytes + offset, access),
      remove: (at) => this.#lines.mapMemory(at, bytes, 0, "none"),
    });
  }

  /** An address that the bus gets to see: behind the RAM, and below the interrupt controllers. */
  #inHole(at: number, bytes: number): number {
    return at >= this.#ramBytes && at + bytes <= HOLE_END ? at : -1;
  }
}
