/** Disk images as files: partition tables, and file systems inside partitions, without mounting anything. */
import { truncate, writeFile } from "node:fs/promises";
import { tool } from "./tools.ts";

export const SECTOR = 512;
export const MIB = 1 << 20;

/** Time of birth written into file systems (2026-01-01), so that images repeat. */
const BIRTH = "1767225600";
const BLOCK = 4096;

export interface Partition {
  /** First sector, and how many. */
  start: number;
  sectors: number;
  /** As sfdisk takes it: a byte for an MBR, a GUID for a GPT. */
  type: string;
  bootable?: boolean;
  /** GPT only. */
  uuid?: string;
}

/** Makes a sparse image with a partition table; `id` is the disk's signature (MBR) or GUID (GPT). */
export async function partitionedDisk(
  path: string,
  bytes: number,
  label: "dos" | "gpt",
  id: string,
  partitions: readonly Partition[],
): Promise<void> {
  await writeFile(path, "");
  await truncate(path, bytes);
  const lines = partitions.map(({ start, sectors, type, bootable, uuid }) => {
    const fields = [`start=${start}`, `size=${sectors}`, `type=${type}`];
    if (uuid !== undefined) fields.push(`uuid=${uuid}`);
    if (bootable === true) fields.push("bootable");
    return fields.join(", ");
  });
  const script = `label: ${label}\nlabel-id: ${id}\nunit: sectors\n\n${lines.join("\n")}\n`;
  await tool("sfdisk", ["--quiet", path], { input: script });
}

/** Makes an ext4 file system in a partition of an image, with the content of a directory. */
export async function ext4Partition(
  path: string,
  { start, sectors }: Partition,
  uuid: string,
  content: string,
): Promise<void> {
  const extended = `offset=${start * SECTOR},hash_seed=${uuid},lazy_itable_init=0,lazy_journal_init=0`;
  const blocks = String(Math.floor((sectors * SECTOR) / BLOCK));
  const args = ["-q", "-F", "-t", "ext4", "-b", String(BLOCK), "-U", uuid, "-E", extended, "-d", content, path, blocks];
  await tool("mke2fs", args, { environment: { E2FSPROGS_FAKE_TIME: BIRTH } });
}
