import type { DeviceState } from "../device.ts";
import type { DiskImage } from "../../disks/disk-image.ts";
import { DiskError } from "../../disks/overlay-disk.ts";
import { Command, Reason, Status } from "./ata-registers.ts";
import { DEFAULT_SETTINGS, modernNumber, powerCommand, setTransferMode } from "./drive-settings.ts";
import { identifyCd } from "./identify.ts";
import { IdeDrive, type DriveLink } from "./ide-drive.ts";
import { CD_SECTOR, ScsiCd, type CdAnswer } from "./scsi-cd.ts";

const PACKET_BYTES = 12;
const IDENTIFY_BYTES = 512;
/** Largest even byte count. */
const LARGEST_BLOCK = 0xfffe;
/** Guest time from a packet to its answer, and between blocks, nanoseconds. */
const PACKET_DELAY = 10_000;
const NEXT_BLOCK = 500;

const POWER_ON = {
  ...DEFAULT_SETTINGS,
  /** What the next block is part of. */
  phase: "none" as "none" | "packet" | "data",
  packet: new Uint8Array(PACKET_BYTES),
  /** The packet's data goes by DMA. */
  byDma: false,
  /** Most bytes that the host takes between two interrupts. */
  limit: 0,
  /** Data that is no part of the image, and how much of the transfer is still to come, of it or of the image. */
  response: new Uint8Array(0) as Uint8Array,
  left: 0,
  /** Next byte in the image, -1 when the data is the response. */
  source: -1,
};

/** A CD-ROM drive by the packet feature set (ATA/ATAPI-6, section 9.10): packets, PIO and DMA; see ScsiCd. */
export class AtapiCd extends IdeDrive {
  protected readonly signature = { lbaMid: 0x14, lbaHigh: 0xeb, status: 0 };
  readonly #image: DiskImage;
  readonly #serial: string;
  readonly #scsi: ScsiCd;
  #state = structuredClone(POWER_ON);

  constructor(link: DriveLink, image: DiskImage, serial: string) {
    super(link);
    this.#image = image;
    this.#serial = serial;
    this.#scsi = new ScsiCd(Math.ceil(image.bytes / CD_SECTOR));
  }

  override writeCommand(command: number): void {
    if (command === Command.DEVICE_RESET) this.startReset(false);
    else super.writeCommand(command);
  }

  override dmaRead(position: number, into: Uint8Array): void {
    const { source, response } = this.#state;
    if (source >= 0) this.#image.read(source + position, into);
    else into.set(response.subarray(position, position + into.length));
  }

  /** No packet of a CD drive takes data. */
  override dmaWrite(): void {
    throw new DiskError("A CD cannot be written.");
  }

  override dmaSource(position: number): number {
    const { source } = this.#state;
    return source < 0 ? -1 : source + position;
  }

  override dmaDone(failed: boolean): void {
    this.#state.left = 0;
    if (failed) this.#answer(this.#scsi.readFailed());
    else this.#done();
  }

  protected override powerOn(): void {
    this.#state = structuredClone(POWER_ON);
    this.#scsi.reset();
  }

  protected override saveMore(): DeviceState {
    return { drive: structuredClone(this.#state), scsi: this.#scsi.save() };
  }

  protected override restoreMore(state: DeviceState): void {
    this.#state = structuredClone(state["drive"]) as typeof POWER_ON;
    this.#scsi.restore(state["scsi"] as DeviceState);
  }

  protected override execute(): void {
    const { regs } = this;
    const state = this.#state;
    switch (modernNumber(regs.command)) {
      case Command.PACKET:
        state.byDma = (regs.features & 1) !== 0;
        state.limit = regs.lbaMid | (regs.lbaHigh << 8);
        state.phase = "packet";
        state.standby = false;
        regs.count = Reason.COMMAND;
        this.askData(PACKET_BYTES, false);
        return;
      case Command.IDENTIFY_PACKET:
        this.buffer.set(identifyCd(this.#serial, state));
        state.phase = "none";
        this.offerData(IDENTIFY_BYTES, -1);
        return;
      case Command.IDENTIFY:
      case Command.READ_SECTORS:
        this.abortWithSignature();
        return;
      case Command.SET_FEATURES: {
        const known = regs.features === 0x66 || regs.features === 0xcc;
        if (!known && !(regs.features === 0x03 && setTransferMode(regs.count, state))) {
          this.abort();
          return;
        }
        break;
      }
      case Command.FLUSH:
        break;
      default:
        if (powerCommand(regs, state)) break;
        this.abort();
        return;
    }
    this.finish(Status.READY);
  }

  protected override blockRead(): void {
    const state = this.#state;
    if (state.phase === "none") this.regs.status = Status.READY;
    else this.laterBlock(NEXT_BLOCK);
  }

  protected override blockWritten(): void {
    this.#state.packet = this.buffer.slice(0, PACKET_BYTES);
    this.laterBlock(PACKET_DELAY);
  }

  protected override nextBlock(): void {
    if (this.#state.phase === "packet") {
      this.#state.phase = "data";
      this.#answer(this.#scsi.execute(this.#state.packet));
    } else if (this.#state.left > 0) {
      this.#offerBlock();
    } else {
      this.#done();
    }
  }

  #answer(answer: CdAnswer): void {
    const state = this.#state;
    switch (answer.kind) {
      case "done":
        this.#done();
        return;
      case "error":
        this.regs.count = Reason.COMMAND | Reason.TO_HOST;
        state.phase = "none";
        this.finish(Status.READY | Status.ERR, answer.senseKey << 4);
        return;
      case "data":
        state.response = answer.bytes;
        state.source = -1;
        state.left = answer.bytes.length;
        break;
      case "read":
        state.source = answer.lba * CD_SECTOR;
        state.left = answer.sectors * CD_SECTOR;
    }
    if (state.byDma) {
      this.regs.count = Reason.TO_HOST;
      this.requestDma({ bytes: state.left, toMemory: true });
    } else if (state.limit === 0) {
      // Nothing may be transferred at all.
      state.phase = "none";
      this.abort();
    } else {
      this.#offerBlock();
    }
  }

  #offerBlock(): void {
    const { regs } = this;
    const state = this.#state;
    let bytes = Math.min(state.left, state.limit, LARGEST_BLOCK);
    // Whole sectors where the host takes as many; else an even count, unless it is the last one.
    if (bytes < state.left) bytes = bytes >= CD_SECTOR ? bytes - (bytes % CD_SECTOR) : Math.max(2, bytes & ~1);
    const { source } = state;
    try {
      if (source >= 0) {
        this.#image.read(source, this.buffer.subarray(0, bytes));
        state.source += bytes;
      } else {
        const { response } = state;
        this.buffer.set(response.subarray(response.length - state.left).subarray(0, bytes));
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#answer(this.#scsi.readFailed());
      return;
    }
    state.left -= bytes;
    regs.count = Reason.TO_HOST;
    regs.lbaMid = bytes & 0xff;
    regs.lbaHigh = bytes >> 8;
    this.offerData(bytes, source);
  }

  #done(): void {
    this.#state.phase = "none";
    this.regs.count = Reason.COMMAND | Reason.TO_HOST;
    this.finish(Status.READY);
  }
}
