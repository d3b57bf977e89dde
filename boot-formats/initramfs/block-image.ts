/**
 * The old initrd: an image of a block device with a file system, told by the magics that the kernel looks for (kernel
 * init/do_mounts_rd.c, identify_ramdisk_image).
 */

export interface BlockImage {
  fileSystem: "ext2, ext3 or ext4" | "cramfs" | "romfs" | "squashfs" | "minix";
  /** Bytes that the file system says it has, undefined when it does not. */
  size: number | undefined;
}

/** How much of the start of an image `identifyBlockImage` looks at. */
export const BLOCK_IMAGE_HEAD_BYTES = 2048;

const CRAMFS_MAGIC = 0x28cd_3d45;
const SQUASHFS_MAGIC = 0x7371_7368;
const EXT_MAGIC = 0xef53;
/** Minix 1 with names of 14 and 30 bytes. */
const MINIX_MAGICS = [0x137f, 0x138f];
const ROMFS_MAGIC = "-rom1fs-";
/** Where the superblock of ext and of minix begins. */
const SUPERBLOCK = 1024;
/** cramfs may leave room for a boot sector. */
const CRAMFS_OFFSETS = [0, 512];

/** The file system of an image by its first bytes, undefined when none of the known ones is there. */
export function identifyBlockImage(head: Uint8Array): BlockImage | undefined {
  const bytes = new Uint8Array(BLOCK_IMAGE_HEAD_BYTES);
  bytes.set(head.subarray(0, BLOCK_IMAGE_HEAD_BYTES));
  const view = new DataView(bytes.buffer);
  if (String.fromCharCode(...bytes.subarray(0, ROMFS_MAGIC.length)) === ROMFS_MAGIC) {
    return { fileSystem: "romfs", size: view.getUint32(8) };
  }
  for (const offset of CRAMFS_OFFSETS) {
    if (view.getUint32(offset, true) === CRAMFS_MAGIC) {
      return { fileSystem: "cramfs", size: view.getUint32(offset + 4, true) };
    }
  }
  if (view.getUint32(0, true) === SQUASHFS_MAGIC) {
    return { fileSystem: "squashfs", size: Number(view.getBigUint64(40, true)) };
  }
  if (view.getUint16(SUPERBLOCK + 56, true) === EXT_MAGIC) {
    const blockBytes = 1024 * 2 ** Math.min(view.getUint32(SUPERBLOCK + 24, true), 6);
    return { fileSystem: "ext2, ext3 or ext4", size: view.getUint32(SUPERBLOCK + 4, true) * blockBytes };
  }
  if (MINIX_MAGICS.includes(view.getUint16(SUPERBLOCK + 16, true))) {
    return { fileSystem: "minix", size: view.getUint16(SUPERBLOCK + 2, true) * 1024 };
  }
  return undefined;
}
