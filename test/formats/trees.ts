/** Folders full of everything that a file system can hold, and their comparison with what a parser finds in an image. */
import assert from "node:assert/strict";
import {
  chmodSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { lstat, mkdtemp, open, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";
import {
  modeType,
  readWhole,
  streamFile,
  walkFiles,
  type FileNode,
  type FileSystem,
} from "../../boot-formats/filesystems/file-system.ts";
import { run } from "../../scripts/guests/debian.ts";

const root = process.getuid?.() === 0;
/** Largest file that is compared byte for byte in one piece. */
const COMPARE_LIMIT = 64 * 1024 * 1024;

type Hook = (body: () => Promise<void>) => void;

/** A scratch folder for the tests of a suite, removed after them: the returned function gives its path. */
export function scratch(before: Hook, after: Hook): () => string {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "bootscope-formats-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  return () => folder;
}

/** Opens an image as parsers read it, closes it after the body. */
export async function withImage<T>(path: string, body: (source: ByteSource) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    return await body({
      size,
      async read(offset, length) {
        const bytes = new Uint8Array(length);
        const { bytesRead } = await file.read(bytes, 0, length, offset);
        return bytes.subarray(0, bytesRead);
      },
    });
  } finally {
    await file.close();
  }
}

/** Bytes that look random and repeat from run to run. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return bytes;
}

/** Files of many sizes with names of many kinds; `names` that the file system cannot hold are left out. */
export function makePlainTree(folder: string): void {
  mkdirSync(join(folder, "boot/grub/i386-pc"), { recursive: true });
  mkdirSync(join(folder, "empty folder"));
  mkdirSync(join(folder, "many"));
  const sizes = [
    0, 1, 59, 60, 61, 100, 511, 512, 513, 1023, 1024, 2047, 2048, 2049, 4095, 4096, 4097, 70_001, 3_000_017,
  ];
  for (const size of sizes) writeFileSync(join(folder, "boot", `file-of-${size}-bytes.bin`), noise(size, size + 7));
  writeFileSync(join(folder, "boot/grub/grub.cfg"), "set timeout=5\n");
  writeFileSync(join(folder, "Größe und Übung.txt"), "umlauts\n");
  writeFileSync(join(folder, "日本語のファイル.txt"), "Japanese\n");
  writeFileSync(join(folder, "name.with.many.dots.and a blank"), "dots\n");
  writeFileSync(join(folder, `${"long-".repeat(20)}name`), "long\n");
  for (let index = 0; index < 600; index++) {
    writeFileSync(join(folder, "many", `entry number ${index} of this directory`), `${index}\n`);
  }
  let deep = folder;
  for (let depth = 1; depth <= 12; depth++) {
    deep = join(deep, `depth${depth}`);
    mkdirSync(deep);
  }
  writeFileSync(join(deep, "bottom"), "deep down\n");
}

/** What only Unix file systems hold: modes, owners, links, devices, times, holes. Owners and devices when root. */
export async function makeUnixTree(folder: string): Promise<void> {
  makePlainTree(folder);
  const unix = join(folder, "unix");
  mkdirSync(unix);
  for (const mode of [0o000, 0o400, 0o644, 0o755, 0o4755, 0o2755, 0o1777, 0o6711]) {
    const path = join(unix, `mode-${mode.toString(8)}`);
    writeFileSync(path, mode.toString(8));
    chmodSync(path, mode);
  }
  chmodSync(join(folder, "empty folder"), 0o1777);
  symlinkSync("mode-644", join(unix, "short link"));
  symlinkSync(`../${"x".repeat(56)}`, join(unix, "link of 59"));
  symlinkSync(`../${"x".repeat(57)}`, join(unix, "link of 60"));
  symlinkSync(`/${"very/long/".repeat(80)}target`, join(unix, "long link"));
  symlinkSync("Größe", join(unix, "link with umlauts"));
  linkSync(join(unix, "mode-644"), join(unix, "second name"));
  writeFileSync(join(unix, "holes"), "start");
  truncateSync(join(unix, "holes"), 5_000_000);
  const times: readonly (readonly [string, number])[] = [
    ["mode-400", 0],
    ["mode-755", 1_000_000_000],
    ["mode-4755", 2_100_000_000],
  ];
  for (const [name, time] of times) lutimesSync(join(unix, name), time, time);
  if (!root) return;
  lchownSync(join(unix, "mode-755"), 1000, 100);
  lchownSync(join(unix, "mode-644"), 70_000, 4_000_000_000);
  lchownSync(join(unix, "short link"), 12, 34);
  await run("mknod", [join(unix, "ttyS0"), "c", "4", "64"]);
  await run("mknod", [join(unix, "loop"), "b", "259", "65537"]);
  await run("mkfifo", [join(unix, "pipe")]);
}

export interface Comparison {
  /** Modes, owners, links, devices. */
  unix: boolean;
  /** Some tools do not restore those of symbolic links. */
  times?: "all" | "but links" | "none";
  /** Paths that only one of both has, or that the maker of the image gets wrong. */
  ignore?: (path: string) => boolean;
}

/** Compares an image's tree with a folder: names, types, sizes, bytes, and what `unix` asks for. */
export async function compareTree(system: FileSystem, folder: string, comparison: Comparison): Promise<number> {
  const ignored = comparison.ignore ?? (() => false);
  const expected = new Set((await everyPath(folder, "")).filter((path) => !ignored(path)));
  const inodes = new Map<number, number>();
  let count = 0;
  for await (const { path, node } of walkFiles(system)) {
    if (ignored(path)) continue;
    assert.ok(path === "" || expected.delete(path), `${path} is not in the folder`);
    await compareFile(system, node, join(folder, path), path, comparison, inodes);
    count++;
  }
  assert.deepEqual([...expected], [], "files that were not found in the image");
  return count;
}

async function everyPath(folder: string, path: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
    const below = join(path, entry.name);
    found.push(below);
    if (entry.isDirectory()) found.push(...(await everyPath(folder, below)));
  }
  return found;
}

async function compareFile(
  system: FileSystem,
  node: FileNode,
  real: string,
  path: string,
  { unix, times = "none" }: Comparison,
  inodes: Map<number, number>,
): Promise<void> {
  const stat = await lstat(real);
  const type = modeType(stat.mode);
  assert.equal(node.stat.type, type, `${path}: type`);
  if (type === "file") {
    assert.equal(node.stat.size, stat.size, `${path}: size`);
    const content = await readFile(real);
    assert.ok(content.equals(await readWhole(system, node, COMPARE_LIMIT)), `${path}: content`);
    let at = 0;
    for await (const piece of streamFile(system, node)) {
      assert.ok(content.subarray(at, at + piece.length).equals(piece), `${path}: stream at ${at}`);
      at += piece.length;
    }
    assert.equal(at, content.length, `${path}: length of the stream`);
  }
  // The root's own attributes are those of the maker.
  if (path === "") return;
  if (type === "symlink") assert.equal(await node.target(), await readlink(real), `${path}: target`);
  if (times === "all" || (times === "but links" && type !== "symlink")) {
    assert.equal(node.stat.mtime, Math.floor(stat.mtimeMs / 1000), `${path}: time`);
  }
  if (!unix) return;
  // Linux keeps no modes for links: all bits are set there, whatever an image says.
  if (type !== "symlink") assert.equal(node.stat.mode.toString(8), (stat.mode & 0o7777).toString(8), `${path}: mode`);
  if (root) assert.deepEqual([node.stat.uid, node.stat.gid], [stat.uid, stat.gid], `${path}: owner`);
  if (type === "block device" || type === "character device") {
    const major = (stat.rdev >>> 8) & 0xfff;
    const minor = (stat.rdev & 0xff) | ((stat.rdev >>> 12) & 0xfff00);
    assert.deepEqual(node.stat.device, { major, minor }, `${path}: device number`);
  }
  if (type !== "directory") {
    assert.equal(node.stat.links, stat.nlink, `${path}: links`);
    const twin = inodes.get(stat.ino);
    assert.equal(node.stat.inode, twin ?? node.stat.inode, `${path}: the same file as under its other name`);
    inodes.set(stat.ino, node.stat.inode);
  }
}
