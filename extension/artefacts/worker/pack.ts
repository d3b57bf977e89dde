/** Packs a folder as an initramfs, piece by piece into a file. */
import { createReadStream } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import path from "node:path";
import { compressStream } from "../../../boot-formats/compression/compress.ts";
import { streamCpio, type CpioSource } from "../../../boot-formats/cpio.ts";
import { indexInitramfs } from "../../../boot-formats/initramfs/archive.ts";
import { folderEntries, type FolderFile, type FolderSource } from "../../../boot-formats/initramfs/repack.ts";
import { shown } from "../safe-path.ts";
import type { Packing, Report } from "./protocol.ts";

/** As Linux packs device numbers into st_rdev (glibc sys/sysmacros.h). */
function deviceNumber(rdev: number): { major: number; minor: number } {
  const number = BigInt(rdev);
  return {
    major: Number(((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xfffff000n)),
    minor: Number((number & 0xffn) | ((number >> 12n) & 0xffffff00n)),
  };
}

/** A folder of this machine. Symbolic links are packed as links, never followed. */
function diskFolder(folder: string): FolderSource {
  const at = (name: string): string => path.join(folder, ...name.split("/"));
  return {
    list: async (name) => (await readdir(at(name))).sort(),
    async stat(name): Promise<FolderFile> {
      const info = await lstat(at(name));
      return {
        mode: info.mode,
        size: info.size,
        mtime: Math.floor(info.mtimeMs / 1000),
        rdev: deviceNumber(info.rdev),
        ...(info.nlink > 1 && info.isFile() ? { hardLink: `${info.dev}:${info.ino}` } : {}),
      };
    },
    readLink: async (name) => (await readlink(at(name))).replaceAll(path.sep, "/"),
    read: (name) => createReadStream(at(name)),
  };
}

/** Tells what is being read, as entries are. */
function* reported(entries: readonly CpioSource[], report: Report): Generator<CpioSource> {
  for (const [index, entry] of entries.entries()) {
    const read = (): ReturnType<CpioSource["read"]> => {
      report(shown(entry.path), index / entries.length);
      return entry.read();
    };
    yield { ...entry, read };
  }
}

/**
 * Writes the archive of a folder to a new file. `original` is the initramfs that the folder was extracted from: owners,
 * permissions and device nodes are taken from there.
 */
export async function packFolder(
  folder: string,
  target: string,
  packing: Packing,
  original: Uint8Array | undefined,
  report: Report,
): Promise<{ entries: number; size: number }> {
  report("Reading the folder");
  const index = original && (await indexInitramfs(original));
  const entries = await folderEntries(diskFolder(folder), index ? { original: index.entries } : {});
  const archive = streamCpio([...reported(entries, report)]);
  const pieces = packing === "none" ? archive : compressStream(packing, archive);
  const handle = await open(target, "wx", 0o644);
  let size = 0;
  try {
    for await (const piece of pieces) {
      await handle.writeFile(piece);
      size += piece.length;
    }
  } finally {
    await handle.close();
  }
  return { entries: entries.length, size };
}
