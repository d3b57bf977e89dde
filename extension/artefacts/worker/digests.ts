/** What two archives are compared by. */
import { createHash } from "node:crypto";
import { indexInitramfs, walkContents } from "../../../boot-formats/initramfs/archive.ts";
import { S_IFBLK, S_IFCHR, S_IFMT } from "../../../boot-formats/initramfs/mode.ts";
import type { EntryDigest, Report } from "./protocol.ts";

export async function digestEntries(bytes: Uint8Array, report: Report): Promise<EntryDigest[]> {
  report("Reading the archive");
  const { entries } = await indexInitramfs(bytes);
  const total = entries.reduce((sum, { dataSize }) => sum + dataSize, 1);
  const digests: string[] = [];
  let hash = createHash("sha256");
  let done = 0;
  for await (const { index, bytes: piece, complete } of walkContents(bytes)) {
    hash.update(piece);
    done += piece.length;
    if (!complete) continue;
    digests[index] = hash.digest("hex");
    hash = createHash("sha256");
    if (index % 256 === 0) report(entries[index]?.path ?? "", done / total);
  }
  return entries.map((entry, index) => {
    const { path, mode, uid, gid, rdev, contentIn } = entry;
    const isDevice = (mode & S_IFMT) === S_IFCHR || (mode & S_IFMT) === S_IFBLK;
    const holder = contentIn === undefined ? index : contentIn;
    return {
      path: path.replace(/^(\.?\/)+/, ""),
      mode,
      uid,
      gid,
      size: entries[holder]?.dataSize ?? 0,
      digest: isDevice ? `${rdev.major}:${rdev.minor}` : (digests[holder] ?? ""),
    };
  });
}
