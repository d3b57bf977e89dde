/** An encoder for the ACPI Machine Language (ACPI 6.5, chapter 20) and resource descriptors (6.4), as far as needed. */

type Aml = readonly number[];

const le = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, index) => Math.floor(value / 2 ** (index * 8)) & 0xff);

const ascii = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));

/** A name of up to four characters, padded with "_"; a leading backslash makes it relative to the root. */
function nameString(name: string): number[] {
  const root = name.startsWith("\\");
  return [...(root ? [0x5c] : []), ...ascii((root ? name.slice(1) : name).padEnd(4, "_"))];
}

/** Content behind its length, which counts itself (20.2.4). */
function withLength(content: Aml): number[] {
  if (content.length + 1 < 0x40) return [content.length + 1, ...content];
  for (let extra = 1; extra <= 3; extra++) {
    const length = content.length + 1 + extra;
    if (length < 2 ** (4 + 8 * extra)) return [(extra << 6) | (length & 0x0f), ...le(length >> 4, extra), ...content];
  }
  throw new RangeError(`AML: an object of ${content.length} bytes is too long.`);
}

export function integer(value: number): number[] {
  if (value === 0 || value === 1) return [value];
  if (value <= 0xff) return [0x0a, value];
  if (value <= 0xffff) return [0x0b, ...le(value, 2)];
  return [0x0c, ...le(value, 4)];
}

export function name(path: string, value: Aml): number[] {
  return [0x08, ...nameString(path), ...value];
}

export function scope(path: string, ...terms: Aml[]): number[] {
  return [0x10, ...withLength([...nameString(path), ...terms.flat()])];
}

export function device(path: string, ...terms: Aml[]): number[] {
  return [0x5b, 0x82, ...withLength([...nameString(path), ...terms.flat()])];
}

export function amlPackage(...elements: Aml[]): number[] {
  return [0x12, ...withLength([elements.length, ...elements.flat()])];
}

function buffer(bytes: Aml): number[] {
  return [0x11, ...withLength([...integer(bytes.length), ...bytes])];
}

/** A compressed EISA id such as PNP0A03 (6.1.5, ASL EISAID). */
export function eisaId(id: string): number[] {
  const letters = ascii(id.slice(0, 3)).map((code) => code - 0x40);
  const vendor = (letters[0]! << 10) | (letters[1]! << 5) | letters[2]!;
  const product = parseInt(id.slice(3), 16);
  return [0x0c, vendor >> 8, vendor & 0xff, product >> 8, product & 0xff];
}

/** A resource template: these descriptors and an end tag without checksum. */
export function resources(...descriptors: Aml[]): number[] {
  return buffer([...descriptors.flat(), 0x79, 0x00]);
}

/** Fixed ports, 16-bit decode. */
export function ioPorts(base: number, count: number): number[] {
  return [0x47, 0x01, ...le(base, 2), ...le(base, 2), 0x01, count];
}

/** One ISA interrupt, edge-triggered and active high. */
export function irq(number: number): number[] {
  return [0x22, ...le(1 << number, 2)];
}

export function fixedMemory(base: number, size: number, writable: boolean): number[] {
  return [0x86, ...le(9, 2), writable ? 1 : 0, ...le(base, 4), ...le(size, 4)];
}

/** Resource producer with minimum and maximum fixed. */
const PRODUCER = 0x0c;

/** Bus numbers that a bridge passes on. */
export function busNumbers(first: number, last: number): number[] {
  return [0x88, ...le(13, 2), 2, PRODUCER, 0, ...[0, first, last, 0, last - first + 1].flatMap((v) => le(v, 2))];
}

/** Ports that a bridge passes on. */
export function portWindow(first: number, last: number): number[] {
  return [0x88, ...le(13, 2), 1, PRODUCER, 3, ...[0, first, last, 0, last - first + 1].flatMap((v) => le(v, 2))];
}

/** Memory that a bridge passes on, read-write. */
export function memoryWindow(first: number, last: number): number[] {
  return [0x87, ...le(23, 2), 0, PRODUCER, 1, ...[0, first, last, 0, last - first + 1].flatMap((v) => le(v, 4))];
}
