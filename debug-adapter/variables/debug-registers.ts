/** The guest's own debug registers (Intel SDM vol. 3, 18.2). */
import type { CpuState } from "../../emulator/machine/api.ts";
import { DR_NAMES } from "../../emulator/machine/inspect-registers.ts";
import { hex } from "../address.ts";
import { BIT_FIELDS, bitNames } from "../flags.ts";
import { codeBits, readRegister } from "../registers.ts";
import { registerFields } from "./bits.ts";
import { memoryAt } from "./tree.ts";
import type { Group, Item } from "./tree.ts";

export const isDebug = (name: string): boolean => (DR_NAMES as readonly string[]).includes(name);

export const DEBUG: Group = {
  id: "debug",
  named: async (machine) => {
    const cpu = await machine.cpu();
    return DR_NAMES.map((name) => debugItem(cpu, name));
  },
};

export function debugItem(cpu: CpuState, name: string): Item {
  const value = readRegister(cpu, name) ?? 0n;
  const number = hex(value, codeBits(cpu.mode) === 64 || value >> 32n !== 0n ? 16 : 8);
  const index = Number(name.slice(2));
  const isAddress = index < 4;
  const words = isAddress ? condition(readRegister(cpu, "dr7") ?? 0n, index) : bitNames(value, BIT_FIELDS[name] ?? []);
  const item: Item = {
    name,
    value: `${number} ${words}`.trimEnd(),
    type: isAddress ? `linear address of breakpoint ${index}` : index === 6 ? "what was met" : "what is waited for",
    evaluateName: name,
    write: async (text, machine) => machine.writeRegister(name, await machine.number(text, 64, name)),
  };
  if (isAddress) item.memoryReference = memoryAt("lin", value);
  else item.group = { id: `bits:${name}`, named: (machine) => registerFields(name, machine) };
  return item;
}

const KINDS = ["execution", "write", "I/O", "read or write"] as const;
const BYTES = [1, 2, 8, 4] as const;

/** What a breakpoint waits for; nothing when it is off. */
function condition(dr7: bigint, index: number): string {
  const of = (bit: number, mask: number): number => Number(dr7 >> BigInt(bit)) & mask;
  const on = of(2 * index, 3);
  if (on === 0) return "";
  const kind = of(16 + 4 * index, 3);
  const bytes = BYTES[of(18 + 4 * index, 3)] ?? 1;
  const scope = on & 2 ? "global" : "local";
  return `${KINDS[kind] ?? ""}${kind === 0 ? "" : ` of ${bytes} byte${bytes === 1 ? "" : "s"}`}, ${scope}`;
}
