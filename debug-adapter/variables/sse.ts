/** XMM registers and MXCSR. */
import type { CpuState } from "../../emulator/machine/api.ts";
import { hex } from "../address.ts";
import { BIT_FIELDS, bitNames } from "../flags.ts";
import { registerFields } from "./bits.ts";
import { wideNumber } from "./descriptor-fields.ts";
import { laneGroups } from "./lanes.ts";
import { bytesOf, little } from "./tree.ts";
import type { Group, Item, Machine } from "./tree.ts";

export const SSE: Group = {
  id: "sse",
  named: async (machine) => {
    const cpu = await machine.cpu();
    return [mxcsrItem(cpu), ...cpu.xmm.map((_, index) => xmmItem(cpu, index))];
  },
};

export const mxcsrItem = (cpu: CpuState): Item => ({
  name: "mxcsr",
  value: `${hex(cpu.mxcsr, 8)} ${bitNames(BigInt(cpu.mxcsr), BIT_FIELDS["mxcsr"] ?? [])}`.trimEnd(),
  type: "control and status of SSE",
  evaluateName: "mxcsr",
  group: { id: "bits:mxcsr", named: (machine) => registerFields("mxcsr", machine) },
  write: async (text, machine) => machine.writeRegister("mxcsr", await machine.number(text, 32, "mxcsr")),
});

export function xmmItem(cpu: CpuState, index: number): Item {
  const name = `xmm${index}`;
  const content = (state: CpuState): Uint8Array => Uint8Array.from(state.xmm[index] ?? new Uint8Array(16));
  const write = async (bytes: Uint8Array, machine: Machine): Promise<void> => {
    await machine.writeRegister(`${name}.low`, little(bytes.subarray(0, 8)));
    await machine.writeRegister(`${name}.high`, little(bytes.subarray(8)));
  };
  return {
    name,
    value: hex(little(content(cpu)), 32),
    type: "SSE register",
    evaluateName: name,
    group: laneGroups(name, {
      bytes: 16,
      read: async (machine) => content(await machine.cpu()),
      write,
      expression: (format, lane) => `${name}.${format}[${lane}]`,
    }),
    write: (text, machine) => write(bytesOf(wideNumber(text), 16), machine),
  };
}
