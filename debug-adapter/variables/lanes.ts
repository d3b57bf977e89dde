/** Vector registers in every lane format. */
import { bytesOf, little } from "./tree.ts";
import type { Group, Item, Machine } from "./tree.ts";
import { hex } from "../address.ts";

export interface Vector {
  /** 8 (MMX) or 16 (XMM). */
  bytes: number;
  read(machine: Machine): Promise<Uint8Array>;
  write(bytes: Uint8Array, machine: Machine): Promise<void>;
  /** Expression of an integer lane, where there is one. */
  expression?: (format: string, lane: number) => string;
}

interface Format {
  name: string;
  bytes: 1 | 2 | 4 | 8;
  kind: "unsigned" | "signed" | "float";
}

const FORMATS: readonly Format[] = [
  ...([1, 2, 4, 8] as const).flatMap((bytes): Format[] => [
    { name: `u${bytes * 8}`, bytes, kind: "unsigned" },
    { name: `i${bytes * 8}`, bytes, kind: "signed" },
  ]),
  { name: "f32", bytes: 4, kind: "float" },
  { name: "f64", bytes: 8, kind: "float" },
];

const KINDS = { unsigned: "unsigned integers", signed: "signed integers", float: "floating point" } as const;

/** Unsigned lanes are shown in hexadecimal, signed ones and floating point in decimal; those too when all is to be hexadecimal. */
function laneText(bytes: Uint8Array, { kind, bytes: size }: Format, asHex: boolean): string {
  const pattern = little(bytes);
  if (kind === "unsigned" || asHex) return hex(pattern, size * 2);
  if (kind === "signed") return `${BigInt.asIntN(size * 8, pattern)}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const number = size === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
  return Object.is(number, -0) ? "-0" : Number.isFinite(number) || Number.isNaN(number) ? `${number}` : number < 0 ? "-∞" : "∞"; // prettier-ignore
}

async function laneBytes(text: string, { kind, bytes }: Format, name: string, machine: Machine): Promise<Uint8Array> {
  if (kind !== "float") return bytesOf(await machine.number(text, bytes * 8, name), bytes);
  const typed = text.trim();
  if (/^0x/i.test(typed)) return bytesOf(await machine.number(typed, bytes * 8, name), bytes);
  const plain = typed.replace(/^([+-]?)(∞|inf)$/i, "$1Infinity");
  const number = Number(plain);
  if (plain === "" || (Number.isNaN(number) && !/^nan$/i.test(plain))) {
    throw new Error(`"${text}" is no value for ${name}: a decimal number, inf, NaN, or 0x and digits were expected.`);
  }
  const result = new Uint8Array(bytes);
  const view = new DataView(result.buffer);
  if (bytes === 4) view.setFloat32(0, number, true);
  else view.setFloat64(0, number, true);
  return result;
}

/** One item for each format, with its lanes in it; lane 0 is the lowest. */
export function laneGroups(register: string, vector: Vector): Group {
  return {
    id: `lanes:${register}`,
    named: async (machine) => {
      const whole = await vector.read(machine);
      return FORMATS.filter(({ bytes }) => bytes <= vector.bytes).map((format): Item => {
        const count = vector.bytes / format.bytes;
        return {
          name: format.name,
          value: lanesOf(whole, format)
            .map((lane) => laneText(lane, format, machine.format.hex))
            .join(" "),
          type: `${count} ${KINDS[format.kind]} of ${format.bytes * 8} bits, the lowest first`,
          group: { id: `lanes:${register}.${format.name}`, named: (to) => laneItems(register, vector, format, to) },
          fixed: "it is several lanes, which can be changed one by one",
        };
      });
    },
  };
}

const lanesOf = (whole: Uint8Array, { bytes }: Format): Uint8Array[] =>
  Array.from({ length: whole.length / bytes }, (_, lane) => whole.slice(lane * bytes, (lane + 1) * bytes));

async function laneItems(register: string, vector: Vector, format: Format, machine: Machine): Promise<Item[]> {
  const whole = await vector.read(machine);
  return lanesOf(whole, format).map((bytes, lane): Item => {
    const name = `${register}.${format.name}[${lane}]`;
    const item: Item = {
      name: `[${lane}]`,
      value: laneText(bytes, format, machine.format.hex),
      type: `bits ${lane * format.bytes * 8} to ${(lane + 1) * format.bytes * 8 - 1}`,
      write: async (text, to) => {
        const now = await vector.read(to);
        now.set(await laneBytes(text, format, name, to), lane * format.bytes);
        await vector.write(now, to);
      },
    };
    if (format.kind !== "float" && vector.expression !== undefined) {
      item.evaluateName = vector.expression(format.name, lane);
    }
    return item;
  });
}
