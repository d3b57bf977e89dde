/** The x87: stack, control, status and tag words, and the MMX registers that lie in the same place. */
import type { CpuState } from "../../emulator/machine/api.ts";
import { hex } from "../address.ts";
import { BIT_FIELDS, bitNames } from "../flags.ts";
import { codeBits } from "../registers.ts";
import { registerFields } from "./bits.ts";
import { classOf, decimalOf, parseFloat80 } from "./float80.ts";
import type { Float80 } from "./float80.ts";
import { laneGroups } from "./lanes.ts";
import { bytesOf, little, memoryAt, told } from "./tree.ts";
import type { Group, Item, Machine } from "./tree.ts";

const REGISTERS = [0, 1, 2, 3, 4, 5, 6, 7] as const;

export const FPU: Group = {
  id: "fpu",
  named: async (machine) => {
    const cpu = await machine.cpu();
    return [
      ...REGISTERS.map((index) => stackItem(cpu, index, machine.format.hex)),
      wordItem(cpu, "cw", "control word"),
      wordItem(cpu, "sw", "status word"),
      {
        name: "tag",
        value: hex(cpu.fpu.tag, 2),
        type: "one bit a register in use, by physical numbers",
        evaluateName: "fpu.tag",
        group: { id: "fpu:tag", named: tagItems },
        write: async (text, to) => to.writeRegister("fpu.tag", await to.number(text, 8, "tag")),
      },
      {
        name: "opcode",
        value: hex(cpu.fpu.opcode, 4),
        type: "last instruction",
        evaluateName: "fpu.opcode",
        fixed: "the x87 notes it by itself",
      },
      pointerItem(cpu, "ip", "address of the last instruction"),
      pointerItem(cpu, "dp", "address of the last operand"),
      ...REGISTERS.map((index) => mmxItem(cpu, index)),
    ];
  },
};

const pointerItem = (cpu: CpuState, name: "ip" | "dp", type: string): Item => ({
  name,
  value: hex(cpu.fpu[name]),
  type,
  evaluateName: `fpu.${name}`,
  ...(codeBits(cpu.mode) === 64 ? { memoryReference: memoryAt("lin", cpu.fpu[name]) } : {}),
  fixed: "the x87 notes it by itself",
});

const topOf = ({ fpu }: CpuState): number => (fpu.sw >> 11) & 7;
const isInUse = (cpu: CpuState, index: number): boolean => ((cpu.fpu.tag >> ((topOf(cpu) + index) & 7)) & 1) !== 0;

const rawText = ({ signExponent, mantissa }: Float80): string =>
  `0x${signExponent.toString(16).padStart(4, "0")}${mantissa.toString(16).padStart(16, "0")}`;

export function stackItem(cpu: CpuState, index: number, asHex: boolean): Item {
  const name = `st${index}`;
  const number = cpu.fpu.st[index] ?? { signExponent: 0, mantissa: 0n };
  const text = asHex ? rawText(number) : decimalOf(number);
  return {
    name,
    value: isInUse(cpu, index) ? text : `${text} (empty)`,
    type: "80-bit floating point",
    evaluateName: name,
    group: { id: `fpu:${name}`, named: (machine) => partItems(index, machine) },
    write: async (typed, machine) => writeStack(index, readFloat(typed, name), machine),
  };
}

/** A decimal number, or the 80 bits in hexadecimal. */
function readFloat(text: string, name: string): Float80 {
  const typed = text.trim().replace(/ \(empty\)$/, "");
  if (/^0x[0-9a-f]{1,20}$/i.test(typed)) {
    const bits = BigInt(typed);
    return { signExponent: Number(bits >> 64n), mantissa: BigInt.asUintN(64, bits) };
  }
  const number = parseFloat80(typed);
  if (number !== undefined) return number;
  throw new Error(
    `"${typed}" is no value for ${name}: a decimal number ("-1.5e3"), inf, NaN, or 0x and up to 20 hexadecimal digits were expected.`,
  );
}

/** A register that is written is in use. */
async function writeStack(index: number, { signExponent, mantissa }: Float80, machine: Machine): Promise<void> {
  await machine.writeRegister(`st${index}.mantissa`, mantissa);
  await machine.writeRegister(`st${index}.exponent`, BigInt(signExponent));
  const cpu = await machine.cpu();
  await machine.writeRegister("fpu.tag", BigInt(cpu.fpu.tag | (1 << ((topOf(cpu) + index) & 7))));
}

async function partItems(index: number, machine: Machine): Promise<Item[]> {
  const cpu = await machine.cpu();
  const number = cpu.fpu.st[index] ?? { signExponent: 0, mantissa: 0n };
  const exponent = number.signExponent & 0x7fff;
  const write =
    (part: "mantissa" | "exponent", bits: number): NonNullable<Item["write"]> =>
    async (text, to) =>
      to.writeRegister(`st${index}.${part}`, await to.number(text, bits, `st${index}.${part}`));
  return [
    {
      name: "raw",
      value: rawText(number),
      type: "all 80 bits",
      write: async (text, to) => writeStack(index, readFloat(text, `st${index}`), to),
    },
    {
      name: "mantissa",
      value: hex(number.mantissa, 16),
      type: "significand; bit 63 is the integer bit",
      evaluateName: `st${index}.mantissa`,
      write: write("mantissa", 64),
    },
    {
      name: "exponent",
      value: hex(number.signExponent, 4),
      type: `sign ${number.signExponent >> 15}, 2^${exponent - 16383}`,
      evaluateName: `st${index}.exponent`,
      write: write("exponent", 16),
    },
    told("class", classOf(number), "it follows from the bits"),
    told("tag", isInUse(cpu, index) ? "in use" : "empty", "the tag word has it"),
  ];
}

export const wordItem = (cpu: CpuState, name: "cw" | "sw", type: string): Item => ({
  name,
  value: `${hex(cpu.fpu[name], 4)} ${bitNames(BigInt(cpu.fpu[name]), BIT_FIELDS[`fpu.${name}`] ?? [])}`.trimEnd(),
  type,
  evaluateName: `fpu.${name}`,
  group: { id: `bits:fpu.${name}`, named: (machine) => registerFields(`fpu.${name}`, machine) },
  write: async (text, machine) => machine.writeRegister(`fpu.${name}`, await machine.number(text, 16, name)),
});

/** The tag word as FSTENV stores it: what is in each register, by physical numbers (SDM vol. 1, 8.1.7). */
async function tagItems(machine: Machine): Promise<Item[]> {
  const cpu = await machine.cpu();
  return REGISTERS.map((physical) => {
    const number = cpu.fpu.st[(physical - topOf(cpu)) & 7] ?? { signExponent: 0, mantissa: 0n };
    const kind = classOf(number);
    const content = kind === "zero" ? "1 zero" : kind === "normal" ? "0 valid" : "2 special";
    const inUse = ((cpu.fpu.tag >> physical) & 1) !== 0;
    return {
      name: `TAG${physical}`,
      value: inUse ? content : "3 empty",
      type: `st${(physical - topOf(cpu)) & 7} at present`,
      fixed: "the content of the register decides, and the bit in the tag whether it is in use",
    };
  });
}

/** MM registers are the significands by physical numbers (SDM vol. 1, 9.2.1). */
export function mmxItem(cpu: CpuState, physical: number): Item {
  const name = `mm${physical}`;
  const place = (state: CpuState): number => (physical - topOf(state)) & 7;
  const content = (state: CpuState): Uint8Array => bytesOf(state.fpu.st[place(state)]?.mantissa ?? 0n, 8);
  const write = async (bytes: Uint8Array, machine: Machine): Promise<void> =>
    machine.writeRegister(`st${place(await machine.cpu())}.mantissa`, little(bytes));
  return {
    name,
    value: hex(little(content(cpu)), 16),
    type: "MMX register",
    evaluateName: name,
    group: laneGroups(name, { bytes: 8, read: async (machine) => content(await machine.cpu()), write }),
    write: async (text, machine) => write(bytesOf(await machine.number(text, 64, name), 8), machine),
  };
}
