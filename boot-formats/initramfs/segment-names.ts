/** Names for the segments of an initramfs, by what lies in them. */
import type { InitramfsEntry, InitramfsSegment } from "./archive.ts";

/** Paths that the kernel looks for before it unpacks anything (early cpio), and what they are. */
const EARLY: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^kernel\/x86\/microcode\/GenuineIntel\.bin$/, "Intel microcode"],
  [/^kernel\/x86\/microcode\/AuthenticAMD\.bin$/, "AMD microcode"],
  [/^kernel\/firmware\/acpi\/./, "ACPI tables"],
];

/** Paths that only one maker of initramfs archives leaves. */
const MAKERS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^(usr\/)?lib\/dracut\//, "initramfs by dracut"],
  [/^conf\/initramfs\.conf$|^scripts\/init-top\//, "initramfs by initramfs-tools"],
  [/^(usr\/)?lib\/debian-installer\//, "initramfs of the Debian installer"],
  [/^usr\/lib\/initcpio\/|^hooks\/udev$/, "initramfs by mkinitcpio"],
];

const MODULES = /^(usr\/)?lib\/(modules|firmware)\//;

export function nameSegment(segment: InitramfsSegment, entries: readonly InitramfsEntry[]): string {
  if (segment.image) return `old initrd: ${segment.image.fileSystem} image`;
  const plain = (path: string): string => path.replace(/^\.?\/+/, "");
  const has = (pattern: RegExp): boolean => entries.some((entry) => pattern.test(plain(entry.path)));
  const early = EARLY.filter(([pattern]) => has(pattern)).map(([, name]) => name);
  if (early.length > 0) return early.join(", ");
  const files = entries.filter((entry) => entry.dataSize > 0);
  if (segment.compression === undefined && files.length > 0 && files.every((file) => MODULES.test(plain(file.path)))) {
    return "kernel modules and firmware, compressed each by itself";
  }
  return MAKERS.find(([pattern]) => has(pattern))?.[1] ?? "initramfs";
}
