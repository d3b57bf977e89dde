/** An initramfs that is looked at: its index, and the last segments decompressed. */
import { decompress } from "../../../boot-formats/compression/decompress.ts";
import { FormatError } from "../../../boot-formats/errors.ts";
import { indexInitramfs, readFile, type Initramfs } from "../../../boot-formats/initramfs/archive.ts";

/** Decompressed bytes that are kept. */
const KEPT_BYTES = 512 * 1024 * 1024;

export class OpenArchive {
  readonly index: Initramfs;
  readonly bytes: Uint8Array;
  private readonly streams = new Map<number, Promise<Uint8Array>>();

  private constructor(bytes: Uint8Array, index: Initramfs) {
    this.bytes = bytes;
    this.index = index;
  }

  static async open(bytes: Uint8Array): Promise<OpenArchive> {
    return new OpenArchive(bytes, await indexInitramfs(bytes));
  }

  /** @throws FormatError when the segment is damaged, or too large to be kept */
  async stream(segment: number): Promise<Uint8Array> {
    const info = this.index.segments[segment];
    if (!info) throw new FormatError(`There is no segment ${segment}.`);
    const file = this.bytes.subarray(info.file.start, info.file.end);
    if (info.compression === undefined) return file;
    if (info.unpackedSize > KEPT_BYTES) {
      throw new FormatError(
        `The segment has ${info.unpackedSize} bytes when decompressed: at most ${KEPT_BYTES} are shown.`,
      );
    }
    let stream = this.streams.get(segment);
    if (!stream) {
      // One at a time: segments that are large come alone.
      this.streams.clear();
      stream = decompress(file, KEPT_BYTES);
      stream.catch(() => this.streams.delete(segment));
      this.streams.set(segment, stream);
    }
    return stream;
  }

  /** @throws FormatError when there is no such entry, or its content cannot be read */
  async content(number: number, limit: number): Promise<Uint8Array> {
    const { entries, segments } = this.index;
    const entry = entries[number];
    if (!entry) throw new FormatError(`There is no entry ${number}.`);
    const holder = entry.contentIn === undefined ? entry : (entries[entry.contentIn] ?? entry);
    const segment = segments[holder.segment];
    const keeps = segment !== undefined && segment.problem === undefined && segment.unpackedSize <= KEPT_BYTES;
    if (!keeps || holder.dataSize > limit) return readFile(this.bytes, this.index, entry, limit);
    const stream = await this.stream(holder.segment);
    return stream.slice(holder.dataRange.start, holder.dataRange.end);
  }
}
