/** ISO 9660 with Rock Ridge or Joliet, read-only (ECMA-119). */
import type { Volume } from "../../disk/byte-source.ts";
import { FormatError } from "../../errors.ts";
import { hex, type Field } from "../../fields.ts";
import {
  entryName,
  modeType,
  type DirectoryEntry,
  type FileNode,
  type FileStat,
  type FileSystem,
  type Run,
} from "../file-system.ts";
import { parseRecord, readRecords, type DirectoryRecord, type Extent } from "./directory.ts";
import { readRockRidge, shortTime, type RockRidge } from "./rock-ridge.ts";
import { isoText, readDescriptors, volumeTree, type VolumeTree } from "./volume-descriptor.ts";

/** Which names are wanted; what a volume does not have falls back to the next. */
export type IsoNames = "rock-ridge" | "joliet" | "plain";

class IsoFileSystem implements FileSystem {
  readonly label: string;
  readonly uuid: string;
  readonly blockSize: number;
  readonly problems: string[] = [];

  constructor(
    readonly volume: Volume,
    readonly tree: VolumeTree,
    readonly names: IsoNames,
    /** Bytes before the first Rock Ridge entry of each record. */
    readonly skip: number,
    readonly fields: Field[],
  ) {
    this.label = tree.label;
    this.uuid = tree.created;
    this.blockSize = tree.blockSize;
    if (tree.blocks * tree.blockSize > volume.size) {
      this.problems.push(`The file system has ${tree.blocks} blocks, but ${volume.name} ends at ${hex(volume.size)}.`);
    }
  }

  get kind(): string {
    const extra = { "rock-ridge": " with Rock Ridge", joliet: " with Joliet", plain: "" }[this.names];
    return `ISO 9660${extra}`;
  }

  root(): Promise<FileNode> {
    const record = parseRecord(this.tree.root, this.tree.rootAt);
    return this.openDirectory(record, record.extents[0]!);
  }

  /** The attributes of a directory stand in its own first record, ".". */
  async openDirectory(record: DirectoryRecord, extent: Extent): Promise<IsoNode> {
    const self = await this.selfRecord(extent);
    const rock = await this.rockRidge(self);
    const whole = self.extents[0]!;
    return new IsoNode(
      this,
      this.stat(record, rock, true, whole.block * this.blockSize),
      { ...record, extents: [whole] },
      rock,
    );
  }

  private async selfRecord({ block }: Extent): Promise<DirectoryRecord> {
    const at = block * this.blockSize;
    const length = (await this.volume.read(at, 1, "a directory"))[0]!;
    const record = parseRecord(await this.volume.read(at, length, "a directory"), at);
    if (!record.directory || record.extents[0]!.block !== block) {
      throw new FormatError(
        `At ${hex(this.volume.at(at))} a directory was expected, but it does not begin with itself.`,
      );
    }
    return record;
  }

  async rockRidge(record: DirectoryRecord): Promise<RockRidge | undefined> {
    if (this.names !== "rock-ridge") return undefined;
    const bytes = record.systemUse.subarray(this.skip);
    return readRockRidge(this.volume, this.blockSize, { bytes, at: record.systemUseAt + this.skip });
  }

  async open(record: DirectoryRecord, rock: RockRidge | undefined): Promise<FileNode> {
    if (rock?.childLink !== undefined) {
      return this.openDirectory(record, { block: rock.childLink, bytes: 0 });
    }
    if (record.directory) return this.openDirectory(record, record.extents[0]!);
    // Names of one file share its content; without any, the record's own place has to do.
    const place = record.size > 0 ? record.extents[0]!.block * this.blockSize : record.at;
    return new IsoNode(this, this.stat(record, rock, false, place), record, rock);
  }

  private stat(record: DirectoryRecord, rock: RockRidge | undefined, directory: boolean, place: number): FileStat {
    const posix = rock?.posix;
    const type = (posix && modeType(posix.mode)) ?? (directory ? "directory" : "file");
    // A record and its attributes must agree on what has entries.
    if ((type === "directory") !== directory) {
      throw new FormatError(
        `The directory record at ${hex(this.volume.at(record.at))} contradicts its Rock Ridge mode.`,
      );
    }
    return {
      type,
      mode: posix ? posix.mode & 0o7777 : directory ? 0o555 : 0o444,
      uid: posix?.uid ?? 0,
      gid: posix?.gid ?? 0,
      size:
        type === "symlink" ? new TextEncoder().encode(rock?.target ?? "").length : type === "file" ? record.size : 0,
      mtime: rock?.mtime ?? shortTime(record.time),
      inode: type === "directory" ? place : (posix?.serial ?? place),
      links: posix?.links ?? 1,
      ...(rock?.device && type.endsWith("device") ? { device: rock.device } : {}),
    };
  }

  /** "README.TXT;1" without the version, and without a dot that ends it; Joliet's as it stands. */
  plainName(identifier: Uint8Array): string {
    const text = isoText(identifier, this.names === "joliet").replace(/;\d*$/, "");
    return this.names === "plain" ? text.replace(/\.$/, "") : text;
  }
}

class IsoNode implements FileNode {
  constructor(
    private readonly system: IsoFileSystem,
    readonly stat: FileStat,
    private readonly record: DirectoryRecord,
    private readonly rock: RockRidge | undefined,
  ) {}

  async list(): Promise<DirectoryEntry[]> {
    const { system } = this;
    if (this.stat.type !== "directory") {
      throw new FormatError(`The record at ${hex(system.volume.at(this.record.at))} is no directory.`);
    }
    const entries: DirectoryEntry[] = [];
    for (const record of await readRecords(system.volume, system.blockSize, this.record.extents[0]!)) {
      // One byte, 0 or 1: the directory itself and the one above.
      if (record.identifier.length === 1 && record.identifier[0]! <= 1) continue;
      const rock = await system.rockRidge(record);
      if (rock?.relocated === true) continue;
      const name = entryName(rock?.name ?? system.plainName(record.identifier));
      if (name === undefined) continue;
      const type = rock?.childLink !== undefined ? "directory" : rock?.posix && modeType(rock.posix.mode);
      entries.push({
        name,
        type: type ?? (record.directory ? "directory" : "file"),
        open: () => system.open(record, rock),
      });
    }
    return entries;
  }

  target(): Promise<string> {
    const target = this.stat.type === "symlink" ? this.rock?.target : undefined;
    return target !== undefined
      ? Promise.resolve(target)
      : Promise.reject(
          new FormatError(
            `The record at ${hex(this.system.volume.at(this.record.at))} is no symbolic link with a target.`,
          ),
        );
  }

  *runs(offset: number, length: number): Generator<Run> {
    if (this.rock?.compressed === true) {
      throw new FormatError(
        `The file of the record at ${hex(this.system.volume.at(this.record.at))} is compressed (zisofs).`,
      );
    }
    const end = Math.min(this.stat.size, offset + length);
    let start = 0;
    for (const extent of this.record.extents) {
      const from = Math.max(start, offset);
      const to = Math.min(start + extent.bytes, end);
      const at = extent.block * this.system.blockSize + (from - start);
      if (from < to) yield { offset: from, length: to - from, at };
      start += extent.bytes;
    }
  }
}

/** Whether the root's first record says that System Use entries are there, and how many bytes come before them. */
async function rockRidgeSkip(volume: Volume, tree: VolumeTree): Promise<number | undefined> {
  const at = parseRecord(tree.root, tree.rootAt).extents[0]!.block * tree.blockSize;
  const length = (await volume.read(at, 1, "the root directory"))[0]!;
  const self = parseRecord(await volume.read(at, length, "the root directory"), at);
  const area = { bytes: self.systemUse, at: self.systemUseAt };
  const { skip, posix } = await readRockRidge(volume, tree.blockSize, area);
  return posix ? (skip ?? 0) : undefined;
}

/**
 * Opens a CD image, with Rock Ridge if it has it, else with Joliet, else with the plain names; `wanted` begins further
 * down.
 * @throws FormatError when the volume holds no ISO 9660 file system that can be read
 */
export async function openIso(volume: Volume, wanted: IsoNames = "rock-ridge"): Promise<FileSystem> {
  const descriptors = await readDescriptors(volume);
  const fields = descriptors.map(({ field }) => field);
  const primary = descriptors.find(({ kind }) => kind === "primary");
  const joliet = descriptors.find(({ kind }) => kind === "joliet");
  if (primary && wanted === "rock-ridge") {
    const tree = volumeTree(volume, primary);
    const skip = await rockRidgeSkip(volume, tree);
    if (skip !== undefined) return new IsoFileSystem(volume, tree, "rock-ridge", skip, fields);
  }
  if (joliet && wanted !== "plain") return new IsoFileSystem(volume, volumeTree(volume, joliet), "joliet", 0, fields);
  if (!primary) throw new FormatError(`The image has no primary volume descriptor.`);
  return new IsoFileSystem(volume, volumeTree(volume, primary), "plain", 0, fields);
}
