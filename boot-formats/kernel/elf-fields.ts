/**
 * An ELF file laid out for a view (System V gABI, chapters 4 and 5): header, program headers, section headers, and the
 * notes of both. Symbols are read by `elfSymbols`.
 */
import { parseElf, type Elf } from "../elf.ts";
import { FormatError } from "../errors.ts";
import { FieldReader, hex, type Field, type FieldText } from "../fields.ts";
import { flags, type FlagRule } from "./setup-header.ts";

const TYPES: Readonly<Record<number, string>> = {
  0: "none",
  1: "REL, relocatable",
  2: "EXEC, executable",
  3: "DYN, shared object or position-independent executable",
  4: "CORE, memory dump",
};
const MACHINES: Readonly<Record<number, string>> = { 3: "Intel 80386", 62: "x86-64", 183: "AArch64", 243: "RISC-V" };
const SYSTEMS: Readonly<Record<number, string>> = { 0: "System V", 3: "Linux" };

const SEGMENT_TYPES: Readonly<Record<number, string>> = {
  0: "NULL",
  1: "LOAD",
  2: "DYNAMIC",
  3: "INTERP",
  4: "NOTE",
  6: "PHDR",
  7: "TLS",
  0x6474e550: "GNU_EH_FRAME",
  0x6474e551: "GNU_STACK",
  0x6474e552: "GNU_RELRO",
  0x6474e553: "GNU_PROPERTY",
};
const SECTION_TYPES: Readonly<Record<number, string>> = {
  0: "NULL",
  1: "PROGBITS",
  2: "SYMTAB",
  3: "STRTAB",
  4: "RELA",
  5: "HASH",
  6: "DYNAMIC",
  7: "NOTE",
  8: "NOBITS",
  9: "REL",
  11: "DYNSYM",
  14: "INIT_ARRAY",
  15: "FINI_ARRAY",
  0x6ffffff6: "GNU_HASH",
  0x6ffffffe: "VERNEED",
  0x6fffffff: "VERSYM",
};
const SEGMENT_FLAGS: readonly FlagRule[] = [
  { name: "X", mask: 1, note: "executable" },
  { name: "W", mask: 2, note: "writable" },
  { name: "R", mask: 4, note: "readable" },
];
const SECTION_FLAGS: readonly FlagRule[] = [
  { name: "WRITE", mask: 0x1, note: "writable" },
  { name: "ALLOC", mask: 0x2, note: "is in memory when the program runs" },
  { name: "EXECINSTR", mask: 0x4, note: "executable" },
  { name: "MERGE", mask: 0x10, note: "equal elements may be merged" },
  { name: "STRINGS", mask: 0x20, note: "holds zero-terminated strings" },
  { name: "INFO_LINK", mask: 0x40, note: "sh_info names a section" },
  { name: "TLS", mask: 0x400, note: "storage of threads" },
  { name: "COMPRESSED", mask: 0x800, note: "its data are compressed" },
];
const NOTE_SECTION = 7;
const NOTE_SEGMENT = 4;
const MAX_NOTES = 1000;
const MAX_NOTE_NAME = 256;
/** Notes of these owners and types, as readelf calls them. */
const NOTE_TYPES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  GNU: { 1: "ABI tag", 3: "build id", 5: "properties" },
  Xen: {
    1: "entry",
    2: "hypercall page",
    3: "virtual base",
    5: "Xen version",
    6: "guest OS",
    10: "features",
    18: "PVH entry",
  },
};

export interface ElfNote {
  /** Who defines its type: "GNU", "Xen", "Linux". */
  owner: string;
  type: number;
  /** Offset in the file of its header, and bytes with name and description. */
  offset: number;
  length: number;
  description: Uint8Array;
}

const aligned = (length: number): number => Math.ceil(length / 4) * 4;
const name = (names: Readonly<Record<number, string>>, raw: number): string => names[raw] ?? hex(raw);

/** The notes in one range of the file; those behind a damaged one are left out. */
function notesIn(bytes: Uint8Array, start: number, end: number): ElfNote[] {
  const notes: ElfNote[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = start; at + 12 <= end && notes.length < MAX_NOTES;) {
    const nameSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const description = at + 12 + aligned(nameSize);
    if (nameSize > MAX_NOTE_NAME || description + size > end) break;
    const owner = new TextDecoder().decode(bytes.subarray(at + 12, at + 12 + nameSize)).replace(/\0+$/, "");
    const next = description + aligned(size);
    const length = description + size - at;
    notes.push({
      owner,
      type: view.getUint32(at + 8, true),
      offset: at,
      length,
      description: bytes.subarray(description, description + size),
    });
    at = next;
  }
  return notes;
}

/** All notes, each once: those of sections, or of segments in a file without. */
export function elfNotes(bytes: Uint8Array, elf: Elf = parseElf(bytes)): ElfNote[] {
  const ranges = elf.sections.some(({ type }) => type === NOTE_SECTION)
    ? elf.sections.filter(({ type }) => type === NOTE_SECTION)
    : elf.segments.filter(({ type }) => type === NOTE_SEGMENT);
  return ranges.flatMap(({ offset, fileSize }) => notesIn(bytes, offset, Math.min(offset + fileSize, bytes.length)));
}

/** Header, program headers, section headers and notes. Throws FormatError as `parseElf` does. */
export function elfFields(bytes: Uint8Array): Field[] {
  const elf = parseElf(bytes);
  const wide = elf.bits === 64;
  const reader = new FieldReader(bytes, 0, "the ELF file");
  const address = (raw: number | bigint): FieldText => ({ value: hex(raw) });
  const word = (title: string, at: number, text: (raw: bigint) => FieldText): Field =>
    wide ? reader.u64(title, at, text) : reader.u32(title, at, (raw) => text(BigInt(raw)));
  const [entry, size] = wide ? [8, 64] : [4, 52];
  const after = 24 + entry * 3;
  const counts = {
    segmentSize: reader.u16("e_phentsize", after + 6, { note: "bytes of a program header" }),
    segments: reader.u16("e_phnum", after + 8, { note: "number of program headers" }),
    sectionSize: reader.u16("e_shentsize", after + 10, { note: "bytes of a section header" }),
    sections: reader.u16("e_shnum", after + 12, { note: "number of section headers" }),
  };
  const segmentTable = word("e_phoff", 24 + entry, (raw) => ({ ...address(raw), note: "where program headers begin" }));
  const sectionTable = word("e_shoff", 24 + entry * 2, (raw) => ({
    ...address(raw),
    note: "where section headers begin",
  }));
  const header = reader.group("ELF header", 0, size, `${elf.bits}-bit ${name(MACHINES, elf.machine)}`, [
    reader.blob("EI_MAG", 0, 4, { note: "the magic 7F 45 4C 46" }),
    reader.u8("EI_CLASS", 4, { value: `${elf.bits}-bit` }),
    reader.u8("EI_DATA", 5, { value: "little-endian" }),
    reader.u8("EI_VERSION", 6),
    reader.u8("EI_OSABI", 7, (raw) => ({ value: name(SYSTEMS, raw) })),
    reader.u16("e_type", 16, (raw) => ({ value: name(TYPES, raw) })),
    reader.u16("e_machine", 18, (raw) => ({ value: name(MACHINES, raw) })),
    reader.u32("e_version", 20),
    word("e_entry", 24, (raw) => ({ ...address(raw), note: "where execution starts" })),
    segmentTable,
    sectionTable,
    reader.u32("e_flags", after, address),
    reader.u16("e_ehsize", after + 4, { note: "bytes of this header" }),
    ...Object.values(counts),
    reader.u16("e_shstrndx", after + 14, { note: "section that holds the sections' names" }),
  ]);
  const fields = [header];
  if (elf.segments.length > 0) {
    const at = Number(segmentTable.raw);
    const step = counts.segmentSize.raw;
    const rows = elf.segments.map((segment, index): Field => {
      const type = name(SEGMENT_TYPES, segment.type);
      const access = flags(SEGMENT_FLAGS)(BigInt(segment.flags)).value;
      const end = segment.virtualAddress + segment.memorySize;
      return {
        name: `segment ${index} ${type}`,
        offset: at + index * step,
        length: step,
        value: `${hex(segment.virtualAddress)}-${hex(end)} ${access}`,
        note: `${segment.fileSize} bytes at ${hex(segment.offset)} of the file, physical address ${hex(segment.physicalAddress)}`,
        children: [{ name: "content", offset: segment.offset, length: segment.fileSize, value: type }],
      };
    });
    fields.push(reader.group("program headers", at, rows.length * step, `${rows.length} segments`, rows));
  }
  if (elf.sections.length > 0)
    fields.push(sectionFields(elf, Number(sectionTable.raw), counts.sections.raw * counts.sectionSize.raw));
  const notes = elfNotes(bytes, elf);
  for (const note of notes) {
    const title = NOTE_TYPES[note.owner]?.[note.type] ?? `type ${note.type}`;
    const value = Array.from(note.description.subarray(0, 32), (byte) => byte.toString(16).padStart(2, "0")).join("");
    fields.push({ name: `note ${note.owner}: ${title}`, offset: note.offset, length: note.length, value });
  }
  return fields;
}

function sectionFields(elf: Elf, table: number, length: number): Field {
  if (!Number.isSafeInteger(table)) throw new FormatError("The ELF file's section headers lie outside it.");
  const children = elf.sections.map((section): Field => {
    const type = name(SECTION_TYPES, section.type);
    return {
      name: section.name === "" ? `section ${type}` : section.name,
      offset: section.offset,
      length: section.fileSize,
      value: `${type} ${flags(SECTION_FLAGS)(section.flags).value}, ${section.size} bytes`,
      note: section.address === 0n ? "not in memory" : `in memory at ${hex(section.address)}`,
    };
  });
  return { name: "section headers", offset: table, length, value: `${children.length} sections`, children };
}
