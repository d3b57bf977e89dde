/** The file allocation table: which cluster follows which. */
import type { Volume } from "../../disk/byte-source.ts";
import { FormatError } from "../../errors.ts";
import type { FatGeometry } from "./boot-sector.ts";

/** Bytes of the table that are held at a time: a multiple of all entry sizes. */
const WINDOW = 3 * 16 * 1024;
/** Pieces of one file: more are refused, as each takes memory. */
const MAX_FRAGMENTS = 1_000_000;

const CHAIN_MASK = { 12: 0xfff, 16: 0xffff, 32: 0x0fffffff };
/** From here on a value ends the chain. */
const CHAIN_END = { 12: 0xff8, 16: 0xfff8, 32: 0x0ffffff8 };

interface Window {
  /** Within the table. */
  start: number;
  bytes: Uint8Array;
}

export class AllocationTable {
  private window: Window = { start: 0, bytes: new Uint8Array(0) };
  private readonly bits: 12 | 16 | 32;
  /** Bytes of the table that are in use. */
  private readonly bytes: number;

  constructor(
    private readonly volume: Volume,
    readonly geometry: FatGeometry,
  ) {
    this.bits = { FAT12: 12 as const, FAT16: 16 as const, FAT32: 32 as const }[geometry.kind];
    this.bytes = Math.ceil(((geometry.clusters + 2) * this.bits) / 8);
  }

  private async windowAt(at: number): Promise<Window> {
    const start = Math.floor(at / WINDOW) * WINDOW;
    const { window } = this;
    if (window.start === start && window.bytes.length > 0) return window;
    const length = Math.min(WINDOW, this.bytes - start);
    const stored = await this.volume.read(this.geometry.fatAt + start, length, "the file allocation table");
    // The last entry may be shorter than the four bytes that are looked at.
    const bytes = new Uint8Array(length + 4);
    bytes.set(stored);
    this.window = { start, bytes };
    return this.window;
  }

  /** The cluster that follows; undefined at the end of a chain. */
  async next(cluster: number): Promise<number | undefined> {
    const at = Math.floor((cluster * this.bits) / 8);
    const { start, bytes } = await this.windowAt(at);
    const word = new DataView(bytes.buffer, at - start, 4).getUint32(0, true);
    const value = this.bits === 12 && cluster % 2 === 1 ? (word >>> 4) & 0xfff : word & CHAIN_MASK[this.bits];
    if (value >= CHAIN_END[this.bits]) return undefined;
    if (!this.has(value)) {
      throw new FormatError(
        `In the file allocation table cluster ${cluster} is followed by ${value}: 2 to ${this.geometry.clusters + 1}, or an end, was expected.`,
      );
    }
    return value;
  }

  has(cluster: number): boolean {
    return cluster >= 2 && cluster < this.geometry.clusters + 2;
  }

  /** Place within the volume. */
  place(cluster: number): number {
    return this.geometry.dataAt + (cluster - 2) * this.geometry.clusterSize;
  }
}

interface Fragment {
  /** Number of its first cluster within the file. */
  index: number;
  cluster: number;
  count: number;
}

/** The clusters of one file, found as they are wanted. */
export class ClusterChain {
  private readonly fragments: Fragment[] = [];
  private known = 0;
  /** Last cluster found; undefined when the chain has ended. */
  private last: number | undefined;

  /** @throws FormatError when there is no such cluster */
  constructor(
    private readonly table: AllocationTable,
    first: number,
  ) {
    if (!table.has(first)) {
      throw new FormatError(`A file begins at cluster ${first}: 2 to ${table.geometry.clusters + 1} was expected.`);
    }
    this.append(first);
  }

  private append(cluster: number): void {
    const tail = this.fragments[this.fragments.length - 1];
    if (tail && tail.cluster + tail.count === cluster) {
      tail.count++;
    } else {
      if (this.fragments.length >= MAX_FRAGMENTS) {
        throw new FormatError(`A file lies in more than ${MAX_FRAGMENTS} pieces.`);
      }
      this.fragments.push({ index: this.known, cluster, count: 1 });
    }
    this.known++;
    this.last = cluster;
  }

  /** Follows the chain until so many clusters are known, or to its end; tells how many there are. */
  async extend(clusters: number): Promise<number> {
    while (this.known < clusters && this.last !== undefined) {
      const next = await this.table.next(this.last);
      if (next === undefined) {
        this.last = undefined;
        break;
      }
      if (this.known >= this.table.geometry.clusters) {
        throw new FormatError(
          `The chain of a file that begins at cluster ${this.fragments[0]!.cluster} runs in a circle.`,
        );
      }
      this.append(next);
    }
    return this.known;
  }

  /** Clusters from the given one of the file on that follow each other; it must be known. */
  at(index: number): { cluster: number; count: number } {
    let low = 0;
    let high = this.fragments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.fragments[middle]!.index <= index) low = middle;
      else high = middle - 1;
    }
    const fragment = this.fragments[low]!;
    const skip = index - fragment.index;
    return { cluster: fragment.cluster + skip, count: fragment.count - skip };
  }
}
