/**
 * bzip2, one stream: blocks of Huffman-coded, move-to-front and run-length coded, Burrows-Wheeler sorted bytes. There
 * is no formal document; the facts are those of "BZIP2: Format Specification" (Joe Tsai, 2016). Errors of this file
 * are the reason alone, for the caller to complete.
 */
import { FormatError } from "../errors.ts";

const BLOCK_MAGIC = 0x314159265359;
const END_MAGIC = 0x177245385090;
const BLOCK_UNIT = 100_000;
const MAX_CODE_BITS = 20;
/** Symbols that one Huffman table serves before the next selector. */
const GROUP_SYMBOLS = 50;
/** No run of a block is longer than the block, so its weight never gets above this. */
const MAX_RUN_WEIGHT = 1 << 20;
const CHUNK_BYTES = 64 * 1024;

/** CRC-32 with the bits of each byte from the highest on. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000_0000 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
  return crc >>> 0;
});

/** Bits from the highest of each byte on. */
class BitReader {
  private readonly bytes: Uint8Array;
  private at: number;
  private held = 0;
  private count = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  /** At most 24 bits. */
  bits(count: number): number {
    while (this.count < count) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new FormatError("it is cut off");
      this.held = ((this.held << 8) | byte) & 0x7fff_ffff;
      this.count += 8;
    }
    this.count -= count;
    return (this.held >>> this.count) & ((1 << count) - 1);
  }

  bit(): number {
    return this.bits(1);
  }

  u32(): number {
    return (this.bits(16) * 0x1_0000 + this.bits(16)) >>> 0;
  }

  u48(): number {
    return this.bits(24) * 0x100_0000 + this.bits(24);
  }

  /** Offset of the first byte of which no bit was taken. */
  get nextByte(): number {
    return this.at - (this.count >> 3);
  }
}

/** A canonical Huffman code: the symbols in order of their codes, and per length the codes' bounds. */
interface HuffmanTable {
  shortest: number;
  longest: number;
  /** Largest code of each length, -1 when there is none. */
  limit: Int32Array;
  /** What to subtract from a code of each length to get its place in `symbols`. */
  base: Int32Array;
  symbols: Uint16Array;
}

function huffmanTable(lengths: Uint8Array): HuffmanTable {
  const counts = new Uint16Array(MAX_CODE_BITS + 1);
  let shortest = MAX_CODE_BITS;
  let longest = 1;
  for (const length of lengths) {
    counts[length] = counts[length]! + 1;
    shortest = Math.min(shortest, length);
    longest = Math.max(longest, length);
  }
  const symbols = new Uint16Array(lengths.length);
  let place = 0;
  for (let length = shortest; length <= longest; length++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) if (lengths[symbol] === length) symbols[place++] = symbol;
  }
  const limit = new Int32Array(MAX_CODE_BITS + 1).fill(-1);
  const base = new Int32Array(MAX_CODE_BITS + 1);
  let code = 0;
  place = 0;
  for (let length = shortest; length <= longest; length++) {
    base[length] = code - place;
    code += counts[length]!;
    place += counts[length]!;
    limit[length] = code - 1;
    code <<= 1;
  }
  return { shortest, longest, limit, base, symbols };
}

function readSymbolMap(input: BitReader): Uint8Array {
  const ranges = input.bits(16);
  const symbols: number[] = [];
  for (let high = 0; high < 16; high++) {
    if (!(ranges & (0x8000 >> high))) continue;
    const present = input.bits(16);
    for (let low = 0; low < 16; low++) if (present & (0x8000 >> low)) symbols.push(high * 16 + low);
  }
  if (symbols.length === 0) throw new FormatError("a block uses no byte values");
  return Uint8Array.from(symbols);
}

function readSelectors(input: BitReader, tables: number): Uint8Array {
  const selectors = new Uint8Array(input.bits(15));
  if (selectors.length === 0) throw new FormatError("a block has no selectors");
  const order = Array.from({ length: tables }, (_, index) => index);
  for (let index = 0; index < selectors.length; index++) {
    let place = 0;
    while (input.bit()) if (++place >= tables) throw new FormatError("a selector names no table");
    const [table] = order.splice(place, 1);
    order.unshift(table!);
    selectors[index] = table!;
  }
  return selectors;
}

function readTable(input: BitReader, symbolCount: number): HuffmanTable {
  const lengths = new Uint8Array(symbolCount);
  let length = input.bits(5);
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_BITS) throw new FormatError("a code has an impossible length");
      if (!input.bit()) break;
      length += input.bit() ? -1 : 1;
    }
    lengths[symbol] = length;
  }
  return huffmanTable(lengths);
}

function readSymbol(input: BitReader, table: HuffmanTable): number {
  let length = table.shortest;
  let code = input.bits(length);
  while (code > table.limit[length]!) {
    if (++length > table.longest) throw new FormatError("a code belongs to no symbol");
    code = (code << 1) | input.bit();
  }
  const symbol = table.symbols[code - table.base[length]!];
  if (symbol === undefined) throw new FormatError("a code belongs to no symbol");
  return symbol;
}

interface Block {
  crc: number;
  /** Place in sorted order of the block's first byte. */
  origin: number;
  /** Sorted bytes in the low eight bits; filled with links by `link`. */
  cells: Uint32Array;
}

function readBlock(input: BitReader, room: Uint32Array): Block {
  const crc = input.u32();
  if (input.bit()) throw new FormatError("it was written by bzip2 before 0.9.5");
  const origin = input.bits(24);
  const order = readSymbolMap(input);
  const endOfBlock = order.length + 1;
  const tableCount = input.bits(3);
  if (tableCount < 2 || tableCount > 6) throw new FormatError(`a block has ${tableCount} tables, 2 to 6 were expected`);
  const selectors = readSelectors(input, tableCount);
  const tables = Array.from({ length: tableCount }, () => readTable(input, order.length + 2));
  let size = 0;
  let run = 0;
  let weight = 1;
  let group = 0;
  for (let left = 0, table = tables[0]!; ; left--) {
    if (left === 0) {
      const selector = selectors[group++];
      if (selector === undefined) throw new FormatError("a block has too few selectors");
      table = tables[selector]!;
      left = GROUP_SYMBOLS;
    }
    const symbol = readSymbol(input, table);
    if (symbol <= 1) {
      if (weight > MAX_RUN_WEIGHT) throw new FormatError("a run is longer than its block");
      run += weight << symbol;
      weight <<= 1;
      continue;
    }
    if (run > 0) {
      if (size + run > room.length) throw new FormatError("a run is longer than its block");
      room.fill(order[0]!, size, size + run);
      size += run;
      run = 0;
      weight = 1;
    }
    if (symbol === endOfBlock) break;
    if (size >= room.length) throw new FormatError("a block is longer than the header says");
    const byte = order[symbol - 1]!;
    order.copyWithin(1, 0, symbol - 1);
    order[0] = byte;
    room[size++] = byte;
  }
  if (origin >= size) throw new FormatError("a block begins outside itself");
  return { crc, origin, cells: room.subarray(0, size) };
}

/** Puts into the upper bits of each cell the place of the byte that follows in the text. */
function link(cells: Uint32Array): void {
  const places = new Uint32Array(257);
  for (const cell of cells) places[cell + 1] = places[cell + 1]! + 1;
  for (let byte = 1; byte < 256; byte++) places[byte] = places[byte]! + places[byte - 1]!;
  for (let index = 0; index < cells.length; index++) {
    const byte = cells[index]! & 0xff;
    const place = places[byte]!;
    places[byte] = place + 1;
    cells[place] = cells[place]! | (index << 8);
  }
}

/** The block's text: four equal bytes are followed by a count of further ones. */
function* expand({ cells, origin, crc }: Block): Generator<Uint8Array, void> {
  link(cells);
  let output = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  let sum = 0xffff_ffff;
  let equal = 0;
  let previous = -1;
  let cell = cells[origin]! >>> 8;
  for (let left = cells.length; left > 0; left--) {
    const value = cells[cell]!;
    const byte = value & 0xff;
    cell = value >>> 8;
    let copies = 1;
    let written = byte;
    if (equal === 4) {
      copies = byte;
      written = previous;
      equal = 0;
      previous = -1;
    } else {
      equal = byte === previous ? equal + 1 : 1;
      previous = byte;
    }
    for (; copies > 0; copies--) {
      sum = (sum << 8) ^ CRC_TABLE[(sum >>> 24) ^ written]!;
      output[filled++] = written;
      if (filled === CHUNK_BYTES) {
        yield output;
        output = new Uint8Array(CHUNK_BYTES);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield output.subarray(0, filled);
  if (~sum >>> 0 !== crc) throw new FormatError("the checksum of a block is wrong");
}

/** Decompresses one bzip2 stream piece by piece; returns the bytes of input that it takes. */
export function* bunzip2(bytes: Uint8Array): Generator<Uint8Array, number> {
  const level = (bytes[3] ?? 0) - 0x30;
  if (level < 1 || level > 9) throw new FormatError("its block size is none of 1 to 9");
  const input = new BitReader(bytes, 4);
  const room = new Uint32Array(level * BLOCK_UNIT);
  let combined = 0;
  for (;;) {
    const magic = input.u48();
    if (magic === END_MAGIC) break;
    if (magic !== BLOCK_MAGIC) throw new FormatError(`no block begins before byte ${input.nextByte}`);
    const block = readBlock(input, room);
    yield* expand(block);
    combined = (((combined << 1) | (combined >>> 31)) ^ block.crc) >>> 0;
  }
  if (input.u32() !== combined) throw new FormatError("the checksum of the whole is wrong");
  return input.nextByte;
}
