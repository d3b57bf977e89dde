/** Names in FAT directories: eight and three bytes of a DOS code page, or long ones in UTF-16. */

/** Upper half of code page 437, which DOS, Linux and mtools take when nothing else is said. */
const CODE_PAGE_437 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐" +
  "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

const LOWER_BASE = 0x08;
const LOWER_EXTENSION = 0x10;

function dosText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : CODE_PAGE_437.charAt(byte - 0x80)))
    .join("")
    .trimEnd();
}

/** Name of eleven bytes at the start of an entry; the flags that Windows keeps tell what was written in lower case. */
export function shortName(entry: Uint8Array): string {
  const raw = entry.slice(0, 11);
  // A name that begins with 0xE5 would look deleted.
  if (raw[0] === 0x05) raw[0] = 0xe5;
  const flags = entry[12] ?? 0;
  const base = dosText(raw.subarray(0, 8));
  const extension = dosText(raw.subarray(8, 11));
  const shownBase = (flags & LOWER_BASE) !== 0 ? base.toLowerCase() : base;
  if (extension === "") return shownBase;
  return `${shownBase}.${(flags & LOWER_EXTENSION) !== 0 ? extension.toLowerCase() : extension}`;
}

/** A volume label: eleven bytes without a dot. */
export function labelText(entry: Uint8Array): string {
  return dosText(entry.subarray(0, 11));
}

/** Checksum of the short name, which ties the entries of a long name to it. */
function shortNameChecksum(entry: Uint8Array): number {
  let sum = 0;
  for (const byte of entry.subarray(0, 11)) sum = (((sum & 1) << 7) + (sum >>> 1) + byte) & 0xff;
  return sum;
}

/** Where the thirteen characters lie in an entry of a long name. */
const CHARACTER_PLACES = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
const LAST_PIECE = 0x40;
const MAX_PIECES = 20;

/** Collects the pieces of a long name, which stand before the short entry, the last piece first. */
export class LongName {
  private pieces: Uint16Array[] = [];
  private wanted = 0;
  private checksum = 0;

  reset(): void {
    this.pieces = [];
    this.wanted = 0;
  }

  add(entry: Uint8Array): void {
    const order = entry[0] ?? 0;
    const number = order & 0x3f;
    if ((order & LAST_PIECE) !== 0) {
      this.reset();
      this.wanted = number <= MAX_PIECES ? number : 0;
      this.checksum = entry[13] ?? 0;
    }
    // A piece out of order belongs to a name that another system has overwritten.
    if (number === 0 || number !== this.wanted || entry[13] !== this.checksum) {
      this.reset();
      return;
    }
    this.wanted--;
    const view = new DataView(entry.buffer, entry.byteOffset, 32);
    this.pieces.unshift(Uint16Array.from(CHARACTER_PLACES, (at) => view.getUint16(at, true)));
  }

  /** The name, if it is complete and belongs to this short entry. */
  take(entry: Uint8Array): string | undefined {
    const complete = this.pieces.length > 0 && this.wanted === 0 && shortNameChecksum(entry) === this.checksum;
    const units = complete ? this.pieces.flatMap((piece) => Array.from(piece)) : [];
    this.reset();
    if (!complete) return undefined;
    const end = units.indexOf(0);
    return String.fromCharCode(...(end < 0 ? units : units.slice(0, end)));
  }
}
