/** GUID partition table (UEFI Specification 5.3): a header at sector 1 and a copy in the last sector, with entries. */
import type { Volume } from "./byte-source.ts";
import { crc32 } from "../crc32.ts";
import { FormatError } from "../errors.ts";
import { FieldReader, hex, type Field } from "../fields.ts";
import { guidText } from "./guid.ts";
import { sizeText } from "./mbr.ts";
import type { Partition } from "./partition.ts";
import { gptTypeName } from "./partition-types.ts";

const SIGNATURE = 0x5452415020494645n; // "EFI PART"
const HEADER_BYTES = 92;
const ENTRY_BYTES = 128;
/** Tables beyond this size are refused: 128 entries of 128 bytes are usual. */
const MAX_TABLE_BYTES = 4 * 1024 * 1024;

export interface GptTable {
  /** Sector of the header. */
  sector: number;
  diskId: string;
  /** First and last sector that partitions may use. */
  firstUsable: number;
  lastUsable: number;
  /** Where the other header ought to be. */
  alternate: number;
  partitions: Partition[];
  /** Raw table, to be compared with the other one. */
  entriesCrc: number;
  fields: Field[];
  /** Whether both CRCs are right. */
  sound: boolean;
}

export function isGptHeader(sector: Uint8Array): boolean {
  if (sector.length < HEADER_BYTES) return false;
  return new DataView(sector.buffer, sector.byteOffset, 8).getBigUint64(0, true) === SIGNATURE;
}

/** Sector numbers are 64 bits wide, but a disk beyond 2^53 sectors does not exist. */
function sectorNumber(reader: FieldReader, name: string, at: number, note: string): { raw: number; field: Field } {
  const field = reader.u64(name, at, (raw) => ({
    note,
    ...(raw > BigInt(Number.MAX_SAFE_INTEGER)
      ? { value: hex(raw), problem: `Sector ${raw} lies beyond any disk.` }
      : {}),
  }));
  return { raw: Number(field.raw), field };
}

/** Attribute bits that mean something for every partition (UEFI table 5.8), and for Microsoft's basic data. */
function attributeText(attributes: bigint): string {
  const names: readonly (readonly [number, string])[] = [
    [0, "required by the platform"],
    [1, "ignored by firmware"],
    [2, "bootable by a legacy BIOS"],
    [60, "read-only"],
    [62, "hidden"],
    [63, "no drive letter"],
  ];
  const set = names.filter(([bit]) => (attributes >> BigInt(bit)) & 1n).map(([, name]) => name);
  return set.length === 0 ? hex(attributes) : `${hex(attributes)}: ${set.join(", ")}`;
}

function readName(bytes: Uint8Array): string {
  let end = 0;
  while (end + 1 < bytes.length && (bytes[end] !== 0 || bytes[end + 1] !== 0)) end += 2;
  return new TextDecoder("utf-16le").decode(bytes.subarray(0, end));
}

function readEntry(reader: FieldReader, at: number, size: number, number: number): Partition | undefined {
  const type = guidText(reader.bytes.subarray(at, at + 16));
  if (/^[0-]+$/.test(type)) return undefined;
  const uuid = guidText(reader.bytes.subarray(at + 16, at + 32));
  const first = sectorNumber(reader, "starting_lba", at + 32, "First sector.");
  const last = sectorNumber(reader, "ending_lba", at + 40, "Last sector, which belongs to the partition.");
  const attributes = reader.u64("attributes", at + 48, (raw) => ({ value: attributeText(raw) }));
  const name = readName(reader.bytes.subarray(at + 56, at + ENTRY_BYTES));
  const sectors = Math.max(0, last.raw - first.raw + 1);
  if (last.raw < first.raw) last.field.problem = "The partition ends before it begins.";
  const children = [
    reader.blob("partition_type_guid", at, 16, {
      value: `${gptTypeName(type)} (${type})`,
      note: "What the partition is for.",
    }),
    reader.blob("unique_partition_guid", at + 16, 16, { value: uuid, note: "The partition's own name: PARTUUID." }),
    first.field,
    last.field,
    attributes,
    reader.blob("partition_name", at + 56, ENTRY_BYTES - 56, { value: name, note: "Name for people, in UTF-16." }),
  ];
  const text = `${gptTypeName(type)}, ${sizeText(sectors * 512)}`;
  return {
    number,
    kind: "gpt",
    start: first.raw,
    sectors,
    type,
    typeName: gptTypeName(type),
    bootable: (attributes.raw & 4n) !== 0n,
    uuid,
    name,
    attributes: attributes.raw,
    field: reader.group(`entry ${number}`, at, size, text, children),
  };
}

/**
 * Reads the header at a sector and the entries that it points to.
 * @throws FormatError when there is no header, or its table cannot be read
 */
export async function readGpt(disk: Volume, sector: number, sectorSize: number): Promise<GptTable> {
  const where = `the GPT header at sector ${sector}`;
  const bytes = await disk.read(sector * sectorSize, sectorSize, where);
  if (!isGptHeader(bytes)) throw new FormatError(`The signature "EFI PART" is missing at sector ${sector}.`);
  const reader = new FieldReader(bytes, disk.at(sector * sectorSize), where);
  const size = reader.u32("header_size", 12, (raw) => ({
    note: "Bytes of the header that the CRC covers.",
    ...(raw < HEADER_BYTES || raw > sectorSize
      ? { problem: `The header's size is ${raw}: ${HEADER_BYTES} to ${sectorSize} were expected.` }
      : {}),
  }));
  const summed = bytes.slice(0, size.problem === undefined ? size.raw : HEADER_BYTES);
  summed.fill(0, 16, 20);
  const headerCrc = checked(
    reader,
    "header_crc32",
    16,
    crc32(summed),
    "CRC of the header, taken with this field zero.",
  );
  const own = sectorNumber(reader, "my_lba", 24, "Sector in which this header stands.");
  if (own.raw !== sector) own.field.problem = `The header stands at sector ${sector}, but says ${own.field.value}.`;
  const alternate = sectorNumber(reader, "alternate_lba", 32, "Sector of the other header.");
  const firstUsable = sectorNumber(reader, "first_usable_lba", 40, "First sector that a partition may use.");
  const lastUsable = sectorNumber(reader, "last_usable_lba", 48, "Last sector that a partition may use.");
  const diskId = guidText(bytes.subarray(56, 72));
  const entriesAt = sectorNumber(reader, "partition_entry_lba", 72, "First sector of the entries.");
  const count = reader.u32("number_of_partition_entries", 80);
  const entrySize = reader.u32("size_of_partition_entry", 84, { note: "Bytes of one entry: 128, or that times 2^n." });
  const tableBytes = count.raw * entrySize.raw;
  if (entrySize.raw < ENTRY_BYTES || entrySize.raw % 8 !== 0 || tableBytes > MAX_TABLE_BYTES) {
    throw new FormatError(
      `In ${where} the table has ${count.raw} entries of ${entrySize.raw} bytes: at least ${ENTRY_BYTES} bytes an entry and at most ${MAX_TABLE_BYTES} in all were expected.`,
    );
  }
  const table = await disk.read(entriesAt.raw * sectorSize, tableBytes, `the entries of ${where}`);
  const entriesCrc = crc32(table);
  const tableCrc = checked(reader, "partition_entry_array_crc32", 88, entriesCrc, "CRC of all entries.");
  const entries = new FieldReader(table, disk.at(entriesAt.raw * sectorSize), `the entries of ${where}`);
  const partitions: Partition[] = [];
  for (let index = 0; index < count.raw; index++) {
    const partition = readEntry(entries, index * entrySize.raw, entrySize.raw, index + 1);
    if (!partition) continue;
    const outside = partition.start < firstUsable.raw || partition.start + partition.sectors - 1 > lastUsable.raw;
    if (outside) partition.field.problem ??= "The partition leaves the range that the header allows.";
    partitions.push(partition);
  }
  const header = reader.group(`GPT header at sector ${sector}`, 0, Math.min(sectorSize, 512), diskId, [
    reader.text("signature", 0, 8),
    reader.u32("revision", 8, (raw) => ({ value: `${raw >>> 16}.${raw & 0xffff}` })),
    size,
    headerCrc,
    reader.u32("reserved", 20),
    own.field,
    alternate.field,
    firstUsable.field,
    lastUsable.field,
    reader.blob("disk_guid", 56, 16, { value: diskId, note: "The disk's own name." }),
    entriesAt.field,
    count,
    entrySize,
    tableCrc,
  ]);
  const array = entries.group(
    `GPT entries at sector ${entriesAt.raw}`,
    0,
    tableBytes,
    `${partitions.length} of ${count.raw} entries used`,
    partitions.map(({ field }) => field),
  );
  return {
    sector,
    diskId,
    firstUsable: firstUsable.raw,
    lastUsable: lastUsable.raw,
    alternate: alternate.raw,
    partitions,
    entriesCrc,
    fields: [header, array],
    sound: headerCrc.problem === undefined && tableCrc.problem === undefined && own.raw === sector,
  };
}

function checked(reader: FieldReader, name: string, at: number, expected: number, note: string): Field {
  return reader.u32(name, at, (raw) => ({
    value: hex(raw, 8),
    note,
    ...(raw === expected ? {} : { problem: `The CRC is ${hex(raw, 8)}, but the bytes give ${hex(expected, 8)}.` }),
  }));
}
