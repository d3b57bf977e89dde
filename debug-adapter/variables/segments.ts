/** Segment registers with their hidden parts, and the descriptors that these were loaded from. */
import { SEGMENT_NAMES } from "../../emulator/machine/api.ts";
import type { CpuState, SegmentName } from "../../emulator/machine/api.ts";
import { hex } from "../address.ts";
import {
  describeAttributes,
  describeSegment,
  segmentEntries,
  segmentParts,
  segmentText,
  SYSTEM_TYPES,
} from "../descriptors.ts";
import type { Entry } from "../descriptors.ts";
import { withField } from "../flags.ts";
import type { BitField } from "../flags.ts";
import { isSegmentedMode } from "../registers.ts";
import { bitsOf, fieldItems } from "./bits.ts";
import { CODE_DATA, entryGroup } from "./descriptor-fields.ts";
import { memoryAt } from "./tree.ts";
import type { Group, Item, Machine } from "./tree.ts";

export const isSegment = (name: string): name is SegmentName => (SEGMENT_NAMES as readonly string[]).includes(name);

const ROLES: Record<SegmentName, string> = {
  es: "extra segment",
  cs: "code segment",
  ss: "stack segment",
  ds: "data segment",
  fs: "segment register",
  gs: "segment register",
  ldtr: "local descriptor table",
  tr: "task state segment",
};

export const SEGMENTS: Group = {
  id: "segments",
  named: async (machine) => {
    const cpu = await machine.cpu();
    return SEGMENT_NAMES.map((name) => segmentItem(cpu, name));
  },
};

export function segmentItem(cpu: CpuState, name: SegmentName): Item {
  return {
    name,
    value: describeSegment(cpu.segments[name]),
    type: ROLES[name],
    evaluateName: name,
    memoryReference: memoryAt("lin", cpu.segments[name].base),
    group: { id: `segment:${name}`, named: (machine) => hiddenItems(name, machine) },
    write: async (text, machine) => loadSegment(name, Number(await machine.number(text, 16, name)), machine),
  };
}

const SELECTOR_FIELDS: readonly BitField[] = [
  { name: "RPL", bit: 0, width: 2, meaning: "requested privilege level" },
  { name: "TI", bit: 2, meaning: "table", values: { 0: "GDT", 1: "LDT" } },
  { name: "index", bit: 3, width: 13, meaning: "number of the descriptor in its table" },
];

const attributeFields = (attributes: number): readonly BitField[] => [
  { name: "type", bit: 0, width: 4, meaning: "what it is", values: attributes & 0x10 ? CODE_DATA : SYSTEM_TYPES },
  { name: "S", bit: 4, meaning: "code or data", values: { 0: "system", 1: "code or data" } },
  { name: "DPL", bit: 5, width: 2, meaning: "descriptor privilege level" },
  { name: "P", bit: 7, meaning: "present" },
  { name: "AVL", bit: 12, meaning: "for software" },
  { name: "L", bit: 13, meaning: "64-bit code" },
  { name: "D/B", bit: 14, meaning: "32-bit code, stack or operands" },
  { name: "G", bit: 15, meaning: "the limit counted pages" },
];

async function hiddenItems(name: SegmentName, machine: Machine): Promise<Item[]> {
  const cpu = await machine.cpu();
  const { base, limit, selector, attributes } = cpu.segments[name];
  const whole = (part: "selector" | "base" | "limit" | "attributes", value: string, bits: number): Item => ({
    name: part,
    value,
    evaluateName: `${name}.${part}`,
    write: async (text, to) => to.writeRegister(`${name}.${part}`, await to.number(text, bits, `${name}.${part}`)),
  });
  const fieldsOf = (part: "selector" | "attributes", fields: (value: number) => readonly BitField[]): Group => ({
    id: `${part}:${name}`,
    named: async (to) => {
      const value = (await to.cpu()).segments[name][part];
      return fieldItems({
        value: BigInt(value),
        fields: fields(value),
        evaluateName: (field) => bitsOf(`${name}.${part}`, field),
        write: (field, content, at) => at.writeRegister(`${name}.${part}`, withField(BigInt(value), field, content)),
      });
    },
  });
  const items: Item[] = [
    {
      ...whole("selector", hex(selector, 4), 16),
      type: "visible part",
      ...(isSegmentedMode(cpu.mode) ? {} : { group: fieldsOf("selector", () => SELECTOR_FIELDS) }),
    },
    { ...whole("base", hex(base), 64), type: "linear address", memoryReference: memoryAt("lin", base) },
    { ...whole("limit", hex(limit), 32), type: "offset of the last byte" },
    {
      ...whole("attributes", hex(attributes, 4), 16),
      type: describeAttributes(attributes),
      group: fieldsOf("attributes", attributeFields),
    },
  ];
  const descriptor = await descriptorItem(name, cpu, machine);
  return descriptor === undefined ? items : [...items, descriptor];
}

/** The descriptor that the selector names now; the hidden part may have been loaded from another. */
async function descriptorItem(name: SegmentName, cpu: CpuState, machine: Machine): Promise<Item | undefined> {
  const { selector } = cpu.segments[name];
  if (isSegmentedMode(cpu.mode) || selector < 4) return undefined;
  const fixed = "its selector names no descriptor";
  const where = selector & 4 ? "LDT" : "GDT";
  const found = await findEntry(selector, cpu, machine);
  if (typeof found === "string") return { name: "descriptor", value: found, fixed };
  const { entry, address } = found;
  const isLoaded = sameParts(cpu, name, entry);
  return {
    name: "descriptor",
    value: `${segmentText(entry)}${isLoaded ? "" : ", not what is loaded"}`,
    type: `entry ${hex(entry.offset, 4)} of the ${where}`,
    memoryReference: memoryAt("lin", address),
    group: entryGroup(`descriptor:${name}`, entry, address, "segment"),
    fixed: "its fields can be changed one by one",
  };
}

function sameParts(cpu: CpuState, name: SegmentName, entry: Entry): boolean {
  const loaded = cpu.segments[name];
  const parts = segmentParts(entry);
  // Loading sets the accessed bit, here and there; in 64-bit mode bases come from MSRs, too.
  const same = (loaded.attributes | 1) === (parts.attributes | 1) && loaded.limit === parts.limit;
  return same && (loaded.base === parts.base || ((name === "fs" || name === "gs") && cpu.mode === "long"));
}

const EFER_LMA = 0x400n;

/** The entry that a selector names, and its linear address; else why there is none. */
async function findEntry(
  selector: number,
  cpu: CpuState,
  machine: Machine,
): Promise<{ entry: Entry; address: bigint } | string> {
  const inLdt = (selector & 4) !== 0;
  const table = inLdt ? cpu.segments.ldtr : cpu.gdtr;
  const name = inLdt ? "LDT" : "GDT";
  if (inLdt && cpu.segments.ldtr.unusable) return "there is no LDT";
  const offset = selector & 0xfff8;
  if (offset + 7 > table.limit) return `outside the ${name}, whose limit is ${hex(table.limit)}`;
  const address = BigInt.asUintN(64, table.base + BigInt(offset));
  const bytes = await machine.readMemory("lin", address, Math.min(16, table.limit + 1 - offset));
  const entry = segmentEntries(bytes, (cpu.efer & EFER_LMA) !== 0n)[0];
  return entry === undefined ? `no memory at lin:${hex(address)}` : { entry: { ...entry, offset }, address };
}

/** Why a descriptor cannot be loaded into a segment register (Intel SDM vol. 2, MOV, LLDT, LTR; vol. 3, 5.5 to 5.7). */
function refusal(name: SegmentName, selector: number, cpl: number, attributes: number): string | undefined {
  const [type, dpl, rpl] = [attributes & 15, (attributes >> 5) & 3, selector & 3];
  const isMemory = (attributes & 0x10) !== 0;
  const isCode = isMemory && (type & 8) !== 0;
  const expected = (what: string): string => `it describes ${describeAttributes(attributes)}, and ${what} was expected`;
  switch (name) {
    case "cs":
      if (!isCode) return expected("code");
      if (rpl !== cpl || (type & 4 ? dpl > cpl : dpl !== cpl))
        return expected(`code of the current privilege level ${cpl}`);
      break;
    case "ss":
      if (!isMemory || isCode || !(type & 2)) return expected("writable data");
      if (rpl !== cpl || dpl !== cpl) return expected(`a stack of the current privilege level ${cpl}`);
      break;
    case "ldtr":
      if (isMemory || type !== 2) return expected("an LDT");
      break;
    case "tr":
      if (isMemory || ![1, 3, 9, 11].includes(type)) return expected("a TSS");
      break;
    case "ds":
    case "es":
    case "fs":
    case "gs":
      if (!isMemory || (isCode && !(type & 2))) return expected("data or readable code");
      if ((!isCode || !(type & 4)) && dpl < Math.max(cpl, rpl))
        return expected(`data of privilege level ${Math.max(cpl, rpl)}`);
  }
  return attributes & 0x80 ? undefined : "its segment is not present";
}

/** Loads a segment register as the processor would: the hidden part comes along. */
async function loadSegment(name: SegmentName, selector: number, machine: Machine): Promise<void> {
  const cpu = await machine.cpu();
  const isSystem = name === "ldtr" || name === "tr";
  const refuse = (why: string): never => {
    throw new Error(`${name} cannot be loaded with ${hex(selector, 4)}: ${why}.`);
  };
  if (isSegmentedMode(cpu.mode)) {
    if (isSystem) refuse("it exists in protected mode only; a segment register of this mode was expected");
    await machine.writeRegister(`${name}.selector`, BigInt(selector));
    return machine.writeRegister(`${name}.base`, BigInt(selector) << 4n);
  }
  if (selector < 4) {
    if (name === "cs" || name === "ss" || name === "tr")
      refuse("the null selector is for data segments and LDTR; a descriptor was expected");
    await machine.writeRegister(`${name}.attributes`, 0n);
    return machine.writeRegister(`${name}.selector`, BigInt(selector));
  }
  if (isSystem && selector & 4) refuse("a descriptor in the GDT was expected");
  const found = await findEntry(selector, cpu, machine);
  if (typeof found === "string") return refuse(found);
  const { base, limit, attributes } = segmentParts(found.entry);
  const why = refusal(name, selector, cpu.cpl, attributes);
  if (why !== undefined) refuse(why);
  await machine.writeRegister(`${name}.base`, base);
  await machine.writeRegister(`${name}.limit`, BigInt(limit));
  // Loading makes code and data accessed, and a TSS busy.
  await machine.writeRegister(`${name}.attributes`, BigInt(attributes | (name === "tr" ? 2 : isSystem ? 0 : 1)));
  return machine.writeRegister(`${name}.selector`, BigInt(selector));
}
