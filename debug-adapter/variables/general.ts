/** General registers with their narrower names, the instruction pointer, the flags, and what the processor is about. */
import { GPR_NAMES } from "../../emulator/machine/api.ts";
import type { CpuState } from "../../emulator/machine/api.ts";
import { hex } from "../address.ts";
import { BIT_FIELDS, bitNames } from "../flags.ts";
import {
  codeBits,
  linearIp,
  linearSp,
  modeLabel,
  partsOf,
  partOfRegister,
  readRegister,
  registerMemory,
} from "../registers.ts";
import { registerFields, writePart } from "./bits.ts";
import { counted, memoryAt, told } from "./tree.ts";
import type { Group, Item, Machine } from "./tree.ts";

const WHOLE = [...GPR_NAMES, "rip", "rflags"];

/** Registers that this tree has, by the names of expressions. */
export const isGeneral = (name: string): boolean => WHOLE.includes(name);

export const GENERAL: Group = {
  id: "general",
  named: async (machine) => {
    const cpu = await machine.cpu();
    return WHOLE.map((name) => generalItem(cpu, name));
  },
};

export const FLAGS: Group = { id: "bits:rflags", named: (machine) => registerFields("rflags", machine) };

const digitsOf = (cpu: CpuState, value: bigint): number => (codeBits(cpu.mode) === 64 || value >> 32n !== 0n ? 16 : 8);

export function generalItem(cpu: CpuState, name: string): Item {
  const value = readRegister(cpu, name) ?? 0n;
  const number = hex(value, name === "rflags" ? 8 : digitsOf(cpu, value));
  const item: Item = {
    name,
    value: name === "rflags" ? `${number} ${bitNames(value, BIT_FIELDS[name] ?? [])}`.trimEnd() : number,
    type: name === "rflags" ? "flags" : name === "rip" ? "instruction pointer" : "general register",
    evaluateName: name,
    group: name === "rflags" ? FLAGS : { id: `parts:${name}`, named: (machine) => partItems(name, machine) },
    write: writer(name),
  };
  if (name === "rip") item.memoryReference = memoryAt("lin", linearIp(cpu));
  else if (name !== "rflags") item.memoryReference = memoryAt("lin", registerMemory(cpu, name, value));
  return item;
}

const writer =
  (name: string) =>
  async (text: string, machine: Machine): Promise<void> => {
    const { register, shift, bits } = partOfRegister(name);
    await writePart({ name: register, shift, bits }, await machine.number(text, bits, name), machine);
  };

async function partItems(register: string, machine: Machine): Promise<Item[]> {
  const cpu = await machine.cpu();
  return partsOf(register).map(([name, { bits, shift }]) => ({
    name,
    value: hex(readRegister(cpu, name) ?? 0n, bits / 4),
    type: `bits ${shift} to ${shift + bits - 1} of ${register}`,
    evaluateName: name,
    write: writer(name),
  }));
}

const FOLLOWS = "it follows from other registers";
const COUNTS = "it only counts what the machine has done";

export const PROCESSOR: Group = {
  id: "processor",
  named: async (machine) => {
    const cpu = await machine.cpu();
    const { format } = machine;
    const [ip, sp] = [linearIp(cpu), linearSp(cpu)];
    return [
      told("mode", modeLabel(cpu.mode), `${FOLLOWS} (CR0, EFER, RFLAGS and CS)`),
      {
        ...told("cpl", counted(cpu.cpl, format), "it changes with CS and SS together", "current privilege level"),
        evaluateName: "$cpl",
      },
      {
        ...told("code", hex(ip), `${FOLLOWS} (CS and RIP)`, "linear address of the next instruction"),
        memoryReference: memoryAt("lin", ip),
      },
      {
        ...told("stack", hex(sp), `${FOLLOWS} (SS and RSP)`, "linear address of the top of the stack"),
        memoryReference: memoryAt("lin", sp),
      },
      told("halted", cpu.halted ? "yes" : "no", "HLT sets it and an interrupt ends it"),
      {
        ...told("icount", counted(cpu.icount, format), COUNTS, "instructions retired since power-on"),
        evaluateName: "$icount",
      },
      {
        ...told("time", `${counted(cpu.time, format)} ns`, COUNTS, "guest time since power-on"),
        evaluateName: "$time",
      },
    ];
  },
};
