/** Fields of registers and of tables' entries: as items, each with its name, its meaning, and writable where the whole is. */
import { GPR_NAMES } from "../../emulator/machine/api.ts";
import { hex } from "../address.ts";
import { BIT_FIELDS, fieldValue, fieldWidth, withField } from "../flags.ts";
import type { BitField } from "../flags.ts";
import { readRegister, writableName } from "../registers.ts";
import type { Item, Machine } from "./tree.ts";

/** The content of a field: with its name where its values have names ("2 up"). */
export function fieldText(content: bigint, { values }: Pick<BitField, "values">, width: number): string {
  const number = width <= 3 ? `${content}` : hex(content);
  const name = values?.[Number(content)];
  return name === undefined ? number : `${number} ${name}`;
}

/** The number of a value's name, when the text is one. */
export function namedContent(text: string, values: BitField["values"]): bigint | undefined {
  const wanted = text.trim().toLowerCase();
  for (const [number, name] of Object.entries(values ?? {})) {
    if (name.toLowerCase() === wanted || `${number} ${name.toLowerCase()}` === wanted) return BigInt(number);
  }
  return undefined;
}

export interface FieldsOf {
  value: bigint;
  fields: readonly BitField[];
  /** The expression of a field; undefined where none has one. */
  evaluateName?: (field: BitField) => string;
  /** Exchanges a field's content. */
  write?: (field: BitField, content: bigint, machine: Machine) => Promise<void>;
  fixed?: string;
}

export function fieldItems({ value, fields, evaluateName, write, fixed }: FieldsOf): Item[] {
  return fields.map((field): Item => {
    const width = fieldWidth(field);
    const item: Item = {
      name: field.name,
      value: fieldText(fieldValue(value, field), field, width),
      type: field.meaning,
    };
    if (evaluateName !== undefined) item.evaluateName = evaluateName(field);
    if (fixed !== undefined) item.fixed = fixed;
    if (write === undefined) return item;
    item.write = async (text, machine) =>
      write(field, namedContent(text, field.values) ?? (await machine.number(text, width, field.name)), machine);
    return item;
  });
}

/** The fields of one of the registers that flags.ts knows. */
export async function registerFields(register: string, machine: Machine): Promise<Item[]> {
  const whole = async (): Promise<bigint> => readRegister(await machine.cpu(), register) ?? 0n;
  return fieldItems({
    value: await whole(),
    fields: BIT_FIELDS[register] ?? [],
    evaluateName: (field) => `${register}.${field.name.toLowerCase()}`,
    write: async (field, content, to) => to.writeRegister(register, withField(await whole(), field, content)),
  });
}

/** The expression of some bits of a number. */
export const bitsOf = (whole: string, { bit, width = 1 }: { bit: number; width?: number }): string => {
  const shifted = bit === 0 ? whole : `(${whole} >> ${bit})`;
  return width >= 64 - bit ? shifted : `${shifted} & ${hex((1n << BigInt(width)) - 1n)}`;
};

/** Some bits of a whole register, by the names of `Readers`. */
export interface RegisterBits {
  name: string;
  shift: number;
  bits: number;
}

/** Writes some bits of a whole register. The lower 32 bits of a general one zero-extend, as the processor does. */
export async function writePart(
  { name, shift, bits }: RegisterBits,
  value: bigint,
  machine: Pick<Machine, "cpu" | "writeRegister">,
): Promise<void> {
  const before = readRegister(await machine.cpu(), name) ?? 0n;
  const extends_ = shift === 0 && bits >= 32 && (GPR_NAMES as readonly string[]).includes(name);
  const mask = ((1n << BigInt(bits)) - 1n) << BigInt(shift);
  const whole = extends_ ? value : (before & ~mask) | ((value << BigInt(shift)) & mask);
  await machine.writeRegister(writableName(name), whole);
}
