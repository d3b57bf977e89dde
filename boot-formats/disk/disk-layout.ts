/** What a disk image is divided into: partition tables of every kind, told as one list of partitions and of fields. */
import { Volume, type ByteSource } from "./byte-source.ts";
import type { BootCode } from "./boot-code.ts";
import { readBootDescriptor } from "./boot-descriptor.ts";
import { FormatError } from "../errors.ts";
import type { Field } from "../fields.ts";
import { isGptHeader, readGpt, type GptTable } from "./gpt.ts";
import { hasPartitionTable, MBR_BYTES, parseMbr, readLogical, type Mbr } from "./mbr.ts";
import { partitionProblems, type Partition } from "./partition.ts";

export interface DiskLayout {
  /** "hybrid": a GPT whose MBR names more than the protective entry; "none": no partition table. */
  kind: "none" | "mbr" | "gpt" | "hybrid";
  /** Bytes of a sector, as the table counts them: 512, or 4096 for a GPT of such a disk. */
  sectorSize: number;
  /** Bytes of the disk. */
  size: number;
  /** "0xb007c0d5", or a GUID. */
  diskId: string;
  /** Of the GPT, if there is one, else of the MBR; sorted as the table has them. */
  partitions: Partition[];
  /** First and last usable sector of a GPT. */
  usable?: { first: number; last: number };
  bootCode: BootCode | undefined;
  /** MBR (or boot sector), what belongs to its code, extended boot records, GPT headers and entries. */
  fields: Field[];
  /** What is wrong with the tables as a whole, one sentence each; what is wrong with a field stands there. */
  problems: string[];
}

const SECTOR_SIZES = [512, 4096];

/** @throws FormatError when the disk is shorter than a sector */
export async function readDiskLayout(source: ByteSource): Promise<DiskLayout> {
  return readLayout(Volume.whole(source));
}

/** The volume of a partition, for its file system. */
export function partitionVolume(disk: Volume, layout: DiskLayout, partition: Partition): Volume {
  const name = `partition ${partition.number}`;
  return disk.part(partition.start * layout.sectorSize, partition.sectors * layout.sectorSize, name);
}

/** @throws FormatError when the disk is shorter than a sector */
export async function readLayout(disk: Volume): Promise<DiskLayout> {
  if (disk.size < MBR_BYTES) {
    throw new FormatError(`The disk has ${disk.size} bytes: at least one sector of ${MBR_BYTES} was expected.`);
  }
  const sector = await disk.read(0, MBR_BYTES, "the boot sector");
  const mbr = parseMbr(sector, disk.at(0));
  const own = mbr.bootCode?.id === "bootscope" ? await readBootDescriptor(disk) : [];
  const base = { size: disk.size, bootCode: mbr.bootCode, fields: [mbr.field, ...own] };
  const gpt = await findGpt(disk, mbr);
  if (gpt) return gptLayout(disk, mbr, gpt, base);
  if (!hasPartitionTable(sector) || mbr.primary.length === 0) {
    return { ...base, kind: "none", sectorSize: 512, diskId: mbr.diskId, partitions: [], problems: [] };
  }
  const logical = await readLogical(disk, mbr.primary, 512);
  const partitions = [...mbr.primary, ...logical.partitions];
  return {
    ...base,
    kind: "mbr",
    sectorSize: 512,
    diskId: mbr.diskId,
    partitions,
    fields: [...base.fields, ...logical.fields],
    problems: [...logical.problems, ...partitionProblems(partitions, Math.floor(disk.size / 512))],
  };
}

interface FoundGpt {
  sectorSize: number;
  /** In the order of the disk; either may be missing or unreadable. */
  primary: GptTable | undefined;
  backup: GptTable | undefined;
  problems: string[];
}

/** Only an MBR with a protective entry gives a GPT its force: without one, remains of an old GPT stay unread. */
async function findGpt(disk: Volume, mbr: Mbr): Promise<FoundGpt | undefined> {
  if (!mbr.protectsGpt) return undefined;
  const problems: string[] = [];
  const read = async (sector: number, sectorSize: number): Promise<GptTable | undefined> => {
    try {
      return await readGpt(disk, sector, sectorSize);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  for (const sectorSize of SECTOR_SIZES) {
    const last = Math.floor(disk.size / sectorSize) - 1;
    const hasPrimary = await headerAt(disk, 1, sectorSize);
    if (!hasPrimary && !(last > 1 && (await headerAt(disk, last, sectorSize)))) continue;
    if (!hasPrimary) problems.push("The first GPT header is missing; the copy at the end of the disk is used.");
    const primary = hasPrimary ? await read(1, sectorSize) : undefined;
    const place = primary && primary.alternate < last ? primary.alternate : last;
    if (primary && primary.alternate !== last) {
      const where = `The copy of the GPT is said to be at sector ${primary.alternate}`;
      problems.push(`${where}, but the disk's last sector is ${last}.`);
    }
    const backup = place > 1 ? await read(place, sectorSize) : undefined;
    return { sectorSize, primary, backup, problems };
  }
  return undefined;
}

async function headerAt(disk: Volume, sector: number, sectorSize: number): Promise<boolean> {
  const offset = sector * sectorSize;
  return disk.has(offset, MBR_BYTES) && isGptHeader(await disk.read(offset, MBR_BYTES, "a GPT header"));
}

function gptLayout(
  disk: Volume,
  mbr: Mbr,
  { sectorSize, primary, backup, problems }: FoundGpt,
  base: Pick<DiskLayout, "size" | "bootCode" | "fields">,
): DiskLayout {
  // As the firmware does it: the copy stands in when the first table is damaged.
  const table = primary?.sound === true || backup?.sound !== true ? (primary ?? backup) : backup;
  const all = [...problems];
  if (primary?.sound === false) all.push("The first GPT is damaged: see its fields.");
  if (backup?.sound === false) all.push("The copy of the GPT is damaged: see its fields.");
  if (primary && backup && primary.entriesCrc !== backup.entriesCrc) {
    all.push("The two GPTs do not list the same partitions.");
  }
  const others = mbr.primary.filter(({ type }) => type !== "ee");
  const partitions = table?.partitions ?? [];
  return {
    ...base,
    kind: others.length > 0 ? "hybrid" : "gpt",
    sectorSize,
    diskId: table?.diskId ?? "",
    partitions,
    ...(table ? { usable: { first: table.firstUsable, last: table.lastUsable } } : {}),
    fields: [...base.fields, ...(primary?.fields ?? []), ...(backup?.fields ?? [])],
    problems: [...all, ...partitionProblems(partitions, Math.floor(disk.size / sectorSize))],
  };
}
