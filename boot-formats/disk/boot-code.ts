/**
 * Recognises the code in a boot sector by its fixed places and messages, and names what loaders keep in it: GRUB's
 * pointer to its core image, isohybrid's to isolinux.bin, this project's disk address packet.
 */
import { FieldReader, hex, type Field } from "../fields.ts";

export interface BootCode {
  /** Stable name for programs. */
  id:
    | "grub"
    | "grub-hybrid"
    | "grub-legacy"
    | "isohybrid"
    | "syslinux-mbr"
    | "syslinux"
    | "windows"
    | "windows-volume"
    | "mkfs-fat"
    | "lilo"
    | "memtest86+"
    | "linux"
    | "bootscope";
  /** For people. */
  name: string;
  /** What it keeps in the sector, beside code. */
  fields: Field[];
}

const SECTOR = 512;
/** Boot code ends before the partition table in an MBR; a volume's own may go on up to the signature. */
const TEXT_LIMIT = 510;

function find(bytes: Uint8Array, text: string, from = 0): number {
  const wanted = Array.from(text, (character) => character.charCodeAt(0));
  for (let at = from; at + wanted.length <= Math.min(bytes.length, TEXT_LIMIT); at++) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

function starts(bytes: Uint8Array, ...prefix: number[]): boolean {
  return prefix.every((byte, index) => bytes[index] === byte);
}

function sectorPointer(reader: FieldReader, name: string, at: number, note: string): Field {
  return reader.u64(name, at, (raw) => ({ value: `sector ${raw}`, note }));
}

/** GRUB 2's boot.img: include/grub/i386/pc/boot.h. In an MBR it stands beside an unused BIOS parameter block. */
function grub(reader: FieldReader): BootCode | undefined {
  const { bytes } = reader;
  if (bytes[0] !== 0xeb || find(bytes, "GRUB \0Geom\0Hard Disk\0Read\0") < 0) return undefined;
  const drive = (at: number): Field =>
    reader.u8("boot_drive", at, (raw) => ({
      value: raw === 0xff ? "as the BIOS tells (0xFF)" : hex(raw, 2),
      note: "BIOS drive number to load from.",
    }));
  if (bytes[1] === 0x63) {
    // The variant for CDs that are also disks loads its pointer from 0x7DB0, out of the way of the boot information.
    const hybrid = find(bytes, "\x66\x8b\x1e\xb0\x7d") >= 0;
    const note = hybrid
      ? "Where the core image lies, counted in sectors of 512 bytes; written when the CD image is made."
      : "First sector of GRUB's core image (core.img), written by grub-install.";
    const pointer = sectorPointer(reader, "kernel_sector", hybrid ? 0x1b0 : 0x5c, note);
    const address = reader.u16("kernel_address", 0x5a, (raw) => ({
      value: hex(raw, 4),
      note: "Where the first sector of the core image is loaded.",
    }));
    const check = reader.blob("drive_check", 0x66, 2, {
      note: "A short jump lets any drive number stand that the BIOS gives; two NOPs replace those of no hard disk by 0x80.",
    });
    return hybrid
      ? { id: "grub-hybrid", name: "GRUB 2 (boot_hybrid.img)", fields: [drive(0x64), pointer] }
      : { id: "grub", name: "GRUB 2 (boot.img)", fields: [address, pointer, drive(0x64), check] };
  }
  const sector = reader.u32("stage2_sector", 0x44, { note: "First sector of GRUB's second stage." });
  const version = `${reader.u8("", 0x3e).raw}.${reader.u8("", 0x3f).raw}`;
  const name = bytes[1] === 0x48 ? `GRUB Legacy (stage1, interface ${version})` : "GRUB 2, early (boot.img)";
  return { id: "grub-legacy", name, fields: [drive(0x40), sector] };
}

function isohybrid(reader: FieldReader): BootCode | undefined {
  if (find(reader.bytes, "isolinux.bin missing or corrupt") < 0) return undefined;
  const pointer = sectorPointer(
    reader,
    "isolinux_lba",
    0x1b0,
    "Where isolinux.bin lies on the image, in sectors of 512 bytes.",
  );
  return { id: "isohybrid", name: "ISOLINUX (isohybrid)", fields: [pointer] };
}

/** emulator/firmware/loader/mbr.s: the packet for INT 13h AH=42h follows the last message. */
function bootscope(reader: FieldReader): BootCode | undefined {
  const { bytes } = reader;
  const last = "Boot loader: cannot read the second stage.\0";
  const text = find(bytes, last);
  if (text < 0 || find(bytes, "Boot loader: no second stage in the sectors behind the MBR.") < 0) return undefined;
  const at = text + last.length;
  if (at + 17 > bytes.length || bytes[at] !== 16) return undefined;
  const packet = [
    reader.u8("size", at, { note: "Bytes of the packet." }),
    reader.u16("sectors", at + 2, { note: "Sectors to read: the second stage and its descriptor." }),
    reader.u16("offset", at + 4, (raw) => ({ value: hex(raw, 4), note: "Where they are loaded: offset." })),
    reader.u16("segment", at + 6, (raw) => ({ value: hex(raw, 4), note: "Where they are loaded: segment." })),
    sectorPointer(reader, "lba", at + 8, "First sector of the second stage."),
  ];
  const field = reader.group("disk address packet", at, 16, "for INT 13h AH=42h", packet);
  return { id: "bootscope", name: "Bootscope's own boot loader", fields: [field] };
}

/** Windows' MBR: the offsets of its three messages stand before the disk signature, which is how it is localised. */
function windows(reader: FieldReader): BootCode | undefined {
  const { bytes } = reader;
  const messages = find(bytes, "Invalid partition table") >= 0 && find(bytes, "Missing operating system") >= 0;
  const localised = starts(bytes, 0x33, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c) && find(bytes, "TCPA") >= 0;
  if (!messages && !localised) return undefined;
  const name = find(bytes, "TCPA") >= 0 ? "Windows (Vista or newer)" : "Windows or DOS";
  const texts = ["invalid partition table", "error loading", "missing system"].map((text, index) =>
    reader.u8(`message ${index + 1}`, 0x1b5 + index, (raw) => ({
      value: hex(raw, 2),
      note: `Offset of the message "${text}", less 256.`,
    })),
  );
  return { id: "windows", name, fields: texts };
}

/** Boot code of a volume: what stands behind a BIOS parameter block. */
function volume(reader: FieldReader): BootCode | undefined {
  const { bytes } = reader;
  if (starts(bytes.subarray(3), ...Array.from("SYSLINUX", (letter) => letter.charCodeAt(0)))) {
    return { id: "syslinux", name: "SYSLINUX (volume boot record)", fields: [] };
  }
  if (find(bytes, "BOOTMGR") >= 0 || find(bytes, "NTLDR") >= 0) {
    const name = find(bytes, "BOOTMGR") >= 0 ? "Windows (starts BOOTMGR)" : "Windows (starts NTLDR)";
    return { id: "windows-volume", name, fields: [] };
  }
  if (find(bytes, "This is not a bootable disk") >= 0) {
    return { id: "mkfs-fat", name: "mkfs.fat's message: not bootable", fields: [] };
  }
  return undefined;
}

/** The kinds of code known here, most particular first; undefined for others and for none. */
export function readBootCode(reader: FieldReader): BootCode | undefined {
  const { bytes } = reader;
  if (bytes.length < SECTOR) return undefined;
  const found = grub(reader) ?? isohybrid(reader) ?? bootscope(reader) ?? volume(reader) ?? syslinuxMbr(reader);
  if (found) return found;
  if (find(bytes, "Loading Memtest86+") >= 0) return { id: "memtest86+", name: "memtest86+", fields: [] };
  if (starts(bytes.subarray(6), 0x4c, 0x49, 0x4c, 0x4f)) return { id: "lilo", name: "LILO", fields: [] };
  // Kernels that are EFI programs, too, have the head of one there, with a section for their setup code.
  const efi = starts(bytes, 0x4d, 0x5a) && find(bytes, ".setup\0\0") >= 0;
  if (efi || find(bytes, "Use a boot loader.") >= 0) {
    return { id: "linux", name: "A Linux kernel (its first sector)", fields: [] };
  }
  return windows(reader);
}

/** SYSLINUX's mbr.bin and its kin: they start the active partition, one that was chosen, or one of a GPT. */
function syslinuxMbr({ bytes }: FieldReader): BootCode | undefined {
  if (!starts(bytes, 0x33, 0xc0, 0xfa, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c)) return undefined;
  const gpt = find(bytes, "Missing OS\r\n") >= 0;
  if (!gpt && find(bytes, "Missing operating system.\r\n") < 0) return undefined;
  const active = find(bytes, "Multiple active partitions") >= 0;
  const name = gpt ? "SYSLINUX (gptmbr.bin)" : active ? "SYSLINUX (mbr.bin)" : "SYSLINUX (altmbr.bin)";
  return { id: "syslinux-mbr", name, fields: [] };
}
