/** DWARF line number programs, versions 2 to 5 (DWARF 5 standard, section 6.2), as assemblers and compilers write them. */
import { FormatError } from "./errors.ts";

/** A row of the line table: from `address` on, code of that line. */
export interface LineRow {
  address: bigint;
  /** Path as the producer wrote it, joined with its directory; undefined behind the end of a sequence. */
  file: string | undefined;
  line: number;
}

export interface LineSections {
  /** .debug_line */
  lines: Uint8Array;
  /** .debug_line_str and .debug_str: where version 5 keeps its names. */
  lineStrings?: Uint8Array;
  strings?: Uint8Array;
}

/** More than any boot code has; a bound for hostile files. */
const MAX_ROWS = 4_000_000;
const MAX_NAMES = 100_000;
const MAX_TEXT = 4096;

const DW_LNS_copy = 1;
const DW_LNS_advance_pc = 2;
const DW_LNS_advance_line = 3;
const DW_LNS_set_file = 4;
const DW_LNS_set_column = 5;
const DW_LNS_negate_stmt = 6;
const DW_LNS_set_basic_block = 7;
const DW_LNS_const_add_pc = 8;
const DW_LNS_fixed_advance_pc = 9;
const DW_LNS_set_prologue_end = 10;
const DW_LNS_set_epilogue_begin = 11;
const DW_LNS_set_isa = 12;
const DW_LNE_end_sequence = 1;
const DW_LNE_set_address = 2;
const DW_LNE_define_file = 3;
const DW_LNCT_path = 1;
const DW_LNCT_directory_index = 2;
const DW_FORM_block = 0x09;
const DW_FORM_data1 = 0x0b;
const DW_FORM_data2 = 0x05;
const DW_FORM_data4 = 0x06;
const DW_FORM_data8 = 0x07;
const DW_FORM_data16 = 0x1e;
const DW_FORM_string = 0x08;
const DW_FORM_strp = 0x0e;
const DW_FORM_line_strp = 0x1f;
const DW_FORM_udata = 0x0f;

/** Reads little-endian fields of one range; leaving it is a FormatError. */
class Reader {
  readonly #view: DataView;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.#end = end;
  }

  get done(): boolean {
    return this.at >= this.#end;
  }

  get end(): number {
    return this.#end;
  }

  #take(count: number): number {
    const at = this.at;
    if (count > this.#end - at) {
      throw new FormatError(`The line table is truncated: ${count} more bytes were expected at byte ${at}.`);
    }
    this.at = at + count;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }
  i8(): number {
    return this.#view.getInt8(this.#take(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** A value that must be an index or a length: up to 2^53. */
  offset(wide: boolean): number {
    return wide ? Number(this.u64()) : this.u32();
  }

  uleb(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new FormatError(`The line table has a number of more than 64 bits before byte ${this.at}.`);
  }

  sleb(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(Math.min(64, Number(shift) + 7), value);
    }
    throw new FormatError(`The line table has a number of more than 64 bits before byte ${this.at}.`);
  }

  skip(count: bigint | number): void {
    if (BigInt(count) > BigInt(this.#end - this.at)) {
      throw new FormatError(`The line table is truncated: ${count} more bytes were expected at byte ${this.at}.`);
    }
    this.at += Number(count);
  }

  text(): string {
    let text = "";
    for (let byte = this.u8(); byte !== 0; byte = this.u8()) {
      if (text.length >= MAX_TEXT) throw new FormatError(`The line table has a name of more than ${MAX_TEXT} bytes.`);
      text += String.fromCharCode(byte);
    }
    return text;
  }
}

/** UTF-8 that was read byte by byte. */
function decode(bytes: string): string {
  return new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}

interface FileName {
  path: string;
  directory: number;
}

interface Program {
  version: number;
  wide: boolean;
  minimumInstruction: number;
  lineBase: number;
  lineRange: number;
  opcodeBase: number;
  operandCounts: number[];
  directories: string[];
  files: FileName[];
  defaultStatement: boolean;
}

/**
 * All rows of a .debug_line section, sequence by sequence, each ended by a row without a file. Throws FormatError when the
 * section is damaged or of another version.
 */
export function parseLineTable(sections: LineSections): LineRow[] {
  const rows: LineRow[] = [];
  const { lines } = sections;
  let at = 0;
  while (at < lines.length) {
    const head = new Reader(lines, at, lines.length);
    let length = head.u32();
    const wide = length === 0xffff_ffff;
    if (wide) length = Number(head.u64());
    else if (length >= 0xffff_fff0) throw new FormatError(`The line table at byte ${at} has a reserved length.`);
    const start = head.at;
    if (length > lines.length - start) {
      throw new FormatError(`The line table at byte ${at} has ${length} bytes: the section ends before.`);
    }
    const reader = new Reader(lines, start, start + length);
    run(readHeader(reader, wide, sections), reader, rows);
    at = start + length;
  }
  return rows;
}

/** Leaves the reader at the first opcode. */
function readHeader(reader: Reader, wide: boolean, sections: LineSections): Program {
  const version = reader.u16();
  if (version < 2 || version > 5) {
    throw new FormatError(`The line table has version ${version}: DWARF 2 to 5 was expected.`);
  }
  if (version >= 5) reader.skip(2); // address and segment selector size
  const headerLength = reader.offset(wide);
  const first = reader.at + headerLength;
  if (first > reader.end) throw new FormatError(`The line table's header has ${headerLength} bytes: too many.`);
  const minimumInstruction = reader.u8();
  if (version >= 4) reader.skip(1); // maximum operations per instruction: x86 is no VLIW
  const defaultStatement = reader.u8() !== 0;
  const lineBase = reader.i8();
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  if (lineRange === 0 || opcodeBase === 0) throw new FormatError("The line table's header has a range of 0.");
  const operandCounts = Array.from({ length: opcodeBase - 1 }, () => reader.u8());
  const names = version >= 5 ? namesOf5(reader, wide, sections) : namesOf2(reader);
  reader.at = first;
  return {
    version,
    wide,
    minimumInstruction,
    lineBase,
    lineRange,
    opcodeBase,
    operandCounts,
    defaultStatement,
    ...names,
  };
}

/** Versions 2 to 4: directory 0 is the compilation's own; files count from 1. */
function namesOf2(reader: Reader): { directories: string[]; files: FileName[] } {
  const directories = [""];
  for (let text = reader.text(); text !== ""; text = reader.text()) {
    directories.push(decode(text));
    checkCount(directories.length);
  }
  const files: FileName[] = [{ path: "", directory: 0 }];
  for (let text = reader.text(); text !== ""; text = reader.text()) {
    const directory = Number(reader.uleb());
    reader.uleb(); // time
    reader.uleb(); // size
    files.push({ path: decode(text), directory });
    checkCount(files.length);
  }
  return { directories, files };
}

function checkCount(count: number): void {
  if (count > MAX_NAMES) throw new FormatError(`The line table names more than ${MAX_NAMES} files.`);
}

function namesOf5(reader: Reader, wide: boolean, sections: LineSections): { directories: string[]; files: FileName[] } {
  const directories = entries(reader, wide, sections).map(({ path }) => path);
  return { directories, files: entries(reader, wide, sections) };
}

function entries(reader: Reader, wide: boolean, sections: LineSections): FileName[] {
  const formats = Array.from({ length: reader.u8() }, () => ({ content: reader.uleb(), form: Number(reader.uleb()) }));
  const count = Number(reader.uleb());
  checkCount(count);
  const list: FileName[] = [];
  for (let index = 0; index < count; index++) {
    const entry: FileName = { path: "", directory: 0 };
    for (const { content, form } of formats) {
      const value = readForm(reader, form, wide, sections);
      if (content === BigInt(DW_LNCT_path) && typeof value === "string") entry.path = value;
      else if (content === BigInt(DW_LNCT_directory_index) && typeof value === "number") entry.directory = value;
    }
    list.push(entry);
  }
  return list;
}

/** The value of a form, as far as names and directories need it. */
function readForm(reader: Reader, form: number, wide: boolean, sections: LineSections): string | number | undefined {
  switch (form) {
    case DW_FORM_string:
      return decode(reader.text());
    case DW_FORM_line_strp:
      return textAt(sections.lineStrings, reader.offset(wide), ".debug_line_str");
    case DW_FORM_strp:
      return textAt(sections.strings, reader.offset(wide), ".debug_str");
    case DW_FORM_udata:
      return Number(reader.uleb());
    case DW_FORM_data1:
      return reader.u8();
    case DW_FORM_data2:
      return reader.u16();
    case DW_FORM_data4:
      return reader.u32();
    case DW_FORM_data8:
      return Number(reader.u64());
    case DW_FORM_data16:
      return reader.skip(16) as undefined;
    case DW_FORM_block:
      return reader.skip(reader.uleb()) as undefined;
    default:
      throw new FormatError(
        `The line table describes its files by form 0x${form.toString(16)}, which is none of DWARF 5.`,
      );
  }
}

function textAt(section: Uint8Array | undefined, offset: number, name: string): string {
  if (!section || offset >= section.length) {
    throw new FormatError(`The line table names a text at byte ${offset} of ${name}, which is not there.`);
  }
  return decode(new Reader(section, offset, section.length).text());
}

function pathOf(program: Program, index: number): string {
  const file = program.files[index];
  if (!file) return "";
  if (file.path.startsWith("/")) return file.path;
  const directory = program.directories[file.directory] ?? "";
  const joined = directory === "" ? file.path : `${directory}/${file.path}`;
  const own = program.directories[0] ?? "";
  return joined.startsWith("/") || own === "" || file.directory === 0 ? joined : `${own}/${joined}`;
}

/** Runs the program's opcodes to the end of the reader, appending its rows. */
function run(program: Program, reader: Reader, rows: LineRow[]): void {
  const { version, minimumInstruction, lineBase, lineRange, opcodeBase, operandCounts } = program;
  const paths = new Map<number, string>();
  let [address, file, line, statement] = [0n, 1, 1, program.defaultStatement];
  const reset = (): void => {
    [address, file, line, statement] = [0n, 1, 1, program.defaultStatement];
  };
  const advance = (operations: bigint): void => {
    address = BigInt.asUintN(64, address + operations * BigInt(minimumInstruction));
  };
  const emit = (end: boolean): void => {
    if (rows.length >= MAX_ROWS) throw new FormatError(`The line table has more than ${MAX_ROWS} rows.`);
    let path = paths.get(file);
    if (path === undefined) paths.set(file, (path = pathOf(program, file)));
    if (end) rows.push({ address, file: undefined, line: 0 });
    else if (statement) rows.push({ address, file: path, line });
  };
  while (!reader.done) {
    const opcode = reader.u8();
    if (opcode >= opcodeBase) {
      const special = opcode - opcodeBase;
      advance(BigInt(Math.floor(special / lineRange)));
      line += lineBase + (special % lineRange);
      emit(false);
      continue;
    }
    switch (opcode) {
      case 0: {
        const length = reader.uleb();
        const next = BigInt(reader.at) + length;
        if (next > BigInt(reader.end) || length === 0n) {
          throw new FormatError(`The line table has an extended opcode of ${length} bytes at byte ${reader.at}.`);
        }
        const extended = reader.u8();
        if (extended === DW_LNE_end_sequence) {
          emit(true);
          reset();
        } else if (extended === DW_LNE_set_address) {
          address = length === 5n ? BigInt(reader.u32()) : length === 9n ? reader.u64() : address;
        } else if (extended === DW_LNE_define_file && version < 5) {
          program.files.push({ path: decode(reader.text()), directory: Number(reader.uleb()) });
          checkCount(program.files.length);
        }
        reader.at = Number(next);
        break;
      }
      case DW_LNS_copy:
        emit(false);
        break;
      case DW_LNS_advance_pc:
        advance(reader.uleb());
        break;
      case DW_LNS_advance_line:
        line += Number(BigInt.asIntN(32, reader.sleb()));
        break;
      case DW_LNS_set_file:
        file = Number(reader.uleb());
        break;
      case DW_LNS_set_column:
      case DW_LNS_set_isa:
        reader.uleb();
        break;
      case DW_LNS_negate_stmt:
        statement = !statement;
        break;
      case DW_LNS_const_add_pc:
        advance(BigInt(Math.floor((255 - opcodeBase) / lineRange)));
        break;
      case DW_LNS_fixed_advance_pc:
        address = BigInt.asUintN(64, address + BigInt(reader.u16()));
        break;
      case DW_LNS_set_basic_block:
      case DW_LNS_set_prologue_end:
      case DW_LNS_set_epilogue_begin:
        break;
      default:
        // An opcode that we do not know: the header says how many operands it has.
        for (let count = operandCounts[opcode - 1] ?? 0; count > 0; count--) reader.uleb();
    }
  }
}
