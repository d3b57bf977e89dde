/** Files within artefacts, whatever they lie in: what the file systems of VS Code and the tree view are made of. */
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";
import { sizeText } from "../../boot-formats/disk/mbr.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import { identifyContent, openFileSystem } from "../../boot-formats/filesystems/open.ts";
import {
  findFile,
  readRange,
  type FileNode,
  type FileSystem,
  type FileType,
} from "../../boot-formats/filesystems/file-system.ts";
import {
  modeLetters,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../boot-formats/initramfs/mode.ts";
import { InitramfsTree, type TreeNode } from "../../boot-formats/initramfs/tree.ts";
import type { OpenInitramfs } from "./open-initramfs.ts";
import { readDisk, type DiskVolume } from "./volumes.ts";

export interface ContentStat {
  type: FileType;
  /** Bytes. */
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  /** "-rwxr-xr-x"; empty where there are none. */
  permissions: string;
  /** Of a symbolic link. */
  target?: string;
  /** "5:1", of a device. */
  device?: string;
}

export interface ContentEntry {
  name: string;
  stat: ContentStat;
}

/** Paths have slashes between names, none at their ends; "" is the root. Nothing is found outside of the root. */
export interface ContentTree {
  /** Of the path itself: links are not followed in last place. Undefined when there is nothing. */
  stat(path: string): Promise<ContentStat | undefined>;
  /** Undefined when it is no folder. */
  list(path: string): Promise<ContentEntry[] | undefined>;
  /** The content of a file, links followed; undefined when it is none. */
  source(path: string): Promise<ByteSource | undefined>;
  /** Whether a link leads to a folder. */
  leadsToFolder(path: string): Promise<boolean>;
}

const FOLDER: ContentStat = { type: "directory", size: 0, mtime: 0, permissions: "" };

const TYPES: Readonly<Record<number, FileType>> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFCHR]: "character device",
  [S_IFBLK]: "block device",
  [S_IFIFO]: "fifo",
};

/** The tree that the kernel makes of an initramfs. */
export class InitramfsContent implements ContentTree {
  private readonly archive: OpenInitramfs;
  private readonly tree: InitramfsTree;

  constructor(archive: OpenInitramfs) {
    this.archive = archive;
    this.tree = new InitramfsTree(archive.index);
  }

  /** It is the image of a file system instead, and has no archive. */
  get isDisk(): boolean {
    return this.archive.disk !== undefined;
  }

  stat(path: string): Promise<ContentStat | undefined> {
    const node = this.tree.find(path, false);
    return Promise.resolve(node && this.statOf(node));
  }

  list(path: string): Promise<ContentEntry[] | undefined> {
    const children = this.tree.find(path)?.children;
    if (!children) return Promise.resolve(undefined);
    return Promise.resolve(Array.from(children.values(), (node) => ({ name: node.name, stat: this.statOf(node) })));
  }

  async source(path: string): Promise<ByteSource | undefined> {
    const entry = this.tree.find(path)?.entry;
    if (!entry || (entry.mode & S_IFMT) !== S_IFREG) return undefined;
    const bytes = await this.archive.content(entry);
    return { size: bytes.length, read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)) };
  }

  leadsToFolder(path: string): Promise<boolean> {
    try {
      return Promise.resolve(this.tree.find(path)?.children !== undefined);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return Promise.resolve(false);
    }
  }

  private statOf({ entry }: TreeNode): ContentStat {
    if (!entry) return FOLDER;
    const { mode, mtime, rdev, target, contentIn, dataSize } = entry;
    const type = TYPES[mode & S_IFMT] ?? "socket";
    const holder = contentIn === undefined ? undefined : this.archive.index.entries[contentIn];
    return {
      type,
      size: type === "file" ? (holder?.dataSize ?? dataSize) : 0,
      mtime,
      permissions: modeLetters(mode),
      ...(target === undefined ? {} : { target }),
      ...(type === "character device" || type === "block device" ? { device: `${rdev.major}:${rdev.minor}` } : {}),
    };
  }
}

const MODE_BITS: Partial<Record<FileType, number>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  "character device": S_IFCHR,
  "block device": S_IFBLK,
  fifo: S_IFIFO,
};

async function fileStat(node: FileNode): Promise<ContentStat> {
  const { type, mode, size, mtime, device } = node.stat;
  return {
    type,
    size: type === "file" ? size : 0,
    mtime,
    permissions: modeLetters((MODE_BITS[type] ?? 0) | mode),
    ...(type === "symlink" ? { target: await node.target() } : {}),
    ...(device ? { device: `${device.major}:${device.minor}` } : {}),
  };
}

/** A disk: its root has one folder for each volume that has a file system. */
export class DiskContent implements ContentTree {
  private readonly systems: ReadonlyMap<string, FileSystem>;

  private constructor(systems: ReadonlyMap<string, FileSystem>) {
    this.systems = systems;
  }

  /** @throws FormatError when there is no file system that can be read */
  static async open(source: ByteSource): Promise<DiskContent> {
    const disk = await readDisk(source);
    const systems = new Map<string, FileSystem>();
    const problems: string[] = [];
    for (const volume of disk.volumes) {
      try {
        if ((await identifyContent(volume.volume))?.readable !== true) continue;
        const system = await openFileSystem(volume.volume);
        systems.set(volumeName(volume, system), system);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        problems.push(error.message);
      }
    }
    if (systems.size === 0) {
      throw new FormatError(
        problems[0] ?? "The image has no file system that can be read: ext2 to ext4, FAT or ISO 9660 was expected.",
      );
    }
    return new DiskContent(systems);
  }

  /** Names of the volumes. */
  get volumes(): string[] {
    return [...this.systems.keys()];
  }

  system(volume: string): FileSystem | undefined {
    return this.systems.get(volume);
  }

  async stat(path: string): Promise<ContentStat | undefined> {
    if (path === "") return FOLDER;
    const node = await this.find(path, false);
    return node && fileStat(node);
  }

  async list(path: string): Promise<ContentEntry[] | undefined> {
    if (path === "") return this.volumes.map((name) => ({ name, stat: FOLDER }));
    const node = await this.find(path, true);
    if (node?.stat.type !== "directory") return undefined;
    const entries: ContentEntry[] = [];
    for (const entry of await node.list()) {
      entries.push({ name: entry.name, stat: await fileStat(await entry.open()) });
    }
    return entries;
  }

  async source(path: string): Promise<ByteSource | undefined> {
    const system = this.split(path)?.system;
    const node = await this.find(path, true);
    if (!system || node?.stat.type !== "file") return undefined;
    return { size: node.stat.size, read: (offset, length) => readRange(system, node, offset, length) };
  }

  async leadsToFolder(path: string): Promise<boolean> {
    try {
      return (await this.find(path, true))?.stat.type === "directory";
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return false;
    }
  }

  private split(path: string): { system: FileSystem; rest: string } | undefined {
    const slash = path.indexOf("/");
    const system = this.systems.get(slash < 0 ? path : path.slice(0, slash));
    return system && { system, rest: slash < 0 ? "" : path.slice(slash + 1) };
  }

  private async find(path: string, follow: boolean): Promise<FileNode | undefined> {
    const place = this.split(path);
    return place && findFile(place.system, place.rest, follow);
  }
}

/** "partition 1 (ext4, 63 MiB)", "ISO 9660". A label is the image's own text: only plain ones are taken. */
function volumeName({ partition, volume }: DiskVolume, { kind, label }: FileSystem): string {
  const plain = /^[\w.+ -]{1,40}$/.test(label.trim()) ? [label.trim()] : [];
  const words = [kind.replaceAll("/", " "), ...plain, sizeText(volume.size)].join(", ");
  return partition ? `partition ${partition.number} (${words})` : words;
}
