/**
 * The master boot record and the chain of extended partitions. There is no standard but practice: 446 bytes of code
 * (the last six of them a disk signature and a mark), four entries of 16 bytes, 55 AA (UEFI Specification 5.2.1; Linux
 * block/partitions/msdos.c for extended partitions).
 */
import type { Volume } from "./byte-source.ts";
import { readBootCode, type BootCode } from "./boot-code.ts";
import { FormatError } from "../errors.ts";
import { FieldReader, hex, type Field } from "../fields.ts";
import type { Partition } from "./partition.ts";
import { isExtendedType, mbrTypeName } from "./partition-types.ts";

export const MBR_BYTES = 512;
/** Code, disk signature and mark; the table follows. */
const BOOTSTRAP_BYTES = 446;
const CODE_BYTES = 440;
const ENTRY_BYTES = 16;
const SIGNATURE_AT = 510;
/** Logical partitions that are followed; Linux itself stops at 256 partitions (DISK_MAX_PARTS). */
const MAX_LOGICAL = 256;

export interface Mbr {
  /** NT disk signature, as sfdisk prints it: "0xb007c0d5". */
  diskId: string;
  /** Whether an entry says that the real table is a GPT. */
  protectsGpt: boolean;
  bootCode: BootCode | undefined;
  /** All four entries; empty ones have no partition. */
  primary: Partition[];
  field: Field;
}

interface Entry {
  bootable: boolean;
  type: number;
  /** Sectors, relative to what the table says. */
  start: number;
  sectors: number;
  field: Field;
}

/** CHS as an entry packs it: head, sector with the cylinder's upper two bits, cylinder. */
function chs(reader: FieldReader, name: string, at: number, note: string): Field {
  const head = reader.u8("head", at);
  const sector = reader.u8("sector", at + 1, (raw) => ({
    value: String(raw & 0x3f),
    note: "Counted from 1; bits 6 and 7 belong to the cylinder.",
  }));
  const low = reader.u8("cylinder", at + 2);
  const cylinder = ((sector.raw & 0xc0) << 2) | low.raw;
  low.value = String(cylinder);
  low.note = "Lower eight bits of the cylinder.";
  const beyond = cylinder === 1023 && head.raw >= 254;
  const text = `${cylinder}/${head.raw}/${sector.raw & 0x3f}`;
  return reader.group(name, at, 3, beyond ? `${text} (beyond what CHS can say)` : text, [head, sector, low], { note });
}

function readEntry(reader: FieldReader, index: number, at: number, relativeTo: string): Entry {
  const status = reader.u8("status", at, (raw) => ({
    value: raw === 0x80 ? "active (0x80)" : raw === 0 ? "not active (0x00)" : hex(raw, 2),
    note: "0x80 marks the partition that plain MBR code boots.",
    ...((raw & 0x7f) === 0 ? {} : { problem: `The status is ${hex(raw, 2)}: 0x00 or 0x80 was expected.` }),
  }));
  const type = reader.u8("type", at + 4, (raw) => ({
    value: `${mbrTypeName(raw)} (${hex(raw, 2)})`,
    note: "What the partition is for; the boot process hardly looks at it.",
  }));
  const start = reader.u32("lba_start", at + 8, { note: `First sector, counted from ${relativeTo}.` });
  const sectors = reader.u32("sectors", at + 12, (raw) => ({
    value: `${raw}${raw === 0 ? "" : ` (${sizeText(raw * 512)})`}`,
    note: "Number of sectors.",
  }));
  const children = [
    status,
    chs(reader, "chs_start", at + 1, "First sector as cylinder/head/sector, for BIOSes that cannot count sectors."),
    type,
    chs(reader, "chs_end", at + 5, "Last sector as cylinder/head/sector."),
    start,
    sectors,
  ];
  const value = sectors.raw !== 0 ? `${mbrTypeName(type.raw)}, ${sizeText(sectors.raw * 512)}` : "empty";
  const field = reader.group(`entry ${index + 1}`, at, ENTRY_BYTES, value, children);
  return { bootable: (status.raw & 0x80) !== 0, type: type.raw, start: start.raw, sectors: sectors.raw, field };
}

/** "512 bytes", "64 MiB", "3.5 GiB". */
export function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let amount = bytes;
  let unit = 0;
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${Number(amount.toFixed(1))} ${units[unit]!}`;
}

function toPartition(entry: Entry, number: number, kind: Partition["kind"], base: number): Partition {
  return {
    number,
    kind,
    start: base + entry.start,
    sectors: entry.sectors,
    type: entry.type.toString(16),
    typeName: mbrTypeName(entry.type),
    bootable: entry.bootable,
    field: entry.field,
  };
}

function bootSignature(reader: FieldReader): Field {
  return reader.u16("boot_signature", SIGNATURE_AT, (raw) => ({
    value: raw === 0xaa55 ? "55 AA" : hex(raw, 4),
    note: "The BIOS starts only sectors that end with the bytes 55 AA.",
    ...(raw === 0xaa55 ? {} : { problem: "The boot signature 55 AA is missing." }),
  }));
}

/** Reads the fields of a sector 0, whether or not it is a valid MBR: what is wrong stands in the fields. */
export function parseMbr(sector: Uint8Array, offset = 0): Mbr {
  const reader = new FieldReader(sector, offset, "the MBR");
  const bootCode = readBootCode(reader);
  const code = reader.blob("code", 0, CODE_BYTES, {
    value: bootCode ? bootCode.name : sector.subarray(0, CODE_BYTES).every((byte) => byte === 0) ? "none" : "unknown",
    note: "Real-mode code: the BIOS loads the sector to 0x7C00 and jumps there.",
    ...(bootCode && bootCode.fields.length > 0 ? { children: bootCode.fields } : {}),
  });
  const id = reader.u32("disk_signature", CODE_BYTES, (raw) => ({
    value: hex(raw, 8),
    note: "Number by which Windows and Linux (root=PARTUUID=) know the disk.",
  }));
  const mark = reader.u16("copy_protected", CODE_BYTES + 4, (raw) => ({
    value: hex(raw, 4),
    note: "0x5A5A marks a disk as read-only; usually 0.",
  }));
  const bootstrap = reader.group("bootstrap code area", 0, BOOTSTRAP_BYTES, code.value, [code, id, mark]);
  const entries = [0, 1, 2, 3].map((index) =>
    readEntry(reader, index, BOOTSTRAP_BYTES + index * ENTRY_BYTES, "the start of the disk"),
  );
  const table = reader.group(
    "partition table",
    BOOTSTRAP_BYTES,
    4 * ENTRY_BYTES,
    `${entries.filter(isUsed).length} of 4 entries used`,
    entries.map(({ field }) => field),
  );
  const primary = entries.flatMap((entry, index) =>
    isUsed(entry) ? [toPartition(entry, index + 1, isExtendedType(entry.type) ? "extended" : "primary", 0)] : [],
  );
  return {
    diskId: `0x${id.raw.toString(16).padStart(8, "0")}`,
    protectsGpt: entries.some(({ type }) => type === 0xee),
    bootCode,
    primary,
    field: reader.group("MBR", 0, MBR_BYTES, code.value, [bootstrap, table, bootSignature(reader)], {
      note: "Master boot record: the disk's first sector, which the BIOS starts.",
    }),
  };
}

/** Linux and sfdisk take any entry with sectors for a partition, even of type 0, as hybrid CD images have them. */
function isUsed(entry: Entry): boolean {
  return entry.sectors !== 0;
}

/** Whether the table's bytes can be one: a boot sector of a file system has code or text there. */
export function hasPartitionTable(sector: Uint8Array): boolean {
  if (sector.length < MBR_BYTES || sector[SIGNATURE_AT] !== 0x55 || sector[SIGNATURE_AT + 1] !== 0xaa) return false;
  for (let at = BOOTSTRAP_BYTES; at < SIGNATURE_AT; at += ENTRY_BYTES) {
    if ((sector[at]! & 0x7f) !== 0) return false;
  }
  return true;
}

export interface Logical {
  partitions: Partition[];
  /** One for each extended boot record. */
  fields: Field[];
  problems: string[];
}

/** Follows the chain of extended boot records, as far as it can be followed. */
export async function readLogical(disk: Volume, primary: readonly Partition[], sectorSize: number): Promise<Logical> {
  const result: Logical = { partitions: [], fields: [], problems: [] };
  const seen = new Set<number>();
  for (const extended of primary.filter(({ kind }) => kind === "extended")) {
    try {
      await followChain(disk, extended, sectorSize, seen, result);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      result.problems.push(error.message);
    }
  }
  return result;
}

async function followChain(
  disk: Volume,
  extended: Partition,
  sectorSize: number,
  seen: Set<number>,
  result: Logical,
): Promise<void> {
  let next: number | undefined = extended.start;
  while (next !== undefined) {
    const sector: number = next;
    const where = `the extended boot record at sector ${sector}`;
    if (seen.has(sector)) throw new FormatError(`The chain of extended partitions comes back to sector ${sector}.`);
    seen.add(sector);
    const bytes = await disk.read(sector * sectorSize, MBR_BYTES, where);
    const reader = new FieldReader(bytes, disk.at(sector * sectorSize), where);
    const signature = bootSignature(reader);
    if (signature.problem !== undefined) {
      throw new FormatError(`The boot signature 55 AA is missing in ${where}.`);
    }
    const entries = [0, 1, 2, 3].map((index) => {
      const at = BOOTSTRAP_BYTES + index * ENTRY_BYTES;
      const link = index === 1 && isExtendedType(bytes[at + 4]!);
      return readEntry(reader, index, at, link ? "the start of the extended partition" : "this sector");
    });
    result.fields.push(
      reader.group(
        `EBR at sector ${sector}`,
        0,
        MBR_BYTES,
        `${entries.filter(isUsed).length} entries used`,
        [...entries.map(({ field }) => field), signature],
        { note: "Extended boot record: one logical partition, and the way to the next one." },
      ),
    );
    for (const entry of entries) {
      if (!isUsed(entry) || isExtendedType(entry.type)) continue;
      if (result.partitions.length >= MAX_LOGICAL) {
        throw new FormatError(`There are more than ${MAX_LOGICAL} logical partitions; the rest is left out.`);
      }
      result.partitions.push(toPartition(entry, 5 + result.partitions.length, "logical", sector));
    }
    const link = entries.find((entry) => isUsed(entry) && isExtendedType(entry.type));
    next = link && extended.start + link.start;
    if (seen.size > MAX_LOGICAL) {
      throw new FormatError(`There are more than ${MAX_LOGICAL} extended boot records; the rest is left out.`);
    }
  }
}
