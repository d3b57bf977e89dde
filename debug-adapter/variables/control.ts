/** Control registers, EFER and XCR0, bit by bit; CR3 as what it points at. */
import type { CpuState } from "../../emulator/machine/api.ts";
import { hex } from "../address.ts";
import { BIT_FIELDS, bitNames, withField } from "../flags.ts";
import type { BitField } from "../flags.ts";
import { CONTROL_NAMES, codeBits, readRegister } from "../registers.ts";
import { bitsOf, fieldItems, registerFields } from "./bits.ts";
import { memoryAt } from "./tree.ts";
import type { Group, Item, Machine } from "./tree.ts";

const MEANINGS: Readonly<Record<string, string>> = {
  cr0: "modes of the processor",
  cr2: "linear address of the last page fault",
  cr3: "top of the page tables",
  cr4: "extensions in use",
  cr8: "task priority (bits 4 to 7 of the local APIC's TPR)",
  efer: "extended features",
  xcr0: "states that XSAVE saves",
};

export const isControl = (name: string): boolean => (CONTROL_NAMES as readonly string[]).includes(name);

export const CONTROL: Group = {
  id: "control",
  named: async (machine) => {
    const cpu = await machine.cpu();
    return CONTROL_NAMES.map((name) => controlItem(cpu, name));
  },
};

export function controlItem(cpu: CpuState, name: string): Item {
  const value = readRegister(cpu, name) ?? 0n;
  const number = hex(value, codeBits(cpu.mode) === 64 || value >> 32n !== 0n ? 16 : 8);
  const words = name === "cr3" ? bitNames(value, cr3Fields(cpu)) : bitNames(value, BIT_FIELDS[name] ?? []);
  const item: Item = {
    name,
    value: `${number} ${words}`.trimEnd(),
    type: MEANINGS[name] ?? "control register",
    evaluateName: name,
    write: async (text, machine) => machine.writeRegister(name, await machine.number(text, 64, name)),
  };
  if (name === "cr2") item.memoryReference = memoryAt("lin", value);
  if (name === "cr3") {
    item.memoryReference = memoryAt("phys", tableAddress(cpu).address);
    item.group = { id: "bits:cr3", named: cr3Items };
  } else if (BIT_FIELDS[name] !== undefined) {
    item.group = { id: `bits:${name}`, named: (machine) => registerFields(name, machine) };
  }
  return item;
}

const CR4_PAE = 0x20n;
const CR4_PCIDE = 0x20000n;
const EFER_LMA = 0x400n;

/** Which bits of CR3 are the address of the top table (Intel SDM vol. 3, tables 4-3, 4-7 and 4-12). */
function tableAddress({ cr3, cr4, efer }: CpuState): { address: bigint; mask: bigint; alignment: number } {
  const long = (efer & EFER_LMA) !== 0n;
  const mask = long ? 0x000ffffffffff000n : cr4 & CR4_PAE ? 0xffffffe0n : 0xfffff000n;
  return { address: cr3 & mask, mask, alignment: !long && cr4 & CR4_PAE ? 32 : 4096 };
}

const cr3Fields = ({ cr4, efer }: CpuState): readonly BitField[] =>
  cr4 & CR4_PCIDE && efer & EFER_LMA
    ? [{ name: "PCID", bit: 0, width: 12, meaning: "process-context identifier" }]
    : (BIT_FIELDS["cr3"] ?? []).filter(({ width }) => width === undefined);

async function cr3Items(machine: Machine): Promise<Item[]> {
  const cpu = await machine.cpu();
  const { address, mask, alignment } = tableAddress(cpu);
  const base: Item = {
    name: "base",
    value: hex(address, 16),
    type: "physical address of the top page table",
    evaluateName: `cr3 & ${hex(mask)}`,
    memoryReference: memoryAt("phys", address),
    write: async (text, to) => {
      const value = await to.number(text, 64, "base");
      if ((value & ~mask) !== 0n) {
        throw new Error(
          `${hex(value)} cannot be the base of the page tables: a physical address that is a multiple of ${alignment} was expected.`,
        );
      }
      const { cr3 } = await to.cpu();
      await to.writeRegister("cr3", (cr3 & ~mask) | value);
    },
  };
  const flags = fieldItems({
    value: cpu.cr3,
    fields: cr3Fields(cpu),
    evaluateName: (field) => bitsOf("cr3", field),
    write: async (field, content, to) => to.writeRegister("cr3", withField((await to.cpu()).cr3, field, content)),
  });
  return [base, ...flags];
}
