/**
 * The file tree that the kernel makes of an initramfs: all archives one over the other, a later entry replacing an
 * earlier one, paths followed through the symbolic links that are already there.
 */
import { FormatError } from "../errors.ts";
import type { Initramfs, InitramfsEntry } from "./archive.ts";
import { S_IFDIR, S_IFLNK, S_IFMT } from "./mode.ts";

/** As many symbolic links as the kernel follows in one path (MAXSYMLINKS). */
const MAX_LINKS = 40;
/** Names of a path that are gone through, links followed. */
const MAX_STEPS = 4096;

export interface TreeNode {
  /** Last name of its path, empty for the root. */
  name: string;
  /** Without a leading slash, free of symbolic links. */
  path: string;
  /** Undefined for the root and for folders that no entry makes. */
  entry: InitramfsEntry | undefined;
  /** Names in a folder, in the order of the archive; undefined for everything else. */
  children: Map<string, TreeNode> | undefined;
  parent: TreeNode | undefined;
}

export interface RefusedEntry {
  entry: InitramfsEntry;
  /** One sentence. */
  reason: string;
}

const names = (path: string): string[] => path.split("/").filter((name) => name !== "" && name !== ".");
const isLink = (node: TreeNode): boolean => ((node.entry?.mode ?? 0) & S_IFMT) === S_IFLNK;
const folder = (name: string, parent: TreeNode | undefined): TreeNode => ({
  name,
  path: parent?.path ? `${parent.path}/${name}` : name,
  entry: undefined,
  children: new Map(),
  parent,
});

export class InitramfsTree {
  readonly root: TreeNode = folder("", undefined);
  /** Entries that have no place in the tree. */
  readonly refused: RefusedEntry[] = [];

  constructor(index: Initramfs) {
    for (const entry of index.entries) {
      try {
        this.add(entry);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.refused.push({ entry, reason: error.message });
      }
    }
  }

  /**
   * What lies at a path; a symbolic link in last place is itself the answer unless `follow`. Undefined when there is
   * nothing. Throws FormatError for a loop of links.
   */
  find(path: string, follow = true): TreeNode | undefined {
    return this.walk(this.root, names(path), { follow, make: false, path });
  }

  private add(entry: InitramfsEntry): void {
    const parts = names(entry.path);
    let depth = 0;
    for (const name of parts) {
      depth += name === ".." ? -1 : 1;
      if (depth < 0) throw new FormatError(`The path ${entry.path} of an entry climbs out of the archive.`);
    }
    const name = parts.at(-1);
    if (name === undefined) {
      this.root.entry = entry;
      return;
    }
    if (name === "..") throw new FormatError(`The path ${entry.path} of an entry ends in "..": a name was expected.`);
    const parent = this.walk(this.root, parts.slice(0, -1), { follow: true, make: true, path: entry.path });
    if (!parent?.children) {
      throw new FormatError(`The path ${entry.path} of an entry leads through something that is no folder.`);
    }
    const isFolder = (entry.mode & S_IFMT) === S_IFDIR;
    const existing = parent.children.get(name);
    if (existing?.children && isFolder) {
      existing.entry = entry;
      return;
    }
    if (existing?.children && existing.children.size > 0) {
      throw new FormatError(`The entry ${entry.path} is a folder with content in an earlier archive.`);
    }
    parent.children.set(name, { ...folder(name, parent), entry, children: isFolder ? new Map() : undefined });
  }

  private walk(
    from: TreeNode,
    parts: readonly string[],
    options: { follow: boolean; make: boolean; path: string },
  ): TreeNode | undefined {
    const left = [...parts].reverse();
    let node = from;
    let links = 0;
    for (let steps = 0; left.length > 0; steps++) {
      if (steps > MAX_STEPS) throw new FormatError(`The path ${options.path} is too long once its links are followed.`);
      const name = left.pop()!;
      if (!node.children) return undefined;
      if (name === "..") {
        node = node.parent ?? this.root;
        continue;
      }
      let next = node.children.get(name);
      if (!next && options.make) {
        next = folder(name, node);
        node.children.set(name, next);
      }
      if (!next) return undefined;
      if (isLink(next) && (left.length > 0 || options.follow)) {
        if (++links > MAX_LINKS)
          throw new FormatError(`The path ${options.path} leads through a loop of symbolic links.`);
        const target = next.entry?.target ?? "";
        left.push(...names(target).reverse());
        if (target.startsWith("/")) node = this.root;
        continue;
      }
      node = next;
    }
    return node;
  }
}
