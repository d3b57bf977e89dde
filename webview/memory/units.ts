/** Bytes as the numbers they may be: little-endian, as the processor reads them. */

export const UNITS = [1, 2, 4, 8] as const;
/** Bytes of one number in the grid. */
export type Unit = (typeof UNITS)[number];

const GAP = 1.5;
const NUMBER_GAP = 0.8;
const PADDING = 3;

type Bytes = readonly (number | undefined)[];

/** The number in the bytes; undefined if one is missing. */
export function numberOf(bytes: Bytes): bigint | undefined {
  let value = 0n;
  for (const byte of bytes.toReversed()) {
    if (byte === undefined) return undefined;
    value = (value << 8n) | BigInt(byte);
  }
  return value;
}

/** Its bytes, lowest first. */
export const bytesOfNumber = (value: bigint, unit: Unit): Uint8Array =>
  Uint8Array.from({ length: unit }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));

/** The number as all its hexadecimal digits; dots for bytes that are missing. */
export const unitText = (bytes: Bytes): string =>
  bytes
    .toReversed()
    .map((byte) => byte?.toString(16).padStart(2, "0") ?? "··")
    .join("");

/** "235 (−21)": unsigned, and signed where that is another number. */
export function decimalText(value: bigint, unit: Unit): string {
  const signed = BigInt.asIntN(8 * unit, value);
  return signed < 0n ? `${value} (−${-signed})` : `${value}`;
}

/** Numbers of each size at the first of the bytes, as far as there are bytes. */
export function numbersAt(bytes: Bytes): { unit: Unit; value: bigint }[] {
  return UNITS.flatMap((unit) => {
    const value = bytes.length < unit ? undefined : numberOf(bytes.slice(0, unit));
    return value === undefined ? [] : [{ unit, value }];
  });
}

/** "eb 3c 90", with dots for bytes that cannot be read. */
export const hexText = (bytes: Bytes): string =>
  bytes.map((byte) => byte?.toString(16).padStart(2, "0") ?? "··").join(" ");

/** Bytes in a row: the most whose text fits into so many characters. */
export function bytesPerRow(characters: number, unit: Unit, digits: number): number {
  for (const width of [32, 16]) if (rowCharacters(width, unit, digits) <= characters) return width;
  return 8;
}

/** Characters that a row takes: address, numbers with a gap behind each and between eights, text (as in the style sheet). */
export const rowCharacters = (width: number, unit: Unit, digits: number): number =>
  digits + GAP + (width / unit) * (2 * unit + NUMBER_GAP) + (unit < 8 ? width / 8 - 1 : 0) + GAP + width + PADDING;
