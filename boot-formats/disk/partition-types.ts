/**
 * Names of partition types: those of the MBR as they are in use (there is no standard; see Andries Brouwer's list), and
 * those of the GPT (UEFI Specification table 5.7, the Discoverable Partitions Specification, and their makers).
 */
const MBR_TYPES: Readonly<Record<number, string>> = {
  0x00: "Empty",
  0x01: "FAT12",
  0x02: "XENIX root",
  0x03: "XENIX usr",
  0x04: "FAT16 below 32 MB",
  0x05: "Extended",
  0x06: "FAT16",
  0x07: "NTFS, exFAT or HPFS",
  0x08: "AIX",
  0x09: "AIX bootable",
  0x0a: "OS/2 boot manager",
  0x0b: "FAT32",
  0x0c: "FAT32 (LBA)",
  0x0e: "FAT16 (LBA)",
  0x0f: "Extended (LBA)",
  0x11: "Hidden FAT12",
  0x12: "Maker's diagnostics",
  0x14: "Hidden FAT16 below 32 MB",
  0x16: "Hidden FAT16",
  0x17: "Hidden NTFS, exFAT or HPFS",
  0x1b: "Hidden FAT32",
  0x1c: "Hidden FAT32 (LBA)",
  0x1e: "Hidden FAT16 (LBA)",
  0x27: "Windows recovery (hidden NTFS)",
  0x39: "Plan 9",
  0x41: "PowerPC PReP boot",
  0x42: "Windows dynamic disk",
  0x4d: "QNX4",
  0x63: "GNU Hurd or System V",
  0x64: "Novell NetWare 286",
  0x65: "Novell NetWare 386",
  0x80: "Minix (old)",
  0x81: "Minix",
  0x82: "Linux swap or Solaris",
  0x83: "Linux",
  0x84: "Hibernation",
  0x85: "Linux extended",
  0x86: "NTFS volume set",
  0x87: "NTFS volume set",
  0x88: "Linux plaintext table",
  0x8e: "Linux LVM",
  0x9f: "BSD/OS",
  0xa0: "Hibernation",
  0xa5: "FreeBSD",
  0xa6: "OpenBSD",
  0xa7: "NeXTSTEP",
  0xa8: "Darwin UFS",
  0xa9: "NetBSD",
  0xab: "Darwin boot",
  0xaf: "HFS or HFS+",
  0xbe: "Solaris boot",
  0xbf: "Solaris",
  0xcd: "ISO 9660 image (isohybrid)",
  0xda: "Data without a file system",
  0xde: "Dell utilities",
  0xea: "Linux extended boot (XBOOTLDR)",
  0xeb: "BeOS or Haiku",
  0xee: "GPT protective",
  0xef: "EFI system (FAT)",
  0xf2: "DOS secondary",
  0xfb: "VMware VMFS",
  0xfc: "VMware swap",
  0xfd: "Linux RAID",
};

const GPT_TYPES: Readonly<Record<string, string>> = {
  "00000000-0000-0000-0000-000000000000": "Unused",
  "C12A7328-F81F-11D2-BA4B-00A0C93EC93B": "EFI system",
  "024DEE41-33E7-11D3-9D69-0008C781F39F": "MBR partition scheme",
  "21686148-6449-6E6F-744E-656564454649": "BIOS boot (GRUB's core image)",
  "D3BFE2DE-3DAF-11DF-BA40-E3A556D89593": "Intel fast flash",
  "9E1A2D38-C612-4316-AA26-8B49521E5A8B": "PowerPC PReP boot",
  "E3C9E316-0B5C-4DB8-817D-F92DF00215AE": "Microsoft reserved",
  "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7": "Microsoft basic data",
  "5808C8AA-7E8F-42E0-85D2-E1E90434CFB3": "Windows dynamic disk metadata",
  "AF9B60A0-1431-4F62-BC68-3311714A69AD": "Windows dynamic disk data",
  "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC": "Windows recovery",
  "E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D": "Windows storage spaces",
  "0FC63DAF-8483-4772-8E79-3D69D8477DE4": "Linux file system",
  "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F": "Linux swap",
  "A19D880F-05FC-4D3B-A006-743F0F84911E": "Linux RAID",
  "E6D6D379-F507-44C2-A23C-238F2A3DF928": "Linux LVM",
  "8DA63339-0007-60C0-C436-083AC8230908": "Linux reserved",
  "933AC7E1-2EB4-4F13-B844-0E14E2AEF915": "Linux /home",
  "3B8F8425-20E0-4F3B-907F-1A25A76F98E8": "Linux /srv",
  "4D21B016-B534-45C2-A9FB-5C16E091FD2D": "Linux /var",
  "7EC6F557-3BC5-4ACA-B293-16EF5DF639D1": "Linux /var/tmp",
  "773F91EF-66D4-49B5-BD83-D683BF40AD16": "Linux user's home",
  "BC13C2FF-59E6-4262-A352-B275FD6F7172": "Linux extended boot (XBOOTLDR)",
  "44479540-F297-41B2-9AF7-D131D5F0458A": "Linux root (x86)",
  "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709": "Linux root (x86-64)",
  "69DAD710-2CE4-4E3C-B16C-21A1D49ABED3": "Linux root (ARM)",
  "B921B045-1DF0-41C3-AF44-4C6F280D3FAE": "Linux root (ARM64)",
  "72EC70A6-CF74-40E6-BD49-4BDA08E8F224": "Linux root (RISC-V 64)",
  "75250D76-8CC6-458E-BD66-BD47CC81A812": "Linux /usr (x86)",
  "8484680C-9521-48C6-9C11-B0720656F69E": "Linux /usr (x86-64)",
  "D13C5D3B-B5D1-422A-B29F-9454FDC89D76": "Linux root hashes (x86)",
  "2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5": "Linux root hashes (x86-64)",
  "41092B05-9FC8-4523-994F-2DEF0408B176": "Linux root hashes' signature (x86-64)",
  "77FF5F63-E7B6-4633-ACF4-1565B864C0E6": "Linux /usr hashes (x86-64)",
  "E7BB33FB-06CF-4E81-8273-E543B413E2E2": "Linux /usr hashes' signature (x86-64)",
  "83BD6B9D-7F41-11DC-BE0B-001560B84F0F": "FreeBSD boot",
  "516E7CB4-6ECF-11D6-8FF8-00022D09712B": "FreeBSD data",
  "516E7CB5-6ECF-11D6-8FF8-00022D09712B": "FreeBSD swap",
  "516E7CB6-6ECF-11D6-8FF8-00022D09712B": "FreeBSD UFS",
  "516E7CBA-6ECF-11D6-8FF8-00022D09712B": "FreeBSD ZFS",
  "824CC7A0-36A8-11E3-890A-952519AD3F61": "OpenBSD data",
  "49F48D5A-B10E-11DC-B99B-0019D1879648": "NetBSD FFS",
  "48465300-0000-11AA-AA11-00306543ECAC": "Apple HFS+",
  "7C3457EF-0000-11AA-AA11-00306543ECAC": "Apple APFS",
  "426F6F74-0000-11AA-AA11-00306543ECAC": "Apple boot",
  "6A898CC3-1DD2-11B2-99A6-080020736631": "Solaris /usr or Apple ZFS",
  "FE3A2A5D-4F32-41A7-B725-ACCC3285A309": "ChromeOS kernel",
  "3CB8E202-3B7E-47DD-8A3C-7FF2A13CFCEC": "ChromeOS root",
  "AA31E02A-400F-11DB-9590-000C2911D1B8": "VMware VMFS",
  "42465331-3BA3-10F1-802A-4861696B7521": "Haiku BFS",
};

/** Types whose partition is a chain of further tables. */
const EXTENDED = new Set([0x05, 0x0f, 0x85]);

export function isExtendedType(type: number): boolean {
  return EXTENDED.has(type);
}

export function mbrTypeName(type: number): string {
  return MBR_TYPES[type] ?? "Unknown";
}

/** `guid` in upper case. */
export function gptTypeName(guid: string): string {
  return GPT_TYPES[guid] ?? "Unknown";
}

export function knownGptTypes(): string[] {
  return Object.keys(GPT_TYPES);
}
