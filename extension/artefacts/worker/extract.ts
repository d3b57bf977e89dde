/**
 * Writes the tree of an initramfs into a folder of its own: nothing outside of it is touched whatever the archive's
 * names say. Links are made last, so that nothing is ever written through one.
 */
import { chmod, copyFile, link, mkdir, open, symlink, utimes, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { indexInitramfs, walkContents, type Initramfs } from "../../../boot-formats/initramfs/archive.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../../boot-formats/initramfs/mode.ts";
import { InitramfsTree, type TreeNode } from "../../../boot-formats/initramfs/tree.ts";
import { safeParts, shown } from "../safe-path.ts";
import type { ExtractReport, Report } from "./protocol.ts";

/** Sentences about what was left out that are kept. */
const MAX_SENTENCES = 50;
/** Bytes between two reports of progress. */
const REPORT_BYTES = 4 * 1024 * 1024;

/** A node of the tree and the place that it gets. */
interface Planned {
  node: TreeNode;
  /** On this machine. */
  place: string;
}

class Extraction {
  readonly report: ExtractReport = { files: 0, directories: 0, links: 0, left: [], leftCount: 0 };
  /** Parents first. */
  private readonly planned: Planned[] = [];
  /** By the number of the entry that has the content: the files that get it. */
  private readonly holders = new Map<number, Planned[]>();
  private readonly finished: Planned[] = [];

  constructor(folder: string, index: Initramfs) {
    const tree = new InitramfsTree(index);
    for (const { reason } of tree.refused) this.leave(reason);
    const visit = (node: TreeNode, place: string): void => {
      for (const child of node.children?.values() ?? []) {
        const parts = safeParts(child.name);
        if (typeof parts === "string") {
          this.leave(parts);
          continue;
        }
        const planned = { node: child, place: path.join(place, ...parts) };
        this.planned.push(planned);
        visit(child, planned.place);
      }
    };
    visit(tree.root, folder);
    const numbers = new Map(index.entries.map((entry, number) => [entry, number]));
    for (const planned of this.planned) {
      const { entry } = planned.node;
      if (!entry || (entry.mode & S_IFMT) !== S_IFREG) continue;
      const number = entry.contentIn ?? numbers.get(entry) ?? -1;
      this.holders.set(number, [...(this.holders.get(number) ?? []), planned]);
    }
  }

  leave(sentence: string): void {
    this.report.leftCount++;
    if (this.report.left.length < MAX_SENTENCES) this.report.left.push(sentence);
  }

  /** False, and told, when it could not be made. */
  private async made({ node, place }: Planned, what: string, make: () => Promise<unknown>): Promise<boolean> {
    try {
      await make();
      this.finished.push({ node, place });
      return true;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "ENOSPC" || code === "EDQUOT" || code === "EIO") throw error;
      const reason = code === "EEXIST" ? "something else has its name" : (code ?? message);
      this.leave(`The ${what} ${shown(node.path)} could not be made: ${reason}.`);
      return false;
    }
  }

  async directories(): Promise<void> {
    for (const planned of this.planned) {
      if (!planned.node.children) continue;
      if (await this.made(planned, "folder", () => mkdir(planned.place))) this.report.directories++;
    }
  }

  /** A file for the content of an entry; undefined when nothing in the tree has it. */
  async create(number: number): Promise<FileHandle | undefined> {
    const first = this.holders.get(number)?.[0];
    if (!first) return undefined;
    let handle: FileHandle | undefined;
    const done = await this.made(first, "file", async () => (handle = await open(first.place, "wx", 0o600)));
    if (done) this.report.files++;
    return handle;
  }

  /** Further names of files. */
  async hardLinks(): Promise<void> {
    for (const [first, ...others] of this.holders.values()) {
      for (const planned of others) {
        // A file system without hard links gets copies.
        const make = (): Promise<void> =>
          link(first!.place, planned.place).catch(() => copyFile(first!.place, planned.place));
        if (await this.made(planned, "file", make)) this.report.files++;
      }
    }
  }

  async symbolicLinks(): Promise<void> {
    for (const planned of this.planned) {
      const { entry } = planned.node;
      if (((entry?.mode ?? 0) & S_IFMT) !== S_IFLNK) continue;
      if (await this.made(planned, "link", () => symlink(entry?.target ?? "", planned.place))) this.report.links++;
    }
  }

  /** Permissions and times, the innermost first. Set-user-id bits are left out: the owner is not the one meant. */
  async finish(): Promise<void> {
    for (const { node, place } of this.finished.reverse()) {
      const { mode, mtime } = node.entry ?? { mode: S_IFDIR | 0o755, mtime: undefined };
      const type = mode & S_IFMT;
      if (type === S_IFLNK) continue;
      // The owner keeps the right to look into folders and to remove them.
      await chmod(place, (mode & 0o777) | (type === S_IFDIR ? 0o700 : 0o400));
      if (mtime !== undefined) await utimes(place, mtime, mtime);
    }
    for (const { node } of this.planned) {
      const type = (node.entry?.mode ?? S_IFDIR) & S_IFMT;
      if (type !== S_IFREG && type !== S_IFDIR && type !== S_IFLNK) {
        this.leave(`${shown(node.path)} is a device or pipe, which only the archive can keep.`);
      }
    }
  }
}

/** Fills `folder`, which exists and is empty. Throws FormatError where the initramfs is damaged. */
export async function extractInitramfs(bytes: Uint8Array, folder: string, report: Report): Promise<ExtractReport> {
  report("Reading the archive");
  const index = await indexInitramfs(bytes);
  const extraction = new Extraction(folder, index);
  await extraction.directories();
  const total = index.entries.reduce((sum, { dataSize }) => sum + dataSize, 1);
  let [done, told, current] = [0, 0, -1];
  let handle: FileHandle | undefined;
  try {
    for await (const step of walkContents(bytes)) {
      if (step.index !== current) {
        current = step.index;
        handle = await extraction.create(current);
      }
      done += step.bytes.length;
      if (step.bytes.length > 0) await handle?.writeFile(step.bytes);
      if (step.complete) {
        await handle?.close();
        handle = undefined;
      }
      if (done - told < REPORT_BYTES) continue;
      told = done;
      report(shown(index.entries[current]?.path ?? ""), done / total);
    }
  } finally {
    await handle?.close();
  }
  report("Making links and setting permissions");
  await extraction.hardLinks();
  await extraction.symbolicLinks();
  await extraction.finish();
  return extraction.report;
}
