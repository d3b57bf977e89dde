/** Where parsers of disks and file systems read from: in pieces, so that a disk of any size opens at once. */
import { FormatError } from "../errors.ts";
import { hex } from "../fields.ts";

/** Bytes that are fetched when they are wanted: a file, a guest's disk, memory. They do not change while parsed. */
export interface ByteSource {
  /** Bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset` on; callers stay within `size`. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

const BLOCK = 64 * 1024;
const BLOCKS = 64;

/** Keeps the blocks read last (4 MiB), as file systems come back to the same tables all the time. */
class CachedSource implements ByteSource {
  private readonly blocks = new Map<number, Promise<Uint8Array>>();

  constructor(private readonly source: ByteSource) {}

  get size(): number {
    return this.source.size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    const first = Math.floor(offset / BLOCK);
    const last = Math.floor((offset + length - 1) / BLOCK);
    if (last - first > 1) return this.source.read(offset, length);
    const start = offset - first * BLOCK;
    const head = await this.block(first);
    if (first === last) return head.subarray(start, start + length);
    const bytes = new Uint8Array(length);
    bytes.set(head.subarray(start));
    bytes.set((await this.block(last)).subarray(0, length - (BLOCK - start)), BLOCK - start);
    return bytes;
  }

  private block(index: number): Promise<Uint8Array> {
    let block = this.blocks.get(index);
    if (block) {
      this.blocks.delete(index);
    } else {
      const offset = index * BLOCK;
      block = this.source.read(offset, Math.min(BLOCK, this.source.size - offset));
      // A failure is not kept: the next reader may try again.
      block.catch(() => this.blocks.delete(index));
      const oldest = this.blocks.size >= BLOCKS ? this.blocks.keys().next().value : undefined;
      if (oldest !== undefined) this.blocks.delete(oldest);
    }
    this.blocks.set(index, block);
    return block;
  }
}

/** A range of a disk in which something is to be read: the whole disk, or a partition. */
export class Volume {
  private constructor(
    private readonly source: ByteSource,
    /** First byte on the disk. */
    readonly start: number,
    /** Bytes. */
    readonly size: number,
    /** What this is, for messages: "the disk", "partition 2". */
    readonly name: string,
  ) {}

  static whole(source: ByteSource, name = "the disk"): Volume {
    return new Volume(new CachedSource(source), 0, source.size, name);
  }

  /** A range within this one; what lies beyond its end is cut off. */
  part(offset: number, size: number, name: string): Volume {
    const start = Math.max(0, Math.min(offset, this.size));
    return new Volume(this.source, this.start + start, Math.max(0, Math.min(size, this.size - start)), name);
  }

  /** Place on the disk of a place in the volume. */
  at(offset: number): number {
    return this.start + offset;
  }

  /** Whether the range lies within the volume. */
  has(offset: number, length: number): boolean {
    return Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && offset + length <= this.size;
  }

  /** @throws FormatError when the range does not lie within the volume; `what` is its subject: "the inode table". */
  async read(offset: number, length: number, what: string): Promise<Uint8Array> {
    if (!this.has(offset, length)) {
      const subject = what.charAt(0).toUpperCase() + what.slice(1);
      throw new FormatError(
        `${subject} would lie at ${place(offset)} (${length} bytes), but ${this.name} ends at ${hex(this.size)}.`,
      );
    }
    const bytes = await this.source.read(this.start + offset, length);
    if (bytes.length !== length) {
      throw new FormatError(
        `Of ${what} at ${place(this.start + offset)} only ${bytes.length} bytes could be read: ${length} were expected.`,
      );
    }
    return bytes;
  }
}

function place(offset: number): string {
  return Number.isSafeInteger(offset) ? hex(offset) : String(offset);
}
