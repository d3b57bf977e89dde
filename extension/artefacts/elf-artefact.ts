/** ELF files: their fields as rows, and where they start. */
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";
import { EM_386, EM_X86_64, parseElf, PT_LOAD, type Elf } from "../../boot-formats/elf.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import { elfFields } from "../../boot-formats/kernel/elf-fields.ts";
import type { CodeInfo } from "../../webview/artefact/messages.ts";
import { fieldNode, type ArtefactNode } from "./node.ts";

/** With all its debug information a kernel has somewhat less. */
const MAX_ELF = 1024 * 1024 * 1024;
const TYPES: Readonly<Record<number, string>> = { 1: "relocatable", 2: "executable", 3: "shared object", 4: "core" };

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** @throws FormatError when it is no ELF file that can be read */
export async function readElf(source: ByteSource, stream: number): Promise<{ elf: Elf; nodes: ArtefactNode[] }> {
  if (source.size > MAX_ELF) {
    throw new FormatError(`The ELF file has ${source.size} bytes: at most ${MAX_ELF} are read.`);
  }
  const bytes = await source.read(0, source.size);
  return { elf: parseElf(bytes), nodes: elfFields(bytes).map((field) => fieldNode(field, stream)) };
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
