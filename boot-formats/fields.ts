/**
 * The one shape in which every parser here tells what bytes mean: a tree of fields, each with its byte range, so that
 * any view can list, explain and highlight it.
 */
import { FormatError } from "./errors.ts";

export interface Field {
  /** As the format's own document or header file names it. */
  name: string;
  /** First byte, counted from the start of the file, disk or memory range that was parsed. */
  offset: number;
  /** Bytes; 0 for what is told by the absence of bytes. */
  length: number;
  /** What stands there, for people: "0x55AA", "Linux (0x83)", "2048". */
  value: string;
  /** The number that stands there, if it is one. */
  raw?: number | bigint;
  /** What the field is for, in plain words. */
  note?: string;
  /** What is wrong with it: one sentence. */
  problem?: string;
  /** Parts, by offset; they lie within this field unless the format itself points elsewhere. */
  children?: Field[];
}

export interface NumberField extends Field {
  raw: number;
}

export interface BigField extends Field {
  raw: bigint;
}

/** What a parser can say about a field beside its place; `value` replaces the plain number. */
export interface FieldText {
  value?: string;
  note?: string;
  problem?: string;
  children?: Field[];
}

export function hex(value: number | bigint, digits = 0): string {
  return `0x${value.toString(16).toUpperCase().padStart(digits, "0")}`;
}

/** Reads fields out of bytes that begin at `base` in the parsed file. Offsets given to it are relative to `base`. */
export class FieldReader {
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    /** Offset in the parsed file of the first byte. */
    readonly base = 0,
    /** What is being read, for error messages: "the MBR". */
    private readonly what = "the data",
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Little-endian unsigned numbers, shown decimal unless `text.value` says otherwise. */
  u8(name: string, at: number, text: FieldText | ((raw: number) => FieldText) = {}): NumberField {
    return this.number(name, at, 1, this.check(at, 1).getUint8(at), text);
  }

  u16(name: string, at: number, text: FieldText | ((raw: number) => FieldText) = {}): NumberField {
    return this.number(name, at, 2, this.check(at, 2).getUint16(at, true), text);
  }

  u32(name: string, at: number, text: FieldText | ((raw: number) => FieldText) = {}): NumberField {
    return this.number(name, at, 4, this.check(at, 4).getUint32(at, true), text);
  }

  u64(name: string, at: number, text: FieldText | ((raw: bigint) => FieldText) = {}): BigField {
    const raw = this.check(at, 8).getBigUint64(at, true);
    return { name, offset: this.base + at, length: 8, value: String(raw), raw, ...resolve(text, raw) };
  }

  /** Latin-1 text, cut at its first zero; trailing blanks are no part of the value. */
  text(name: string, at: number, length: number, text: FieldText = {}): Field {
    this.check(at, length);
    let value = "";
    for (const byte of this.bytes.subarray(at, at + length)) {
      if (byte === 0) break;
      value += String.fromCharCode(byte);
    }
    return { name, offset: this.base + at, length, value: value.trimEnd(), ...text };
  }

  /** Bytes without a meaning of their own; up to sixteen are shown. */
  blob(name: string, at: number, length: number, text: FieldText = {}): Field {
    this.check(at, length);
    const shown = Array.from(this.bytes.subarray(at, at + Math.min(length, 16)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join(" ");
    const value = length > 16 ? `${shown} … (${length} bytes)` : shown;
    return { name, offset: this.base + at, length, value, ...text };
  }

  /** A range that holds other fields. */
  group(name: string, at: number, length: number, value: string, children: Field[], text: FieldText = {}): Field {
    this.check(at, length);
    return { name, offset: this.base + at, length, value, children, ...text };
  }

  private number(
    name: string,
    at: number,
    length: number,
    raw: number,
    text: FieldText | ((raw: number) => FieldText),
  ): NumberField {
    return { name, offset: this.base + at, length, value: String(raw), raw, ...resolve(text, raw) };
  }

  private check(at: number, length: number): DataView {
    if (at < 0 || length < 0 || at + length > this.bytes.length) {
      throw new FormatError(
        `${this.what.charAt(0).toUpperCase()}${this.what.slice(1)} ends at ${hex(this.base + this.bytes.length)}, but ${length} bytes at ${hex(this.base + at)} were expected.`,
      );
    }
    return this.view;
  }
}

function resolve<Raw>(text: FieldText | ((raw: Raw) => FieldText), raw: Raw): FieldText {
  return typeof text === "function" ? text(raw) : text;
}
