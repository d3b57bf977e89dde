/** FAT12, FAT16 and FAT32 with long names, read-only. */
import type { Volume } from "../../disk/byte-source.ts";
import { FormatError } from "../../errors.ts";
import type { Field } from "../../fields.ts";
import {
  entryName,
  type DirectoryEntry,
  type FileNode,
  type FileStat,
  type FileSystem,
  type Run,
} from "../file-system.ts";
import { readFatBootSector, type FatGeometry } from "./boot-sector.ts";
import { AllocationTable, ClusterChain } from "./cluster-chain.ts";
import { labelText, LongName, shortName } from "./names.ts";

const ENTRY_BYTES = 32;
/** A directory has at most 65536 entries. */
const MAX_DIRECTORY = 65536 * ENTRY_BYTES;

const READ_ONLY = 0x01;
const VOLUME_LABEL = 0x08;
const DIRECTORY = 0x10;
const LONG_NAME = 0x0f;
const DELETED = 0xe5;

class FatFileSystem implements FileSystem {
  readonly kind: string;
  readonly uuid: string;
  readonly blockSize: number;
  readonly fields: Field[];
  readonly problems: string[] = [];
  readonly table: AllocationTable;
  label: string;

  constructor(
    readonly volume: Volume,
    readonly geometry: FatGeometry,
  ) {
    this.kind = geometry.kind;
    this.label = geometry.label;
    this.uuid = geometry.uuid;
    this.blockSize = geometry.clusterSize;
    this.fields = [geometry.field];
    this.table = new AllocationTable(volume, geometry);
    const end = geometry.dataAt + geometry.clusters * geometry.clusterSize;
    if (end > volume.size) {
      this.problems.push(`The file system has ${end} bytes, but ${volume.name} only ${volume.size}.`);
    }
  }

  root(): Promise<FileNode> {
    const { kind, rootCluster, rootAt, rootBytes } = this.geometry;
    const stat = directoryStat(rootCluster, 0);
    const content: Content =
      kind === "FAT32" ? { chain: new ClusterChain(this.table, rootCluster) } : { at: rootAt, length: rootBytes };
    return Promise.resolve(new FatNode(this, stat, content));
  }
}

/** Clusters, a fixed place (the root of FAT12 and FAT16), or nothing. */
type Content = { chain: ClusterChain } | { at: number; length: number } | undefined;

function directoryStat(inode: number, mtime: number): FileStat {
  return { type: "directory", mode: 0o755, uid: 0, gid: 0, size: 0, mtime, inode, links: 1 };
}

class FatNode implements FileNode {
  constructor(
    private readonly system: FatFileSystem,
    readonly stat: FileStat,
    private readonly content: Content,
  ) {}

  async list(): Promise<DirectoryEntry[]> {
    if (this.stat.type !== "directory") throw new FormatError("A file was expected to be a directory, but is none.");
    const entries: DirectoryEntry[] = [];
    await this.scan((entry, longName, place) => {
      const attributes = entry[11]!;
      if ((attributes & VOLUME_LABEL) !== 0) return;
      const name = entryName(longName ?? shortName(entry));
      if (name === undefined) return;
      const type = (attributes & DIRECTORY) !== 0 ? "directory" : "file";
      entries.push({ name, type, open: () => Promise.resolve(openEntry(this.system, entry, place)) });
    });
    return entries;
  }

  /** Calls `visit` with each short entry in use, its long name and its place within the volume. */
  async scan(visit: (entry: Uint8Array, longName: string | undefined, place: number) => void): Promise<void> {
    const { volume } = this.system;
    const longName = new LongName();
    for await (const run of this.directoryRuns()) {
      const bytes = await volume.read(run.at, run.length, "a directory");
      for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
        const entry = bytes.slice(at, at + ENTRY_BYTES);
        if (entry[0] === 0) return;
        if (entry[0] === DELETED) longName.reset();
        else if ((entry[11]! & 0x3f) === LONG_NAME) longName.add(entry);
        else visit(entry, longName.take(entry), run.at + at);
      }
    }
  }

  /** Directories do not know their size: they go on to the end of their chain. */
  private async *directoryRuns(): AsyncGenerator<{ at: number; length: number }> {
    const { content } = this;
    if (!content) return;
    if ("at" in content) {
      yield content;
      return;
    }
    const { clusterSize } = this.system.geometry;
    const { table } = this.system;
    const limit = Math.ceil(MAX_DIRECTORY / clusterSize);
    for (let index = 0; index < limit && (await content.chain.extend(index + 1)) > index; index++) {
      yield { at: table.place(content.chain.at(index).cluster), length: clusterSize };
    }
  }

  target(): Promise<string> {
    return Promise.reject(new FormatError("FAT has no symbolic links."));
  }

  async *runs(offset: number, length: number): AsyncGenerator<Run> {
    const end = Math.min(this.stat.size, offset + length);
    const { clusterSize } = this.system.geometry;
    for (let at = offset; at < end;) {
      const index = Math.floor(at / clusterSize);
      const chain = this.content && "chain" in this.content ? this.content.chain : undefined;
      const known = (await chain?.extend(Math.ceil(end / clusterSize))) ?? 0;
      if (!chain || known <= index) {
        throw new FormatError(`A file has ${this.stat.size} bytes, but its chain ends after ${known * clusterSize}.`);
      }
      const { cluster, count } = chain.at(index);
      const stop = Math.min(end, (index + count) * clusterSize);
      yield { offset: at, length: stop - at, at: this.system.table.place(cluster) + (at - index * clusterSize) };
      at = stop;
    }
  }
}

function openEntry(system: FatFileSystem, entry: Uint8Array, place: number): FatNode {
  const view = new DataView(entry.buffer, entry.byteOffset, ENTRY_BYTES);
  const high = system.geometry.kind === "FAT32" ? view.getUint16(20, true) : 0;
  const cluster = high * 0x10000 + view.getUint16(26, true);
  const mtime = dosTime(view.getUint16(24, true), view.getUint16(22, true));
  const content = cluster === 0 ? undefined : { chain: new ClusterChain(system.table, cluster) };
  // An empty file has no cluster: its entry's place stands in, beyond all clusters.
  const inode = cluster !== 0 ? cluster : system.geometry.clusters + 2 + Math.floor(place / ENTRY_BYTES);
  if ((entry[11]! & DIRECTORY) !== 0) return new FatNode(system, directoryStat(inode, mtime), content);
  const mode = (entry[11]! & READ_ONLY) !== 0 ? 0o444 : 0o644;
  const size = view.getUint32(28, true);
  return new FatNode(system, { type: "file", mode, uid: 0, gid: 0, size, mtime, inode, links: 1 }, content);
}

/** DOS date and time: years since 1980, seconds in steps of two. */
function dosTime(date: number, time: number): number {
  if (date === 0) return 0;
  const day = Date.UTC(1980 + (date >>> 9), ((date >>> 5) & 15) - 1, date & 31);
  return day / 1000 + (time >>> 11) * 3600 + ((time >>> 5) & 63) * 60 + (time & 31) * 2;
}

/** @throws FormatError when the volume holds no FAT file system that can be read */
export async function openFat(volume: Volume): Promise<FileSystem> {
  const system = new FatFileSystem(volume, await readFatBootSector(volume));
  const root = (await system.root()) as FatNode;
  let label: string | undefined;
  await root.scan((entry) => {
    if ((entry[11]! & (VOLUME_LABEL | DIRECTORY)) !== VOLUME_LABEL || label !== undefined) return;
    label = labelText(entry);
  });
  if (label !== undefined) system.label = label;
  return system;
}
