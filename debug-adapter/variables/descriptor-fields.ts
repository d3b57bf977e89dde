/** Where the fields of descriptors lie (Intel SDM vol. 3, figures 3-8, 5-8, 6-2, 6-8 and 7-4): base and limit in pieces. */
import { hex } from "../address.ts";
import { SYSTEM_TYPES, isGate, segmentParts } from "../descriptors.ts";
import type { Entry } from "../descriptors.ts";
import { fieldText, namedContent } from "./bits.ts";
import { bytesOf, little, memoryAt } from "./tree.ts";
import type { Group, Item } from "./tree.ts";

interface DescriptorField {
  name: string;
  meaning: string;
  /** First bit and bits of each piece, the lowest one first. */
  pieces: readonly (readonly [bit: number, width: number])[];
  values?: Readonly<Record<number, string>>;
  isAddress?: true;
}

/** Types of code and data (table 3-1). */
export const CODE_DATA: Readonly<Record<number, string>> = Object.fromEntries(
  Array.from({ length: 16 }, (_, type): [number, string] => {
    const accessed = type & 1 ? ", accessed" : "";
    if (type & 8) return [type, `execute${type & 2 ? "/read" : "-only"}${type & 4 ? ", conforming" : ""}${accessed}`];
    return [type, `read${type & 2 ? "/write" : "-only"}${type & 4 ? ", expand-down" : ""}${accessed}`];
  }),
);

const type = (values: Readonly<Record<number, string>>): DescriptorField => ({
  name: "type",
  meaning: "what it describes",
  pieces: [[40, 4]],
  values,
});
const S: DescriptorField = {
  name: "S",
  meaning: "code or data",
  pieces: [[44, 1]],
  values: { 0: "system", 1: "code or data" },
};
const DPL: DescriptorField = { name: "DPL", meaning: "descriptor privilege level", pieces: [[45, 2]] };
const P: DescriptorField = { name: "P", meaning: "present", pieces: [[47, 1]] };

const base = (wide: boolean): DescriptorField => ({
  name: "base",
  meaning: "linear address of its first byte",
  pieces: [[16, 24], [56, 8], ...(wide ? [[64, 32] as const] : [])],
  isAddress: true,
});

const segmentFields = (wide: boolean, isSystem: boolean): readonly DescriptorField[] => [
  base(wide),
  { name: "limit", meaning: "offset of its last byte, in pages with G", pieces: [[0, 16], [48, 4]] }, // prettier-ignore
  type(isSystem ? SYSTEM_TYPES : CODE_DATA),
  S,
  DPL,
  P,
  { name: "AVL", meaning: "for software", pieces: [[52, 1]] },
  { name: "L", meaning: "64-bit code", pieces: [[53, 1]] },
  { name: "D/B", meaning: "32-bit code, stack or operands", pieces: [[54, 1]] },
  { name: "G", meaning: "the limit counts pages", pieces: [[55, 1]] },
];

const gateFields = (wide: boolean, isCallGate: boolean): readonly DescriptorField[] => [
  { name: "selector", meaning: "code segment of the handler", pieces: [[16, 16]] },
  {
    name: "offset",
    meaning: "the handler in its code segment",
    pieces: [[0, 16], [48, 16], ...(wide ? [[64, 32] as const] : [])],
    isAddress: true,
  },
  ...(wide && !isCallGate
    ? [{ name: "IST", meaning: "stack of the interrupt stack table", pieces: [[32, 3]] as const }]
    : []),
  ...(!wide && isCallGate ? [{ name: "parameters", meaning: "parameters to copy", pieces: [[32, 5]] as const }] : []),
  type(SYSTEM_TYPES),
  DPL,
  P,
];

const contentOf = (value: bigint, { pieces }: DescriptorField): bigint => {
  let [content, at] = [0n, 0n];
  for (const [bit, width] of pieces) {
    content |= BigInt.asUintN(width, value >> BigInt(bit)) << at;
    at += BigInt(width);
  }
  return content;
};

function withContent(value: bigint, { pieces }: DescriptorField, content: bigint): bigint {
  let [result, rest] = [value, content];
  for (const [bit, width] of pieces) {
    const mask = ((1n << BigInt(width)) - 1n) << BigInt(bit);
    result = (result & ~mask) | ((rest << BigInt(bit)) & mask);
    rest >>= BigInt(width);
  }
  return result;
}

/** The fields of an entry that lies at a linear address; they are written into memory, as software does. */
export const entryGroup = (id: string, { offset, bytes }: Entry, address: bigint, kind: "segment" | "gate"): Group => ({
  id,
  named: async (machine) => {
    const value = little(await machine.readMemory("lin", address, bytes));
    return entryItems({ offset, bytes, value }, address, kind);
  },
});

function entryItems(entry: Entry, address: bigint, kind: "segment" | "gate"): Item[] {
  const { attributes } = segmentParts(entry);
  const wide = entry.bytes === 16;
  const gate = kind === "gate" || isGate(attributes);
  const fields = gate
    ? gateFields(wide, [4, 12].includes(attributes & 15))
    : segmentFields(wide, (attributes & 0x10) === 0);
  return [rawItem(entry, address), ...fields.map((field) => fieldItem(field, entry, address))];
}

function fieldItem(field: DescriptorField, entry: Entry, address: bigint): Item {
  const width = field.pieces.reduce((sum, [, bits]) => sum + bits, 0);
  const content = contentOf(entry.value, field);
  return {
    name: field.name,
    value: fieldText(content, field, width),
    type: field.meaning,
    ...(field.isAddress ? { memoryReference: memoryAt("lin", content) } : {}),
    write: async (text, machine) => {
      const wanted = namedContent(text, field.values) ?? (await machine.number(text, width, field.name));
      await machine.writeMemory("lin", address, bytesOf(withContent(entry.value, field, wanted), entry.bytes));
    },
  };
}

const rawItem = ({ value, bytes }: Entry, address: bigint): Item => ({
  name: "descriptor",
  value: hex(value, bytes * 2),
  type: `the ${bytes} bytes as a number`,
  memoryReference: memoryAt("lin", address),
  ...(bytes === 8 ? { evaluateName: `u64 lin[${hex(address)}]` } : {}),
  write: (text, machine) => writeEntry(text, bytes, address, machine),
});

/** Writes a whole entry from the number that the user typed. */
export async function writeEntry(
  text: string,
  bytes: 8 | 16,
  address: bigint,
  machine: Parameters<NonNullable<Item["write"]>>[1],
): Promise<void> {
  const value = bytes === 8 ? await machine.number(text, 64, "the descriptor") : wideNumber(text);
  await machine.writeMemory("lin", address, bytesOf(value, bytes));
}

/** Numbers of 128 bits are twice as wide as what expressions compute with: they are written out. */
export function wideNumber(text: string): bigint {
  if (!/^0x[0-9a-f]{1,32}$/i.test(text.trim())) {
    throw new Error(`"${text}" is no number of 128 bits: 0x and up to 32 hexadecimal digits were expected.`);
  }
  return BigInt(text.trim());
}
