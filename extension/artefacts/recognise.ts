/** Tells what a file is by its content; names lie too often. */
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";
import { detectCompression } from "../../boot-formats/compression/decompress.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import { isElf } from "../../boot-formats/elf.ts";
import { identifyBlockImage } from "../../boot-formats/initramfs/block-image.ts";
import { cpioFormat } from "../../boot-formats/initramfs/cpio-header.ts";

export type ArtefactKind = "kernel" | "elf" | "initramfs" | "disk";

/** Up to the first volume descriptor of a CD. */
const HEAD_BYTES = 34 * 1024;
const CD_DESCRIPTOR = 32 * 1024;
const SECTOR = 512;

function ascii(bytes: Uint8Array, at: number, text: string): boolean {
  return text.split("").every((character, index) => bytes[at + index] === character.charCodeAt(0));
}

/** Nothing but zeros at its start: a new disk, which has no table yet. */
function isBlank(head: Uint8Array, size: number): boolean {
  return size % SECTOR === 0 && head.every((byte) => byte === 0);
}

/**
 * The kind by the first bytes.
 * @throws FormatError with one sentence when the content is none of those
 */
export async function recognise(source: ByteSource): Promise<ArtefactKind> {
  const head = await source.read(0, Math.min(HEAD_BYTES, source.size));
  if (head.length === 0) throw new FormatError("The file is empty.");
  if (isElf(head)) return "elf";
  const signed = head[510] === 0x55 && head[511] === 0xaa;
  if (signed && ascii(head, 0x202, "HdrS")) return "kernel";
  if (cpioFormat(head) !== undefined || detectCompression(head) !== undefined) return "initramfs";
  if (signed || ascii(head, SECTOR, "EFI PART") || ascii(head, CD_DESCRIPTOR + 1, "CD001")) return "disk";
  const image = identifyBlockImage(head);
  if (image?.fileSystem === "ext2, ext3 or ext4") return "disk";
  if (image) return "initramfs";
  if (isBlank(head, source.size)) return "disk";
  const start = Array.from(head.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new FormatError(
    `The file begins with ${start}: a Linux kernel (bzImage or ELF), an initramfs or a disk or CD image was expected.`,
  );
}
