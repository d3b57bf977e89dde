/** ELF files as rows: segments and sections. */
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";
import { sizeText } from "../../boot-formats/disk/mbr.ts";
import {
  EM_386,
  EM_X86_64,
  parseElf,
  PT_LOAD,
  type Elf,
  type ElfSection,
  type ElfSegment,
} from "../../boot-formats/elf.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import type { CodeInfo } from "../../webview/artefact/messages.ts";
import type { ArtefactNode } from "./node.ts";

/** With all its debug information a kernel has somewhat less. */
const MAX_ELF = 1024 * 1024 * 1024;
const EXECUTABLE = 4n;
const TYPES: Readonly<Record<number, string>> = { 1: "relocatable", 2: "executable", 3: "shared object", 4: "core" };
const SEGMENT_TYPES: Readonly<Record<number, string>> = {
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

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** @throws FormatError when it is no ELF file that can be read */
export async function readElf(source: ByteSource): Promise<{ elf: Elf }> {
  if (source.size > MAX_ELF) {
    throw new FormatError(`The ELF file has ${source.size} bytes: at most ${MAX_ELF} are read.`);
  }
  return { elf: parseElf(await source.read(0, source.size)) };
}

export function elfSummary({ machine, type, entry }: Elf): string {
  const name = machine === EM_X86_64 ? "x86-64" : machine === EM_386 ? "i386" : `machine ${machine}`;
  return `${name} · ${TYPES[type] ?? `type ${type}`} · entry ${hex(entry)}`;
}

/** Where it starts; undefined when the entry lies in no segment. */
export function elfCode({ entry, segments, bits, machine }: Elf, stream: number): CodeInfo | undefined {
  if (machine !== EM_X86_64 && machine !== EM_386) return undefined;
  for (const { type, offset, fileSize, virtualAddress, physicalAddress } of segments) {
    if (type !== PT_LOAD) continue;
    // A kernel's entry is a physical address.
    for (const base of [virtualAddress, physicalAddress]) {
      if (entry < base || entry >= base + BigInt(fileSize)) continue;
      const skip = Number(entry - base);
      return { label: "Entry", stream, offset: offset + skip, length: fileSize - skip, bits, address: String(entry) };
    }
  }
  return undefined;
}

export function elfNodes({ segments, sections, bits }: Elf, stream: number): ArtefactNode[] {
  const headerBytes = bits === 64 ? 64 : 52;
  const group = (name: string, children: ArtefactNode[]): ArtefactNode => ({
    name,
    value: `${children.length}`,
    offset: 0,
    length: 0,
    children: () => children,
  });
  return [
    { name: "ELF header", value: `${bits}-bit`, stream, offset: 0, length: headerBytes },
    group(
      "segments",
      segments.map((segment, index) => segmentNode(segment, index, stream)),
    ),
    group(
      "sections",
      sections.map((section, index) => sectionNode(section, index, stream)),
    ),
  ];
}

function segmentNode(segment: ElfSegment, index: number, stream: number): ArtefactNode {
  const { type, flags, offset, fileSize, virtualAddress, physicalAddress, memorySize } = segment;
  const rights = [flags & 4 ? "r" : "-", flags & 2 ? "w" : "-", flags & 1 ? "x" : "-"].join("");
  return {
    name: `segment ${index}`,
    value: `${SEGMENT_TYPES[type] ?? hex(type)} ${rights} at ${hex(virtualAddress)}`,
    note: `Physical ${hex(physicalAddress)}, ${sizeText(Number(memorySize))} in memory.`,
    stream,
    offset,
    length: fileSize,
  };
}

function sectionNode(
  { name, flags, address, offset, fileSize, size }: ElfSection,
  index: number,
  stream: number,
): ArtefactNode {
  return {
    name: name === "" ? `section ${index}` : name,
    value: `${sizeText(Number(size))}${address === 0n ? "" : ` at ${hex(address)}`}`,
    ...((flags & EXECUTABLE) !== 0n ? { note: "Code." } : {}),
    stream,
    offset,
    length: fileSize,
  };
}
