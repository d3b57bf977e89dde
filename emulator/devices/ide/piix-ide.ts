import type { CpuLines, DeviceState, DiskTransfer, SetLine, Timebase } from "../device.ts";
import type { FixedPorts, PciBar, PciDevice, PciFunctionDescription, PciSlot } from "../pci.ts";
import type { Drive } from "../../disks/disk-image.ts";
import { IdeChannel, type PlacedDrive } from "./ide-channel.ts";

/** Where IDE drives go: channel and position. The first CD takes drive 0 of the second channel, as in QEMU. */
const CD_PLACE = 2;
const PLACES = 4;
const COMMAND_REGISTER = 0x04;

export interface PiixIdeLinks {
  readonly time: Timebase;
  readonly lines: Pick<CpuLines, "dmaRead" | "dmaWrite" | "insDestination">;
  readonly slot: PciSlot;
  /** IRQ14 and IRQ15. */
  readonly irqs: readonly [primary: SetLine, secondary: SetLine];
  diskTransfer(transfer: DiskTransfer): void;
}

/**
 * Which of the machine's drives is at which place: primary drive 0 and 1, secondary drive 0 and 1. Throws RangeError with
 * one sentence when there are more IDE drives than places.
 */
export function placeIdeDrives(drives: readonly Drive[]): (PlacedDrive | undefined)[] {
  const places = new Array<PlacedDrive | undefined>(PLACES).fill(undefined);
  const ide = drives.map((drive, index) => ({ drive, index })).filter(({ drive }) => drive.bus === "ide");
  if (ide.length > PLACES) {
    throw new RangeError(
      `There are ${ide.length} IDE drives; a PC has room for ${PLACES}. Give others the virtio bus.`,
    );
  }
  const firstCd = ide.find(({ drive }) => drive.kind === "cdrom");
  if (firstCd) places[CD_PLACE] = firstCd;
  for (const one of ide) if (one !== firstCd) places[places.indexOf(undefined)] = one;
  return places;
}

/** The IDE function of the PIIX3 (Intel data sheet 290550, section 2.3): two channels in legacy mode, bus mastering. */
export class PiixIde implements PciDevice {
  readonly name = "ide";
  readonly pci: PciFunctionDescription = {
    device: 1,
    function: 1,
    vendorId: 0x8086,
    deviceId: 0x7010,
    revision: 0,
    classCode: 0x01_0180,
    headerType: 0,
    registers: [
      // The channels answer before firmware enables them, as in QEMU: in IDETIM too, where drivers look for that.
      [COMMAND_REGISTER, 0x0001, 0x0005, 2],
      [0x06, 0x0280, 0, 2],
      // IDETIM of both channels, SIDETIM: timings are storage.
      [0x40, 0x8000, 0xffff, 2],
      [0x42, 0x8000, 0xffff, 2],
      [0x44, 0, 0xff, 1],
    ],
  };
  readonly bars: readonly (PciBar | undefined)[];
  readonly fixedPorts: readonly FixedPorts[];
  readonly #channels: readonly [IdeChannel, IdeChannel];

  constructor(drives: readonly Drive[], { time, lines, slot, irqs, ...links }: PiixIdeLinks) {
    const places = placeIdeDrives(drives);
    const channel = (index: 0 | 1): IdeChannel =>
      new IdeChannel(`${this.name}.${index}`, places.slice(index * 2, index * 2 + 2), {
        time,
        lines,
        irq: irqs[index],
        busMasterEnabled: () => slot.busMaster,
        transferred: (transfer) => links.diskTransfer(transfer),
      });
    this.#channels = [channel(0), channel(1)];
    const [first, second] = this.#channels;
    const half = (port: number): IdeChannel => (port < 8 ? first : second);
    this.bars = [
      undefined,
      undefined,
      undefined,
      undefined,
      {
        kind: "io",
        bytes: 16,
        width: 4,
        handler: {
          readPort: (port, size) => half(port).busMaster.readPort(port & 7, size),
          writePort: (port, size, value) => half(port).busMaster.writePort(port & 7, size, value),
        },
      },
    ];
    this.fixedPorts = [
      { first: 0x1f0, last: 0x1f7, width: 4, handler: first.commandBlock },
      { first: 0x3f6, last: 0x3f6, width: 1, handler: first.controlBlock },
      { first: 0x170, last: 0x177, width: 4, handler: second.commandBlock },
      { first: 0x376, last: 0x376, width: 1, handler: second.controlBlock },
    ];
  }

  reset(): void {
    for (const channel of this.#channels) channel.reset();
  }

  save(): DeviceState {
    return { channels: this.#channels.map((channel) => channel.save()) };
  }

  restore(state: DeviceState): void {
    (state["channels"] as DeviceState[]).forEach((one, index) => this.#channels[index]?.restore(one));
  }

  /** A transfer may have waited for the right to master the bus. */
  configWritten(offset: number): void {
    if (offset <= COMMAND_REGISTER) for (const channel of this.#channels) channel.busMaster.update();
  }
}
