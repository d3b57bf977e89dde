import type { DeviceState } from "../device.ts";
import type { DiskImage } from "../../disks/disk-image.ts";
import { DiskError } from "../../disks/overlay-disk.ts";
import { Command, DeviceBit, ErrorBit, Status } from "./ata-registers.ts";
import { DEFAULT_SETTINGS, modernNumber, powerCommand, setTransferMode } from "./drive-settings.ts";
import { DEFAULT_HEADS, DEFAULT_SECTORS_PER_TRACK, identifyDisk, MAX_MULTIPLE, type DiskSettings } from "./identify.ts";
import { IdeDrive, type DriveLink } from "./ide-drive.ts";

const SECTOR = 512;
const MAX_LBA28 = 0x0fff_ffff;
/** Guest time until the first block of a PIO transfer, between its blocks, and for writing the cache back; nanoseconds. */
const FIRST_BLOCK = 5_000;
const NEXT_BLOCK = 500;
const FLUSH = 20_000;

/** What a command does with data: by which protocol, in which direction, with addresses of 28 or 48 bits. */
interface Transfer {
  kind: "pio" | "dma" | "verify";
  write: boolean;
  ext: boolean;
  /** READ and WRITE MULTIPLE: several sectors a block. */
  multiple: boolean;
}

const pio = (write: boolean, ext: boolean, multiple: boolean): Transfer => ({ kind: "pio", write, ext, multiple });
const dma = (write: boolean, ext: boolean): Transfer => ({ kind: "dma", write, ext, multiple: false });
const verify = (ext: boolean): Transfer => ({ kind: "verify", write: false, ext, multiple: false });

/** The odd numbers are those without retries, which there is nothing to do about. */
const TRANSFERS: ReadonlyMap<number, Transfer> = new Map<number, Transfer>([
  [Command.READ_SECTORS, pio(false, false, false)],
  [Command.READ_SECTORS + 1, pio(false, false, false)],
  [Command.READ_SECTORS_EXT, pio(false, true, false)],
  [Command.READ_MULTIPLE, pio(false, false, true)],
  [Command.READ_MULTIPLE_EXT, pio(false, true, true)],
  [Command.WRITE_SECTORS, pio(true, false, false)],
  [Command.WRITE_SECTORS + 1, pio(true, false, false)],
  [Command.WRITE_SECTORS_EXT, pio(true, true, false)],
  [Command.WRITE_MULTIPLE, pio(true, false, true)],
  [Command.WRITE_MULTIPLE_EXT, pio(true, true, true)],
  [Command.WRITE_MULTIPLE_FUA_EXT, pio(true, true, true)],
  [Command.READ_DMA, dma(false, false)],
  [Command.READ_DMA + 1, dma(false, false)],
  [Command.READ_DMA_EXT, dma(false, true)],
  [Command.WRITE_DMA, dma(true, false)],
  [Command.WRITE_DMA + 1, dma(true, false)],
  [Command.WRITE_DMA_EXT, dma(true, true)],
  [Command.WRITE_DMA_FUA_EXT, dma(true, true)],
  [Command.VERIFY, verify(false)],
  [Command.VERIFY + 1, verify(false)],
  [Command.VERIFY_EXT, verify(true)],
]);

const POWER_ON = {
  heads: DEFAULT_HEADS,
  sectorsPerTrack: DEFAULT_SECTORS_PER_TRACK,
  multiple: MAX_MULTIPLE,
  writeCache: true,
  lookAhead: true,
  ...DEFAULT_SETTINGS,
  /** The transfer under way: next sector, sectors left behind the buffer's, sectors in the buffer. */
  lba: 0,
  left: 0,
  inBuffer: 0,
  perBlock: 1,
  write: false,
  ext: false,
};

/**
 * An ATA hard disk (ATA/ATAPI-6): PIO and DMA with 28 and 48-bit addresses, and by cylinder, head and sector. The SMART,
 * security, host protected area and packet feature sets are absent and their commands aborted; READ NATIVE MAX
 * ADDRESS answers all the same, as many programs ask for it.
 */
export class AtaDisk extends IdeDrive {
  protected readonly signature = { lbaMid: 0, lbaHigh: 0, status: Status.READY };
  readonly #image: DiskImage;
  readonly #serial: string;
  readonly #sectors: number;
  #state = { ...POWER_ON };

  constructor(link: DriveLink, image: DiskImage, serial: string) {
    super(link);
    this.#image = image;
    this.#serial = serial;
    this.#sectors = Math.ceil(image.bytes / SECTOR);
  }

  override dmaRead(position: number, into: Uint8Array): void {
    this.#image.read(this.#state.lba * SECTOR + position, into);
  }

  override dmaWrite(position: number, bytes: Uint8Array): void {
    this.#image.write(this.#state.lba * SECTOR + position, bytes);
  }

  override dmaSource(position: number): number {
    return this.#state.lba * SECTOR + position;
  }

  override dmaDone(failed: boolean): void {
    if (failed) {
      this.#failed();
      return;
    }
    this.#state.lba += this.#state.left;
    this.#state.left = 0;
    this.#done();
  }

  protected override powerOn(): void {
    this.#state = { ...POWER_ON };
  }

  protected override saveMore(): DeviceState {
    return { ...this.#state };
  }

  protected override restoreMore(state: DeviceState): void {
    this.#state = { ...state } as typeof POWER_ON;
  }

  protected override execute(): void {
    const { regs } = this;
    const state = this.#state;
    const transfer = TRANSFERS.get(regs.command);
    if (transfer) {
      this.#transfer(transfer);
      return;
    }
    // RECALIBRATE and SEEK own sixteen numbers each.
    if (regs.command >> 4 === 1) {
      this.finish(Status.READY);
      return;
    }
    if (regs.command >> 4 === 7) {
      this.#seek();
      return;
    }
    switch (modernNumber(regs.command)) {
      case Command.IDENTIFY:
        this.buffer.set(identifyDisk(this.#serial, this.#settings()));
        state.left = 0;
        state.write = false;
        this.offerData(SECTOR, -1);
        return;
      case Command.IDENTIFY_PACKET:
      case Command.PACKET:
        this.abortWithSignature();
        return;
      case Command.INITIALIZE_PARAMETERS:
        if (regs.count === 0) {
          this.abort();
          return;
        }
        state.heads = (regs.device & 15) + 1;
        state.sectorsPerTrack = regs.count;
        break;
      case Command.SET_MULTIPLE:
        if (regs.count > MAX_MULTIPLE || (regs.count & (regs.count - 1)) !== 0) {
          this.abort();
          return;
        }
        state.multiple = regs.count;
        break;
      case Command.SET_FEATURES:
        if (!this.#setFeatures()) {
          this.abort();
          return;
        }
        break;
      case Command.READ_NATIVE_MAX:
        this.#setLba(Math.min(this.#sectors, MAX_LBA28) - 1, false);
        break;
      case Command.READ_NATIVE_MAX_EXT:
        this.#setLba(this.#sectors - 1, true);
        break;
      case Command.FLUSH:
      case Command.FLUSH_EXT:
        state.left = 0;
        state.inBuffer = 0;
        state.write = false;
        this.laterBlock(FLUSH);
        return;
      default:
        if (powerCommand(regs, state)) break;
        this.abort();
        return;
    }
    this.finish(Status.READY);
  }

  protected override blockRead(): void {
    const state = this.#state;
    if (state.left > 0) this.laterBlock(NEXT_BLOCK);
    else this.regs.status = Status.READY;
  }

  protected override blockWritten(): void {
    this.laterBlock(NEXT_BLOCK);
  }

  /** Reads or writes the next sectors of a PIO transfer; a flush has none. */
  protected override nextBlock(): void {
    const state = this.#state;
    try {
      if (state.write) this.#writeBlock();
      else if (state.left > 0) this.#readBlock();
      else this.finish(Status.READY);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#failed();
    }
  }

  #readBlock(): void {
    const state = this.#state;
    const count = Math.min(state.perBlock, state.left);
    const offset = state.lba * SECTOR;
    this.#image.read(offset, this.buffer.subarray(0, count * SECTOR));
    state.lba += count;
    state.left -= count;
    // Before the data, as the registers cannot change while it is there.
    if (state.left === 0) this.#showLast();
    this.offerData(count * SECTOR, offset);
  }

  #writeBlock(): void {
    const state = this.#state;
    this.#image.write(state.lba * SECTOR, this.buffer.subarray(0, state.inBuffer * SECTOR));
    state.lba += state.inBuffer;
    if (state.left === 0) this.#done();
    else this.#askBlock(true);
  }

  #askBlock(interrupt: boolean): void {
    const state = this.#state;
    state.inBuffer = Math.min(state.perBlock, state.left);
    state.left -= state.inBuffer;
    this.askData(state.inBuffer * SECTOR, interrupt);
  }

  #transfer({ kind, write, ext, multiple }: Transfer): void {
    const { regs } = this;
    const state = this.#state;
    state.standby = false;
    if (multiple && state.multiple === 0) {
      this.abort();
      return;
    }
    const count = ext ? (regs.countBefore << 8) | regs.count || 0x1_0000 : regs.count || 0x100;
    const lba = this.#address(ext);
    state.ext = ext;
    if (lba < 0 || lba + count > this.#sectors) {
      // The registers show the first sector that does not exist; an impossible CHS address stays as it is.
      if (lba >= 0) this.#setLba(Math.max(lba, this.#sectors), ext);
      this.finish(Status.READY | Status.ERR, ErrorBit.IDNF);
      return;
    }
    state.lba = lba;
    state.left = count;
    state.write = write;
    state.perBlock = multiple ? state.multiple : 1;
    if (kind === "dma") {
      this.requestDma({ bytes: count * SECTOR, toMemory: !write });
    } else if (kind === "verify") {
      state.lba += count;
      state.left = 0;
      this.#showLast();
      this.laterBlock(FIRST_BLOCK);
    } else if (write) {
      this.#askBlock(false);
    } else {
      this.laterBlock(FIRST_BLOCK);
    }
  }

  /** Sector that the registers address, -1 when cylinder, head or sector are beyond the translation. */
  #address(ext: boolean): number {
    const { regs } = this;
    const low = regs.lbaLow + regs.lbaMid * 0x100 + regs.lbaHigh * 0x1_0000;
    if (ext) return low + (regs.lbaLowBefore + regs.lbaMidBefore * 0x100 + regs.lbaHighBefore * 0x1_0000) * 0x100_0000;
    if (regs.device & DeviceBit.LBA) return low + (regs.device & 15) * 0x100_0000;
    const { heads, sectorsPerTrack } = this.#state;
    const cylinder = regs.lbaMid | (regs.lbaHigh << 8);
    const head = regs.device & 15;
    const sector = regs.lbaLow;
    if (sector === 0 || sector > sectorsPerTrack || head >= heads) return -1;
    return (cylinder * heads + head) * sectorsPerTrack + sector - 1;
  }

  /** Puts a sector's address into the registers, in the form in force. */
  #setLba(lba: number, ext: boolean): void {
    const { regs } = this;
    if (!ext && !(regs.device & DeviceBit.LBA)) {
      const { heads, sectorsPerTrack } = this.#state;
      const track = Math.floor(lba / sectorsPerTrack);
      const cylinder = Math.floor(track / heads);
      regs.lbaLow = (lba % sectorsPerTrack) + 1;
      regs.lbaMid = cylinder & 0xff;
      regs.lbaHigh = (cylinder >> 8) & 0xff;
      regs.device = (regs.device & 0xf0) | (track % heads);
      return;
    }
    const high = Math.floor(lba / 0x100_0000);
    regs.lbaLow = lba & 0xff;
    regs.lbaMid = (lba >>> 8) & 0xff;
    regs.lbaHigh = (lba >>> 16) & 0xff;
    if (ext) {
      regs.lbaLowBefore = high & 0xff;
      regs.lbaMidBefore = (high >>> 8) & 0xff;
      regs.lbaHighBefore = (high >>> 16) & 0xff;
    } else {
      regs.device = (regs.device & 0xf0) | (high & 15);
    }
  }

  /** At the end of a transfer the registers hold the address of its last sector, and no sectors are left. */
  #showLast(): void {
    this.#setLba(this.#state.lba - 1, this.#state.ext);
    this.regs.count = 0;
    this.regs.countBefore = 0;
  }

  #done(): void {
    this.#state.write = false;
    this.#showLast();
    this.finish(Status.READY);
  }

  /** The image cannot be read: an uncorrectable error; not written: a device fault. */
  #failed(): void {
    const state = this.#state;
    this.#setLba(state.lba, state.ext);
    const { write } = state;
    state.left = 0;
    state.write = false;
    if (write) this.finish(Status.READY | Status.DF);
    else this.finish(Status.READY | Status.ERR, ErrorBit.UNC);
  }

  #seek(): void {
    const lba = this.#address(false);
    if (lba < 0 || lba >= this.#sectors) this.finish(Status.READY | Status.ERR, ErrorBit.IDNF);
    else this.finish(Status.READY);
  }

  #settings(): DiskSettings {
    return { sectors: this.#sectors, ...this.#state };
  }

  /** False for a feature that the drive does not have. */
  #setFeatures(): boolean {
    const { regs } = this;
    const state = this.#state;
    switch (regs.features) {
      case 0x02:
        state.writeCache = true;
        return true;
      case 0x82:
        state.writeCache = false;
        return true;
      case 0xaa:
        state.lookAhead = true;
        return true;
      case 0x55:
        state.lookAhead = false;
        return true;
      // Whether a soft reset reverts settings: none of them is reverted either way.
      case 0x66:
      case 0xcc:
        return true;
      case 0x03:
        return setTransferMode(regs.count, state);
      default:
        return false;
    }
  }
}
