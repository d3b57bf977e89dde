/** ELF32 and ELF64, little-endian: header, program headers, sections (System V gABI, chapters 4 and 5). */
import { FormatError } from "./errors.ts";

export const PT_LOAD = 1;
export const EM_386 = 3;
export const EM_X86_64 = 62;
const SHT_NOBITS = 8;
const PN_XNUM = 0xffff;

export interface ElfSegment {
  type: number;
  flags: number;
  /** Bytes of the file, from `offset`. */
  offset: number;
  fileSize: number;
  virtualAddress: bigint;
  physicalAddress: bigint;
  /** Bytes in memory; what the file does not give is zero. */
  memorySize: bigint;
  alignment: bigint;
}

export interface ElfSection {
  /** Number in the table of section headers. */
  index: number;
  name: string;
  type: number;
  flags: bigint;
  address: bigint;
  /** Bytes of the file; none for a section without content (.bss). */
  offset: number;
  fileSize: number;
  /** Bytes in memory. */
  size: bigint;
}

export interface Elf {
  bits: 32 | 64;
  /** EM_386, EM_X86_64 … */
  machine: number;
  /** ET_EXEC 2, ET_DYN 3 … */
  type: number;
  entry: bigint;
  segments: ElfSegment[];
  sections: ElfSection[];
}

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Reads fields whose place and width differ between the two classes. */
class Fields {
  private readonly view: DataView;
  readonly wide: boolean;

  constructor(bytes: Uint8Array, wide: boolean) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.wide = wide;
  }

  u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  /** An address, offset or size: 4 bytes or 8 by class. */
  word(at: number): bigint {
    return this.wide ? this.view.getBigUint64(at, true) : BigInt(this.view.getUint32(at, true));
  }
}

/** Checks that a range lies within the file; returns its start as a number. */
function inFile(offset: bigint, size: bigint, fileLength: number, what: string): number {
  if (offset + size > BigInt(fileLength)) {
    throw new FormatError(
      `The ELF file is truncated: ${what} ends at byte ${offset + size}, the file at ${fileLength}.`,
    );
  }
  return Number(offset);
}

/** Parses an ELF file; throws FormatError when it is none, or when its tables or segments leave the file. */
export function parseElf(bytes: Uint8Array): Elf {
  if (!isElf(bytes)) throw new FormatError("No ELF file: it does not begin with 7F 45 4C 46.");
  if (bytes.length < 52) throw new FormatError(`The ELF file is truncated: ${bytes.length} bytes hold no header.`);
  const elfClass = bytes[4];
  if (elfClass !== 1 && elfClass !== 2) {
    throw new FormatError(`The ELF file has class ${elfClass}: 1 (32-bit) or 2 (64-bit) was expected.`);
  }
  if (bytes[5] !== 1) throw new FormatError("The ELF file is big-endian: an x86 kernel is little-endian.");
  const wide = elfClass === 2;
  if (wide && bytes.length < 64) throw new FormatError("The ELF file is truncated within its header.");
  const fields = new Fields(bytes, wide);
  const at = wide
    ? { phoff: 32, shoff: 40, phentsize: 54, phnum: 56, shentsize: 58, shnum: 60, shstrndx: 62 }
    : { phoff: 28, shoff: 32, phentsize: 42, phnum: 44, shentsize: 46, shnum: 48, shstrndx: 50 };
  const phnum = fields.u16(at.phnum);
  if (phnum === PN_XNUM) throw new FormatError("The ELF file has more than 65534 program headers.");
  const entrySizes = { segment: wide ? 56 : 32, section: wide ? 64 : 40 };
  if (phnum > 0 && fields.u16(at.phentsize) !== entrySizes.segment) {
    throw new FormatError(`The ELF file's program headers are not of ${entrySizes.segment} bytes each.`);
  }
  const tableSize = BigInt(phnum * entrySizes.segment);
  const table = phnum === 0 ? 0 : inFile(fields.word(at.phoff), tableSize, bytes.length, "the program header table");
  const segments: ElfSegment[] = [];
  for (let index = 0; index < phnum; index++) {
    segments.push(parseSegment(fields, table + index * entrySizes.segment, index, bytes.length));
  }
  const shnum = fields.u16(at.shnum);
  const sections =
    shnum === 0 || fields.u16(at.shentsize) !== entrySizes.section
      ? []
      : parseSections(bytes, fields, fields.word(at.shoff), shnum, fields.u16(at.shstrndx));
  return {
    bits: wide ? 64 : 32,
    machine: fields.u16(18),
    type: fields.u16(16),
    entry: fields.word(24),
    segments,
    sections,
  };
}

function parseSegment(fields: Fields, at: number, index: number, fileLength: number): ElfSegment {
  const wide = fields.wide;
  const fileSize = fields.word(at + (wide ? 32 : 16));
  const memorySize = fields.word(at + (wide ? 40 : 20));
  const type = fields.u32(at);
  const offset = inFile(fields.word(at + (wide ? 8 : 4)), fileSize, fileLength, `segment ${index}`);
  if (type === PT_LOAD && fileSize > memorySize) {
    throw new FormatError(`Segment ${index} of the ELF file has more bytes in the file than in memory.`);
  }
  return {
    type,
    flags: fields.u32(at + (wide ? 4 : 24)),
    offset,
    fileSize: Number(fileSize),
    virtualAddress: fields.word(at + (wide ? 16 : 8)),
    physicalAddress: fields.word(at + (wide ? 24 : 12)),
    memorySize,
    alignment: fields.word(at + (wide ? 48 : 28)),
  };
}

function parseSections(bytes: Uint8Array, fields: Fields, shoff: bigint, count: number, strings: number): ElfSection[] {
  const wide = fields.wide;
  const entrySize = wide ? 64 : 40;
  const table = inFile(shoff, BigInt(count * entrySize), bytes.length, "the section header table");
  const headers = Array.from({ length: count }, (_, index) => {
    const at = table + index * entrySize;
    const type = fields.u32(at + 4);
    const size = fields.word(at + (wide ? 32 : 20));
    const fileSize = type === SHT_NOBITS || type === 0 ? 0n : size;
    return {
      index,
      nameOffset: fields.u32(at),
      type,
      flags: fields.word(at + 8),
      address: fields.word(at + (wide ? 16 : 12)),
      offset: inFile(fields.word(at + (wide ? 24 : 16)), fileSize, Number.MAX_SAFE_INTEGER, `section ${index}`),
      fileSize: Number(fileSize),
      size,
    };
  });
  const names = headers[strings];
  const nameOf = (offset: number): string => {
    if (!names || offset >= names.fileSize) return "";
    const start = names.offset + offset;
    // No section name of a kernel is longer; this also bounds the search for its end.
    const slice = bytes.subarray(start, Math.min(start + 256, names.offset + names.fileSize));
    const end = slice.indexOf(0);
    return new TextDecoder().decode(slice.subarray(0, end < 0 ? slice.length : end));
  };
  // Sections that a loader never reads may be cut off (a stripped or partial file); those are left out.
  return headers
    .filter((header) => header.offset + header.fileSize <= bytes.length)
    .map(({ nameOffset, ...section }) => ({ name: nameOf(nameOffset), ...section }));
}
