/** Pages of memory, held against what they were: by their bytes, or by a hash of each. */

const PAGE = 4096;
/** What Linux fills freed memory of its start with (POISON_FREE_INITMEM, include/linux/poison.h). */
const POISON = 0xcc;

export const pageCount = (bytes: number): number => Math.ceil(bytes / PAGE);

/** A hash of 32 bits for each page; FNV-1a over words, the last bytes one by one. */
export function pageHashes(bytes: Uint8Array): Int32Array {
  const hashes = new Int32Array(pageCount(bytes.length));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let page = 0; page < hashes.length; page++) {
    const end = Math.min((page + 1) * PAGE, bytes.length);
    let at = page * PAGE;
    let hash = 0x811c_9dc5 | 0;
    for (; at + 4 <= end; at += 4) hash = Math.imul(hash ^ view.getInt32(at, true), 0x0100_0193);
    for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
    hashes[page] = hash;
  }
  return hashes;
}

/** Which pages differ; in pages that both have. */
export function differingHashes(before: Int32Array, now: Int32Array): Set<number> {
  const pages = new Set<number>();
  for (const [page, hash] of now.entries()) if (before[page] !== hash) pages.add(page);
  return pages;
}

/** Adds the pages in which `now`, of which `offset` is the place of the first byte, is not as `then`. */
export function addDiffering(pages: Set<number>, now: Uint8Array, then: Uint8Array, offset: number): void {
  for (let at = 0; at < now.length;) {
    const length = Math.min(PAGE - ((offset + at) % PAGE), now.length - at);
    const same = Buffer.compare(now.subarray(at, at + length), then.subarray(at, at + length)) === 0;
    if (!same) pages.add(Math.floor((offset + at) / PAGE));
    at += length;
  }
}

/** How many of the pages hold nothing but the byte that the kernel fills freed memory with. */
export function poisonedPages(bytes: Uint8Array, pages: ReadonlySet<number>): number {
  let count = 0;
  for (const page of pages) {
    if (bytes.subarray(page * PAGE, (page + 1) * PAGE).every((byte) => byte === POISON)) count++;
  }
  return count;
}

/** Whether a page of the range is among them. */
export function touches(pages: ReadonlySet<number>, start: number, length: number): boolean {
  if (pages.size === 0 || length === 0) return false;
  for (let page = Math.floor(start / PAGE); page * PAGE < start + length; page++) if (pages.has(page)) return true;
  return false;
}
