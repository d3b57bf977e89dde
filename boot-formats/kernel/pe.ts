/**
 * The PE/COFF header that makes a bzImage an EFI application, its EFI stub (Microsoft PE Format; kernel
 * arch/x86/boot/header.S).
 */
import { FieldReader, hex, type Field } from "../fields.ts";
import { flags, type FlagRule } from "./setup-header.ts";

const MZ = 0x5a4d;
const PE_OFFSET = 0x3c;
const PE_SIGNATURE = 0x4550;
const COFF_BYTES = 20;
const SECTION_BYTES = 40;
const PE32_PLUS = 0x20b;
const PE32 = 0x10b;
/** A PE file has at most so many sections. */
const MAX_SECTIONS = 96;
const CERTIFICATES = 4;

const MACHINES: Readonly<Record<number, string>> = { 0x8664: "x86-64", 0x14c: "i386", 0xaa64: "arm64" };
const SUBSYSTEMS: Readonly<Record<number, string>> = { 10: "EFI application" };

const CHARACTERISTICS: readonly FlagRule[] = [
  { name: "RELOCS_STRIPPED", mask: 0x1, note: "there are no relocations" },
  { name: "EXECUTABLE_IMAGE", mask: 0x2, note: "the file can be run" },
  { name: "LINE_NUMS_STRIPPED", mask: 0x4, note: "there are no line numbers" },
  { name: "LARGE_ADDRESS_AWARE", mask: 0x20, note: "addresses above 2 GiB are fine" },
  { name: "DEBUG_STRIPPED", mask: 0x200, note: "there is no debugging information" },
];

const SECTION_FLAGS: readonly FlagRule[] = [
  { name: "CNT_CODE", mask: 0x20, note: "code" },
  { name: "CNT_INITIALIZED_DATA", mask: 0x40, note: "data" },
  { name: "MEM_DISCARDABLE", mask: 0x200_0000, note: "may be dropped once loaded" },
  { name: "MEM_EXECUTE", mask: 0x2000_0000, note: "executable" },
  { name: "MEM_READ", mask: 0x4000_0000, note: "readable" },
  { name: "MEM_WRITE", mask: 0x8000_0000, note: "writable" },
];
const ALIGNMENT_MASK = 0xf0_0000;

const address = (raw: number | bigint): { value: string } => ({ value: hex(raw) });

function sectionFields(reader: FieldReader, at: number): Field {
  const name = reader.text("Name", at, 8);
  const size = reader.u32("SizeOfRawData", at + 16, { note: "bytes in the file" });
  const start = reader.u32("PointerToRawData", at + 20, (raw) => ({ ...address(raw), note: "offset in the file" }));
  const children = [
    name,
    reader.u32("VirtualSize", at + 8, { note: "bytes in memory" }),
    reader.u32("VirtualAddress", at + 12, (raw) => ({ ...address(raw), note: "relative to the image's base" })),
    size,
    start,
    reader.u32("Characteristics", at + 36, (raw) => flags(SECTION_FLAGS)(BigInt((raw & ~ALIGNMENT_MASK) >>> 0))),
  ];
  const end = start.raw + size.raw;
  const outside = end > reader.bytes.length ? { problem: `The section ends at ${hex(end)}, behind the file.` } : {};
  return reader.group(`section ${name.value}`, at, SECTION_BYTES, `${hex(start.raw)}-${hex(end)}`, children, outside);
}

function optionalHeaderFields(reader: FieldReader, at: number, size: number): Field[] {
  if (size < 2) return [];
  const magic = reader.u16("Magic", at, (raw) => ({
    value: `${hex(raw)} (${raw === PE32_PLUS ? "PE32+" : raw === PE32 ? "PE32" : "unknown"})`,
  }));
  const wide = magic.raw === PE32_PLUS;
  if (!wide && magic.raw !== PE32) return [magic];
  const fields: Field[] = [magic];
  const add = (end: number, make: () => Field): void => {
    if (end <= size) fields.push(make());
  };
  add(20, () =>
    reader.u32("AddressOfEntryPoint", at + 16, (raw) => ({ ...address(raw), note: "entry of the EFI stub" })),
  );
  add(40, () => reader.u32("FileAlignment", at + 36, address));
  add(60, () => reader.u32("SizeOfImage", at + 56, (raw) => ({ value: `${raw} bytes`, note: "in memory" })));
  add(64, () => reader.u32("SizeOfHeaders", at + 60, (raw) => ({ value: `${raw} bytes` })));
  add(68, () => reader.u32("CheckSum", at + 64, address));
  add(70, () => reader.u16("Subsystem", at + 68, (raw) => ({ value: `${raw} (${SUBSYSTEMS[raw] ?? "unknown"})` })));
  const directories = wide ? 112 : 96;
  const certificates = directories + CERTIFICATES * 8;
  if (certificates + 8 <= size) {
    const start = reader.u32("certificate table offset", at + certificates, address);
    const length = reader.u32("certificate table size", at + certificates + 4, (raw) => ({ value: `${raw} bytes` }));
    fields.push(start, length);
    if (start.raw > 0 && start.raw + length.raw <= reader.bytes.length && length.raw > 0) {
      fields.push(
        reader.blob("signatures", start.raw, length.raw, { note: "Authenticode signatures, for Secure Boot" }),
      );
    }
  }
  return fields;
}

/** The DOS header, the PE header and its sections; empty when the file has none. */
export function peFields(bytes: Uint8Array): Field[] {
  const reader = new FieldReader(bytes, 0, "the PE header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 0x40 || view.getUint16(0, true) !== MZ) return [];
  const start = view.getUint32(PE_OFFSET, true);
  const optional = start + 4 + COFF_BYTES;
  if (optional > bytes.length || view.getUint32(start, true) !== PE_SIGNATURE) return [];
  const coff = start + 4;
  const sections = reader.u16("NumberOfSections", coff + 2);
  const optionalSize = reader.u16("SizeOfOptionalHeader", coff + 16);
  const table = optional + optionalSize.raw;
  const size = table + sections.raw * SECTION_BYTES - start;
  if (sections.raw > MAX_SECTIONS || start + size > bytes.length) return [];
  const children = [
    reader.text("Signature", start, 4),
    reader.u16("Machine", coff, (raw) => ({ value: `${hex(raw)} (${MACHINES[raw] ?? "unknown"})` })),
    sections,
    reader.u32("TimeDateStamp", coff + 4, { note: "0, so that builds are reproducible" }),
    optionalSize,
    reader.u16("Characteristics", coff + 18, (raw) => flags(CHARACTERISTICS)(BigInt(raw))),
    ...optionalHeaderFields(reader, optional, optionalSize.raw),
    ...Array.from({ length: sections.raw }, (_, index) => sectionFields(reader, table + index * SECTION_BYTES)),
  ];
  return [
    reader.text("e_magic", 0, 2, { note: 'the magic "MZ" of a DOS program, which EFI asks for' }),
    reader.u32("e_lfanew", PE_OFFSET, (raw) => ({ ...address(raw), note: "where the PE header begins" })),
    reader.group("PE header", start, size, `${sections.raw} sections`, children, {
      note: "makes the kernel an EFI application: firmware can start it without a boot loader (EFI stub)",
    }),
  ];
}
