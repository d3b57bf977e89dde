/** Reads one cpio archive out of bytes that come in pieces, holding no more than a header, a name and a link's target. */
import { FormatError } from "../errors.ts";
import {
  headerBytes,
  cpioFormat,
  MAGIC_BYTES,
  MAX_NAME_BYTES,
  parseCpioHeader,
  TRAILER,
  type CpioHeader,
} from "./cpio-header.ts";
import { S_IFLNK, S_IFMT } from "./mode.ts";

/** A range of bytes in the stream that the archive lies in, `end` excluded. */
export interface StreamRange {
  start: number;
  end: number;
}

export interface ScannedEntry extends CpioHeader {
  /** As it stands in the archive, decoded as UTF-8. */
  path: string;
  /** Header and name, padding not counted. */
  headerRange: StreamRange;
  dataRange: StreamRange;
}

export type CpioEvent =
  | { kind: "entry"; entry: ScannedEntry }
  /** A piece of the content of the entry last told. */
  | { kind: "data"; bytes: Uint8Array }
  /** The content of the entry last told is complete. */
  | { kind: "end"; entry: ScannedEntry; target: string | undefined; problem: string | undefined }
  | { kind: "trailer"; range: StreamRange };

const enum State {
  Header,
  /** Up to the content. */
  PaddingBefore,
  Data,
  /** Up to the next header. */
  PaddingBehind,
  Done,
}

const aligned = (position: number): number => Math.ceil(position / 4) * 4;

export class CpioScanner {
  /** Where the archive begins in its stream: padding counts from there. */
  private readonly start: number;
  private position: number;
  private state = State.Header;
  private readonly held = new Uint8Array(128 + MAX_NAME_BYTES);
  private heldCount = 0;
  private header: CpioHeader | undefined;
  private entry: ScannedEntry | undefined;
  /** Where what is being read ends. */
  private end = 0;
  private sum = 0;

  constructor(start: number) {
    this.start = start;
    this.position = start;
  }

  /** True once the trailer was read. */
  get done(): boolean {
    return this.state === State.Done;
  }

  /** One sentence about an archive whose bytes end here, undefined when it is complete. */
  get incomplete(): string | undefined {
    if (this.done) return undefined;
    const where = `byte ${this.position}`;
    if (this.entry && this.state === State.Data) {
      const { path, dataSize } = this.entry;
      return `The cpio archive is truncated at ${where}: ${path} of ${dataSize} bytes reaches beyond its end.`;
    }
    return `The cpio archive is truncated at ${where}: a header or the ${TRAILER} entry was expected.`;
  }

  /** Takes the next bytes, up to the end of the trailer; returns how many. Throws FormatError at a bad header. */
  *feed(bytes: Uint8Array): Generator<CpioEvent, number> {
    let at = 0;
    while (!this.done) {
      if (this.state === State.Data) {
        const piece = bytes.subarray(at, at + this.end - this.position);
        if (piece.length > 0) {
          if (this.entry!.format === "crc") this.addToSum(piece);
          if ((this.entry!.mode & S_IFMT) === S_IFLNK) this.hold(piece);
          yield { kind: "data", bytes: piece };
          at += piece.length;
          this.position += piece.length;
        }
        if (this.position < this.end) return at;
        yield this.finishEntry();
      } else if (this.state !== State.Header) {
        const skipped = Math.min(this.end - this.position, bytes.length - at);
        at += skipped;
        this.position += skipped;
        if (this.position < this.end) return at;
        if (this.state === State.PaddingBehind) this.state = State.Header;
        else {
          this.state = State.Data;
          this.end = this.entry!.dataRange.end;
        }
      } else {
        const wanted = this.wantedOfHeader();
        const piece = bytes.subarray(at, at + wanted);
        this.hold(piece);
        at += piece.length;
        this.position += piece.length;
        if (piece.length < wanted) return at;
        const event = this.readHeader();
        if (event) yield event;
      }
    }
    return at;
  }

  private finishEntry(): CpioEvent {
    const entry = this.entry!;
    const isLink = (entry.mode & S_IFMT) === S_IFLNK;
    const target = isLink ? new TextDecoder().decode(this.held.subarray(0, this.heldCount)) : undefined;
    this.heldCount = 0;
    let problem: string | undefined;
    if (isLink && entry.dataSize > MAX_NAME_BYTES) {
      problem = `The link's target has ${entry.dataSize} bytes: the kernel takes at most ${MAX_NAME_BYTES}.`;
    }
    // Hard links without content of their own may carry the sum of the one that has it.
    if (entry.format === "crc" && entry.dataSize > 0 && this.sum !== entry.checksum) {
      problem = `The sum of the content is ${this.sum}, the header says ${entry.checksum}.`;
    }
    this.state = State.PaddingBehind;
    const { end } = entry.dataRange;
    this.end = entry.format === "odc" ? end : this.start + aligned(end - this.start);
    return { kind: "end", entry, target, problem };
  }

  private addToSum(bytes: Uint8Array): void {
    let sum = this.sum;
    for (const byte of bytes) sum = (sum + byte) >>> 0;
    this.sum = sum;
  }

  private hold(bytes: Uint8Array): void {
    const room = bytes.subarray(0, this.held.length - this.heldCount);
    this.held.set(room, this.heldCount);
    this.heldCount += room.length;
  }

  /** First the magic, then the rest of the header, then the name. */
  private wantedOfHeader(): number {
    if (this.header) return this.header.size + this.header.nameSize - this.heldCount;
    if (this.heldCount < MAGIC_BYTES) return MAGIC_BYTES - this.heldCount;
    const format = cpioFormat(this.held);
    if (!format) {
      const where = this.position - this.heldCount;
      throw new FormatError(`No cpio header at byte ${where}: the magic 070701 ("newc") or ${TRAILER} was expected.`);
    }
    return headerBytes(format) - this.heldCount;
  }

  private readHeader(): CpioEvent | undefined {
    const start = this.position - this.heldCount;
    if (!this.header) {
      if (this.heldCount > MAGIC_BYTES) {
        this.header = parseCpioHeader(this.held.subarray(0, this.heldCount), `byte ${start}`);
      }
      return undefined;
    }
    const header = this.header;
    const name = this.held.subarray(header.size, this.heldCount);
    const terminator = name.indexOf(0);
    const path = new TextDecoder().decode(name.subarray(0, terminator < 0 ? name.length : terminator));
    const headerRange = { start, end: this.position };
    this.header = undefined;
    this.heldCount = 0;
    if (path === TRAILER) {
      this.state = State.Done;
      return { kind: "trailer", range: headerRange };
    }
    const dataStart = header.format === "odc" ? this.position : this.start + aligned(this.position - this.start);
    const dataRange = { start: dataStart, end: dataStart + header.dataSize };
    this.entry = { ...header, path, headerRange, dataRange };
    this.state = State.PaddingBefore;
    this.end = dataStart;
    this.sum = 0;
    return { kind: "entry", entry: this.entry };
  }
}
