/**
 * Content of a drive as the devices see it. Synchronous: a drive answers within the slice of the machine that asks.
 * Implementations: files with an overlay, bytes in memory, composed disks (docs/disks.md).
 */
export interface DiskImage {
  /** Size in bytes; devices show whole sectors (512, or 2048 for a CD) and the rest of the last one as zeros. */
  readonly bytes: number;
  /** Fills `into` from byte `offset` on; bytes beyond the end are 0. */
  read(offset: number, into: Uint8Array): void;
  /** Bytes beyond the end are dropped. The file behind an image is never changed by this: see `persist`. */
  write(offset: number, bytes: Uint8Array): void;
  /** Content that was written since the machine was powered on, for the state hash: bytes by offset, in ascending order. */
  changes(): Iterable<readonly [offset: number, bytes: Uint8Array]>;
  /** Writes the changes back, whole or not at all, when the image was opened to persist; else nothing. */
  persist(): Promise<void>;
  /** Gives the file behind it back. */
  close(): void;
}

/** A drive of the machine. */
export interface Drive {
  image: DiskImage;
  kind: "disk" | "cdrom";
  /** Disks are IDE or virtio-blk over PCI; CDs are ATAPI drives on the IDE bus. */
  bus: "ide" | "virtio";
  /** Name for users, usually the file's. */
  name: string;
}
