/** What an initramfs in guest memory was loaded from, as far as that can be told, and which pages are still so. */
import { open } from "node:fs/promises";
import path from "node:path";
import { originText } from "../../boot-events.ts";
import type { DiskOrigin, Target } from "../../target.ts";
import type { Range } from "../handed-over.ts";
import { addDiffering, pageCount } from "./pages.ts";

const PIECE = 1 << 20;
const PAGE = 4096;

export interface Compared {
  /** For messages: "the file initrd.img". */
  with: string;
  /** Pages that were compared. */
  pages: number;
  differ: Set<number>;
  /** All bytes as they were, where memory differs from them. */
  original?: Uint8Array;
}

/** Goes on with the next piece; rejects when the work is not wanted any more. */
export type NextPiece = (bytes: number) => Promise<void>;

/** Against the file that the launch names; undefined when that is of another size: then something else was loaded. */
export async function comparedWithFile(
  file: string,
  bytes: Uint8Array,
  next: NextPiece,
): Promise<Compared | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    if ((await handle.stat()).size !== bytes.length) return undefined;
    const differ = new Set<number>();
    const original = new Uint8Array(bytes.length);
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = original.subarray(at, at + PIECE);
      const { bytesRead } = await handle.read(piece, 0, piece.length, at);
      if (bytesRead < piece.length) return undefined;
      addDiffering(differ, bytes.subarray(at, at + PIECE), piece, at);
      await next(piece.length);
    }
    const compared = { with: `the file ${path.basename(file)}`, pages: pageCount(bytes.length), differ };
    return differ.size === 0 ? compared : { ...compared, original };
  } finally {
    await handle.close();
  }
}

/** Against the disk blocks that memory was filled from; undefined unless that holds for all of it. */
export async function comparedWithDisk(
  target: Pick<Target, "origins" | "readDrive">,
  { physical, size }: Range,
  bytes: Uint8Array,
  next: NextPiece,
): Promise<Compared | undefined> {
  const runs = await target.origins(physical, size);
  if (!covers(runs, physical, size)) return undefined;
  const differ = new Set<number>();
  const original = new Uint8Array(size);
  for (const run of runs) {
    const first = run.physical > physical ? run.physical : physical;
    const start = Number(first - physical);
    const end = Math.min(size, Number(run.physical - physical) + run.bytes);
    const from = run.lba * run.sectorSize + run.offsetInSector + Number(first - run.physical);
    for (let at = start; at < end; at += PIECE) {
      const length = Math.min(PIECE, end - at);
      const piece = await target.readDrive(run.drive, from + at - start, length);
      if (piece.length < length) return undefined;
      original.set(piece, at);
      addDiffering(differ, bytes.subarray(at, at + length), piece, at);
      await next(length);
    }
  }
  const [only] = runs;
  const what = runs.length === 1 && only !== undefined ? originText(only) : `${runs.length} runs of disk blocks`;
  const compared = { with: what, pages: Math.ceil(size / PAGE), differ };
  return differ.size === 0 ? compared : { ...compared, original };
}

function covers(runs: readonly DiskOrigin[], physical: bigint, size: number): boolean {
  let end = physical;
  for (const run of runs) {
    if (run.physical > end) return false;
    end = run.physical + BigInt(run.bytes);
  }
  return end >= physical + BigInt(size);
}
