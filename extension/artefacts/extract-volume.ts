/** Writes the files of a disk's volume into a folder of its own, as extract.ts does it for archives. */
import { chmod, mkdir, open, symlink, utimes } from "node:fs/promises";
import path from "node:path";
import { FormatError } from "../../boot-formats/errors.ts";
import { streamFile, walkFiles, type FileSystem, type WalkedFile } from "../../boot-formats/filesystems/file-system.ts";
import { safeParts, shown } from "./safe-path.ts";
import type { ExtractReport, Report } from "./worker/protocol.ts";

const MAX_SENTENCES = 50;

/** Fills `folder`, which exists and is empty. `cancelled` is asked between pieces; then it throws. */
export async function extractVolume(
  system: FileSystem,
  folder: string,
  report: Report,
  cancelled: () => boolean,
): Promise<ExtractReport> {
  const result: ExtractReport = { files: 0, directories: 0, links: 0, left: [], leftCount: 0 };
  const leave = (sentence: string): void => {
    result.leftCount++;
    if (result.left.length < MAX_SENTENCES) result.left.push(sentence);
  };
  const links: { place: string; target: string; path: string }[] = [];
  const directories: { place: string; mode: number; mtime: number }[] = [];
  for await (const { path: inner, node } of walkFiles(system)) {
    if (cancelled()) throw new Error("Cancelled.");
    const parts = safeParts(inner);
    if (typeof parts === "string") {
      leave(parts);
      continue;
    }
    if (parts.length === 0) continue;
    const place = path.join(folder, ...parts);
    const { type, mode, mtime } = node.stat;
    try {
      if (type === "directory") {
        await mkdir(place);
        directories.push({ place, mode, mtime });
        result.directories++;
      } else if (type === "file") {
        await writeOut({ path: inner, node }, place, system, report, cancelled);
        result.files++;
      } else if (type === "symlink") links.push({ place, target: await node.target(), path: inner });
      else leave(`${shown(inner)} is a ${type}, which is left out.`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Names that are one on this machine, folders that could not be made; a damaged file is told and left out, too.
      if (!(error instanceof FormatError) && code !== "EEXIST" && code !== "ENOENT" && code !== "ENOTDIR") throw error;
      leave(`${shown(inner)} could not be written: ${code ?? (error as Error).message}`);
    }
  }
  // Last, so that nothing was written through one.
  for (const { place, target, path: inner } of links) {
    await symlink(target, place).then(
      () => result.links++,
      (error: NodeJS.ErrnoException) => leave(`The link ${shown(inner)} could not be made: ${error.code ?? ""}.`),
    );
  }
  for (const { place, mode, mtime } of directories.reverse()) {
    await chmod(place, (mode & 0o777) | 0o700);
    await utimes(place, mtime, mtime);
  }
  return result;
}

async function writeOut(
  { path: inner, node }: WalkedFile,
  place: string,
  system: FileSystem,
  report: Report,
  cancelled: () => boolean,
): Promise<void> {
  const { mode, mtime } = node.stat;
  report(shown(inner));
  const handle = await open(place, "wx", 0o600);
  try {
    for await (const piece of streamFile(system, node)) {
      if (cancelled()) throw new Error("Cancelled.");
      await handle.writeFile(piece);
    }
    await handle.chmod((mode & 0o777) | 0o400);
    await handle.utimes(mtime, mtime);
  } finally {
    await handle.close();
  }
}
