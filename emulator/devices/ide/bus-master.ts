import { DiskError } from "../../disks/overlay-disk.ts";
import type { CpuLines, DeviceState, PortHandler, Timebase, Timer } from "../device.ts";
import { RunCollector } from "../../disks/run-collector.ts";
import type { IdeDrive } from "./ide-drive.ts";

const COMMAND_START = 0x01;
const COMMAND_TO_MEMORY = 0x08;
const STATUS_ACTIVE = 0x01;
const STATUS_ERROR = 0x02;
const STATUS_INTERRUPT = 0x04;
/** Storage for drivers: drive 0 and 1 can do DMA. */
const STATUS_CAPABLE = 0x60;

const PORTS = 8;
/** A table of regions may be 64 KiB long, and must not cross such a boundary. */
const TABLE_BYTES = 0x1_0000;
const REGION_BYTES = 8;
const END_OF_TABLE = 0x80;
/** Bytes moved between an image and memory at a time. */
const CHUNK = 0x1_0000;
/** Guest time of a transfer, and of each byte, nanoseconds. */
const TRANSFER_DELAY = 20_000;
const BYTE_DELAY = 1;

export interface BusMasterLink {
  readonly time: Timebase;
  /** Id of its timer. */
  readonly id: string;
  readonly lines: Pick<CpuLines, "dmaRead" | "dmaWrite">;
  /** The function may master the bus. */
  enabled(): boolean;
  /** The drive that waits for a transfer. */
  waiting(): IdeDrive | undefined;
}

const POWER_ON = { command: 0, status: 0, table: 0 };

/**
 * One channel's part of a bus master IDE controller ("Programming Interface for Bus Master IDE Controller", revision
 * 1.0): command, status and the address of a table of memory regions. A transfer starts when both the driver has set
 * the start bit and the drive waits; all of it happens at its end.
 */
export class BusMaster implements PortHandler {
  readonly #link: BusMasterLink;
  readonly #timer: Timer;
  readonly #chunk = new Uint8Array(CHUNK);
  readonly #region = new Uint8Array(REGION_BYTES);
  #regs = { ...POWER_ON };

  constructor(link: BusMasterLink) {
    this.#link = link;
    this.#timer = { id: link.id, fire: () => this.#transfer() };
    link.time.register(this.#timer);
  }

  reset(): void {
    this.#regs = { ...POWER_ON };
    this.#link.time.cancel(this.#timer);
  }

  save(): DeviceState {
    return { ...this.#regs };
  }

  restore(state: DeviceState): void {
    this.#regs = { ...state } as typeof POWER_ON;
  }

  /** The channel's interrupt line has risen. */
  interruptRaised(): void {
    this.#regs.status |= STATUS_INTERRUPT;
  }

  /** Starts a transfer when everything is ready for it, gives it up when the drive no longer waits. */
  update(): void {
    const request = this.#link.waiting()?.dma;
    if (!request || !(this.#regs.status & STATUS_ACTIVE) || !this.#link.enabled()) {
      this.#link.time.cancel(this.#timer);
      return;
    }
    this.#link.time.schedule(this.#timer, this.#link.time.now() + TRANSFER_DELAY + request.bytes * BYTE_DELAY);
  }

  /** @param port offset 0 to 7 */
  readPort(port: number, size: 1 | 2 | 4): number {
    let value = 0;
    for (let i = 0; i < size && port + i < PORTS; i++) value |= this.#readByte(port + i) << (8 * i);
    return value >>> 0;
  }

  writePort(port: number, size: 1 | 2 | 4, value: number): void {
    for (let i = 0; i < size && port + i < PORTS; i++) this.#writeByte(port + i, (value >>> (8 * i)) & 0xff);
  }

  #readByte(port: number): number {
    const { command, status, table } = this.#regs;
    if (port >= 4) return (table >>> (8 * (port - 4))) & 0xff;
    return port === 0 ? command : port === 2 ? status : 0;
  }

  #writeByte(port: number, value: number): void {
    const regs = this.#regs;
    if (port >= 4) {
      const shift = 8 * (port - 4);
      regs.table = ((regs.table & ~(0xff << shift)) | ((value & (port === 4 ? 0xfc : 0xff)) << shift)) >>> 0;
    } else if (port === 2) {
      const clear = value & (STATUS_ERROR | STATUS_INTERRUPT);
      regs.status = (regs.status & ~clear & ~STATUS_CAPABLE) | (value & STATUS_CAPABLE);
    } else if (port === 0) {
      const started = (value & ~regs.command & COMMAND_START) !== 0;
      regs.command = value & (COMMAND_START | COMMAND_TO_MEMORY);
      if (started) regs.status |= STATUS_ACTIVE;
      else if (!(value & COMMAND_START)) regs.status &= ~STATUS_ACTIVE;
      else return;
      this.update();
    }
  }

  /**
   * Moves the data. Regions that are longer than the transfer leave the channel active; when they are too short, there is
   * no interrupt: the driver times out and resets the drive.
   */
  #transfer(): void {
    const drive = this.#link.waiting();
    const request = drive?.dma;
    if (!drive || !request) return;
    const runs = new RunCollector((run) => drive.reportTransfer({ ...run, by: "dma" }));
    let done = 0;
    let exhausted = false;
    try {
      for (let index = 0; index < TABLE_BYTES / REGION_BYTES && !exhausted && done < request.bytes; index++) {
        const { physical, length, last } = this.#readRegion(index);
        const bytes = Math.min(length, request.bytes - done);
        this.#move(drive, request.toMemory, done, physical, bytes);
        if (request.toMemory && drive.dmaSource(done) >= 0) runs.add(drive.dmaSource(done), physical, bytes);
        done += bytes;
        exhausted = last && bytes === length;
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      runs.end();
      this.#regs.status &= ~STATUS_ACTIVE;
      drive.dmaDone(true);
      return;
    }
    runs.end();
    if (exhausted || done < request.bytes) this.#regs.status &= ~STATUS_ACTIVE;
    if (done < request.bytes) drive.dmaStarved();
    else drive.dmaDone(false);
  }

  /** A physical region descriptor: address, byte count (0 for 64 KiB), and whether it is the table's last one. */
  #readRegion(index: number): { physical: number; length: number; last: boolean } {
    const { table } = this.#regs;
    // The table does not cross a 64 KiB boundary: it starts over.
    const within = (table + index * REGION_BYTES) % TABLE_BYTES;
    const bytes = this.#region;
    this.#link.lines.dmaRead(table - (table % TABLE_BYTES) + within, bytes);
    const view = new DataView(bytes.buffer);
    return {
      physical: (view.getUint32(0, true) & ~1) >>> 0,
      length: view.getUint16(4, true) & ~1 || 0x1_0000,
      last: ((bytes[7] as number) & END_OF_TABLE) !== 0,
    };
  }

  #move(drive: IdeDrive, toMemory: boolean, position: number, physical: number, bytes: number): void {
    for (let done = 0; done < bytes;) {
      const chunk = this.#chunk.subarray(0, Math.min(CHUNK, bytes - done));
      if (toMemory) {
        drive.dmaRead(position + done, chunk);
        this.#link.lines.dmaWrite(physical + done, chunk);
      } else {
        this.#link.lines.dmaRead(physical + done, chunk);
        drive.dmaWrite(position + done, chunk);
      }
      done += chunk.length;
    }
  }
}
