/** Compares what our parser finds in an initramfs with what Debian's tools extract and list. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import type { Compression } from "../../boot-formats/compression/decompress.ts";
import { streamCpio, type CpioSource } from "../../boot-formats/cpio.ts";
import { walkContents, type Initramfs, type InitramfsEntry } from "../../boot-formats/initramfs/archive.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../boot-formats/initramfs/mode.ts";
import type { FolderFile, FolderSource } from "../../boot-formats/initramfs/repack.ts";
import { InitramfsTree, type TreeNode } from "../../boot-formats/initramfs/tree.ts";

const execute = promisify(execFile);

/** Tools that undo each compression, from standard input to standard output. */
const TOOLS: Readonly<Record<Compression, readonly [string, ...string[]]>> = {
  gzip: ["gzip", "-dc"],
  bzip2: ["bzip2", "-dc"],
  lzma: ["xz", "--format=lzma", "-dc"],
  xz: ["xz", "-dc"],
  lzo: ["lzop", "-dc"],
  lz4: ["lz4", "-dc"],
  zstd: ["zstd", "-dc"],
};

export async function inScratch<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "bootscope-initramfs-"));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Extracts as `unmkinitramfs` does, which takes plain archives before the last for early ones and the last for compressed:
 * with a plain one behind early ones it fails, so each is given to cpio there.
 */
export async function extractParts(initrd: string, { segments }: Initramfs, folder: string): Promise<string[]> {
  if (segments.length === 1 || segments.at(-1)?.compression !== undefined) return unmkinitramfs(initrd, folder);
  const bytes = await readFile(initrd);
  const parts: string[] = [];
  for (const [number, { file }] of segments.entries()) {
    const [archive, part] = [join(folder, `${number}.cpio`), join(folder, `part${number}`)];
    await mkdir(part);
    // With the padding of cpio's own archives, which it wants to see.
    await writeFile(archive, Buffer.concat([bytes.subarray(file.start, file.end), Buffer.alloc(512)]));
    await execute("cpio", ["-id", "--quiet", "--no-absolute-filenames", "-D", part, "-F", archive]);
    parts.push(part);
  }
  return parts;
}

/** Extracts with Debian's own tool; returns the folders that its parts went to. */
export async function unmkinitramfs(initrd: string, folder: string): Promise<string[]> {
  await execute("unmkinitramfs", [initrd, folder]);
  const parts = (await readdir(folder)).filter((name) => /^(early\d*|main)$/.test(name));
  return parts.length > 0 && parts.includes("main") ? parts.sort().map((part) => join(folder, part)) : [folder];
}

const device = (number: number): { major: number; minor: number } => ({
  major: (number >>> 8) & 0xfff,
  minor: (number & 0xff) | ((number >>> 12) & 0xfff00),
});

/** A folder of this host as repacking reads it. */
export function hostFolder(root: string): FolderSource {
  return {
    list: (path) => readdir(join(root, path)),
    async stat(path): Promise<FolderFile> {
      const stat = await lstat(join(root, path));
      return {
        mode: stat.mode,
        size: stat.size,
        mtime: Math.floor(stat.mtimeMs / 1000),
        ...(stat.rdev ? { rdev: device(stat.rdev) } : {}),
        ...(stat.nlink > 1 && stat.isFile() ? { hardLink: `${stat.dev}:${stat.ino}` } : {}),
      };
    },
    readLink: (path) => readlink(join(root, path)),
    read: (path) => createReadStream(join(root, path)),
  };
}

/** One line for each path: type and permissions, owner, device, and a digest of the content or the target. */
export async function describeFolder(root: string): Promise<string[]> {
  const lines: string[] = [];
  const visit = async (path: string): Promise<void> => {
    for (const name of await readdir(join(root, path))) {
      const below = path === "" ? name : `${path}/${name}`;
      const full = join(root, below);
      const stat = await lstat(full);
      const type = stat.mode & S_IFMT;
      let content = "";
      if (type === S_IFREG)
        content = createHash("sha256")
          .update(await readFile(full))
          .digest("hex");
      if (type === S_IFLNK) content = await readlink(full);
      if (type === S_IFCHR || type === S_IFBLK) content = JSON.stringify(device(stat.rdev));
      lines.push([below, stat.mode.toString(8), stat.uid, stat.gid, content].join(" "));
      if (type === S_IFDIR) await visit(below);
    }
  };
  await visit("");
  return lines.sort();
}

/** The same of what our parser finds; only entries of `segments`. */
export async function describeInitramfs(bytes: Uint8Array, index: Initramfs, segments: number[]): Promise<string[]> {
  const digests = new Map<number, string>();
  let hash: Hash = createHash("sha256");
  for await (const step of walkContents(bytes)) {
    hash.update(step.bytes);
    if (!step.complete) continue;
    digests.set(step.index, hash.digest("hex"));
    hash = createHash("sha256");
  }
  const places = new Map(index.entries.map((entry, place) => [entry, place]));
  const wanted = { ...index, entries: index.entries.filter((entry) => segments.includes(entry.segment)) };
  const tree = new InitramfsTree(wanted);
  assert.deepEqual(tree.refused, []);
  const content = (entry: InitramfsEntry): string => {
    const type = entry.mode & S_IFMT;
    if (type === S_IFREG) return digests.get(entry.contentIn ?? places.get(entry)!)!;
    if (type === S_IFCHR || type === S_IFBLK) return JSON.stringify(entry.rdev);
    return entry.target ?? "";
  };
  const lines: string[] = [];
  const visit = (node: TreeNode): void => {
    for (const child of node.children?.values() ?? []) {
      const { entry } = child;
      assert.ok(entry, `${child.path} has no entry`);
      lines.push([child.path, entry.mode.toString(8), entry.uid, entry.gid, content(entry)].join(" "));
      visit(child);
    }
  };
  visit(tree.root);
  return lines.sort();
}

/** What `cpio -itv` lists of an archive that `write` puts into its standard input, after an optional decompressor. */
async function list(
  input: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  tool?: readonly string[],
): Promise<string> {
  const script = `${tool ? `${tool.join(" ")} | ` : ""}cpio -itv --numeric-uid-gid --quiet`;
  const child = spawn("sh", ["-c", script], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, LC_ALL: "C" },
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => output.push(piece));
  const closed = new Promise((resolve) => child.on("close", resolve));
  // cpio stops reading at the trailer.
  await pipeline(Readable.from(input), child.stdin).catch((error: unknown) => {
    if ((error as { code?: string }).code !== "EPIPE") throw error;
  });
  await closed;
  return Buffer.concat(output).toString();
}

/** cpio's listing of every segment, one behind the other. */
export async function listOriginal(bytes: Uint8Array, index: Initramfs): Promise<string> {
  let all = "";
  for (const { file, compression } of index.segments) {
    // cpio wants to see the padding of its own archives.
    const padding = compression ? [] : [new Uint8Array(512)];
    all += await list([bytes.subarray(file.start, file.end), ...padding], compression && TOOLS[compression]);
  }
  return all;
}

export function listEntries(entries: readonly CpioSource[]): Promise<string> {
  return list(streamCpio(entries));
}

/** Writes a stream to a file. */
export async function store(pieces: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  await pipeline(Readable.from(pieces), createWriteStream(path));
}
