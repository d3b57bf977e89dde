import { PciBus, type PciDevice, type PciSlot } from "../pci.ts";
import type { CpuLines } from "../device.ts";
import { TestClock } from "../test-clock.ts";

export const RAM_BYTES = 1 << 20;
const DEVICE = 3;

/** What a driver's side of a queue is made of: descriptors, available ring, used ring. */
export interface Rings {
  size: number;
  descriptors: number;
  available: number;
  used: number;
}

export type Descriptor = readonly [address: number, length: number, flags: number, next?: number];

/** A PC with one virtio device, as a driver sees it. */
export class VirtioHost<T extends PciDevice> {
  readonly clock = new TestClock();
  readonly ram = new Uint8Array(RAM_BYTES);
  readonly view = new DataView(this.ram.buffer);
  readonly device: T;
  readonly bus: PciBus;
  interrupt = false;
  readonly lines: Pick<CpuLines, "dmaRead" | "dmaWrite"> = {
    dmaRead: (physical, into) => {
      into.fill(0xff);
      if (physical < RAM_BYTES) into.set(this.ram.subarray(physical, physical + into.length));
    },
    dmaWrite: (physical, bytes) => {
      if (physical < RAM_BYTES) this.ram.set(bytes.subarray(0, RAM_BYTES - physical), physical);
    },
  };

  constructor(make: (host: VirtioHost<T>, slot: PciSlot, device: number) => T) {
    this.bus = new PciBus([], {
      changed: () => undefined,
      interrupt: (_device, _pin, level) => (this.interrupt = level),
    });
    this.device = make(this, this.bus.slot(DEVICE, 0), DEVICE);
    this.bus.plug(this.device);
    this.bus.reset();
    this.device.reset();
    this.setConfig(4, 2, 7);
  }

  config(offset: number, size: 1 | 2 | 4): number {
    this.bus.addressPort.writePort(0xcf8, 4, 0x8000_0000 + (DEVICE << 11) + (offset & 0xfc));
    return this.bus.dataPort.readPort(0xcfc + (offset & 3), size);
  }

  setConfig(offset: number, size: 1 | 2 | 4, value: number): void {
    this.bus.addressPort.writePort(0xcf8, 4, 0x8000_0000 + (DEVICE << 11) + (offset & 0xfc));
    this.bus.dataPort.writePort(0xcfc + (offset & 3), size, value);
  }

  /** Legacy registers. */
  in(offset: number, size: 1 | 2 | 4): number {
    const bar = this.device.bars[0];
    if (bar?.kind !== "io") throw new Error("No ports.");
    return bar.handler.readPort(offset, size);
  }

  out(offset: number, size: 1 | 2 | 4, value: number): void {
    const bar = this.device.bars[0];
    if (bar?.kind !== "io") throw new Error("No ports.");
    bar.handler.writePort(offset, size, value);
  }

  /** Modern registers. */
  read(offset: number, size: 1 | 2 | 4): number {
    const bar = this.device.bars[4];
    if (bar?.kind !== "mmio") throw new Error("No memory range.");
    return bar.handler.readMmio(offset, size);
  }

  write(offset: number, size: 1 | 2 | 4, value: number): void {
    const bar = this.device.bars[4];
    if (bar?.kind !== "mmio") throw new Error("No memory range.");
    bar.handler.writeMmio(offset, size, value);
  }

  /** Resets and negotiates as a modern driver; the status afterwards. */
  negotiate(low: number, high = 1): number {
    this.write(20, 1, 0);
    this.write(20, 1, 3);
    for (const [index, value] of [low, high].entries()) {
      this.write(8, 4, index);
      this.write(12, 4, value);
    }
    this.write(20, 1, 0x0b);
    return this.read(20, 1);
  }

  setUpQueue(index: number, rings: Rings): void {
    this.write(22, 2, index);
    this.write(24, 2, rings.size);
    [rings.descriptors, rings.available, rings.used].forEach((address, part) => {
      this.write(32 + part * 8, 4, address);
      this.write(36 + part * 8, 4, 0);
    });
    this.write(28, 2, 1);
  }

  start(): void {
    this.write(20, 1, 0x0f);
  }

  setDescriptors(table: number, list: readonly Descriptor[]): void {
    list.forEach(([address, length, flags, next], i) => {
      this.view.setBigUint64(table + i * 16, BigInt(address), true);
      this.view.setUint32(table + i * 16 + 8, length, true);
      this.view.setUint16(table + i * 16 + 12, flags, true);
      this.view.setUint16(table + i * 16 + 14, next ?? i + 1, true);
    });
  }

  /** Makes a chain available without telling the device. */
  offer(rings: Rings, head: number): void {
    const index = this.view.getUint16(rings.available + 2, true);
    this.view.setUint16(rings.available + 4 + (index % rings.size) * 2, head, true);
    this.view.setUint16(rings.available + 2, index + 1, true);
  }

  usedIndex(rings: Rings): number {
    return this.view.getUint16(rings.used + 2, true);
  }

  usedElement(rings: Rings, index: number): [head: number, written: number] {
    const at = rings.used + 4 + (index % rings.size) * 8;
    return [this.view.getUint32(at, true), this.view.getUint32(at + 4, true)];
  }

  notify(queue: number): void {
    this.write(0x3000 + queue * 4, 2, queue);
  }
}
