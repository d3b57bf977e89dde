/**
 * Assembly listings: what `nasm -l` and `as -al` write. Each line has its number in its source, an offset in its section, bytes
 * and text. Not all bytes are those that memory will hold: addresses are filled in later.
 */
import { FormatError } from "./errors.ts";
import type { ModuleSymbol, SourceCode, SourceRow } from "./source-lines.ts";

export interface ListingRow extends SourceRow {
  /** Line in the listing itself, from 1. */
  listingLine: number;
  /** The source line's text as the listing has it; it may be cut off at the end. Undefined for what a macro made of it. */
  text?: string;
}

export interface Listing {
  assembler: "NASM" | "GNU as";
  /** Names of the sources as the listing knows them, the main one first: "" when it does not say its name. */
  files: string[];
  /** Ascending addresses: offsets in the first section, moved by its ORG. Others are taken to lie behind it, as in a flat image. */
  rows: ListingRow[];
  code: SourceCode[];
  symbols: ModuleSymbol[];
}

const MAX_LINES = 1_000_000;
/** Bytes that all sections together may have; a `times` line is short, but may stand for many. */
const MAX_BYTES = 16 << 20;
const MAX_DEPTH = 64;
/** Alignment of sections in NASM's flat images. */
const SECTION_ALIGNMENT = 4;
/** Lines at the beginning that tell what a file is. */
const HEAD = 4096;

/** Columns of a NASM listing. */
const NASM_LINE = /^ {0,5}\d{1,9} (?:[0-9A-F]{8,16} | {9})/;
const GAS_TITLE = /^\f?GAS LISTING (.+?)\s+page \d+$/;
const GAS_LINE = /^ {0,4}(\d{1,9})(?: ([0-9a-f]{4,16}))?(?: +([0-9A-F]{2,}))? *(?:\t(.*))?$/;

/** One line of a listing, of either kind. */
interface Line {
  listingLine: number;
  file: number;
  line: number;
  offset: number | undefined;
  bytes: readonly (number | undefined)[];
  text: string;
  /** The text is what a macro made of the line. */
  expanded: boolean;
}

export function isListing(bytes: Uint8Array): boolean {
  const lines = new TextDecoder("latin1").decode(bytes.subarray(0, HEAD)).split("\n").slice(0, 40);
  const filled = (bytes.length > HEAD ? lines.slice(0, -1) : lines).filter((line) => line.trim() !== "");
  if (filled.length === 0) return false;
  return GAS_TITLE.test(filled[0] ?? "") || filled.every((line) => NASM_LINE.test(line));
}

/** Throws FormatError when there is no code in it, or too much. */
export function parseListing(bytes: Uint8Array): Listing {
  const text = new TextDecoder().decode(bytes);
  const lines = text.split(/\r?\n/);
  if (lines.length > MAX_LINES) throw new FormatError(`The listing has more than ${MAX_LINES} lines.`);
  const isGas = lines.some((line) => GAS_TITLE.test(line));
  const { files, lines: read } = isGas ? readGas(lines) : readNasm(lines);
  return assemble(isGas ? "GNU as" : "NASM", files, read);
}

function readNasm(lines: readonly string[]): { files: string[]; lines: Line[] } {
  const files = [""];
  const found: Line[] = [];
  /** What each depth of nesting is: a file, or a macro, whose code belongs to the line that uses it. */
  let nesting: { file: number; macroLine?: number }[] = [{ file: 0 }];
  let before: { text: string; line: number } | undefined;
  for (const [index, written] of lines.entries()) {
    if (!NASM_LINE.test(written)) continue;
    const head = written.slice(0, 40);
    const text = written.slice(40).trimEnd();
    const line = Number(/^ *(\d+)/.exec(head)?.[1]);
    const depth = Math.min(MAX_DEPTH, Number(/<(\d+)> *$/.exec(head)?.[1] ?? 0));
    while (nesting.length <= depth) nesting.push(enter(nesting, before, files));
    nesting = nesting.slice(0, depth + 1);
    const { file, macroLine } = nesting[depth] ?? { file: 0 };
    const offset = /^ *\d+ ([0-9A-F]{8,16})/.exec(head)?.[1];
    const hex = offset === undefined ? "" : head.slice(7 + offset.length, 40).replace(/<\d+> *$/, "");
    found.push({
      listingLine: index + 1,
      file,
      line: macroLine ?? line,
      offset: offset === undefined ? undefined : Number.parseInt(offset, 16),
      bytes: nasmBytes(hex.trim()),
      text,
      expanded: macroLine !== undefined,
    });
    if (text !== "") before = { text, line: macroLine ?? line };
  }
  return { files, lines: found };
}

/** What the lines of the next depth come from, by the line before them. */
function enter(
  nesting: readonly { file: number; macroLine?: number }[],
  before: { text: string; line: number } | undefined,
  files: string[],
): { file: number; macroLine?: number } {
  const name = /^\s*%include\s+["'`]([^"'`]{1,1024})["'`]/i.exec(before?.text ?? "")?.[1];
  const { file = 0 } = nesting.at(-1) ?? {};
  if (name === undefined) return { file, macroLine: before?.line ?? 1 };
  if (!files.includes(name)) files.push(name);
  return { file: files.indexOf(name) };
}

/** "E8(0600)", "00<rep 1C5h>", "48656C6C-": undefined for bytes that are not known yet. */
function nasmBytes(hex: string): (number | undefined)[] {
  const bytes: (number | undefined)[] = [];
  for (const [, plain, open, later, count, filler] of hex.matchAll(
    /([0-9A-F]{2})|([[({])([0-9A-F]*)[\])}]|<(?:rep|res|bin) ([0-9A-F]+)h?>|(\?\?)/g,
  )) {
    if (plain !== undefined) bytes.push(Number.parseInt(plain, 16));
    else if (open !== undefined) for (let index = 0; index < (later ?? "").length; index += 2) bytes.push(undefined);
    else if (filler !== undefined) bytes.push(undefined);
    else if (count !== undefined) {
      const repeated = /<rep/.test(hex) ? bytes.splice(0) : [undefined];
      const times = Number.parseInt(count, 16);
      if (times * repeated.length > MAX_BYTES)
        throw new FormatError(`The listing speaks of more than ${MAX_BYTES} bytes.`);
      for (let turn = 0; turn < times; turn++) bytes.push(...repeated);
    }
  }
  return bytes;
}

function readGas(lines: readonly string[]): { files: string[]; lines: Line[] } {
  const title = lines.map((line) => GAS_TITLE.exec(line)?.[1]).find((name) => name !== undefined);
  const files = [title?.trim() ?? ""];
  const found: Line[] = [];
  /** Files that are being read, the innermost last, with the line that includes the next one. */
  const stack = [{ file: 0, line: 0 }];
  let included: string | undefined;
  for (const [index, written] of lines.entries()) {
    const match = GAS_LINE.exec(written);
    if (match === null) continue;
    const [, number = "", offset, hex = "", text] = match;
    const line = Number(number);
    const here = stack.at(-1);
    if (here === undefined) break;
    const isNew = text !== undefined && line !== here.line;
    if (included !== undefined && line === 1) {
      if (!files.includes(included)) files.push(included);
      if (stack.length < MAX_DEPTH) stack.push({ file: files.indexOf(included), line });
    } else if (stack.length > 1 && isNew && line !== here.line + 1) stack.pop();
    // The file ended right where its includer goes on: a line of the same number, but with a text of its own.
    else if (stack.length > 1 && text !== undefined && line === here.line && !text.startsWith(">")) stack.pop();
    const current = stack.at(-1);
    if (current === undefined) break;
    current.line = line;
    if (text !== undefined) included = /^\s*\.include\s+"([^"]{1,1024})"/.exec(text)?.[1];
    found.push({
      listingLine: index + 1,
      file: current.file,
      line,
      offset: offset === undefined ? undefined : Number.parseInt(offset, 16),
      bytes: Array.from({ length: hex.length >> 1 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16)),
      text: text ?? "",
      expanded: text?.startsWith(">") === true,
    });
  }
  return { files, lines: found };
}

interface Section {
  rows: ListingRow[];
  bytes: SectionBytes;
  labels: { name: string; offset: number }[];
}

/** What is known of a section's bytes: those between its lines, and those that the linker fills in, are not. */
class SectionBytes {
  #bytes = new Uint8Array(0);
  #known = new Uint8Array(0);
  #end = 0;

  get end(): number {
    return this.#end;
  }

  /** At most MAX_BYTES, which the caller sees to. */
  growTo(end: number): void {
    this.#end = Math.max(this.#end, end);
    if (end <= this.#bytes.length) return;
    const room = Math.min(MAX_BYTES, Math.max(end, 2 * this.#bytes.length));
    const [bytes, known] = [this.#bytes, this.#known];
    this.#bytes = new Uint8Array(room);
    this.#known = new Uint8Array(room);
    this.#bytes.set(bytes);
    this.#known.set(known);
  }

  put(offset: number, byte: number | undefined): void {
    this.#bytes[offset] = byte ?? 0;
    this.#known[offset] = byte === undefined ? 0 : 1;
  }

  /** The bytes, and a 1 for each that is not known. */
  take(): { bytes: Uint8Array; unknown: Uint8Array } {
    const unknown = this.#known.slice(0, this.#end).map((known) => 1 - known);
    return { bytes: this.#bytes.slice(0, this.#end), unknown };
  }
}

const SECTION = /^\s*(?:\[?(?:section|segment)\s+([\w.$]+)|\.section\s+([\w.$]+)|(\.text|\.data|\.bss)\b)/i;
const LABEL = /^\s*([A-Za-z_.?$@][\w.?$@#~]*)(?::|\s+(?:d[bwdqto]|res[bwdqto]|times)\b)/i;
const ORG = /^\s*\[?org\s+(0x[0-9a-f]+|[0-9][0-9a-f]*h|[0-9]+)/i;

function assemble(assembler: Listing["assembler"], files: string[], lines: readonly Line[]): Listing {
  const sections = new Map<string, Section>();
  let current = ".text";
  let origin = 0;
  let scope = "";
  const waiting: string[] = [];
  const labels = new Set(lines.map(({ text }) => LABEL.exec(text)?.[1]).filter((name) => name !== undefined));
  let next = 0;
  let total = 0;
  for (const { listingLine, file, line, offset, bytes, text, expanded } of lines) {
    const named = SECTION.exec(text);
    if (named !== null) current = named[1] ?? named[2] ?? named[3] ?? current;
    if (assembler === "NASM") origin = originOf(text) ?? origin;
    const label = LABEL.exec(text)?.[1];
    if (label !== undefined && !/^\.L|^\.(?:text|data|bss)$/.test(label)) {
      const isLocal = assembler === "NASM" && label.startsWith(".");
      waiting.push(isLocal ? scope + label : label);
      if (!isLocal) scope = label;
    }
    if (offset === undefined && bytes.length === 0) continue;
    let section = sections.get(current);
    if (section === undefined) sections.set(current, (section = { rows: [], bytes: new SectionBytes(), labels: [] }));
    if (offset !== undefined) {
      next = offset;
      for (const name of waiting.splice(0)) section.labels.push({ name, offset });
      if (text !== "") section.rows.push({ address: offset, file, line, listingLine, ...(expanded ? {} : { text }) });
    }
    const end = next + bytes.length;
    total += Math.max(0, end - section.bytes.end);
    if (total > MAX_BYTES) {
      throw new FormatError(`Line ${listingLine} of the listing makes its sections larger than ${MAX_BYTES} bytes.`);
    }
    section.bytes.growTo(end);
    const relocated = assembler === "GNU as" && namesAddress(text, labels);
    for (const [index, byte] of bytes.entries()) section.bytes.put(next++, relocated && index > 0 ? undefined : byte);
  }
  if (sections.size === 0) throw new FormatError("The listing has no code in it.");
  return place(assembler, files, [...sections.values()], origin);
}

/** Addresses of labels are filled in by the linker, unless they are near branches. */
function namesAddress(text: string, labels: ReadonlySet<string>): boolean {
  const [, operation = "", operands = ""] = /^\s*(?:[\w.$]+:\s*)?(\S+)\s*(.*)$/.exec(text) ?? [];
  if (/^(?:j\w+|call\w*|loop\w*)$/i.test(operation)) return false;
  return (operands.match(/[A-Za-z_.$][\w.$]*/g) ?? []).some((word) => labels.has(word));
}

function originOf(text: string): number | undefined {
  const written = ORG.exec(text)?.[1];
  if (written === undefined) return undefined;
  const value = /h$/i.test(written) ? Number.parseInt(written, 16) : Number(written);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Sections one behind the other. */
function place(assembler: Listing["assembler"], files: string[], sections: Section[], origin: number): Listing {
  const listing: Listing = { assembler, files, rows: [], code: [], symbols: [] };
  let base = origin;
  for (const { rows, bytes, labels } of sections) {
    listing.code.push({ address: base, ...bytes.take() });
    // Of several lines at one address the last has the code: macros and labels stand before it.
    const byAddress = new Map(rows.map((row) => [row.address, row]));
    listing.rows.push(...[...byAddress.values()].map((row) => ({ ...row, address: base + row.address })));
    listing.symbols.push(...labels.map(({ name, offset }) => ({ name, type: "T", address: base + offset, size: 0 })));
    base += Math.ceil(bytes.end / SECTION_ALIGNMENT) * SECTION_ALIGNMENT;
  }
  listing.rows.sort((a, b) => a.address - b.address);
  // What a macro makes of a line is one step.
  const isNew = ({ file, line }: ListingRow, index: number): boolean =>
    listing.rows[index - 1]?.file !== file || listing.rows[index - 1]?.line !== line;
  return { ...listing, rows: listing.rows.filter(isNew) };
}
