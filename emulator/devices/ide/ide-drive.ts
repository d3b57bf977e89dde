import type { DeviceState, DiskTransfer, Timebase, Timer } from "../device.ts";
import { DeviceBit, ErrorBit, Reg, Status } from "./ata-registers.ts";

/** What a drive needs of its channel. */
export interface DriveLink {
  readonly time: Timebase;
  /** Id of the drive's timer. */
  readonly id: string;
  /** The drive's interrupt request changed. */
  interruptChanged(): void;
  /** The drive has a DMA transfer for the bus master, or has given one up. */
  dmaChanged(): void;
  /** Guest physical address that INS writes the data being read to, -1 when there is none. */
  insDestination(): number;
  /** Bytes of the image have reached guest memory. */
  transferred(transfer: Omit<DiskTransfer, "drive">): void;
}

/** A transfer that waits for the bus master. */
export interface DmaRequest {
  bytes: number;
  toMemory: boolean;
}

/** Largest block of data between two interrupts: the packet feature set's byte count is 16 bits. */
const BUFFER_BYTES = 0x1_0000;
/** Guest time that a command takes before anything is seen of it, nanoseconds. */
const COMMAND_DELAY = 2_000;
const RESET_DELAY = 2_000;

/** What the drive does when its timer fires. */
const enum Step {
  NONE = "",
  COMMAND = "command",
  BLOCK = "block",
  RESET = "reset",
  DIAGNOSTIC = "diagnostic",
}

function freshRegisters(): typeof REGISTERS {
  return structuredClone(REGISTERS);
}

/** Each of the count and LBA registers holds its last two values; the 48-bit commands use both. */
const REGISTERS = {
  features: 0,
  count: 0,
  lbaLow: 0,
  lbaMid: 0,
  lbaHigh: 0,
  countBefore: 0,
  lbaLowBefore: 0,
  lbaMidBefore: 0,
  lbaHighBefore: 0,
  device: DeviceBit.ONES as number,
  error: 0,
  status: 0,
  command: 0,
  /** INTRQ of this drive. */
  interrupt: false,
  step: Step.NONE as Step,
  /** A SLEEP command: only a reset is heard. */
  asleep: false,
  /** Data in the buffer goes to the host, or comes from there. */
  toHost: true,
  at: 0,
  end: 0,
  /** Byte in the image of the buffer's first one, -1 when it is from elsewhere. */
  source: -1,
  /** Run of bytes that INS put into memory in a row: its start in the buffer and in memory, and its length. */
  runAt: 0,
  runPhysical: 0,
  runBytes: 0,
  dma: null as DmaRequest | null,
};

/**
 * What disks and CD drives on an IDE channel share: the task file, the data port with its buffer, the interrupt
 * request, and the delay by which everything is answered (ATA/ATAPI-6, chapters 7 to 9).
 */
export abstract class IdeDrive {
  protected readonly link: DriveLink;
  protected readonly buffer = new Uint8Array(BUFFER_BYTES + 4);
  protected regs = freshRegisters();
  readonly #timer: Timer;

  constructor(link: DriveLink) {
    this.link = link;
    this.#timer = { id: link.id, fire: () => this.#fire() };
    link.time.register(this.#timer);
  }

  get interrupt(): boolean {
    return this.regs.interrupt;
  }

  get status(): number {
    return this.regs.status;
  }

  get dma(): DmaRequest | null {
    return this.regs.dma;
  }

  /** Bytes for memory, from byte `position` of the DMA transfer on. Throws DiskError when the image cannot be read. */
  abstract dmaRead(position: number, into: Uint8Array): void;
  /** Bytes from memory. Throws DiskError when they cannot be written. */
  abstract dmaWrite(position: number, bytes: Uint8Array): void;
  /** Byte in the image of byte `position` of the transfer, -1 when the data is from elsewhere. */
  abstract dmaSource(position: number): number;
  /** The transfer is over; `failed` when an image could not be read or written. */
  abstract dmaDone(failed: boolean): void;

  /** Executes the command in the registers, after its delay. */
  protected abstract execute(): void;
  /** The host has read the whole buffer. */
  protected abstract blockRead(): void;
  /** The host has filled the buffer. */
  protected abstract blockWritten(): void;
  /** Goes on with the transfer under way, after `later`. */
  protected abstract nextBlock(): void;
  /** What the drive shows after a reset, to tell its kind. */
  protected abstract readonly signature: { readonly lbaMid: number; readonly lbaHigh: number; readonly status: number };
  /** Settings as after power-on. */
  protected abstract powerOn(): void;
  protected abstract saveMore(): DeviceState;
  protected abstract restoreMore(state: DeviceState): void;

  /** Power-on or hard reset. */
  reset(): void {
    this.link.time.cancel(this.#timer);
    this.regs = freshRegisters();
    this.powerOn();
    this.#signReset();
    this.link.dmaChanged();
    this.link.interruptChanged();
  }

  /** SRST is asserted: everything under way is given up. */
  holdReset(): void {
    this.#giveUp();
    this.regs.asleep = false;
    this.regs.status = Status.BSY;
    this.link.time.cancel(this.#timer);
  }

  /**
   * SRST is released, or EXECUTE DEVICE DIAGNOSTIC or DEVICE RESET was written: the signature appears after a while, with
   * an interrupt when `interrupts`.
   */
  startReset(interrupts: boolean): void {
    this.#giveUp();
    this.regs.asleep = false;
    this.later(RESET_DELAY, interrupts ? Step.DIAGNOSTIC : Step.RESET);
  }

  readRegister(register: number, before: boolean): number {
    const regs = this.regs;
    switch (register) {
      case Reg.ERROR:
        return regs.error;
      case Reg.COUNT:
        return before ? regs.countBefore : regs.count;
      case Reg.LBA_LOW:
        return before ? regs.lbaLowBefore : regs.lbaLow;
      case Reg.LBA_MID:
        return before ? regs.lbaMidBefore : regs.lbaMid;
      case Reg.LBA_HIGH:
        return before ? regs.lbaHighBefore : regs.lbaHigh;
      case Reg.DEVICE:
        return regs.device;
      default:
        return regs.status;
    }
  }

  /** Any register but data and command; the channel writes both drives. */
  writeRegister(register: number, value: number): void {
    const regs = this.regs;
    switch (register) {
      case Reg.ERROR:
        regs.features = value;
        return;
      case Reg.COUNT:
        regs.countBefore = regs.count;
        regs.count = value;
        return;
      case Reg.LBA_LOW:
        regs.lbaLowBefore = regs.lbaLow;
        regs.lbaLow = value;
        return;
      case Reg.LBA_MID:
        regs.lbaMidBefore = regs.lbaMid;
        regs.lbaMid = value;
        return;
      case Reg.LBA_HIGH:
        regs.lbaHighBefore = regs.lbaHigh;
        regs.lbaHigh = value;
        return;
      default:
        regs.device = value | DeviceBit.ONES;
    }
  }

  /** A drive that is busy or has data to transfer hears only a DEVICE RESET, and that only when it takes packets. */
  writeCommand(command: number): void {
    const regs = this.regs;
    if (regs.asleep || regs.status & (Status.BSY | Status.DRQ)) return;
    this.setInterrupt(false);
    regs.command = command;
    regs.error = 0;
    this.later(COMMAND_DELAY, Step.COMMAND);
  }

  /** The status was read from where that acknowledges the interrupt. */
  setInterrupt(level: boolean): void {
    if (this.regs.interrupt === level) return;
    this.regs.interrupt = level;
    this.link.interruptChanged();
  }

  readData(size: 2 | 4): number {
    const regs = this.regs;
    if (!(regs.status & Status.DRQ) || !regs.toHost) return 0;
    const { buffer } = this;
    const at = regs.at;
    let value = (buffer[at] as number) | ((buffer[at + 1] as number) << 8);
    if (size === 4) value = (value | ((buffer[at + 2] as number) << 16) | ((buffer[at + 3] as number) << 24)) >>> 0;
    if (regs.source >= 0) this.#collect(at, Math.min(size, regs.end - at));
    regs.at = at + size;
    if (regs.at >= regs.end) {
      this.#endRun();
      regs.status &= ~Status.DRQ;
      this.blockRead();
    }
    return value;
  }

  /** As many reads in a row, but for the buffer's last one, of which more comes than data. */
  readDataBlock(size: 2 | 4, into: Uint8Array): number {
    const regs = this.regs;
    if (!(regs.status & Status.DRQ) || !regs.toHost) return 0;
    const elements = this.#elementsInside(size, into.length);
    if (elements === 0) return 0;
    const bytes = elements * size;
    into.set(this.buffer.subarray(regs.at, regs.at + bytes));
    if (regs.source >= 0) this.#collect(regs.at, bytes);
    regs.at += bytes;
    return elements;
  }

  /** As many writes in a row, but for the one that fills the buffer. */
  writeDataBlock(size: 2 | 4, from: Uint8Array): number {
    const regs = this.regs;
    if (!(regs.status & Status.DRQ) || regs.toHost) return 0;
    const elements = this.#elementsInside(size, from.length);
    this.buffer.set(from.subarray(0, elements * size), regs.at);
    regs.at += elements * size;
    return elements;
  }

  /** How many of the elements that `bytes` hold do not reach the buffer's end. */
  #elementsInside(size: 2 | 4, bytes: number): number {
    const left = this.regs.end - this.regs.at;
    return Math.max(0, Math.min(Math.floor(bytes / size), Math.ceil(left / size) - 1));
  }

  writeData(size: 2 | 4, value: number): void {
    const regs = this.regs;
    if (!(regs.status & Status.DRQ) || regs.toHost) return;
    const { buffer } = this;
    const at = regs.at;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    if (size === 4) {
      buffer[at + 2] = value >>> 16;
      buffer[at + 3] = value >>> 24;
    }
    regs.at = at + size;
    if (regs.at >= regs.end) {
      regs.status &= ~Status.DRQ;
      this.blockWritten();
    }
  }

  save(): DeviceState {
    const { regs } = this;
    // What lies beyond the bytes received so far is left over from earlier transfers, and no one can see it.
    const meaningful = regs.toHost ? regs.end : regs.at;
    return { regs: structuredClone(regs), buffer: this.buffer.slice(0, meaningful), more: this.saveMore() };
  }

  restore(state: DeviceState): void {
    this.regs = structuredClone(state["regs"]) as typeof REGISTERS;
    this.buffer.set(state["buffer"] as Uint8Array);
    this.restoreMore(state["more"] as DeviceState);
  }

  /** Busy for a while, then `step`. */
  protected later(ns: number, step: Step): void {
    this.regs.status = (this.regs.status & Status.READY) | Status.BSY;
    this.regs.step = step;
    this.link.time.schedule(this.#timer, this.link.time.now() + ns);
  }

  protected laterBlock(ns: number): void {
    this.later(ns, Step.BLOCK);
  }

  /** Offers `bytes` of the buffer to the host. */
  protected offerData(bytes: number, source: number): void {
    const regs = this.regs;
    regs.toHost = true;
    regs.source = source;
    // What a double word reads beyond the end.
    this.buffer.fill(0, bytes, bytes + 4);
    this.#startData(bytes);
    this.setInterrupt(true);
  }

  /** Asks the host for `bytes`. */
  protected askData(bytes: number, interrupt: boolean): void {
    const regs = this.regs;
    regs.toHost = false;
    regs.source = -1;
    this.#startData(bytes);
    if (interrupt) this.setInterrupt(true);
  }

  /** Bytes of the image have reached guest memory. */
  reportTransfer(transfer: Omit<DiskTransfer, "drive">): void {
    this.link.transferred(transfer);
  }

  /** The bus master has no room for the whole transfer: it ends without an interrupt. */
  dmaStarved(): void {
    this.regs.dma = null;
    this.regs.status = Status.READY;
  }

  protected requestDma(request: DmaRequest): void {
    this.regs.status = Status.READY | Status.BSY;
    this.regs.dma = request;
    this.link.dmaChanged();
  }

  /** The command is over. */
  protected finish(status: number, error = 0): void {
    const regs = this.regs;
    regs.dma = null;
    regs.end = 0;
    regs.status = status;
    regs.error = error;
    this.setInterrupt(true);
  }

  protected abort(): void {
    this.finish(Status.READY | Status.ERR, ErrorBit.ABRT);
  }

  /** What a drive answers to a command of the other kind of drive: aborted, and its own signature to be told by. */
  protected abortWithSignature(): void {
    this.#sign();
    this.abort();
  }

  #startData(bytes: number): void {
    const regs = this.regs;
    regs.at = 0;
    regs.end = bytes;
    regs.runBytes = 0;
    regs.status = Status.READY | Status.DRQ;
  }

  #fire(): void {
    const { step } = this.regs;
    this.regs.step = Step.NONE;
    if (step === Step.COMMAND) {
      this.execute();
    } else if (step === Step.BLOCK) {
      this.nextBlock();
    } else if (step !== Step.NONE) {
      this.#signReset();
      if (step === Step.DIAGNOSTIC) this.setInterrupt(true);
    }
  }

  #giveUp(): void {
    const regs = this.regs;
    this.link.time.cancel(this.#timer);
    regs.step = Step.NONE;
    this.#endRun();
    regs.end = 0;
    const hadDma = regs.dma !== null;
    regs.dma = null;
    if (hadDma) this.link.dmaChanged();
    this.setInterrupt(false);
  }

  #signReset(): void {
    this.#sign();
    // Diagnostic code: no error found.
    this.regs.error = 1;
    this.regs.status = this.signature.status;
  }

  #sign(): void {
    const regs = this.regs;
    regs.count = 1;
    regs.lbaLow = 1;
    regs.lbaMid = this.signature.lbaMid;
    regs.lbaHigh = this.signature.lbaHigh;
    regs.device = DeviceBit.ONES | (regs.device & DeviceBit.DEV);
  }

  /** Puts bytes of the buffer into the run that is being collected, or begins another. */
  #collect(at: number, bytes: number): void {
    const regs = this.regs;
    const physical = this.link.insDestination();
    if (regs.runBytes > 0) {
      if (physical === regs.runPhysical + regs.runBytes && at === regs.runAt + regs.runBytes) {
        regs.runBytes += bytes;
        return;
      }
      this.#endRun();
    }
    if (physical < 0) return;
    regs.runAt = at;
    regs.runPhysical = physical;
    regs.runBytes = bytes;
  }

  #endRun(): void {
    const { runBytes, runAt, runPhysical, source } = this.regs;
    if (runBytes === 0) return;
    this.regs.runBytes = 0;
    this.reportTransfer({ offset: source + runAt, physical: runPhysical, bytes: runBytes, by: "pio" });
  }
}
