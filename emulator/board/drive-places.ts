import { placeIdeDrives } from "../devices/ide/piix-ide.ts";
import type { PlacedDrive } from "../devices/ide/ide-channel.ts";
import type { Drive } from "../disks/disk-image.ts";

export interface DrivePlaces {
  /** Primary master and slave, secondary master and slave. */
  ide: readonly (PlacedDrive | undefined)[];
  /** In the order of their slots. */
  virtio: readonly (PlacedDrive & { slot: number })[];
  /** PCI slot of the virtio console: behind the disks. */
  consoleSlot: number;
  /** Paths of all drives in the order of the configuration, as firmware takes them for its boot order. */
  bootOrder: readonly string[];
}

/** PCI slots for virtio devices: behind the VGA adapter. */
const FIRST_VIRTIO_SLOT = 3;
const LAST_SLOT = 31;

/** Where drives go: four on the IDE channels, and a PCI slot for each virtio disk. */
export function placeDrives(drives: readonly Drive[]): DrivePlaces {
  const ide = placeIdeDrives(drives);
  const virtio: (PlacedDrive & { slot: number })[] = [];
  for (const [index, drive] of drives.entries()) {
    if (drive.bus !== "virtio") continue;
    const slot = FIRST_VIRTIO_SLOT + virtio.length;
    // The last slot is the console's.
    if (slot >= LAST_SLOT) {
      throw new RangeError(`There are too many virtio drives: ${LAST_SLOT - FIRST_VIRTIO_SLOT} fit.`);
    }
    virtio.push({ drive, index, slot });
  }
  const bootOrder = drives.map((_, index) => {
    const place = ide.findIndex((one) => one?.index === index);
    if (place >= 0) return `/pci@i0cf8/ide@1,1/drive@${place >> 1}/disk@${place & 1}`;
    const slot = virtio.find((one) => one.index === index)?.slot ?? 0;
    return `/pci@i0cf8/scsi@${slot.toString(16)}/disk@0,0`;
  });
  return { ide, virtio, consoleSlot: FIRST_VIRTIO_SLOT + virtio.length, bootOrder };
}
