/** What is different between two archives. */
import { sizeText } from "../../boot-formats/disk/mbr.ts";
import { modeLetters } from "../../boot-formats/initramfs/mode.ts";
import type { EntryDigest } from "./worker/protocol.ts";

export interface Difference {
  path: string;
  kind: "added" | "removed" | "changed";
  left: EntryDigest | undefined;
  right: EntryDigest | undefined;
}

export interface Comparison {
  /** By path. */
  differences: Difference[];
  /** Entries that are in both and equal. */
  same: number;
  /** Bytes of all contents. */
  leftBytes: number;
  rightBytes: number;
}

/** A later entry of a path replaces an earlier one, as when the kernel unpacks them. */
function byPath(entries: readonly EntryDigest[]): Map<string, EntryDigest> {
  return new Map(entries.filter(({ path }) => path !== "" && path !== ".").map((entry) => [entry.path, entry]));
}

const inOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function compareEntries(left: readonly EntryDigest[], right: readonly EntryDigest[]): Comparison {
  const [before, after] = [byPath(left), byPath(right)];
  const sum = (entries: Map<string, EntryDigest>): number =>
    Array.from(entries.values()).reduce((total, { size }) => total + size, 0);
  const result: Comparison = { differences: [], same: 0, leftBytes: sum(before), rightBytes: sum(after) };
  for (const path of [...new Set([...before.keys(), ...after.keys()])].sort(inOrder)) {
    const [one, other] = [before.get(path), after.get(path)];
    if (one && other && isSame(one, other)) result.same++;
    else {
      const kind = one === undefined ? "added" : other === undefined ? "removed" : "changed";
      result.differences.push({ path, kind, left: one, right: other });
    }
  }
  return result;
}

function isSame(one: EntryDigest, other: EntryDigest): boolean {
  return one.digest === other.digest && one.mode === other.mode && one.uid === other.uid && one.gid === other.gid;
}

/** "1.2 MiB → 1.3 MiB (+100 KiB)", "-rw-r--r-- → -rwxr-xr-x", "1.2 MiB". */
export function describeDifference({ left, right }: Difference): string {
  if (!left || !right) return sizeText((left ?? right)?.size ?? 0);
  const parts: string[] = [];
  if (left.size !== right.size) {
    parts.push(`${sizeText(left.size)} → ${sizeText(right.size)} (${signedSize(right.size - left.size)})`);
  } else if (left.digest !== right.digest) parts.push(`content, ${sizeText(left.size)}`);
  if (left.mode !== right.mode) parts.push(`${modeLetters(left.mode)} → ${modeLetters(right.mode)}`);
  if (left.uid !== right.uid || left.gid !== right.gid) {
    parts.push(`${left.uid}:${left.gid} → ${right.uid}:${right.gid}`);
  }
  return parts.join(", ");
}

export function signedSize(bytes: number): string {
  return `${bytes < 0 ? "−" : "+"}${sizeText(Math.abs(bytes))}`;
}

export function summarise({ differences, same, leftBytes, rightBytes }: Comparison): string {
  const count = (kind: Difference["kind"]): number => differences.filter((one) => one.kind === kind).length;
  return `${count("added")} added, ${count("removed")} removed, ${count("changed")} changed, ${same} the same, ${signedSize(rightBytes - leftBytes)}`;
}

/** All entries as lines of text, by path, for VS Code's diff editor. */
export function listing(entries: readonly EntryDigest[], escape: (text: string) => string): string {
  const lines = [...byPath(entries).values()]
    .sort((a, b) => inOrder(a.path, b.path))
    .map(({ path, mode, uid, gid, size, digest }) => {
      const columns = [modeLetters(mode), `${uid}:${gid}`, String(size).padStart(10), digest.slice(0, 12).padEnd(12)];
      return `${columns.join(" ")} ${escape(path)}`;
    });
  return `${lines.join("\n")}\n`;
}
