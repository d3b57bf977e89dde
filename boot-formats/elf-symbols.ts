/** Symbols of an ELF file: .symtab and .dynsym (System V gABI, chapter 4, "Symbol Table"). */
import { parseElf } from "./elf.ts";
import type { Elf, ElfSection } from "./elf.ts";
import { FormatError } from "./errors.ts";
import type { SymbolEntry } from "./symbol-table.ts";

/** A kernel with debug information has a quarter of a million. */
const MAX_SYMBOLS = 4_000_000;
const MAX_NAME = 1024;
const SHN_UNDEF = 0;
const SHN_ABS = 0xfff1;
const SHN_LORESERVE = 0xff00;
const [STT_SECTION, STT_FILE, STT_TLS] = [3, 4, 6];
const [STB_LOCAL, STB_WEAK] = [0, 2];
const SHT_NOBITS = 8;
const [SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR] = [1n, 2n, 4n];

/** The defined symbols; none for a stripped file. Throws FormatError when the file or its tables are damaged. */
export function elfSymbols(bytes: Uint8Array, elf: Elf = parseElf(bytes)): SymbolEntry[] {
  const section = (name: string): ElfSection | undefined => elf.sections.find((one) => one.name === name);
  const tables = ["sym", "dyn"].map((kind) =>
    kind === "sym" ? [section(".symtab"), section(".strtab")] : [section(".dynsym"), section(".dynstr")],
  );
  for (const [symbols, strings] of tables) {
    if (symbols !== undefined && strings !== undefined && symbols.fileSize > 0)
      return readTable(bytes, elf, symbols, strings);
  }
  return [];
}

function readTable(bytes: Uint8Array, elf: Elf, table: ElfSection, strings: ElfSection): SymbolEntry[] {
  const wide = elf.bits === 64;
  const entrySize = wide ? 24 : 16;
  const count = Math.floor(table.fileSize / entrySize);
  if (count > MAX_SYMBOLS) {
    throw new FormatError(`The ELF file has ${count} symbols: at most ${MAX_SYMBOLS} are read.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const nameAt = stringsOf(bytes, strings);
  const found: SymbolEntry[] = [];
  for (let index = 1; index < count; index++) {
    const at = table.offset + index * entrySize;
    const info = view.getUint8(at + (wide ? 4 : 12));
    const home = view.getUint16(at + (wide ? 6 : 14), true);
    const kind = info & 15;
    if (home === SHN_UNDEF || kind === STT_SECTION || kind === STT_FILE || kind === STT_TLS) continue;
    if (home >= SHN_LORESERVE && home !== SHN_ABS) continue;
    const name = nameAt(view.getUint32(at, true));
    if (name === "") continue;
    const size = wide ? view.getBigUint64(at + 16, true) : BigInt(view.getUint32(at + 8, true));
    const address = wide ? view.getBigUint64(at + 8, true) : BigInt(view.getUint32(at + 4, true));
    found.push({
      name,
      type: home === SHN_ABS ? letter("A", info >> 4) : letter(sectionLetter(elf, home), info >> 4),
      address,
      ...(size > 0n ? { size } : {}),
    });
  }
  return found;
}

/** Reads names; an offset outside of the strings gives none. */
function stringsOf(bytes: Uint8Array, strings: ElfSection): (offset: number) => string {
  const decoder = new TextDecoder("latin1");
  const content = bytes.subarray(strings.offset, strings.offset + strings.fileSize);
  return (offset) => {
    if (offset >= content.length) return "";
    const end = content.indexOf(0, offset);
    return decoder.decode(content.subarray(offset, Math.min(end < 0 ? content.length : end, offset + MAX_NAME)));
  };
}

const letter = (type: string, binding: number): string => {
  if (binding === STB_WEAK) return "W";
  return binding === STB_LOCAL ? type.toLowerCase() : type;
};

/** What nm calls what lies in a section. */
function sectionLetter(elf: Elf, number: number): string {
  const home = elf.sections.find(({ index }) => index === number);
  if (home === undefined || (home.flags & SHF_ALLOC) === 0n) return "N";
  if ((home.flags & SHF_EXECINSTR) !== 0n) return "T";
  if (home.type === SHT_NOBITS) return "B";
  return (home.flags & SHF_WRITE) !== 0n ? "D" : "R";
}
