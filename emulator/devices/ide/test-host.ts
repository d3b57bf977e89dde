import type { DiskTransfer, PortHandler } from "../device.ts";
import type { PciSlot } from "../pci.ts";
import { TestClock } from "../test-clock.ts";
import type { Drive } from "../../disks/disk-image.ts";
import { memoryDisk } from "../../disks/memory-disk.ts";
import { PiixIde } from "./piix-ide.ts";

export const RAM_BYTES = 1 << 20;
const PRIMARY = 0x1f0;
const SECONDARY = 0x170;

/** Bytes that tell their place: no two sectors are alike. */
export function pattern(bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) out[i] = (Math.imul(i >> 8, 0x9e3779b1) >>> 13) ^ i;
  return out;
}

export function disk(content: Uint8Array): Drive {
  return { image: memoryDisk(content), kind: "disk", bus: "ide", name: "disk" };
}

export function cd(content: Uint8Array): Drive {
  return { image: memoryDisk(content), kind: "cdrom", bus: "ide", name: "cd" };
}

/** A PC as a driver sees it: ports, memory, interrupts; time passes with every status read. */
export class IdeHost {
  readonly clock = new TestClock();
  readonly ram = new Uint8Array(RAM_BYTES);
  readonly transfers: DiskTransfer[] = [];
  readonly irqs = [false, false];
  readonly ide: PiixIde;
  busMaster = true;
  /** Where `rep insw` goes to at present. */
  destination = -1;

  constructor(drives: readonly Drive[]) {
    this.ide = new PiixIde(drives, {
      time: this.clock.queue,
      lines: {
        dmaRead: (physical, into) => {
          into.fill(0xff);
          into.set(this.ram.subarray(physical, physical + into.length));
        },
        dmaWrite: (physical, bytes) =>
          this.ram.set(bytes.subarray(0, Math.max(0, RAM_BYTES - physical)), Math.min(physical, RAM_BYTES)),
        insDestination: () => this.destination,
      },
      slot: this.#slot(),
      irqs: [(level) => (this.irqs[0] = level), (level) => (this.irqs[1] = level)],
      diskTransfer: (transfer) => this.transfers.push(transfer),
    });
    this.ide.reset();
  }

  in(port: number, size: 1 | 2 | 4 = 1): number {
    return this.#handler(port).readPort(port, size);
  }

  out(port: number, value: number, size: 1 | 2 | 4 = 1): void {
    this.#handler(port).writePort(port, size, value);
  }

  readBlock(port: number, size: 1 | 2 | 4, into: Uint8Array): number {
    return this.#handler(port).readBlock?.(port, size, into) ?? 0;
  }

  writeBlock(port: number, size: 1 | 2 | 4, from: Uint8Array): number {
    return this.#handler(port).writeBlock?.(port, size, from) ?? 0;
  }

  /** Bus master registers, both channels'. */
  bm(offset: number, size: 1 | 2 | 4 = 1): number {
    const bar = this.ide.bars[4];
    return bar && bar.kind === "io" ? bar.handler.readPort(offset, size) : 0;
  }

  setBm(offset: number, value: number, size: 1 | 2 | 4 = 1): void {
    const bar = this.ide.bars[4];
    if (bar && bar.kind === "io") bar.handler.writePort(offset, size, value);
  }

  /** Polls the alternate status until the drive is no longer busy; that status. */
  wait(channel = 0): number {
    for (let tries = 0; tries < 100_000; tries++) {
      const status = this.in(channel ? 0x376 : 0x3f6);
      if (!(status & 0x80)) return status;
      this.clock.advance(1000);
    }
    throw new Error("The drive stayed busy.");
  }

  /** Writes device, features, count and LBA (24 bits), then the command. */
  command(channel: number, device: number, command: number, count = 0, lba = 0, features = 0): void {
    const base = channel ? SECONDARY : PRIMARY;
    this.out(base + 6, device);
    this.out(base + 1, features);
    this.out(base + 2, count);
    this.out(base + 3, lba & 0xff);
    this.out(base + 4, (lba >> 8) & 0xff);
    this.out(base + 5, (lba >> 16) & 0xff);
    this.out(base + 7, command);
  }

  /** The same with 48-bit registers: the previous values first. */
  commandExt(channel: number, device: number, command: number, count: number, lba: number): void {
    const base = channel ? SECONDARY : PRIMARY;
    const high = Math.floor(lba / 0x100_0000);
    this.out(base + 6, device);
    this.out(base + 2, count >> 8);
    this.out(base + 3, high & 0xff);
    this.out(base + 4, (high >> 8) & 0xff);
    this.out(base + 5, (high >> 16) & 0xff);
    this.out(base + 2, count & 0xff);
    this.out(base + 3, lba & 0xff);
    this.out(base + 4, (lba >>> 8) & 0xff);
    this.out(base + 5, (lba >>> 16) & 0xff);
    this.out(base + 7, command);
  }

  /** `rep insw` to physical `destination`, -1 for a register. */
  insw(channel: number, words: number, destination = -1): Uint8Array {
    const out = new Uint8Array(words * 2);
    for (let i = 0; i < words; i++) {
      this.destination = destination < 0 ? -1 : destination + i * 2;
      const value = this.in(channel ? SECONDARY : PRIMARY, 2);
      out[i * 2] = value;
      out[i * 2 + 1] = value >> 8;
    }
    if (destination >= 0) this.ram.set(out, destination);
    return out;
  }

  outsw(channel: number, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i += 2) {
      this.out(channel ? SECONDARY : PRIMARY, (bytes[i] as number) | ((bytes[i + 1] as number) << 8), 2);
    }
  }

  /** Reads PIO data block by block until the drive has no more. */
  readAll(channel: number, blockBytes: number, destination = -1): Uint8Array {
    const blocks: Uint8Array[] = [];
    for (let at = destination; this.wait(channel) & 8;) {
      blocks.push(this.insw(channel, blockBytes / 2, at));
      if (at >= 0) at += blockBytes;
    }
    return Buffer.concat(blocks);
  }

  /** Sends a 12-byte packet; the status after it. */
  packet(channel: number, device: number, bytes: readonly number[], limit = 0xfffe, dma = false): number {
    this.command(channel, device, 0xa0, 0, limit << 8, dma ? 1 : 0);
    this.wait(channel);
    this.outsw(
      channel,
      Uint8Array.from({ length: 12 }, (_, i) => bytes[i] ?? 0),
    );
    return this.wait(channel);
  }

  /** A table of physical regions at `table`, and a transfer by it; `start` begins it. */
  prepareDma(channel: number, table: number, regions: readonly (readonly [number, number])[]): void {
    const view = new DataView(this.ram.buffer);
    regions.forEach(([physical, bytes], i) => {
      view.setUint32(table + i * 8, physical, true);
      view.setUint16(table + i * 8 + 4, bytes & 0xffff, true);
      view.setUint16(table + i * 8 + 6, i === regions.length - 1 ? 0x8000 : 0, true);
    });
    this.setBm(channel * 8 + 4, table, 4);
    this.setBm(channel * 8 + 2, 0x06);
  }

  startDma(channel: number, toMemory: boolean): void {
    this.setBm(channel * 8, toMemory ? 9 : 1);
  }

  #slot(): PciSlot {
    const enabled = (): boolean => this.busMaster;
    return {
      setInterrupt: () => undefined,
      configByte: () => 0,
      setConfigByte: () => undefined,
      get busMaster() {
        return enabled();
      },
    };
  }

  #handler(port: number): PortHandler {
    const range = this.ide.fixedPorts.find(({ first, last }) => port >= first && port <= last);
    if (!range) throw new Error(`No IDE port ${port.toString(16)}.`);
    return range.handler;
  }
}
