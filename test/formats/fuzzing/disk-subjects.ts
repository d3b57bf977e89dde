/** Partition tables and file systems, on small images made by Debian's tools. */
import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "../../../boot-formats/crc32.ts";
import { Volume, type ByteSource } from "../../../boot-formats/disk/byte-source.ts";
import { partitionVolume, readLayout } from "../../../boot-formats/disk/disk-layout.ts";
import { readElTorito } from "../../../boot-formats/disk/el-torito.ts";
import { readRange, walkFiles, type FileSystem } from "../../../boot-formats/filesystems/file-system.ts";
import { openIso } from "../../../boot-formats/filesystems/iso/iso.ts";
import { openFileSystem } from "../../../boot-formats/filesystems/open.ts";
import { composedDisk } from "../../../emulator/disks/composed-disk.ts";
import { composeBootDisk } from "../../../emulator/firmware/compose.ts";
import { loaderImages } from "../../../emulator/firmware/images.ts";
import { ensureTools, tool } from "../../../scripts/guests/tools.ts";
import { noise } from "../trees.ts";
import { checkFields, tolerant, type Subject } from "./subject.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SECTOR = 512;
/** Far beyond what the largest of these small images takes. */
const MAX_READS = 100_000;
/** Of each file only its ends are read: a hostile size makes a long stream, which is for the reader to end. */
const END_BYTES = 64 * KIB;

/** Counts reads, so that what never ends fails. What lies behind the bytes up to `size` are zeros. */
function counted(bytes: Uint8Array, size: number): ByteSource {
  let reads = 0;
  return {
    size,
    read(offset, length) {
      if (++reads > MAX_READS) throw new Error(`more than ${MAX_READS} reads`);
      const piece = new Uint8Array(length);
      piece.set(bytes.subarray(offset, offset + length));
      return Promise.resolve(piece);
    },
  };
}

async function readEverything(system: FileSystem, size: number): Promise<void> {
  checkFields(system.fields, size);
  for await (const { node } of walkFiles(system)) {
    await tolerant(async () => {
      if (node.stat.type === "symlink") await node.target();
      if (node.stat.type !== "file") return;
      await readRange(system, node, 0, END_BYTES);
      await readRange(system, node, Math.max(0, node.stat.size - END_BYTES), END_BYTES);
    });
  }
}

async function readTables(disk: Volume): Promise<void> {
  await tolerant(async () => {
    const layout = await readLayout(disk);
    checkFields(layout.fields, disk.size);
    for (const partition of layout.partitions.slice(0, 4)) {
      await tolerant(async () => {
        await readEverything(await openFileSystem(partitionVolume(disk, layout, partition)), disk.size);
      });
    }
  });
}

/** As a disk of at least `size` bytes. */
function parseDisk(size: number): (bytes: Uint8Array) => Promise<void> {
  return async (bytes) => {
    const disk = Volume.whole(counted(bytes, Math.max(size, bytes.length)));
    await readTables(disk);
    await tolerant(async () => readEverything(await openFileSystem(disk), disk.size));
  };
}

async function parseCd(bytes: Uint8Array): Promise<void> {
  const disk = Volume.whole(counted(bytes, bytes.length));
  await readTables(disk);
  await tolerant(async () => checkFields((await readElTorito(disk))?.fields ?? [], disk.size));
  for (const names of ["rock-ridge", "joliet", "plain"] as const) {
    await tolerant(async () => readEverything(await openIso(disk, names), disk.size));
  }
}

/** A folder with names long and short, an index, files in several pieces, and depth. */
async function makeTree(folder: string): Promise<string> {
  await ensureTools("mke2fs", "e2fsck", "mkfs.fat", "mcopy", "xorriso", "sfdisk");
  const tree = join(folder, "tree");
  await mkdir(join(tree, "a/b/c"), { recursive: true });
  for (let index = 0; index < 24; index++) {
    await writeFile(join(tree, `a/a rather long name of file ${index}`), noise(index * 300, index + 1));
  }
  await writeFile(join(tree, "a/b/c/deep"), "deep\n");
  return tree;
}

/** Makes an image of zeros, lets `fill` fill it, and reads it. */
async function image(folder: string, bytes: number, fill: (path: string) => Promise<unknown>): Promise<Uint8Array> {
  const path = join(folder, "disk.img");
  await writeFile(path, "");
  await truncate(path, bytes);
  await fill(path);
  return new Uint8Array(await readFile(path));
}

function ext(...args: string[]): Subject["seeds"] {
  return async (folder) => {
    const tree = await makeTree(folder);
    const made = await image(folder, 256 * KIB, async (path) => {
      await tool("mke2fs", ["-q", "-F", "-b", "1024", "-N", "64", ...args, "-d", tree, path]);
      // Builds the indexes of directories; its exit code says that it did.
      await tool("e2fsck", ["-fyD", path]).catch(() => undefined);
    });
    return [made];
  };
}

/** Only the first `kept` bytes, behind which there are zeros. */
function fat(size: number, kept: number, ...args: string[]): Subject["seeds"] {
  return async (folder) => {
    const tree = await makeTree(folder);
    const made = await image(folder, size, async (path) => {
      await tool("mkfs.fat", [...args, path]);
      await tool("mcopy", ["-i", path, "-s", "-Q", join(tree, "a"), "::/"], {
        environment: { MTOOLS_SKIP_CHECK: "1" },
      });
    });
    return [made.slice(0, kept)];
  };
}

async function cd(folder: string): Promise<Uint8Array[]> {
  const tree = await makeTree(folder);
  const path = join(folder, "cd.iso");
  const boot = ["-b", "a/a rather long name of file 20", "-no-emul-boot", "-boot-load-size", "4"];
  await tool("xorriso", ["-as", "mkisofs", "-quiet", "-R", "-J", "-no-pad", ...boot, "-o", path, tree]);
  return [new Uint8Array(await readFile(path))];
}

function tables(...scripts: readonly string[]): Subject["seeds"] {
  return async (folder) => {
    await ensureTools("sfdisk");
    const made: Uint8Array[] = [];
    for (const script of scripts) {
      made.push(await image(folder, 128 * KIB, (path) => tool("sfdisk", ["--quiet", path], { input: script })));
    }
    return made;
  };
}

/** Checksums of both tables, of the header last (UEFI Specification 5.3.2). */
function repairGpt(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const at of [SECTOR, bytes.length - SECTOR]) {
    const [size, entries] = [view.getUint32(at + 12, true), Number(view.getBigUint64(at + 72, true)) * SECTOR];
    const entryBytes = view.getUint32(at + 80, true) * view.getUint32(at + 84, true);
    if (entries + entryBytes <= bytes.length) {
      view.setUint32(at + 88, crc32(bytes.subarray(entries, entries + entryBytes)), true);
    }
    if (size > SECTOR) continue;
    view.setUint32(at + 16, 0, true);
    view.setUint32(at + 16, crc32(bytes.subarray(at, at + size)), true);
  }
}

async function ownLoader(): Promise<Uint8Array[]> {
  const kernel = new Uint8Array(1000).fill(1);
  const { size, segments } = composeBootDisk({ kernel, cmdline: "console=ttyS0" }, await loaderImages());
  const bytes = new Uint8Array(Math.min(size, 64 * KIB));
  composedDisk(size, segments).read(0, bytes);
  return [bytes];
}

const disk = (name: string, seeds: Subject["seeds"], size = 0): Subject => ({
  name,
  seeds,
  parse: parseDisk(size),
  resizable: false,
});

export const DISK_SUBJECTS: readonly Subject[] = [
  disk("ext2", ext("-t", "ext2", "-O", "dir_index,^resize_inode")),
  disk("ext4", ext("-t", "ext4", "-O", "^has_journal,^metadata_csum,^resize_inode")),
  disk(
    "ext4 with inline data and meta_bg",
    ext("-t", "ext4", "-I", "256", "-O", "inline_data,meta_bg,^metadata_csum,^resize_inode,^has_journal"),
  ),
  disk("FAT12", fat(256 * KIB, 256 * KIB, "-F", "12", "-s", "1")),
  disk("FAT16", fat(4 * MIB, 256 * KIB, "-F", "16", "-s", "1"), 4 * MIB),
  disk("FAT32", fat(34 * MIB, 768 * KIB, "-F", "32", "-s", "1"), 34 * MIB),
  { name: "ISO 9660 and El Torito", seeds: cd, parse: parseCd, resizable: false },
  disk("MBR", tables("label: dos\nstart=8, size=40\nsize=150, type=5\n" + "size=10\n".repeat(6))),
  {
    ...disk("GPT", tables("label: gpt\nfirst-lba: 34\nsize=10\nsize=20, name=boot\nsize=30\n")),
    repair: repairGpt,
  },
  disk("boot sector and descriptor of the own loader", ownLoader, MIB),
];
