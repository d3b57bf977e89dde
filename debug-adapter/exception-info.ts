/** The exceptionInfo request: what the machine has stopped at, and the state in which it did. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { GPR_NAMES, SEGMENT_NAMES } from "../emulator/machine/api.ts";
import { describe, hex, lin } from "./address.ts";
import { instructionAt } from "./disassembly.ts";
import { exceptionName } from "./exceptions.ts";
import { codeBits, linearIp, modeLabel } from "./registers.ts";
import type { StopDescription } from "./stops.ts";
import type { CpuState, StopResult, Target } from "./target.ts";

type Info = DebugProtocol.ExceptionInfoResponse["body"];
type InfoTarget = Pick<Target, "cpu" | "readMemory" | "walk">;

const DOUBLE_FAULT = 8;
const CR0_PE = 1n;
const EFER_LMA = 0x400n;

/** Throws when the stop is no exception, nor what a filter of exceptions was for. */
export async function exceptionInfo(stop: StopResult, description: StopDescription, target: InfoTarget): Promise<Info> {
  const isException = description.reason === "exception";
  if (!isException && stop.reason !== "catch") throw new Error("The machine did not stop on an exception.");
  const vector = stop.reason === "catch" && stop.caught.kind === "exception" ? (stop.caught.vector ?? 0) : undefined;
  const name = vector === undefined ? (description.name ?? description.description) : exceptionName(vector);
  const text = description.text ?? description.description;
  // A machine that failed cannot be asked any more.
  const cpu = await target.cpu().catch(() => undefined);
  return {
    exceptionId: vector === undefined ? name : (name.split(" ")[0] ?? name),
    description: text,
    breakMode: "always",
    details: {
      message: text,
      typeName: name,
      ...(vector === undefined ? {} : { fullTypeName: `${name} (vector ${vector})` }),
      ...(cpu === undefined ? {} : { stackTrace: await stateText(cpu, target) }),
    },
  };
}

/** Instructions for which there is one filter, which are told apart by their code. */
const SYSTEM_CALL = /^(syscall|sysenter)$/;

/** What an instruction is called at which the machine has stopped: as the filter for it, unless that stands for several. */
export async function instructionName(label: string | undefined, target: InfoTarget): Promise<string | undefined> {
  const cpu = await target.cpu();
  const one = await instructionAt(lin(linearIp(cpu)), codeBits(cpu.mode), (...where) => target.readMemory(...where));
  return SYSTEM_CALL.exec(one?.text ?? "")?.[1]?.toUpperCase() ?? label;
}

/** What led to a triple fault, as far as it can still be seen. */
export async function tripleFaultText(detail: string, target: InfoTarget): Promise<string> {
  const cpu = await target.cpu();
  const at = lin(linearIp(cpu));
  const one = await instructionAt(at, codeBits(cpu.mode), (...where) => target.readMemory(...where));
  const code = one === undefined ? "" : ` (${one.text})`;
  const why = await whyUndelivered(cpu, DOUBLE_FAULT, target);
  return `${detail}, at ${describe(at)}${code}${why === undefined ? "" : `; ${why}`}`;
}

/** Why an exception cannot be delivered, where the interrupt table says so (SDM vol. 3, 6.10 to 6.14). */
async function whyUndelivered(cpu: CpuState, vector: number, target: InfoTarget): Promise<string | undefined> {
  const { base, limit } = cpu.idtr;
  const isLong = (cpu.efer & EFER_LMA) !== 0n;
  const bytes = isLong ? 16 : (cpu.cr0 & CR0_PE) !== 0n ? 8 : 4;
  const name = exceptionName(vector).split(" ")[0] ?? "";
  const table = `the interrupt table at ${describe(lin(base))}, limit ${hex(limit)},`;
  if (vector * bytes + bytes - 1 > limit) return `${table} has no entry for ${name}`;
  const at = lin(base + BigInt(vector * bytes));
  const entry = await target.readMemory("lin", at.address, bytes);
  if (entry.length < bytes) return `the entry for ${name} at ${describe(at)} is not mapped`;
  if (bytes === 4) return undefined;
  const type = entry[5] ?? 0;
  if (entry.every((byte) => byte === 0)) return `${table} has an empty entry for ${name}`;
  if ((type & 0x80) === 0) return `the entry for ${name} at ${describe(at)} is not present`;
  const selector = (entry[2] ?? 0) | ((entry[3] ?? 0) << 8);
  if ((selector & 0xfffc) === 0) return `the entry for ${name} at ${describe(at)} has no code segment`;
  if ((selector & 4) === 0 && (selector | 7) > cpu.gdtr.limit) {
    return `the entry for ${name} at ${describe(at)} leads to selector ${hex(selector)}, which the GDT does not have`;
  }
  return undefined;
}

/** The processor's state as lines of text. */
async function stateText(cpu: CpuState, target: InfoTarget): Promise<string> {
  const at = lin(linearIp(cpu));
  const one = await instructionAt(at, codeBits(cpu.mode), (...where) => target.readMemory(...where));
  const digits = cpu.mode === "long" ? 16 : 8;
  const row = (list: readonly (readonly [string, bigint])[]): string =>
    list.map(([name, value]) => `${name}=${value.toString(16).padStart(digits, "0")}`).join(" ");
  const general = GPR_NAMES.slice(0, cpu.mode === "long" ? 16 : 8).map((name, index): [string, bigint] => [
    name,
    cpu.gpr[index] ?? 0n,
  ]);
  const rows = Array.from({ length: Math.ceil(general.length / 4) }, (_, n) => row(general.slice(n * 4, n * 4 + 4)));
  const segments = SEGMENT_NAMES.map((name) => `${name}=${cpu.segments[name].selector.toString(16).padStart(4, "0")}`);
  const table = ({ base, limit }: { base: bigint; limit: number }): string => `base ${hex(base)} limit ${hex(limit)}`;
  return [
    `${modeLabel(cpu.mode)}, ring ${cpu.cpl}, instruction ${cpu.icount}`,
    `${describe(at)}${one === undefined ? "" : ` ${one.text}`}`,
    ...rows,
    row([
      ["rip", cpu.rip],
      ["rflags", cpu.rflags],
    ]),
    segments.join(" "),
    row([
      ["cr0", cpu.cr0],
      ["cr2", cpu.cr2],
      ["cr3", cpu.cr3],
      ["cr4", cpu.cr4],
      ["efer", cpu.efer],
    ]),
    `gdtr ${table(cpu.gdtr)}, idtr ${table(cpu.idtr)}`,
  ].join("\n");
}
