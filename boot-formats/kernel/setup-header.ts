/**
 * The setup header of Linux on x86 (kernel Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"): at the same
 * offsets in a bzImage and in boot_params, of which it is a part.
 */
import { hex, type Field, type FieldReader, type FieldText } from "../fields.ts";

interface SetupFieldRule {
  name: string;
  offset: number;
  size: 1 | 2 | 4 | 8;
  /** First protocol version that has it. */
  since: number;
  note: string;
  /** Decimal unless given. */
  show?: (raw: bigint) => FieldText;
}

/** A bit of a set of flags; parts of several bits are told by their mask and value. */
export interface FlagRule {
  name: string;
  mask: number;
  note: string;
}

const address = (raw: bigint): FieldText => ({ value: hex(raw) });
const bytes = (raw: bigint): FieldText => ({ value: `${raw} bytes` });

/** Names of the bits that are set, and what they mean. */
export function flags(rules: readonly FlagRule[]): (raw: bigint) => FieldText {
  return (raw) => {
    const set = rules.filter(({ mask }) => (Number(raw) & mask) !== 0);
    const known = rules.reduce((all, { mask }) => all | mask, 0);
    const unknown = (Number(raw) & ~known) >>> 0;
    const names = [...set.map(({ name }) => name), ...(unknown ? [`unknown ${hex(unknown)}`] : [])];
    return {
      value: `${hex(raw)}${names.length > 0 ? ` (${names.join(", ")})` : ""}`,
      note: rules.map(({ name, mask, note }) => `${name} ${Number(raw) & mask ? "set" : "clear"}: ${note}`).join("\n"),
    };
  };
}

const LOADFLAGS: readonly FlagRule[] = [
  { name: "LOADED_HIGH", mask: 0x01, note: "the protected-mode code is loaded at 1 MiB, not at 64 KiB" },
  { name: "KASLR_FLAG", mask: 0x02, note: "the decompressor tells the kernel that its addresses are random" },
  { name: "QUIET_FLAG", mask: 0x20, note: "early messages are left out" },
  { name: "KEEP_SEGMENTS", mask: 0x40, note: "obsolete: the 32-bit entry does not reload segment registers" },
  { name: "CAN_USE_HEAP", mask: 0x80, note: "heap_end_ptr is valid, written by the loader" },
];

const XLOADFLAGS: readonly FlagRule[] = [
  { name: "XLF_KERNEL_64", mask: 0x01, note: "there is a 64-bit entry at 0x200 of the protected-mode code" },
  {
    name: "XLF_CAN_BE_LOADED_ABOVE_4G",
    mask: 0x02,
    note: "kernel, boot_params, command line and initrd may lie above 4 GiB",
  },
  { name: "XLF_EFI_HANDOVER_32", mask: 0x04, note: "32-bit EFI handover entry" },
  { name: "XLF_EFI_HANDOVER_64", mask: 0x08, note: "64-bit EFI handover entry" },
  { name: "XLF_EFI_KEXEC", mask: 0x10, note: "kexec on EFI is supported" },
  { name: "XLF_5LEVEL", mask: 0x20, note: "the kernel knows paging of five levels" },
  { name: "XLF_5LEVEL_ENABLED", mask: 0x40, note: "paging of five levels may be on at the 64-bit entry" },
  { name: "XLF_MEM_ENCRYPTION", mask: 0x80, note: "memory encryption is supported" },
];

/** boot.rst's list of assigned boot loader numbers. */
const LOADERS: Readonly<Record<number, string>> = {
  0x0: "LILO",
  0x1: "Loadlin",
  0x2: "bootsect-loader",
  0x3: "Syslinux",
  0x4: "Etherboot, gPXE or iPXE",
  0x5: "ELILO",
  0x7: "GRUB",
  0x8: "U-Boot",
  0x9: "Xen",
  0xa: "Gujin",
  0xb: "QEMU",
  0xc: "Arcturus Networks uCbootloader",
  0xd: "kexec-tools",
  0xe: "extended (see ext_loader_type)",
  0xf: "special or undefined",
  0x10: "reserved",
  0x11: "Minimal Linux Bootloader",
  0x12: "OVMF UEFI virtualization stack",
  0x13: "barebox",
};

const SUBARCHITECTURES: Readonly<Record<number, string>> = {
  0: "the default PC",
  1: "lguest",
  2: "Xen",
  3: "Intel MID",
  4: "CE4100 TV platform",
};

const VIDEO_MODES: Readonly<Record<number, string>> = { 0xffff: "normal", 0xfffe: "extended", 0xfffd: "ask" };

const loader = (raw: bigint): FieldText => {
  const number = Number(raw);
  if (number === 0) return { value: "0x0 (none: to be filled in by the loader)" };
  const name = LOADERS[number >> 4] ?? "unknown";
  return { value: `${hex(number)} (${name}, version ${number & 0xf})` };
};

/** Version of the boot protocol for people: "2.15". */
export function protocolName(protocol: number): string {
  return `${protocol >> 8}.${String(protocol & 0xff).padStart(2, "0")}`;
}

export const HDRS_MAGIC = 0x53726448;
export const BOOT_FLAG = 0xaa55;

const RULES: readonly SetupFieldRule[] = [
  {
    name: "setup_sects",
    offset: 0x1f1,
    size: 1,
    since: 0,
    note: "setup code behind the boot sector, in sectors of 512 bytes; 0 means 4",
    show: (raw) => ({ value: `${raw} (${((Number(raw) || 4) + 1) * 512} bytes with the boot sector)` }),
  },
  { name: "root_flags", offset: 0x1f2, size: 2, since: 0, note: "when not 0, the root is mounted read-only" },
  {
    name: "syssize",
    offset: 0x1f4,
    size: 4,
    since: 0x204,
    note: "protected-mode code in units of 16 bytes",
    show: (raw) => ({ value: `${raw} (${Number(raw) * 16} bytes)` }),
  },
  { name: "ram_size", offset: 0x1f8, size: 2, since: 0, note: "obsolete: for the kernel's own use" },
  {
    name: "vid_mode",
    offset: 0x1fa,
    size: 2,
    since: 0,
    note: "video mode, as vga= sets it",
    show: (raw) => ({ value: `${hex(raw)}${VIDEO_MODES[Number(raw)] ? ` (${VIDEO_MODES[Number(raw)]})` : ""}` }),
  },
  {
    name: "root_dev",
    offset: 0x1fc,
    size: 2,
    since: 0,
    note: "default root device, major and minor; root= overrides it",
    show: (raw) => ({ value: `${raw >> 8n}:${raw & 0xffn}` }),
  },
  {
    name: "boot_flag",
    offset: 0x1fe,
    size: 2,
    since: 0,
    note: "the signature of a boot sector, 0xAA55",
    show: (raw) => ({ value: hex(raw), ...(Number(raw) === BOOT_FLAG ? {} : { problem: "0xAA55 was expected." }) }),
  },
  {
    name: "jump",
    offset: 0x200,
    size: 2,
    since: 0x200,
    note: "a short jump to the setup code; its distance tells where the header ends",
    show: (raw) => ({ value: `${hex(raw, 4)} (jump to ${hex(0x202 + Number(raw >> 8n))})` }),
  },
  {
    name: "header",
    offset: 0x202,
    size: 4,
    since: 0x200,
    note: 'the magic "HdrS"',
    show: (raw) => ({ value: hex(raw), ...(Number(raw) === HDRS_MAGIC ? {} : { problem: '"HdrS" was expected.' }) }),
  },
  {
    name: "version",
    offset: 0x206,
    size: 2,
    since: 0x200,
    note: "version of the boot protocol",
    show: (raw) => ({ value: `${hex(raw, 4)} (${protocolName(Number(raw))})` }),
  },
  {
    name: "realmode_swtch",
    offset: 0x208,
    size: 4,
    since: 0x200,
    note: "seg:off of a hook that is called just before protected mode; 0 for none",
    show: address,
  },
  {
    name: "start_sys_seg",
    offset: 0x20c,
    size: 2,
    since: 0x200,
    note: "obsolete: load segment, 0x1000",
    show: address,
  },
  {
    name: "kernel_version",
    offset: 0x20e,
    size: 2,
    since: 0x200,
    note: "offset of the version string in the file, less 0x200; 0 for none",
    show: (raw) => ({ value: raw === 0n ? "0 (none)" : `${hex(raw)} (at ${hex(raw + 0x200n)} of the file)` }),
  },
  {
    name: "type_of_loader",
    offset: 0x210,
    size: 1,
    since: 0x200,
    note: "which boot loader, and its version",
    show: loader,
  },
  { name: "loadflags", offset: 0x211, size: 1, since: 0x200, note: "flags of loading", show: flags(LOADFLAGS) },
  {
    name: "setup_move_size",
    offset: 0x212,
    size: 2,
    since: 0x200,
    note: "for protocol 2.00 and 2.01: how much setup code moves itself to 0x90000",
    show: bytes,
  },
  {
    name: "code32_start",
    offset: 0x214,
    size: 4,
    since: 0x200,
    note: "physical address where protected-mode code starts: where it was loaded",
    show: address,
  },
  {
    name: "ramdisk_image",
    offset: 0x218,
    size: 4,
    since: 0x200,
    note: "physical address of the initrd, by the loader; 0 for none",
    show: address,
  },
  {
    name: "ramdisk_size",
    offset: 0x21c,
    size: 4,
    since: 0x200,
    note: "size of the initrd, by the loader",
    show: bytes,
  },
  { name: "bootsect_kludge", offset: 0x220, size: 4, since: 0x200, note: "obsolete", show: address },
  {
    name: "heap_end_ptr",
    offset: 0x224,
    size: 2,
    since: 0x201,
    note: "end of the setup code's heap, relative to the setup code, less 0x200",
    show: address,
  },
  { name: "ext_loader_ver", offset: 0x226, size: 1, since: 0x202, note: "upper bits of the loader's version" },
  {
    name: "ext_loader_type",
    offset: 0x227,
    size: 1,
    since: 0x202,
    note: "the loader's number less 0x10, when type_of_loader says extended",
    show: (raw) => ({ value: raw === 0n ? "0" : `${hex(raw)} (${LOADERS[Number(raw) + 0x10] ?? "unknown"})` }),
  },
  {
    name: "cmd_line_ptr",
    offset: 0x228,
    size: 4,
    since: 0x202,
    note: "physical address of the command line, by the loader",
    show: address,
  },
  {
    name: "initrd_addr_max",
    offset: 0x22c,
    size: 4,
    since: 0x203,
    note: "highest physical address that the initrd may occupy",
    show: address,
  },
  {
    name: "kernel_alignment",
    offset: 0x230,
    size: 4,
    since: 0x205,
    note: "alignment that a relocatable kernel wants for its load address",
    show: address,
  },
  {
    name: "relocatable_kernel",
    offset: 0x234,
    size: 1,
    since: 0x205,
    note: "when not 0, the protected-mode code may be loaded at any address that is aligned",
    show: (raw) => ({ value: raw === 0n ? "0 (no)" : `${raw} (yes)` }),
  },
  {
    name: "min_alignment",
    offset: 0x235,
    size: 1,
    since: 0x20a,
    note: "smallest alignment that works, as a power of two",
    show: (raw) => ({ value: `${raw} (${hex(1n << (raw & 63n))})` }),
  },
  { name: "xloadflags", offset: 0x236, size: 2, since: 0x20c, note: "more flags", show: flags(XLOADFLAGS) },
  {
    name: "cmdline_size",
    offset: 0x238,
    size: 4,
    since: 0x206,
    note: "longest command line, its terminating zero not counted",
    show: bytes,
  },
  {
    name: "hardware_subarch",
    offset: 0x23c,
    size: 4,
    since: 0x207,
    note: "kind of machine, for paravirtual ones",
    show: (raw) => ({ value: `${raw} (${SUBARCHITECTURES[Number(raw)] ?? "unknown"})` }),
  },
  {
    name: "hardware_subarch_data",
    offset: 0x240,
    size: 8,
    since: 0x207,
    note: "data for that kind of machine",
    show: address,
  },
  {
    name: "payload_offset",
    offset: 0x248,
    size: 4,
    since: 0x208,
    note: "where the compressed kernel lies in the protected-mode code",
    show: address,
  },
  { name: "payload_length", offset: 0x24c, size: 4, since: 0x208, note: "size of the compressed kernel", show: bytes },
  {
    name: "setup_data",
    offset: 0x250,
    size: 8,
    since: 0x209,
    note: "physical address of the first node of a list of further data; 0 for none",
    show: address,
  },
  {
    name: "pref_address",
    offset: 0x258,
    size: 8,
    since: 0x20a,
    note: "physical address that the kernel prefers to be loaded at",
    show: address,
  },
  {
    name: "init_size",
    offset: 0x260,
    size: 4,
    since: 0x20a,
    note: "memory that the kernel needs from its load address on before it has read the memory map",
    show: bytes,
  },
  {
    name: "handover_offset",
    offset: 0x264,
    size: 4,
    since: 0x20b,
    note: "where the EFI handover entry lies in the protected-mode code (its 32-bit one; 0x200 further the 64-bit one)",
    show: address,
  },
  {
    name: "kernel_info_offset",
    offset: 0x268,
    size: 4,
    since: 0x20f,
    note: "where kernel_info lies in the protected-mode code",
    show: address,
  },
];

/** The fields that a protocol version has, in order. The reader's bytes begin where the file or boot_params does. */
export function setupHeaderFields(reader: FieldReader, protocol: number): (Field & { raw: number | bigint })[] {
  return RULES.filter(({ since }) => since <= protocol).map(({ name, offset, size, note, show }) => {
    const text = (raw: number | bigint): FieldText => {
      const shown = show?.(BigInt(raw)) ?? {};
      return { ...shown, note: shown.note === undefined ? note : `${note}\n${shown.note}` };
    };
    if (size === 8) return reader.u64(name, offset, text);
    if (size === 4) return reader.u32(name, offset, text);
    return size === 2 ? reader.u16(name, offset, text) : reader.u8(name, offset, text);
  });
}
