/**
 * The symbol table that Linux carries with itself for its own messages (kernel scripts/kallsyms.c, kernel/kallsyms.c):
 * names packed by a table of 256 tokens, and an address for each. Nothing in memory says where it begins or which of its
 * layouts it has, so it is found by its shape: the token index must be the offsets of the tokens before it, the
 * markers the offsets of every 256th name, and the addresses must ascend.
 */
import { isSymbolType } from "./symbol-table.ts";
import type { SymbolEntry } from "./symbol-table.ts";

export interface Kallsyms {
  /** Ascending addresses; those of per-CPU variables are offsets into each processor's area. */
  symbols: SymbolEntry[];
}

const TOKENS = 256;
const NAMES_PER_MARKER = 256;
/** A token of the packer is some characters long; this is far more than any. */
const MAX_TOKEN = 64;
/** A kernel with everything built in has less than half a million. */
const MAX_SYMBOLS = 2_000_000;
/** Fewer are no kernel's table, but something that looks like one. */
const MIN_SYMBOLS = 500;
/** KSYM_NAME_LEN. */
const MAX_NAME = 512;
/** Names and addresses lie at most so far from the tokens. */
const MAX_REACH = 48 << 20;
/** Places that look like a token table and are none, until the search is given up. */
const MAX_ATTEMPTS = 64;
/** The digits stand for themselves in every table of tokens, since every kernel has names with digits. */
const DIGITS = Uint8Array.from("0123456789", (char) => char.charCodeAt(0));
const DIGIT_TOKENS = Uint8Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? (DIGITS[index >> 1] ?? 0) : 0));
/** Lowest address of a 64-bit kernel's text and data (kernel Documentation/arch/x86/x86_64/mm.rst), and of a 32-bit one's. */
const LOWEST = { 64: 0xffff_8000_0000_0000n, 32: 0x4000_0000n };

type Bits = 32 | 64;

const alignUp = (offset: number, to: number): number => Math.ceil(offset / to) * to;

/** Offset of something that must be a table's tokens; -1 when there are none. */
export function findTokens(bytes: Uint8Array): number {
  const memory = new Memory(bytes);
  for (let from = 0; ;) {
    const digits = indexOfBytes(bytes, DIGIT_TOKENS, from);
    if (digits < 0) return -1;
    const tokens = tokensAround(memory, digits);
    if (tokens !== undefined) return tokens.start;
    from = digits + 1;
  }
}

/** Finds the table in a piece of memory (or in a vmlinux), which must hold all of it; undefined when there is none. */
export function findKallsyms(bytes: Uint8Array): Kallsyms | undefined {
  const memory = new Memory(bytes);
  let from = 0;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const digits = indexOfBytes(bytes, DIGIT_TOKENS, from);
    if (digits < 0) return undefined;
    from = digits + 1;
    const tokens = tokensAround(memory, digits);
    if (tokens === undefined) continue;
    for (const bits of [64, 32] as const) {
      const found = tableBefore(memory, tokens, bits);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Reads little-endian numbers; 0 outside of the bytes. */
class Memory {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  u8(at: number): number {
    return this.bytes[at] ?? 0;
  }

  u16(at: number): number {
    return at >= 0 && at + 2 <= this.length ? this.#view.getUint16(at, true) : 0;
  }

  u32(at: number): number {
    return at >= 0 && at + 4 <= this.length ? this.#view.getUint32(at, true) : 0;
  }

  i32(at: number): number {
    return this.u32(at) | 0;
  }

  word(at: number, bits: Bits): bigint {
    if (bits === 32) return BigInt(this.u32(at));
    return at >= 0 && at + 8 <= this.length ? this.#view.getBigUint64(at, true) : 0n;
  }
}

function indexOfBytes(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const [first = 0] = wanted;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    // The second byte is a zero, and digits are rare in front of one: most candidates end here.
    if (bytes[at + 1] === wanted[1] && wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

interface Tokens {
  start: number;
  /** Behind the index. */
  end: number;
  texts: string[];
}

/** The 256 tokens of which number 0x30 is the digit at `digits`, if the index behind them says that they are tokens. */
function tokensAround(memory: Memory, digits: number): Tokens | undefined {
  let start = digits;
  for (let token = 0; token < 0x30; token++) {
    const end = start - 1;
    if (memory.u8(end) !== 0) return undefined;
    start = end;
    while (start > 0 && end - start < MAX_TOKEN && memory.u8(start - 1) !== 0) start--;
    if (start === 0 && token < 0x2f) return undefined;
  }
  const texts: string[] = [];
  const offsets: number[] = [];
  let at = start;
  for (let token = 0; token < TOKENS; token++) {
    offsets.push(at - start);
    let text = "";
    for (; memory.u8(at) !== 0 && text.length <= MAX_TOKEN; at++) text += String.fromCharCode(memory.u8(at));
    if (text.length > MAX_TOKEN || at >= memory.length) return undefined;
    texts.push(text);
    at++;
  }
  // The index follows at the alignment of the layout: 4 or 8.
  for (const alignment of [4, 8]) {
    // Offsets in the searched bytes are aligned as addresses are: they begin at a page.
    const index = alignUp(at, alignment);
    if (offsets.every((offset, token) => memory.u16(index + 2 * token) === offset)) {
      return { start, end: index + 2 * TOKENS, texts };
    }
  }
  return undefined;
}

/** The number of symbols and their packed names, which lie before the tokens, and what follows from them. */
function tableBefore(memory: Memory, tokens: Tokens, bits: Bits): Kallsyms | undefined {
  const word = bits / 8;
  const lowest = Math.max(0, tokens.start - MAX_REACH);
  // Nearest first, but behind the smallest table that there can be.
  for (let at = alignUp(tokens.start, word) - word; at >= lowest; at -= word) {
    const count = memory.u32(at);
    if (count < MIN_SYMBOLS || count > MAX_SYMBOLS) continue;
    // The count is 4 bytes or a word; what is left of the word is zero.
    if (bits === 64 && memory.u32(at + 4) !== 0) continue;
    const found = tableAt(memory, tokens, at, count, bits);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** @param at offset of the number of symbols */
function tableAt(memory: Memory, tokens: Tokens, at: number, count: number, bits: Bits): Kallsyms | undefined {
  const word = bits / 8;
  const names = at + word;
  // Every name takes two bytes at least: its length and its type.
  if (names + 2 * count > tokens.start) return undefined;
  const places = placesOfNames(memory, tokens, names, count);
  if (places === undefined || !markersAgree(memory, places, names, alignUp(places.end, word))) return undefined;
  const addresses = addressesOf(memory, tokens, at, count, bits);
  if (addresses === undefined) return undefined;
  const symbols: SymbolEntry[] = [];
  for (let index = 0; index < count; index++) {
    const text = unpack(memory, tokens, places.starts[index] ?? 0, places.lengths[index] ?? 0);
    if (text === undefined) return undefined;
    symbols.push({ name: text.slice(1), type: text.charAt(0), address: addresses[index] ?? 0n });
  }
  return { symbols };
}

interface Places {
  starts: Uint32Array;
  lengths: Uint16Array;
  end: number;
}

/** Where the packed names lie; undefined as soon as one cannot be a name. */
function placesOfNames(memory: Memory, tokens: Tokens, names: number, count: number): Places | undefined {
  const starts = new Uint32Array(count);
  const lengths = new Uint16Array(count);
  let at = names;
  for (let index = 0; index < count; index++) {
    let length = memory.u8(at++);
    // From Linux 6.1 on a length above 127 takes two bytes, the low seven bits first.
    if (length & 0x80) length = (length & 0x7f) | (memory.u8(at++) << 7);
    if (length === 0 || length > MAX_NAME || at + length > tokens.start) return undefined;
    const type = tokens.texts[memory.u8(at)]?.charAt(0) ?? "";
    if (!isSymbolType(type)) return undefined;
    starts[index] = at;
    lengths[index] = length;
    at += length;
  }
  return { starts, lengths, end: at };
}

/** Whether the offsets of every 256th name stand at `at`, as 32-bit numbers, or as words (before Linux 4.20). */
function markersAgree(memory: Memory, { starts, lengths }: Places, names: number, at: number): boolean {
  return [4, 8].some((size) => {
    for (let index = 0; index < starts.length; index += NAMES_PER_MARKER) {
      const lengthBytes = (lengths[index] ?? 0) > 127 ? 2 : 1;
      if (memory.u32(at + (index / NAMES_PER_MARKER) * size) !== (starts[index] ?? 0) - lengthBytes - names)
        return false;
    }
    return true;
  });
}

function unpack(memory: Memory, { texts }: Tokens, start: number, length: number): string | undefined {
  let text = "";
  for (let at = start; at < start + length; at++) text += texts[memory.u8(at)] ?? "";
  return text.length > 1 && text.length <= MAX_NAME ? text : undefined;
}

/**
 * The addresses: words, or offsets of 32 bits to a base (from Linux 4.6 on; optional until 6.x), before the number of symbols,
 * or behind the tokens (from Linux 6.4 on). The one layout whose numbers ascend and begin in the kernel is the right one.
 */
function addressesOf(memory: Memory, tokens: Tokens, at: number, count: number, bits: Bits): bigint[] | undefined {
  const word = bits / 8;
  const behind = alignUp(tokens.end, word);
  const offsetsEnd = alignUp(4 * count, word);
  const layouts: (() => bigint[] | undefined)[] = [
    () => relative(memory, at - word - offsetsEnd, at - word, count, bits),
    () => relative(memory, behind, behind + offsetsEnd, count, bits),
    () => absolute(memory, at - word * count, count, bits),
    () => absolute(memory, behind, count, bits),
  ];
  for (const layout of layouts) {
    const addresses = layout();
    if (addresses !== undefined && isKernel(addresses, bits)) return addresses;
  }
  return undefined;
}

function absolute(memory: Memory, start: number, count: number, bits: Bits): bigint[] | undefined {
  if (start < 0 || start + (count * bits) / 8 > memory.length) return undefined;
  return Array.from({ length: count }, (_, index) => memory.word(start + (index * bits) / 8, bits));
}

/** Offsets are unsigned; or, with per-CPU variables among them, positive ones are addresses, and negative ones count from the base - 1 upwards. */
function relative(memory: Memory, start: number, baseAt: number, count: number, bits: Bits): bigint[] | undefined {
  if (start < 0 || start + 4 * count > memory.length) return undefined;
  const base = memory.word(baseAt, bits);
  if (base < LOWEST[bits]) return undefined;
  const wrap = (address: bigint): bigint => BigInt.asUintN(bits, address);
  const signed = Array.from({ length: count }, (_, index) => {
    const offset = memory.i32(start + 4 * index);
    return offset >= 0 ? BigInt(offset) : wrap(base - 1n - BigInt(offset));
  });
  if (isKernel(signed, bits)) return signed;
  return Array.from({ length: count }, (_, index) => wrap(base + BigInt(memory.u32(start + 4 * index))));
}

/** Whether addresses ascend, most of them in the kernel's half. */
function isKernel(addresses: readonly bigint[], bits: Bits): boolean {
  let inKernel = 0;
  let before = 0n;
  for (const address of addresses) {
    if (address < before) return false;
    if (address >= LOWEST[bits]) inKernel++;
    before = address;
  }
  return inKernel * 2 > addresses.length;
}
