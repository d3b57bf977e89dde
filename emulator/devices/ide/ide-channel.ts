import type { CpuLines, DeviceState, DiskTransfer, PortHandler, SetLine, Timebase } from "../device.ts";
import type { Drive } from "../../disks/disk-image.ts";
import { AtaDisk } from "./ata-disk.ts";
import { AtapiCd } from "./atapi-cd.ts";
import { Command, Control, DeviceBit, Reg, Status } from "./ata-registers.ts";
import { BusMaster } from "./bus-master.ts";
import type { DriveLink, IdeDrive } from "./ide-drive.ts";

/** A drive and its index in the machine's configuration. */
export interface PlacedDrive {
  drive: Drive;
  index: number;
}

export interface ChannelLink {
  readonly time: Timebase;
  readonly lines: Pick<CpuLines, "dmaRead" | "dmaWrite" | "insDestination">;
  readonly irq: SetLine;
  busMasterEnabled(): boolean;
  transferred(transfer: DiskTransfer): void;
}

/**
 * An IDE channel: two drives on one cable. Both hear every register write, the selected one answers. A drive that is
 * not there reads as 0, as drive 0 answers for an absent drive 1.
 */
export class IdeChannel {
  readonly busMaster: BusMaster;
  readonly #link: ChannelLink;
  readonly #drives: readonly (IdeDrive | undefined)[];
  readonly #present: readonly IdeDrive[];
  #selected = 0;
  #control = 0;
  #line = false;

  /** @param placed drive 0 and drive 1 */
  constructor(name: string, placed: readonly (PlacedDrive | undefined)[], link: ChannelLink) {
    this.#link = link;
    this.#drives = placed.map((one, position) => one && this.#makeDrive(`${name}.${position}`, one));
    this.#present = this.#drives.filter((drive) => drive !== undefined);
    this.busMaster = new BusMaster({
      time: link.time,
      id: `${name}.dma`,
      lines: link.lines,
      enabled: () => link.busMasterEnabled(),
      waiting: () => this.#present.find((drive) => drive.dma !== null),
    });
    this.reset();
  }

  reset(): void {
    this.#selected = 0;
    this.#control = 0;
    this.busMaster.reset();
    for (const drive of this.#present) drive.reset();
    this.#updateLine();
  }

  save(): DeviceState {
    return {
      selected: this.#selected,
      control: this.#control,
      line: this.#line,
      busMaster: this.busMaster.save(),
      drives: this.#present.map((drive) => drive.save()),
    };
  }

  restore(state: DeviceState): void {
    this.#selected = state["selected"] as number;
    this.#control = state["control"] as number;
    this.#line = state["line"] as boolean;
    this.busMaster.restore(state["busMaster"] as DeviceState);
    (state["drives"] as DeviceState[]).forEach((one, index) => this.#present[index]?.restore(one));
  }

  /** The command block: data by words and double words, all else by bytes. */
  readonly commandBlock: PortHandler = {
    readPort: (port, size) => {
      const register = port & 7;
      if (register === Reg.DATA) return size === 1 ? 0xff : (this.#drives[this.#selected]?.readData(size) ?? 0);
      if (size === 1) return this.#read(register);
      let value = 0;
      for (let i = 0; i < size; i++) value |= this.#read((register + i) & 7) << (8 * i);
      return value >>> 0;
    },
    writePort: (port, size, value) => {
      const register = port & 7;
      if (register === Reg.DATA) {
        if (size !== 1) this.#drives[this.#selected]?.writeData(size, value);
        return;
      }
      for (let i = 0; i < size && register + i < 8; i++) this.#write(register + i, (value >>> (8 * i)) & 0xff);
    },
    readBlock: (port, size, into) =>
      (port & 7) === Reg.DATA && size !== 1 ? (this.#drives[this.#selected]?.readDataBlock(size, into) ?? 0) : 0,
    writeBlock: (port, size, from) =>
      (port & 7) === Reg.DATA && size !== 1 ? (this.#drives[this.#selected]?.writeDataBlock(size, from) ?? 0) : 0,
  };

  /** Alternate status and device control. */
  readonly controlBlock: PortHandler = {
    readPort: () => this.#drives[this.#selected]?.status ?? 0,
    writePort: (_port, _size, value) => this.#writeControl(value & 0xff),
  };

  #makeDrive(id: string, { drive, index }: PlacedDrive): IdeDrive {
    const { lines, time } = this.#link;
    const link: DriveLink = {
      time,
      id,
      interruptChanged: () => this.#updateLine(),
      dmaChanged: () => this.busMaster.update(),
      insDestination: () => lines.insDestination(),
      transferred: (transfer) => this.#link.transferred({ ...transfer, drive: index }),
    };
    const serial = `BS${String(index + 1).padStart(5, "0")}`;
    return drive.kind === "cdrom" ? new AtapiCd(link, drive.image, serial) : new AtaDisk(link, drive.image, serial);
  }

  #read(register: number): number {
    const drive = this.#drives[this.#selected];
    if (!drive) return 0;
    const value = drive.readRegister(register, (this.#control & Control.HOB) !== 0);
    if (register === Reg.STATUS) drive.setInterrupt(false);
    return value;
  }

  #write(register: number, value: number): void {
    this.#control &= ~Control.HOB;
    const drive = this.#drives[this.#selected];
    if (register === Reg.STATUS) {
      this.#command(drive, value);
      return;
    }
    // The registers belong to the drive while it is busy.
    if (drive && drive.status & (Status.BSY | Status.DRQ)) return;
    for (const one of this.#present) one.writeRegister(register, value);
    if (register === Reg.DEVICE) {
      this.#selected = value & DeviceBit.DEV ? 1 : 0;
      this.#updateLine();
    }
  }

  #command(drive: IdeDrive | undefined, command: number): void {
    // Both drives execute it whichever is selected; drive 0 tells when.
    if (command === Command.EXECUTE_DIAGNOSTIC) {
      if (drive && drive.status & (Status.BSY | Status.DRQ)) return;
      this.#selectFirst();
      this.#present.forEach((one, position) => one.startReset(position === 0));
    } else {
      drive?.writeCommand(command);
    }
  }

  #writeControl(value: number): void {
    const before = this.#control;
    this.#control = value & (Control.HOB | Control.SRST | Control.NIEN);
    if (value & ~before & Control.SRST) {
      for (const drive of this.#present) drive.holdReset();
      this.#selectFirst();
    } else if (before & ~value & Control.SRST) {
      for (const drive of this.#present) drive.startReset(false);
    }
    this.#updateLine();
  }

  #selectFirst(): void {
    this.#selected = 0;
    for (const drive of this.#present) drive.writeRegister(Reg.DEVICE, 0);
  }

  /** The selected drive's request, unless nIEN holds it off. */
  #updateLine(): void {
    const drive = this.#drives[this.#selected];
    const line = drive !== undefined && drive.interrupt && !(this.#control & Control.NIEN);
    if (line === this.#line) return;
    this.#line = line;
    if (line) this.busMaster.interruptRaised();
    this.#link.irq(line);
  }
}
