/** Descriptor and interrupt tables, entry by entry: what their limits cover, runs of empty entries as one. */
import type { CpuState } from "../../emulator/machine/api.ts";
import { hex } from "../address.ts";
import {
  VECTORS,
  describeSegment,
  farText,
  gateEntries,
  gateParts,
  gateText,
  segmentEntries,
  segmentParts,
  segmentText,
} from "../descriptors.ts";
import type { Entry } from "../descriptors.ts";
import { isSegmentedMode } from "../registers.ts";
import { entryGroup, writeEntry } from "./descriptor-fields.ts";
import { taskStateGroup } from "./task-state.ts";
import { bytesOf, memoryAt } from "./tree.ts";
import type { Group, Item, Machine } from "./tree.ts";

/** A full GDT, LDT or IDT. */
const TABLE_MAX = 65536;
const EFER_LMA = 0x400n;
const CR0_PE = 1n;

const isLong = ({ efer }: CpuState): boolean => (efer & EFER_LMA) !== 0n;
const isReal = (cpu: CpuState): boolean => isSegmentedMode(cpu.mode) && (cpu.cr0 & CR0_PE) === 0n;

export const TABLES: Group = {
  id: "tables",
  named: async (machine) => {
    const cpu = await machine.cpu();
    return [
      ...registerItems("gdtr", cpu),
      gdtItem(cpu),
      ...registerItems("idtr", cpu),
      isReal(cpu) ? ivtItem(cpu) : idtItem(cpu),
      ldtItem(cpu),
      taskItem(cpu),
    ];
  },
};

function registerItems(name: "gdtr" | "idtr", cpu: CpuState): Item[] {
  const { base, limit } = cpu[name];
  const write =
    (part: string, bits: number): NonNullable<Item["write"]> =>
    async (text, to) =>
      to.writeRegister(`${name}.${part}`, await to.number(text, bits, `${name}.${part}`));
  return [
    {
      name: `${name}.base`,
      value: hex(base),
      type: "linear address",
      evaluateName: `${name}.base`,
      memoryReference: memoryAt("lin", base),
      write: write("base", 64),
    },
    {
      name: `${name}.limit`,
      value: hex(limit),
      type: "offset of the last byte",
      evaluateName: `${name}.limit`,
      write: write("limit", 16),
    },
  ];
}

interface Place {
  base: bigint;
  /** Of the last byte. */
  limit: number;
}

const PARTS_ONLY = "a table is changed entry by entry";

function tableItem(name: string, place: Place, group: Group): Item {
  const entries = group.indexed?.count ?? 0;
  return {
    name,
    value: `base ${hex(place.base)} limit ${hex(place.limit)}`,
    type: `${entries} entr${entries === 1 ? "y" : "ies"}`,
    evaluateName: name.toLowerCase(),
    memoryReference: memoryAt("lin", place.base),
    group,
    fixed: PARTS_ONLY,
  };
}

const read = (machine: Machine, { base, limit }: Place): Promise<Uint8Array> =>
  machine.readMemory("lin", base, Math.min(TABLE_MAX, limit + 1));

const atOffset = (base: bigint, offset: number): bigint => BigInt.asUintN(64, base + BigInt(offset));

export const gdtItem = (cpu: CpuState): Item =>
  tableItem(
    "GDT",
    cpu.gdtr,
    segmentTable("gdt", ({ gdtr }) => gdtr, "gdtr.base", cpu.gdtr.limit),
  );

export function ldtItem(cpu: CpuState): Item {
  const { ldtr } = cpu.segments;
  if (isSegmentedMode(cpu.mode) || ldtr.unusable || (ldtr.selector & 0xfffc) === 0) {
    return { name: "LDT", value: "none is loaded", fixed: "LDTR names none" };
  }
  const limit = Math.min(ldtr.limit, TABLE_MAX - 1);
  const group = segmentTable("ldt", ({ segments }) => ({ base: segments.ldtr.base, limit }), "ldtr.base", limit);
  return { ...tableItem("LDT", { base: ldtr.base, limit: ldtr.limit }, group), value: describeSegment(ldtr) };
}

export function idtItem(cpu: CpuState): Item {
  const long = isLong(cpu);
  const size = long ? 16 : 8;
  const count = Math.min(256, Math.floor((cpu.idtr.limit + 1) / size));
  return tableItem("IDT", cpu.idtr, {
    id: "idt",
    indexed: {
      count,
      items: async (machine, start, wanted) => {
        const now = await machine.cpu();
        const entries = gateEntries(await read(machine, now.idtr), long);
        const bases = await codeBases(now, machine);
        const name = (entry: Entry): string => vectorName(entry.offset / size);
        const rows = entries.slice(start, start + wanted);
        return folded(rows, name, (entry) => gateItem(entry, name(entry), now.idtr.base, long, bases));
      },
    },
  });
}

const vectorName = (vector: number): string => `${vector}${VECTORS[vector] === undefined ? "" : ` ${VECTORS[vector]}`}`;

/** Bases of the code segments in the GDT, which gates name: handlers lie at base plus offset outside long mode. */
async function codeBases(cpu: CpuState, machine: Machine): Promise<(selector: number) => bigint> {
  if (isLong(cpu)) return () => 0n;
  const entries = segmentEntries(await read(machine, cpu.gdtr), false);
  return (selector) => {
    const entry = selector & 4 ? undefined : entries[selector >> 3];
    return entry === undefined ? 0n : segmentParts(entry).base;
  };
}

function gateItem(entry: Entry, name: string, base: bigint, long: boolean, bases: (selector: number) => bigint): Item {
  const address = atOffset(base, entry.offset);
  const { selector, offset, attributes } = gateParts(entry, long);
  const handler = BigInt.asUintN(long ? 64 : 32, bases(selector) + offset);
  return {
    name,
    value: gateText(entry, long),
    type: `gate at lin:${hex(address)}`,
    ...((attributes & 15) === 5 ? {} : { memoryReference: memoryAt("lin", handler) }),
    group: entryGroup(`idt:${entry.offset}`, entry, address, "gate"),
    write: (text, to) => writeEntry(text, entry.bytes, address, to),
  };
}

function segmentTable(id: string, place: (cpu: CpuState) => Place, base: string, limit: number): Group {
  return {
    id,
    indexed: {
      count: Math.floor((limit + 1) / 8),
      items: async (machine, start, wanted) => {
        const cpu = await machine.cpu();
        const at = place(cpu);
        // Where entries are 8 or 16 bytes long, each one's place is known from those before it.
        const entries = segmentEntries(await read(machine, at), isLong(cpu));
        const rows = entries.filter(({ offset }) => offset >= start * 8 && offset < (start + wanted) * 8);
        const name = ({ offset }: Entry): string => hex(offset, 4);
        return folded(rows, name, (entry) => segmentEntryItem(entry, id, at.base, base));
      },
    },
  };
}

function segmentEntryItem(entry: Entry, table: string, base: bigint, baseName: string): Item {
  const address = atOffset(base, entry.offset);
  return {
    name: hex(entry.offset, 4),
    value: `${hex(entry.value, entry.bytes * 2)} ${segmentText(entry)}`,
    type: `descriptor at lin:${hex(address)}`,
    ...(entry.bytes === 8 ? { evaluateName: `u64 lin[${baseName} + ${hex(entry.offset)}]` } : {}),
    memoryReference: memoryAt("lin", segmentParts(entry).base),
    group: entryGroup(`${table}:${entry.offset}`, entry, address, "segment"),
    write: (text, to) => writeEntry(text, entry.bytes, address, to),
  };
}

/** Two and more empty entries in a row are one item. */
function folded(entries: readonly Entry[], name: (entry: Entry) => string, item: (entry: Entry) => Item): Item[] {
  const items: Item[] = [];
  for (let at = 0; at < entries.length;) {
    let end = at;
    while (entries[end]?.value === 0n) end++;
    const [first, last] = [entries[at], entries[end - 1]];
    if (first === undefined) break;
    if (end - at < 2 || last === undefined) {
      items.push(first.value === 0n ? nullItem(item(first), first) : item(first));
      at++;
      continue;
    }
    items.push({
      name: `${name(first)} to ${name(last)}`,
      value: `null (${end - at} entries)`,
      fixed: "they are several entries; memory can be written where they lie",
    });
    at = end;
  }
  return items;
}

/** An empty entry can be filled, but has no fields. */
function nullItem({ group: _, memoryReference: __, ...item }: Item, { bytes }: Entry): Item {
  return { ...item, value: `${hex(0, bytes * 2)} null` };
}

/** What the BIOS interrupts are for (Ralf Brown's list of interrupts); others are named by hand only where the IBM PC has them. */
const BIOS_SERVICES: Readonly<Record<number, string>> = {
  0x05: "print screen",
  0x08: "IRQ0, timer",
  0x09: "IRQ1, keyboard",
  0x0b: "IRQ3, COM2",
  0x0c: "IRQ4, COM1",
  0x0e: "IRQ6, floppy",
  0x10: "video",
  0x11: "equipment",
  0x12: "memory size",
  0x13: "disk",
  0x14: "serial",
  0x15: "system",
  0x16: "keyboard",
  0x17: "printer",
  0x18: "boot failure",
  0x19: "boot",
  0x1a: "time of day, PCI",
  0x1b: "Ctrl+Break",
  0x1c: "timer tick",
  0x1d: "video parameters",
  0x1e: "floppy parameters",
  0x1f: "upper 8×8 font",
  0x40: "floppy",
  0x41: "parameters of hard disk 0",
  0x43: "font",
  0x46: "parameters of hard disk 1",
  0x4a: "alarm",
  0x70: "IRQ8, clock",
  0x74: "IRQ12, mouse",
  0x75: "IRQ13, coprocessor",
  0x76: "IRQ14, IDE",
  0x77: "IRQ15, IDE",
};

export function ivtItem(cpu: CpuState): Item {
  const count = Math.min(256, Math.floor((cpu.idtr.limit + 1) / 4));
  return tableItem("IVT", cpu.idtr, {
    id: "ivt",
    indexed: {
      count,
      items: async (machine, start, wanted) => {
        const { idtr } = await machine.cpu();
        const bytes = await read(machine, { base: idtr.base, limit: Math.min(idtr.limit, 1023) });
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const whole = Math.floor(bytes.length / 4);
        const last = Math.min(whole, start + wanted);
        return Array.from({ length: Math.max(0, last - start) }, (_, n) =>
          vectorItem(start + n, view.getUint32((start + n) * 4, true), idtr.base),
        );
      },
    },
  });
}

function vectorItem(vector: number, pointer: number, base: bigint): Item {
  const address = atOffset(base, vector * 4);
  const service = BIOS_SERVICES[vector];
  return {
    name: hex(vector, 2),
    value: farText(pointer),
    type: service ?? VECTORS[vector] ?? "handler",
    memoryReference: memoryAt("lin", BigInt((pointer >>> 16) * 16 + (pointer & 0xffff))),
    write: async (text, machine) => {
      const [, segment, offset] = /^\s*([0-9a-f]{1,4}):([0-9a-f]{1,4})\s*$/i.exec(text) ?? [];
      if (segment === undefined || offset === undefined) {
        throw new Error(`"${text}" is no far pointer: segment and offset in hexadecimal ("f000:e987") were expected.`);
      }
      const value = (BigInt(`0x${segment}`) << 16n) | BigInt(`0x${offset}`);
      await machine.writeMemory("lin", address, bytesOf(value, 4));
    },
  };
}

export function taskItem(cpu: CpuState): Item {
  const { tr } = cpu.segments;
  if (isSegmentedMode(cpu.mode) || (tr.selector & 0xfffc) === 0) {
    return { name: "TSS", value: "none is loaded", fixed: "TR names none" };
  }
  return {
    name: "TSS",
    value: describeSegment(tr),
    type: "task state segment",
    evaluateName: "tss",
    memoryReference: memoryAt("lin", tr.base),
    group: taskStateGroup(isLong(cpu)),
    fixed: "its fields can be changed one by one",
  };
}
