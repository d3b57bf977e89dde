import type { DiskImage, Drive } from "./disk-image.ts";

/** Identifier of the first volume descriptor of ISO 9660 (ECMA-119, 8.1.2), at sector 16 of 2048 bytes. */
const ISO_IDENTIFIER = "CD001";
const ISO_OFFSET = 16 * 2048 + 1;

/** Which drive an image belongs into: a CD when it holds an ISO 9660 file system or its name ends in ".iso". */
export function driveKind(image: DiskImage, name: string): Drive["kind"] {
  if (/\.iso$/i.test(name)) return "cdrom";
  if (image.bytes < ISO_OFFSET + ISO_IDENTIFIER.length) return "disk";
  const identifier = new Uint8Array(ISO_IDENTIFIER.length);
  image.read(ISO_OFFSET, identifier);
  return String.fromCharCode(...identifier) === ISO_IDENTIFIER ? "cdrom" : "disk";
}
