/** An encoder for the ACPI Machine Language (ACPI 6.5, chapter 20) and resource descriptors (6.4), as far as needed. */

type Aml = readonly number[];

// Plain loops: a machine cannot start before its tables are made, and `flat` and `Array.from` take ten times as long.
function le(value: number, bytes: number): number[] {
  const list: number[] = [];
  for (let index = 0; index < bytes; index++) list.push((value / 2 ** (index * 8)) & 0xff);
  return list;
}

function ascii(text: string): number[] {
  const list: number[] = [];
  for (let index = 0; index < text.length; index++) list.push(text.charCodeAt(index));
  return list;
}

function joined(parts: readonly Aml[]): number[] {
  const list: number[] = [];
  for (const part of parts) for (const byte of part) list.push(byte);
  return list;
}

/**
 * A name, or a path of names with dots between; each has up to four characters and is padded with "_". A leading backslash
 * makes it relative to the root.
 */
function nameString(path: string): number[] {
  const root = path.startsWith("\\");
  const names = (root ? path.slice(1) : path).split(".");
  const segments = ascii(names.map((segment) => segment.padEnd(4, "_")).join(""));
  const count = names.length;
  const prefix = count === 1 ? [] : count === 2 ? [0x2e] : [0x2f, count];
  return [...(root ? [0x5c] : []), ...prefix, ...segments];
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
  return [0x10, ...withLength([...nameString(path), ...joined(terms)])];
}

export function device(path: string, ...terms: Aml[]): number[] {
  return [0x5b, 0x82, ...withLength([...nameString(path), ...joined(terms)])];
}

export function amlPackage(...elements: Aml[]): number[] {
  return [0x12, ...withLength([elements.length, ...joined(elements)])];
}

function buffer(bytes: Aml): number[] {
  return [0x11, ...withLength([...integer(bytes.length), ...bytes])];
}

/** A reference to an object, or a call of a method with these arguments. */
export function reference(path: string, ...callArguments: Aml[]): number[] {
  return [...nameString(path), ...joined(callArguments)];
}

export const argument = (index: number): number[] => [0x68 + index];

export function method(path: string, parameters: number, ...terms: Aml[]): number[] {
  return [0x14, ...withLength([...nameString(path), parameters, ...joined(terms)])];
}

const SERIALIZED = 8;

/** A method that only one thread at a time may run: it makes named objects. */
export function serializedMethod(path: string, parameters: number, ...terms: Aml[]): number[] {
  return method(path, parameters | SERIALIZED, ...terms);
}

export function returns(value: Aml): number[] {
  return [0xa4, ...value];
}

export function ifTrue(condition: Aml, ...terms: Aml[]): number[] {
  return [0xa0, ...withLength([...condition, ...joined(terms)])];
}

export function less(left: Aml, right: Aml): number[] {
  return [0x95, ...left, ...right];
}

export function and(left: Aml, right: Aml): number[] {
  return [0x7b, ...left, ...right, 0x00];
}

/** `target = target | value`. */
export function orInto(target: Aml, value: Aml): number[] {
  return [0x7d, ...target, ...value, ...target];
}

export function store(value: Aml, target: Aml): number[] {
  return [0x70, ...value, ...target];
}

/** A name for the double word at a byte offset of a buffer. */
export function dwordField(source: Aml, offset: number, path: string): number[] {
  return [0x8a, ...source, ...integer(offset), ...nameString(path)];
}

const PCI_CONFIG = 2;

/** An operation region in the configuration space of the PCI function whose scope this is in. */
export function pciConfigRegion(path: string, offset: number, bytes: number): number[] {
  return [0x5b, 0x80, ...nameString(path), PCI_CONFIG, ...integer(offset), ...integer(bytes)];
}

/** Names for the bytes of an operation region from its start on: byte access, no lock, other bits preserved. */
export function byteFields(region: string, ...names: string[]): number[] {
  return [0x5b, 0x81, ...withLength([...nameString(region), 0x01, ...names.flatMap((one) => [...nameString(one), 8])])];
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
  return buffer([...joined(descriptors), 0x79, 0x00]);
}

/** Fixed ports, 16-bit decode. */
export function ioPorts(base: number, count: number): number[] {
  return [0x47, 0x01, ...le(base, 2), ...le(base, 2), 0x01, count];
}

/** One ISA interrupt, edge-triggered and active high. */
export function irq(number: number): number[] {
  return [0x22, ...le(1 << number, 2)];
}

/** Interrupts of which one is used, or that one: level-triggered, active high, shared. */
export function sharedInterrupts(...numbers: number[]): number[] {
  const body = [0x09, numbers.length, ...numbers.flatMap((number) => le(number, 4))];
  return [0x89, ...le(body.length, 2), ...body];
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
