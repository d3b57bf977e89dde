/**
 * What an initramfs is made of (kernel Documentation/driver-api/early-userspace/buffer-format.rst, init/initramfs.c):
 * cpio archives one behind the other, each plain or compressed, with zeros between them. It is read as a stream: a
 * window of the decompressed bytes is in memory at a time, never all of them.
 */
import { decompressStream, detectCompression, type Compression } from "../compression/decompress.ts";
import { FormatError } from "../errors.ts";
import { BLOCK_IMAGE_HEAD_BYTES, identifyBlockImage, type BlockImage } from "./block-image.ts";
import { findBootConfig, type BootConfig } from "./boot-config.ts";
import { cpioFormat, type CpioFormat } from "./cpio-header.ts";
import { CpioScanner, type CpioEvent, type ScannedEntry, type StreamRange } from "./cpio-scanner.ts";
import { nameSegment } from "./segment-names.ts";

export interface InitramfsEntry extends ScannedEntry {
  /** Index of the segment whose stream the ranges count in. */
  segment: number;
  /** Index of the archive within the segment. */
  archive: number;
  /** Target of a symbolic link. */
  target?: string;
  /** Index of the entry that has the content of this hard link. */
  contentIn?: number;
  /** What is wrong with it: one sentence. */
  problem?: string;
}

export interface CpioArchive {
  format: CpioFormat;
  /** From the first header to the end of the trailer, within the segment's stream. */
  range: StreamRange;
  /** The trailer entry, undefined when the archive is cut off. */
  trailer: StreamRange | undefined;
}

/** A part of the file that is decompressed as one, or is one plain archive. */
export interface InitramfsSegment {
  /** What it is for: "Intel microcode", "initramfs by dracut". */
  name: string;
  /** Within the file; zeros behind it are not counted. */
  file: StreamRange;
  compression: Compression | undefined;
  /** Bytes of the stream, decompressed. */
  unpackedSize: number;
  archives: CpioArchive[];
  /** The file system of an old initrd, which has no archives. */
  image: BlockImage | undefined;
  /** Why the rest of the segment, and what follows it, could not be read: one sentence. */
  problem: string | undefined;
}

export interface Initramfs {
  segments: InitramfsSegment[];
  /** Entries of all archives in the order of the file, trailers left out. */
  entries: InitramfsEntry[];
  bootConfig: BootConfig | undefined;
}

export interface InitramfsLimits {
  /** Bytes of all streams together. */
  unpackedBytes: number;
  entries: number;
}

const DEFAULT_LIMITS: InitramfsLimits = { unpackedBytes: 2 ** 31, entries: 300_000 };
const MAX_SEGMENTS = 1000;
/** Plain archives are handed on in pieces of this size. */
const PIECE_BYTES = 256 * 1024;
/** The largest file that `readFile` returns unless told otherwise. */
const FILE_LIMIT = 512 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

type WalkEvent =
  CpioEvent | { kind: "segment"; segment: InitramfsSegment } | { kind: "segment-end"; segment: InitramfsSegment };

const sentence = (error: unknown): string => {
  if (error instanceof FormatError) return error.message;
  throw error;
};

/** Reads one segment's decompressed stream: archives, zeros between them, or an image. */
class SegmentReader {
  private readonly segment: InitramfsSegment;
  private scanner: CpioScanner | undefined;

  constructor(segment: InitramfsSegment) {
    this.segment = segment;
  }

  /** Takes the next bytes of the stream; a plain segment ends behind its first archive. Returns how many it took. */
  *feed(bytes: Uint8Array): Generator<CpioEvent, number> {
    const { segment } = this;
    let at = 0;
    // An image is told by its very first bytes: zeros, which an archive may stand behind, belong to it.
    if (segment.unpackedSize === 0 && !cpioFormat(bytes)) segment.image ??= identifyBlockImage(bytes);
    while (at < bytes.length) {
      if (segment.image || segment.problem !== undefined) {
        segment.unpackedSize += bytes.length - at;
        return bytes.length;
      }
      if (this.scanner?.done !== false) {
        if (segment.compression === undefined && segment.archives.length > 0) return at;
        if (bytes[at] === 0) {
          at++;
          segment.unpackedSize++;
          continue;
        }
        if (!this.begin(bytes.subarray(at))) continue;
      }
      const taken: number = yield* this.scan(bytes.subarray(at));
      at += taken;
      segment.unpackedSize += taken;
    }
    return at;
  }

  private *scan(bytes: Uint8Array): Generator<CpioEvent, number> {
    const archive = this.segment.archives.at(-1);
    const events = this.scanner!.feed(bytes);
    for (;;) {
      let step: IteratorResult<CpioEvent, number>;
      try {
        step = events.next();
      } catch (error) {
        this.segment.problem = sentence(error);
        return 0;
      }
      if (step.done) {
        archive.range.end += step.value;
        return step.value;
      }
      if (step.value.kind === "trailer") archive.trailer = step.value.range;
      yield step.value;
    }
  }

  /** At the first byte of the stream, or behind an archive and zeros; false when no archive begins here. */
  private begin(bytes: Uint8Array): boolean {
    const { segment } = this;
    const at = segment.unpackedSize;
    const format = cpioFormat(bytes);
    if (!format) {
      segment.problem =
        segment.archives.length === 0
          ? `The ${segment.compression} data hold no cpio archive and no file system known.`
          : `Junk at byte ${at} of the decompressed data, where another archive or the end was expected.`;
      return false;
    }
    if (at % 4 !== 0) {
      segment.problem = `The archive at byte ${at} of the decompressed data is not aligned to four bytes.`;
      return false;
    }
    segment.archives.push({ format, range: { start: at, end: at }, trailer: undefined });
    this.scanner = new CpioScanner(at);
    return true;
  }

  finish(): void {
    if (this.segment.problem === undefined) this.segment.problem = this.scanner?.incomplete;
  }
}

/** Joins the first pieces of a stream until they are enough to tell an image by: they may come tiny. */
async function* withWholeHead(pieces: AsyncGenerator<Uint8Array, number>): AsyncGenerator<Uint8Array, number> {
  let head: Uint8Array | undefined = new Uint8Array(0);
  try {
    for (;;) {
      const step = await pieces.next();
      if (step.done) {
        if (head && head.length > 0) yield head;
        return step.value;
      }
      if (!head) {
        yield step.value;
        continue;
      }
      const longer: Uint8Array = new Uint8Array(head.length + step.value.length);
      longer.set(head);
      longer.set(step.value, head.length);
      head = longer;
      if (head.length >= BLOCK_IMAGE_HEAD_BYTES) {
        yield head;
        head = undefined;
      }
    }
  } finally {
    await pieces.return(0);
  }
}

/** Everything in the file in order. Damage ends the walk and is told by the segment's `problem`. */
async function* walk(bytes: Uint8Array, end: number, unpackedLimit: number): AsyncGenerator<WalkEvent, void> {
  let left = unpackedLimit;
  let count = 0;
  for (let at = 0; ;) {
    const image = at === 0 && !cpioFormat(bytes) && !detectCompression(bytes) ? identifyBlockImage(bytes) : undefined;
    while (!image && at < end && bytes[at] === 0) at++;
    if (at >= end) return;
    if (++count > MAX_SEGMENTS) throw new FormatError(`The initramfs has more than ${MAX_SEGMENTS} segments.`);
    const rest = bytes.subarray(at, end);
    const plain = cpioFormat(rest) !== undefined;
    const compression = plain ? undefined : detectCompression(rest);
    const segment: InitramfsSegment = {
      name: "",
      file: { start: at, end },
      compression,
      unpackedSize: 0,
      archives: [],
      image,
      problem: undefined,
    };
    if (!plain && !compression && !segment.image) {
      const head = Array.from(rest.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
      segment.problem = `Neither a cpio archive nor compressed data at byte ${at}: they begin with ${head}.`;
      if (count === 1) throw new FormatError(segment.problem);
    }
    yield { kind: "segment", segment };
    const reader = new SegmentReader(segment);
    if (compression) {
      const pieces = withWholeHead(decompressStream(rest, left));
      try {
        for (;;) {
          const step = await pieces.next();
          if (step.done) {
            segment.file.end = at + step.value;
            break;
          }
          yield* reader.feed(step.value);
        }
      } catch (error) {
        segment.problem ??= sentence(error);
      } finally {
        await pieces.return(0);
      }
    } else if (segment.problem === undefined) {
      let taken = 0;
      while (taken < rest.length) {
        const piece = rest.subarray(taken, taken + PIECE_BYTES);
        const count: number = yield* reader.feed(piece);
        taken += count;
        if (count < piece.length) break;
      }
      segment.file.end = at + taken;
      if (plain && at % 4 !== 0) segment.problem ??= `The archive at byte ${at} is not aligned to four bytes.`;
    }
    reader.finish();
    yield { kind: "segment-end", segment };
    if (segment.problem !== undefined) return;
    left -= segment.unpackedSize;
    at = segment.file.end;
  }
}

/** Links names of one file to the entry that has its content: archives made by cpio give it to one of them alone. */
function linkContents(entries: InitramfsEntry[]): void {
  const contents = new Map<string, number>();
  const key = ({ segment, archive, dev, ino }: InitramfsEntry): string =>
    [segment, archive, dev.major, dev.minor, ino].join(":");
  for (const [index, entry] of entries.entries()) {
    if (entry.nlink > 1 && entry.dataSize > 0) contents.set(key(entry), index);
  }
  for (const entry of entries) {
    const content = entry.nlink > 1 && entry.dataSize === 0 ? contents.get(key(entry)) : undefined;
    if (content !== undefined) entry.contentIn = content;
  }
}

/**
 * Lists all that is in an initramfs or initrd without keeping its contents. Damage behind the first archive's start is
 * told by `problem` of its segment, where the list then ends. Throws FormatError when the file is neither, or when it
 * is above a limit. `read` is told of bytes of content gone by; what it throws ends the work.
 */
export async function indexInitramfs(
  bytes: Uint8Array,
  limits: Partial<InitramfsLimits> = {},
  read: (bytes: number) => void = () => undefined,
): Promise<Initramfs> {
  const { unpackedBytes, entries: maxEntries } = { ...DEFAULT_LIMITS, ...limits };
  const bootConfig = findBootConfig(bytes);
  const index: Initramfs = { segments: [], entries: [], bootConfig };
  let segmentEntries: InitramfsEntry[] = [];
  for await (const event of walk(bytes, bootConfig?.range.start ?? bytes.length, unpackedBytes)) {
    if (event.kind === "segment") {
      index.segments.push(event.segment);
      segmentEntries = [];
    } else if (event.kind === "segment-end") event.segment.name = nameSegment(event.segment, segmentEntries);
    else if (event.kind === "entry") {
      if (index.entries.length >= maxEntries) {
        throw new FormatError(`The initramfs has more than ${maxEntries} entries.`);
      }
      const segment = index.segments.length - 1;
      const entry = { ...event.entry, segment, archive: index.segments[segment]!.archives.length - 1 };
      index.entries.push(entry);
      segmentEntries.push(entry);
    } else if (event.kind === "data") read(event.bytes.length);
    else if (event.kind === "end") {
      const entry = index.entries.at(-1);
      if (event.target !== undefined) entry.target = event.target;
      if (event.problem !== undefined) entry.problem = event.problem;
    }
  }
  if (index.segments.length === 0) throw new FormatError("The initramfs is empty: it has zeros alone or nothing.");
  linkContents(index.entries);
  return index;
}

/** Content of an entry while an initramfs is walked. */
export interface WalkedEntry {
  /** Its place in `Initramfs.entries`. */
  index: number;
  /** The next bytes of it; none at all come for a hard link whose content another entry has. */
  bytes: Uint8Array;
  /** True with the last, empty, piece. */
  complete: boolean;
}

/**
 * Walks through the contents of all entries in order, for extracting them: each step has what was decompressed of one
 * entry. Throws FormatError where the initramfs is damaged.
 */
export async function* walkContents(
  bytes: Uint8Array,
  unpackedLimit = DEFAULT_LIMITS.unpackedBytes,
): AsyncGenerator<WalkedEntry, void> {
  let index = -1;
  for await (const event of walk(bytes, findBootConfig(bytes)?.range.start ?? bytes.length, unpackedLimit)) {
    if (event.kind === "entry") index++;
    else if (event.kind === "data") yield { index, bytes: event.bytes, complete: false };
    else if (event.kind === "end") yield { index, bytes: NOTHING, complete: true };
    else if (event.kind === "segment-end" && event.segment.problem !== undefined) {
      throw new FormatError(event.segment.problem);
    }
  }
}

/**
 * The content of one entry, the one that has it for a hard link: decompresses its segment up to there. Throws
 * FormatError when it is above `limit` bytes or the segment is damaged before its end.
 */
export async function readFile(
  bytes: Uint8Array,
  index: Initramfs,
  entry: InitramfsEntry,
  limit = FILE_LIMIT,
): Promise<Uint8Array> {
  const holder = entry.contentIn === undefined ? entry : index.entries[entry.contentIn];
  const segment = holder && index.segments[holder.segment];
  if (!holder || !segment) throw new FormatError(`The entry ${entry.path} is of another initramfs.`);
  if (holder.dataSize > limit) {
    throw new FormatError(`The file ${entry.path} has ${holder.dataSize} bytes: at most ${limit} are read.`);
  }
  const { start, end } = holder.dataRange;
  const truncated = new FormatError(`The file ${entry.path} is truncated: its initramfs ends before it does.`);
  const file = bytes.subarray(segment.file.start, segment.file.end);
  if (segment.compression === undefined) {
    if (end > file.length) throw truncated;
    return file.subarray(start, end);
  }
  const content = new Uint8Array(holder.dataSize);
  let at = 0;
  if (content.length === 0) return content;
  for await (const piece of decompressStream(file, segment.unpackedSize)) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, piece.length);
    if (from < to) content.set(piece.subarray(from, to), at + from - start);
    at += piece.length;
    if (at >= end) return content;
  }
  throw truncated;
}
