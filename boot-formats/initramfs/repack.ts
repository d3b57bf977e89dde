/** Entries of a new archive: out of an initramfs that was read, or out of a folder. */
import type { CpioSource } from "../cpio.ts";
import { FormatError } from "../errors.ts";
import { walkContents, type Initramfs, type InitramfsEntry } from "./archive.ts";
import type { Device } from "./cpio-header.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "./mode.ts";

/** A folder on whatever the host keeps files in. Paths are relative to it, with slashes; "" is the folder itself. */
export interface FolderSource {
  /** Names in a folder. */
  list(path: string): Promise<string[]>;
  /** Of the path itself, not of what a symbolic link points to. */
  stat(path: string): Promise<FolderFile>;
  readLink(path: string): Promise<string>;
  read(path: string): AsyncIterable<Uint8Array>;
}

export interface FolderFile {
  /** File type and permission bits. */
  mode: number;
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  rdev?: Device;
  /** Equal for names of the same file, when it has more than one. */
  hardLink?: string;
}

export interface FolderOptions {
  /** Times of the files; else all are 0 and the archive depends on the contents alone. */
  keepTimes?: boolean;
  /**
   * Entries of the archive that the folder was extracted from: owners, permissions and times are taken from them where
   * the type is the same, and device nodes, which an ordinary user cannot extract, are added in folders still there.
   */
  original?: readonly InitramfsEntry[];
}

const MAX_DEPTH = 200;
const MAX_FILES = 300_000;
const KEPT_TYPES = [S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO];

const encoder = new TextEncoder();
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const cleanPath = (path: string): string =>
  path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/");
const isNode = (mode: number): boolean => [S_IFCHR, S_IFBLK, S_IFIFO].includes(mode & S_IFMT);

/** Everything below a folder, parents first, names in order; owned by root. Sockets are left out. */
export async function folderEntries(source: FolderSource, options: FolderOptions = {}): Promise<CpioSource[]> {
  const original = new Map((options.original ?? []).map((entry) => [cleanPath(entry.path), entry]));
  const found = new Map<string, CpioSource>();
  const visit = async (folder: string, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH) throw new FormatError(`The folder ${folder.slice(0, 80)}… is more than ${MAX_DEPTH} deep.`);
    for (const name of await source.list(folder)) {
      if (found.size >= MAX_FILES) throw new FormatError(`The folder has more than ${MAX_FILES} files.`);
      const path = folder === "" ? name : `${folder}/${name}`;
      const file = await source.stat(path);
      const type = file.mode & S_IFMT;
      if (!KEPT_TYPES.includes(type)) continue;
      found.set(path, await folderEntry(source, path, file, original.get(path), options));
      if (type === S_IFDIR) await visit(path, depth + 1);
    }
  };
  await visit("", 0);
  for (const [path, entry] of original) {
    const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    if (!isNode(entry.mode) || found.has(path) || (parent !== "" && !found.has(parent))) continue;
    found.set(path, { ...metadata(entry), path, size: 0, read: () => [] });
  }
  return contentLast([...found.values()].sort((a, b) => byName(a.path, b.path)));
}

async function folderEntry(
  source: FolderSource,
  path: string,
  file: FolderFile,
  original: InitramfsEntry | undefined,
  { keepTimes }: FolderOptions,
): Promise<CpioSource> {
  const type = file.mode & S_IFMT;
  const same = original && (original.mode & S_IFMT) === type ? original : undefined;
  const target = type === S_IFLNK ? encoder.encode(await source.readLink(path)) : undefined;
  return {
    path,
    mode: same?.mode ?? (type === S_IFLNK ? S_IFLNK | 0o777 : file.mode),
    uid: same?.uid ?? 0,
    gid: same?.gid ?? 0,
    mtime: same?.mtime ?? (keepTimes ? file.mtime : 0),
    ...(isNode(file.mode) && file.rdev ? { rdev: file.rdev } : {}),
    ...(type === S_IFREG && file.hardLink !== undefined ? { hardLink: file.hardLink } : {}),
    size: target ? target.length : type === S_IFREG ? file.size : 0,
    read: () => (target ? [target] : source.read(path)),
  };
}

/** Of several names of one file the last one has the content, as cpio writes it. */
function contentLast(entries: CpioSource[]): CpioSource[] {
  const last = new Map(entries.flatMap((entry) => (entry.hardLink === undefined ? [] : [[entry.hardLink, entry]])));
  return entries.map((entry) =>
    entry.hardLink === undefined || last.get(entry.hardLink) === entry ? entry : { ...entry, size: 0, read: () => [] },
  );
}

/**
 * The entries of an initramfs as they are, all its archives one behind the other. Their contents come out of one pass
 * over the file, so they must be read in order, each once at most.
 */
export function initramfsEntries(bytes: Uint8Array, index: Initramfs): CpioSource[] {
  const contents = walkContents(bytes);
  const last = index.entries.findLastIndex((entry) => entry.dataSize > 0);
  let passed = -1;
  async function* read(wanted: number): AsyncGenerator<Uint8Array, void> {
    if (wanted <= passed) throw new FormatError("The contents of an initramfs were not read in their order.");
    passed = wanted;
    let complete = false;
    try {
      while (!complete) {
        const step = await contents.next();
        if (step.done || step.value.index > wanted) {
          throw new FormatError(`The initramfs has no content for ${index.entries[wanted]?.path ?? "an entry"}.`);
        }
        if (step.value.index !== wanted) continue;
        complete = step.value.complete;
        if (!complete) yield step.value.bytes;
      }
    } finally {
      // A decompressor is let go of with the last content, or when the reader gives up.
      if (!complete || wanted === last) await contents.return();
    }
  }
  return index.entries.map((entry, place) => ({
    ...metadata(entry),
    nlink: entry.nlink,
    ...linkOf(entry),
    size: entry.dataSize,
    read: () => read(place),
  }));
}

/** Only names of one file within one archive are links to each other. */
function linkOf({ mode, nlink, segment, archive, dev, ino }: InitramfsEntry): { hardLink?: string } {
  if (nlink < 2 || (mode & S_IFMT) === S_IFDIR) return {};
  return { hardLink: [segment, archive, dev.major, dev.minor, ino].join(":") };
}

function metadata(entry: InitramfsEntry): Omit<CpioSource, "size" | "read"> {
  const { path, mode, uid, gid, mtime, rdev } = entry;
  return { path, mode, uid, gid, mtime, rdev };
}
