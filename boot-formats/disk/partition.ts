/** What partition tables of every kind tell about a partition. */
import type { Field } from "../fields.ts";

export interface Partition {
  /** As Linux counts them: 1 to 4 primary, from 5 on logical; entries of a GPT from 1. */
  number: number;
  kind: "primary" | "extended" | "logical" | "gpt";
  /** First sector. */
  start: number;
  sectors: number;
  /** As sfdisk prints it: "83", or a GUID. */
  type: string;
  typeName: string;
  /** Active flag of an MBR's entry; "legacy BIOS bootable" of a GPT's. */
  bootable: boolean;
  /** GPT only. */
  uuid?: string;
  name?: string;
  /** GPT only: all 64 bits. */
  attributes?: bigint;
  /** Entry in the table. */
  field: Field;
}

/** What is wrong with the partitions as a whole: those that leave the disk, and those that overlap. */
export function partitionProblems(partitions: readonly Partition[], diskSectors: number): string[] {
  const problems: string[] = [];
  for (const { number, start, sectors } of partitions) {
    if (start >= diskSectors) {
      problems.push(`Partition ${number} begins at sector ${start}, but the disk has ${diskSectors} sectors.`);
    } else if (start + sectors > diskSectors) {
      problems.push(
        `Partition ${number} ends at sector ${start + sectors - 1}, but the disk has ${diskSectors} sectors.`,
      );
    }
  }
  // An extended partition holds the logical ones.
  const plain = partitions.filter(({ kind, sectors }) => kind !== "extended" && sectors > 0);
  const sorted = [...plain].sort((one, other) => one.start - other.start);
  let reaching: Partition | undefined;
  for (const partition of sorted) {
    if (reaching && partition.start < reaching.start + reaching.sectors) {
      problems.push(`Partitions ${reaching.number} and ${partition.number} overlap from sector ${partition.start} on.`);
    }
    if (!reaching || partition.start + partition.sectors > reaching.start + reaching.sectors) reaching = partition;
  }
  return problems;
}
