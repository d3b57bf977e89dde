/**
 * boot_params as it lies in guest memory (kernel Documentation/arch/x86/zero-page.rst, include/uapi/asm/bootparam.h,
 * include/uapi/linux/screen_info.h), every field with its place, and the list of setup_data behind it.
 */
import { BOOT_PARAMS_BYTES } from "../boot-params.ts";
import { FormatError } from "../errors.ts";
import { FieldReader, hex, type Field, type FieldText } from "../fields.ts";
import { flags, HDRS_MAGIC, setupHeaderFields, type FlagRule } from "./setup-header.ts";

const E820_ENTRIES = 0x1e8;
const E820_TABLE = 0x2d0;
const E820_ENTRY_BYTES = 20;
const E820_MAX_ENTRIES = 128;
const HEADER = 0x1f1;
const HEADER_END = 0x290;
const HEADER_MAGIC = 0x202;
const VERSION = 0x206;
const EDID_INFO = 0x140;
const EDD_BUFFER = 0xd00;
const EDD_ENTRIES = 0x1e9;
const EDD_BYTES = 82;
const EDD_MAX_ENTRIES = 6;

/** Types of ranges (ACPI 6.5, 15.1, and the kernel's own). */
const E820_TYPES: Readonly<Record<number, string>> = {
  1: "usable RAM",
  2: "reserved",
  3: "ACPI data",
  4: "ACPI NVS",
  5: "unusable",
  7: "persistent memory",
  12: "persistent memory (before ACPI 6)",
  128: "reserved by the kernel",
  0xefffffff: "soft reserved",
};

const VIDEO_TYPES: Readonly<Record<number, string>> = {
  0x00: "none",
  0x10: "monochrome text",
  0x11: "CGA",
  0x20: "EGA in monochrome mode",
  0x21: "EGA",
  0x22: "VGA",
  0x23: "VESA linear framebuffer",
  0x70: "EFI framebuffer",
};

const SETUP_DATA_TYPES: Readonly<Record<number, string>> = {
  0: "none",
  1: "E820 ranges beyond 128",
  2: "device tree",
  3: "PCI option ROM",
  4: "EFI tables for kexec",
  5: "Apple properties",
  6: "Jailhouse",
  7: "confidential computing",
  8: "IMA buffer",
  9: "random seed",
  10: "kexec handover",
};
const SETUP_INDIRECT = 0x8000_0000;

const VIDEO_CAPABILITIES: readonly FlagRule[] = [
  { name: "SKIP_QUIRKS", mask: 1, note: "the mode is to be taken as it is" },
  { name: "64BIT_BASE", mask: 2, note: "ext_lfb_base holds the upper half of the framebuffer's address" },
];

const address = (raw: number | bigint): FieldText => ({ value: hex(raw) });

/** A field of few words: name, offset, bytes, meaning; shown in hex when it is an address or a set of bits. */
type Plain = readonly [name: string, offset: number, size: 1 | 2 | 4, note: string, hex?: "hex"];

const SCREEN_INFO: readonly Plain[] = [
  ["orig_x", 0x00, 1, "column of the cursor"],
  ["orig_y", 0x01, 1, "row of the cursor"],
  ["ext_mem_k", 0x02, 2, "memory above 1 MiB in KiB, as INT 15h AH=88h told it"],
  ["orig_video_page", 0x04, 2, "page of text that is shown"],
  ["orig_video_mode", 0x06, 1, "number of the BIOS video mode", "hex"],
  ["orig_video_cols", 0x07, 1, "columns of text"],
  ["flags", 0x08, 1, "1: the cursor is hidden", "hex"],
  ["orig_video_ega_bx", 0x0a, 2, "BX of INT 10h AH=12h: memory of an EGA", "hex"],
  ["orig_video_lines", 0x0e, 1, "rows of text"],
];

const FRAMEBUFFER: readonly Plain[] = [
  ["orig_video_points", 0x10, 2, "scan lines of a character"],
  ["lfb_width", 0x12, 2, "width of the framebuffer in pixels"],
  ["lfb_height", 0x14, 2, "its height in pixels"],
  ["lfb_depth", 0x16, 2, "bits of a pixel"],
  ["lfb_base", 0x18, 4, "physical address of the framebuffer", "hex"],
  ["lfb_size", 0x1c, 4, "its size, in units of 64 KiB for VESA"],
  ["cl_magic", 0x20, 2, "0xA33F when the command line is passed the old way", "hex"],
  ["cl_offset", 0x22, 2, "where it then lies", "hex"],
  ["lfb_linelength", 0x24, 2, "bytes of a line"],
  ["red_size", 0x26, 1, "bits of red"],
  ["red_pos", 0x27, 1, "lowest bit of red"],
  ["green_size", 0x28, 1, "bits of green"],
  ["green_pos", 0x29, 1, "lowest bit of green"],
  ["blue_size", 0x2a, 1, "bits of blue"],
  ["blue_pos", 0x2b, 1, "lowest bit of blue"],
  ["rsvd_size", 0x2c, 1, "bits not used"],
  ["rsvd_pos", 0x2d, 1, "lowest bit not used"],
  ["vesapm_seg", 0x2e, 2, "segment of VESA's protected-mode interface", "hex"],
  ["vesapm_off", 0x30, 2, "its offset", "hex"],
  ["pages", 0x32, 2, "pages of the mode"],
  ["vesa_attributes", 0x34, 2, "attributes of the VESA mode", "hex"],
];

const APM_BIOS_INFO: readonly Plain[] = [
  ["apm_bios_info.version", 0x40, 2, "version of APM, 0 for none", "hex"],
  ["apm_bios_info.cseg", 0x42, 2, "its 32-bit code segment", "hex"],
  ["apm_bios_info.offset", 0x44, 4, "its entry", "hex"],
  ["apm_bios_info.cseg_16", 0x48, 2, "its 16-bit code segment", "hex"],
  ["apm_bios_info.dseg", 0x4a, 2, "its data segment", "hex"],
  ["apm_bios_info.flags", 0x4c, 2, "its flags", "hex"],
  ["apm_bios_info.cseg_len", 0x4e, 2, "bytes of the 32-bit code segment"],
  ["apm_bios_info.cseg_16_len", 0x50, 2, "bytes of the 16-bit code segment"],
  ["apm_bios_info.dseg_len", 0x52, 2, "bytes of the data segment"],
];

const IST_INFO: readonly Plain[] = [
  ["ist_info.signature", 0x60, 4, "Intel SpeedStep: signature by INT 15h AX=E980h", "hex"],
  ["ist_info.command", 0x64, 4, "command", "hex"],
  ["ist_info.event", 0x68, 4, "event", "hex"],
  ["ist_info.perf_level", 0x6c, 4, "performance level", "hex"],
];

const HIGH_HALVES: readonly Plain[] = [
  ["ext_ramdisk_image", 0x0c0, 4, "upper half of the initrd's physical address", "hex"],
  ["ext_ramdisk_size", 0x0c4, 4, "upper half of the initrd's size", "hex"],
  ["ext_cmd_line_ptr", 0x0c8, 4, "upper half of the command line's physical address", "hex"],
];

const EFI_INFO: readonly Plain[] = [
  ["efi_systab", 0x1c4, 4, "physical address of the EFI system table", "hex"],
  ["efi_memdesc_size", 0x1c8, 4, "bytes of a descriptor of the EFI memory map"],
  ["efi_memdesc_version", 0x1cc, 4, "its version"],
  ["efi_memmap", 0x1d0, 4, "physical address of the EFI memory map", "hex"],
  ["efi_memmap_size", 0x1d4, 4, "its bytes"],
  ["efi_systab_hi", 0x1d8, 4, "upper half of efi_systab", "hex"],
  ["efi_memmap_hi", 0x1dc, 4, "upper half of efi_memmap", "hex"],
];

const COUNTS: readonly Plain[] = [
  ["alt_mem_k", 0x1e0, 4, "memory above 1 MiB in KiB, as INT 15h AX=E801h told it"],
  ["scratch", 0x1e4, 4, "for the setup code's own use", "hex"],
  ["e820_entries", E820_ENTRIES, 1, "ranges in e820_table"],
  ["eddbuf_entries", EDD_ENTRIES, 1, "disks in eddbuf"],
  ["edd_mbr_sig_buf_entries", 0x1ea, 1, "signatures in edd_mbr_sig_buffer"],
  ["kbd_status", 0x1eb, 1, "shift state of the keyboard, by INT 16h AH=02h", "hex"],
  ["secure_boot", 0x1ec, 1, "Secure Boot: 0 not looked at, 1 unknown, 2 off, 3 on"],
  ["sentinel", 0x1ef, 1, "a loader that follows the protocol clears it; else the kernel distrusts other fields", "hex"],
];

function plain(reader: FieldReader, rules: readonly Plain[]): Field[] {
  return rules.map(([name, offset, size, note, style]) => {
    const text = (raw: number): FieldText => ({ note, ...(style === "hex" ? address(raw) : {}) });
    if (size === 4) return reader.u32(name, offset, text);
    return size === 2 ? reader.u16(name, offset, text) : reader.u8(name, offset, text);
  });
}

/** Ranges in the order of the table; overlaps and a count above the table's room are told. */
function e820Fields(reader: FieldReader): Field {
  const count = reader.bytes[E820_ENTRIES]!;
  const shown = Math.min(count, E820_MAX_ENTRIES);
  const ranges: { start: bigint; end: bigint }[] = [];
  const children = Array.from({ length: shown }, (_, index) => {
    const at = E820_TABLE + index * E820_ENTRY_BYTES;
    const start = reader.u64("addr", at, (raw) => ({ ...address(raw), note: "physical address" }));
    const size = reader.u64("size", at + 8, (raw) => ({ ...address(raw), note: "bytes" }));
    const type = reader.u32("type", at + 16, (raw) => ({ value: `${raw} (${E820_TYPES[raw] ?? "unknown"})` }));
    const end = start.raw + size.raw;
    const overlaps = ranges.findIndex((range) => start.raw < range.end && range.start < end);
    ranges.push({ start: start.raw, end });
    const last = size.raw === 0n ? start.raw : end - 1n;
    const value = `${hex(start.raw)}-${hex(last)} ${E820_TYPES[type.raw] ?? `type ${type.raw}`}`;
    const problem = overlaps < 0 ? {} : { problem: `The range overlaps entry ${overlaps}.` };
    return reader.group(`entry ${index}`, at, E820_ENTRY_BYTES, value, [start, size, type], problem);
  });
  const length = E820_MAX_ENTRIES * E820_ENTRY_BYTES;
  return reader.group("e820_table", E820_TABLE, length, `${shown} ranges`, children, {
    note: "the memory map that firmware gave",
    ...(count > E820_MAX_ENTRIES ? { problem: `e820_entries is ${count}: at most 128 were expected.` } : {}),
  });
}

/** In boot_params the flag of boot sectors means nothing; GRUB clears it. */
function withoutFlag(field: Field): Field {
  if (field.name !== "boot_flag") return field;
  const { problem, ...rest } = field;
  return problem === undefined ? field : { ...rest, note: "the signature of a boot sector; GRUB clears it here" };
}

/**
 * Every field of the 4096 bytes of boot_params, in order; `physical` is where they lie, from which offsets count.
 * Throws FormatError for another size.
 */
export function bootParamsFields(bytes: Uint8Array, physical = 0): Field[] {
  if (bytes.length !== BOOT_PARAMS_BYTES) {
    throw new FormatError(`boot_params has ${BOOT_PARAMS_BYTES} bytes, ${bytes.length} were given.`);
  }
  const reader = new FieldReader(bytes, physical, "boot_params");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hasHeader = view.getUint32(HEADER_MAGIC, true) === HDRS_MAGIC;
  const protocol = hasHeader ? view.getUint16(VERSION, true) : 0;
  const video = reader.u8("orig_video_isVGA", 0x0f, (raw) => ({
    value: `${hex(raw)} (${raw === 1 ? "VGA text" : (VIDEO_TYPES[raw] ?? "unknown")})`,
    note: "kind of the display",
  }));
  const screen = [
    ...plain(reader, SCREEN_INFO),
    video,
    ...plain(reader, FRAMEBUFFER),
    reader.u32("capabilities", 0x36, (raw) => flags(VIDEO_CAPABILITIES)(BigInt(raw))),
    reader.u32("ext_lfb_base", 0x3a, (raw) => ({ ...address(raw), note: "upper half of lfb_base" })),
  ];
  const edd = Math.min(bytes[EDD_ENTRIES]!, EDD_MAX_ENTRIES);
  const disks = Array.from({ length: edd }, (_, index) => {
    const at = EDD_BUFFER + index * EDD_BYTES;
    const device = reader.u8("device", at, (raw) => ({ ...address(raw), note: "BIOS number of the disk" }));
    const version = reader.u8("version", at + 1, (raw) => ({ ...address(raw), note: "version of EDD" }));
    return reader.group(`disk ${hex(device.raw)}`, at, EDD_BYTES, `EDD ${hex(version.raw)}`, [device, version]);
  });
  return [
    reader.group("screen_info", 0x00, 0x40, VIDEO_TYPES[video.raw] ?? "VGA text", screen, {
      note: "the display as the setup code or the loader left it",
    }),
    ...plain(reader, APM_BIOS_INFO),
    reader.u64("tboot_addr", 0x58, (raw) => ({ ...address(raw), note: "physical address of tboot's shared page" })),
    ...plain(reader, IST_INFO),
    reader.u64("acpi_rsdp_addr", 0x70, (raw) => ({ ...address(raw), note: "physical address of the ACPI RSDP" })),
    reader.blob("hd0_info", 0x80, 16, { note: "obsolete: geometry of the first disk" }),
    reader.blob("hd1_info", 0x90, 16, { note: "obsolete: geometry of the second disk" }),
    reader.blob("sys_desc_table", 0xa0, 16, { note: "obsolete: table by INT 15h AH=C0h" }),
    reader.blob("olpc_ofw_header", 0xb0, 16, { note: "OLPC's firmware" }),
    ...plain(reader, HIGH_HALVES),
    reader.u32("cc_blob_address", 0x13c, (raw) => ({ ...address(raw), note: "confidential computing: its data" })),
    reader.blob("edid_info", EDID_INFO, 128, { note: "EDID of the monitor" }),
    reader.text("efi_loader_signature", 0x1c0, 4, { note: '"EL32" or "EL64" when started by EFI' }),
    ...plain(reader, EFI_INFO),
    ...plain(reader, COUNTS),
    reader.group(
      "hdr",
      HEADER,
      HEADER_END - HEADER,
      hasHeader ? `boot protocol ${protocol >> 8}.${String(protocol & 0xff).padStart(2, "0")}` : "none",
      hasHeader ? setupHeaderFields(reader, protocol).map(withoutFlag) : [],
      hasHeader
        ? { note: "the kernel's setup header, filled in by the loader" }
        : { problem: `The magic "HdrS" is missing at ${hex(physical + HEADER_MAGIC)}: these may be no boot_params.` },
    ),
    reader.blob("edd_mbr_sig_buffer", HEADER_END, 64, { note: "signatures in the MBRs of the disks, 32 bits each" }),
    e820Fields(reader),
    reader.group("eddbuf", EDD_BUFFER, EDD_MAX_ENTRIES * EDD_BYTES, `${edd} disks`, disks, {
      note: "what INT 13h AH=48h told of the disks (EDD)",
    }),
  ];
}

const SETUP_NODE_BYTES = 16;
const MAX_SETUP_NODES = 64;
/** Bytes of a node's data that are shown. */
const SETUP_DATA_SHOWN = 64;

/**
 * The list of setup_data from the physical address `first` on. `read` gives guest memory, or undefined outside RAM.
 * A list that is too long, loops or leaves RAM ends in a field with the problem.
 */
export async function setupDataFields(
  first: bigint,
  read: (physical: bigint, length: number) => Promise<Uint8Array | undefined>,
): Promise<Field[]> {
  const fields: Field[] = [];
  const seen = new Set<bigint>();
  for (let at = first; at !== 0n;) {
    const stop = (problem: string): Field[] => [
      ...fields,
      { name: `setup_data ${fields.length}`, offset: Number(at), length: 0, value: hex(at), raw: at, problem },
    ];
    if (seen.has(at)) return stop("The list of setup_data comes back to a node that it had: it never ends.");
    if (fields.length >= MAX_SETUP_NODES) return stop(`The list of setup_data has more than ${MAX_SETUP_NODES} nodes.`);
    seen.add(at);
    const head = await read(at, SETUP_NODE_BYTES);
    if (head?.length !== SETUP_NODE_BYTES) return stop("A node of setup_data lies outside RAM.");
    const reader = new FieldReader(head, Number(at), "the node of setup_data");
    const next = reader.u64("next", 0, (raw) => ({ ...address(raw), note: "physical address of the next node" }));
    const type = reader.u32("type", 8, (raw) => ({
      value: `${hex(raw)} (${SETUP_DATA_TYPES[raw & ~SETUP_INDIRECT] ?? "unknown"}${raw & SETUP_INDIRECT ? ", indirect" : ""})`,
    }));
    const length = reader.u32("len", 12, { note: "bytes of data behind this header" });
    const data = await read(at + BigInt(SETUP_NODE_BYTES), Math.min(length.raw, SETUP_DATA_SHOWN));
    const children: Field[] = [next, type, length];
    const node: Field = {
      name: `setup_data ${fields.length}`,
      offset: Number(at),
      length: SETUP_NODE_BYTES + length.raw,
      value: type.value,
      children,
    };
    if (!data) node.problem = "The data of the node lie outside RAM.";
    else if (data.length > 0) {
      const shown = new FieldReader(data, Number(at) + SETUP_NODE_BYTES).blob("data", 0, data.length);
      children.push({ ...shown, length: length.raw });
    }
    fields.push(node);
    at = next.raw;
  }
  return fields;
}
