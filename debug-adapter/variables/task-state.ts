/** The task state segment that TR names: 16, 32 or 64 bits (Intel SDM vol. 3, 7.2.1, 7.6 and 7.7), and its I/O bitmap. */
import type { Segment } from "../../emulator/machine/api.ts";
import { hex } from "../address.ts";
import { bytesOf, little, memoryAt, told } from "./tree.ts";
import type { Group, Item, Machine } from "./tree.ts";

interface Field {
  name: string;
  offset: number;
  bytes: 2 | 4 | 8;
  meaning: string;
  isAddress?: true;
}

const sequence = (names: string, from: number, step: number, bytes: Field["bytes"], meaning: string): Field[] =>
  names.split(" ").map((name, index) => ({ name, offset: from + index * step, bytes, meaning }));

const LINK: Field = { name: "link", offset: 0, bytes: 2, meaning: "selector of the task before" };
const MAP_BASE: Field = { name: "I/O map base", offset: 0x66, bytes: 2, meaning: "offset of the I/O bitmap" };

const stack = (name: string, offset: number, bytes: Field["bytes"], meaning: string): Field => ({
  name,
  offset,
  bytes,
  meaning,
  isAddress: true,
});

const STACKS_16 = [0, 1, 2].flatMap((level): Field[] => [
  { name: `SP${level}`, offset: 2 + level * 4, bytes: 2, meaning: `stack pointer of privilege level ${level}` },
  { name: `SS${level}`, offset: 4 + level * 4, bytes: 2, meaning: `stack segment of privilege level ${level}` },
]);
const STACKS_32 = [0, 1, 2].flatMap((level): Field[] => [
  stack(`ESP${level}`, 4 + level * 8, 4, `stack pointer of privilege level ${level}`),
  { name: `SS${level}`, offset: 8 + level * 8, bytes: 2, meaning: `stack segment of privilege level ${level}` },
]);

const SAVED = "saved when the task was left";

const LAYOUTS = {
  16: [LINK, ...STACKS_16, ...sequence("IP FLAGS AX CX DX BX SP BP SI DI ES CS SS DS LDT", 0x0e, 2, 2, SAVED)],
  32: [
    LINK,
    ...STACKS_32,
    ...sequence("CR3 EIP EFLAGS EAX ECX EDX EBX ESP EBP ESI EDI", 0x1c, 4, 4, SAVED),
    ...sequence("ES CS SS DS FS GS LDT", 0x48, 4, 2, SAVED),
    { name: "T", offset: 0x64, bytes: 2, meaning: "bit 0: switching to the task traps" },
    MAP_BASE,
  ],
  64: [
    ...[0, 1, 2].map((level) => stack(`RSP${level}`, 4 + level * 8, 8, `stack pointer of privilege level ${level}`)),
    ...[1, 2, 3, 4, 5, 6, 7].map((n) => stack(`IST${n}`, 0x1c + n * 8, 8, "interrupt stack")),
    MAP_BASE,
  ],
} as const satisfies Record<number, readonly Field[]>;

/** Bytes of an I/O bitmap: one bit a port, and the byte of ones behind it. */
const BITMAP_MAX = 8193;

function layoutOf({ attributes }: Segment, long: boolean): { bits: 16 | 32 | 64; fields: readonly Field[] } {
  // Types 1 and 3 are 16-bit ones; there are none in long mode.
  const bits = attributes & 8 ? (long ? 64 : 32) : 16;
  return { bits, fields: LAYOUTS[bits] };
}

export const taskStateGroup = (long: boolean): Group => ({
  id: "tss",
  named: async (machine) => {
    const { tr } = (await machine.cpu()).segments;
    const { bits, fields } = layoutOf(tr, long);
    const bytes = await machine.readMemory("lin", tr.base, Math.min(0x68, tr.limit + 1));
    const items = fields
      .filter(({ offset, bytes: size }) => offset + size <= bytes.length)
      .map((field) => fieldItem(field, little(bytes.subarray(field.offset, field.offset + field.bytes)), tr.base));
    if (bits !== 16 && bytes.length >= 0x68) {
      items.push(await bitmapItem(Number(little(bytes.subarray(0x66, 0x68))), tr, machine));
    }
    return items;
  },
});

function fieldItem({ name, offset, bytes, meaning, isAddress }: Field, value: bigint, base: bigint): Item {
  const address = BigInt.asUintN(64, base + BigInt(offset));
  return {
    name,
    value: hex(value, bytes * 2),
    type: meaning,
    evaluateName: `u${bytes * 8} lin[tr.base + ${hex(offset)}]`,
    ...(isAddress ? { memoryReference: memoryAt("lin", value) } : {}),
    write: async (text, machine) =>
      machine.writeMemory("lin", address, bytesOf(await machine.number(text, bytes * 8, name), bytes)),
  };
}

const GUARDED = "the bits of its ports can be changed in memory";

/** Ports that code without I/O privilege may use: those whose bits are 0, as far as the limit goes. */
async function bitmapItem(mapBase: number, tr: Segment, machine: Machine): Promise<Item> {
  const name = "I/O bitmap";
  if (mapBase >= tr.limit)
    return told(name, "none within the limit: no port is allowed", "the limit leaves no room for it");
  const address = BigInt.asUintN(64, tr.base + BigInt(mapBase));
  const bytes = await machine.readMemory("lin", address, Math.min(BITMAP_MAX, tr.limit + 1 - mapBase));
  const ranges = allowedPorts(bytes);
  return {
    name,
    value:
      ranges.length === 0
        ? "no port is allowed"
        : ranges.map(rangeText).slice(0, 8).join(", ") + (ranges.length > 8 ? ", …" : ""),
    type: "ports allowed beyond IOPL",
    memoryReference: memoryAt("lin", address),
    fixed: GUARDED,
    ...(ranges.length === 0
      ? {}
      : {
          group: {
            id: "tss:ports",
            named: () => Promise.resolve(ranges.map((range) => told(rangeText(range), "allowed", GUARDED))),
          },
        }),
  };
}

type Range = readonly [first: number, last: number];

const rangeText = ([first, last]: Range): string =>
  first === last ? hex(first, 4) : `${hex(first, 4)} to ${hex(last, 4)}`;

/** Runs of ports whose bits are 0. The last byte of the bitmap belongs to no port (SDM vol. 1, 19.5.2). */
export function allowedPorts(bitmap: Uint8Array): Range[] {
  const ranges: [number, number][] = [];
  const ports = Math.min(65536, Math.max(0, bitmap.length - 1) * 8);
  for (let port = 0; port < ports; port++) {
    if (((bitmap[port >> 3] ?? 0xff) >> (port & 7)) & 1) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === port - 1) last[1] = port;
    else ranges.push([port, port]);
  }
  return ranges;
}
