import type { DiskImage } from "./disk-image.ts";
import { OverlayDisk } from "./overlay-disk.ts";

/** A disk whose content is `bytes`, which are not copied and never changed: writes go to the overlay. */
export function memoryDisk(bytes: Uint8Array): DiskImage {
  if (bytes.length === 0) throw new RangeError("A disk in memory has no bytes; expected at least one.");
  return new OverlayDisk({
    bytes: bytes.length,
    read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
    close: () => undefined,
  });
}
