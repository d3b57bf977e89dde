/** Model specific registers by name, the important ones decoded. */
import type { Msr } from "../../emulator/machine/api.ts";
import { hex } from "../address.ts";
import { bitNames, withField } from "../flags.ts";
import { bitsOf, fieldItems } from "./bits.ts";
import { MSR_ADDRESSES, MSR_FIELDS, MSR_MEANINGS } from "./msr-fields.ts";
import { memoryAt } from "./tree.ts";
import type { Group, Item, Machine } from "./tree.ts";

/** Groups that are shown closed, and which registers are in them. */
const FAMILIES: readonly { name: string; has: (index: number) => boolean }[] = [
  {
    name: "memory type ranges",
    has: (index) => index === 0xfe || (index >= 0x200 && index < 0x277) || index === 0x2ff,
  },
  { name: "machine check", has: (index) => (index >= 0x179 && index <= 0x17b) || (index >= 0x400 && index < 0x480) },
  { name: "debugging", has: (index) => index >= 0x1d9 && index <= 0x1de },
  { name: "AMD configuration", has: (index) => index === 0x8b || index >= 0xc0010000 },
];

const familyOf = (index: number): string | undefined => FAMILIES.find(({ has }) => has(index))?.name;

export const MSRS: Group = {
  id: "msrs",
  named: async (machine) => {
    const own = (await machine.msrs()).filter(({ index }) => familyOf(index) === undefined);
    return [
      ...own.map(msrItem),
      ...FAMILIES.map(({ name, has }): Item => ({
        name,
        value: "",
        fixed: "it is a group of registers",
        group: {
          id: `msrs:${name}`,
          named: async (to) => (await to.msrs()).filter(({ index }) => has(index)).map(msrItem),
        },
      })),
    ];
  },
};

/** An item for the register of that index; undefined when the processor has none. */
export async function msrItemOf(index: number, machine: Machine): Promise<Item | undefined> {
  const found = (await machine.msrs()).find((msr) => msr.index === index);
  return found && msrItem(found);
}

function msrItem({ name, index, value }: Msr): Item {
  const fields = MSR_FIELDS.get(index);
  const narrow = fields?.filter(({ width }) => width === undefined) ?? [];
  const meaning = MSR_MEANINGS.get(index);
  const expression = `msr.${name.toLowerCase()}`;
  const register = `msr:${hex(index)}`;
  const item: Item = {
    name,
    value: `${hex(value, 16)} ${bitNames(value, narrow)}`.trimEnd(),
    type: `MSR ${hex(index)}${meaning === undefined ? "" : `, ${meaning}`}`,
    evaluateName: expression,
    write: async (text, machine) => machine.writeRegister(register, await machine.number(text, 64, name)),
  };
  if (MSR_ADDRESSES.has(index)) item.memoryReference = memoryAt("lin", value);
  if (index === 0x1b) item.memoryReference = memoryAt("phys", value & 0xfffffff000n);
  if (fields === undefined) return item;
  item.group = {
    id: register,
    named: async (machine) => {
      const now = async (): Promise<bigint> => (await machine.msrs()).find((one) => one.index === index)?.value ?? 0n;
      return fieldItems({
        value: await now(),
        fields,
        evaluateName: (field) => bitsOf(expression, field),
        write: async (field, content, to) => to.writeRegister(register, withField(await now(), field, content)),
      });
    },
  };
  return item;
}
