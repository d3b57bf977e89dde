/** The registers as gdb shows them, and as the machine has them. */
import type { CpuState } from "../../emulator/machine/api.ts";
import type { Gdb } from "./gdb.ts";

const GENERAL = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");

/** Worked out from the machine's state alone. */
export function registersOf(cpu: CpuState): Record<string, bigint> {
  const values: Record<string, bigint> = {};
  GENERAL.forEach((name, index) => (values[name] = cpu.gpr[index] ?? -1n));
  for (const name of ["cs", "ss", "ds", "es", "fs", "gs"] as const) {
    values[name] = BigInt(cpu.segments[name].selector);
    values[`${name}_base`] = cpu.segments[name].base;
  }
  for (const name of ["cr0", "cr2", "cr3", "cr4", "cr8", "efer"] as const) values[name] = cpu[name];
  cpu.xmm.forEach((bytes, index) => {
    values[`xmm${index}.uint128`] = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
  });
  values["rip"] = cpu.mode === "long" ? cpu.rip : cpu.segments.cs.base + cpu.rip;
  values["ip_offset"] = cpu.rip;
  values["eflags"] = cpu.rflags;
  values["mxcsr"] = BigInt(cpu.mxcsr);
  values["fctrl"] = BigInt(cpu.fpu.cw);
  values["fstat"] = BigInt(cpu.fpu.sw);
  values["k_gs_base"] = cpu.msrs.find(({ index }) => index === 0xc0000102)?.value ?? -1n;
  return values;
}

/** The same registers, asked of gdb. */
export async function shownRegisters(gdb: Gdb, names: readonly string[]): Promise<Record<string, bigint>> {
  const text = await gdb.command(...names.flatMap((name) => [`echo ${name}=`, `output/x $${name}`, "echo \\n"]));
  return Object.fromEntries(
    [...text.matchAll(/^([a-z0-9_.]+)=0x([0-9a-f]+)$/gm)].map((match) => [match[1] ?? "", BigInt(`0x${match[2]}`)]),
  );
}
