/** `info`: what the machine can tell of its processor and board. */
import { GPR_NAMES, SEGMENT_NAMES } from "../../emulator/machine/api.ts";
import { hex } from "../address.ts";
import { decodeGdt, decodeIdt, decodeIvt, describeSegment } from "../descriptors.ts";
import type { Descriptor } from "../descriptors.ts";
import { BIT_FIELDS, bitNames } from "../flags.ts";
import { mappedRanges } from "../mapped-ranges.ts";
import { CONTROL_NAMES, linearIp, linearSp, modeLabel, readRegister } from "../registers.ts";
import type { CpuState, Msr } from "../target.ts";
import type { Command, ConsoleServices } from "./command.ts";
import { e820 } from "./info-e820.ts";
import { device, pic } from "./info-devices.ts";
import { mtrr } from "./info-mtrr.ts";
import { tlb } from "./info-tlb.ts";

interface Topic {
  summary: string;
  /** What may stand behind it. */
  usage?: string;
  show(rest: string, services: ConsoleServices): Promise<string>;
}

const LONG_ACTIVE = 0x400n;
/** A full GDT or IDT. */
const TABLE_MAX = 65536;

const TOPICS: Readonly<Record<string, Topic>> = {
  registers: {
    summary: "general and segment registers, flags",
    show: async (_, { target }) => registers(await target.cpu()),
  },
  cr: { summary: "control registers, bit by bit", show: async (_, { target }) => controls(await target.cpu()) },
  gdt: { summary: "global descriptor table", show: (_, services) => gdt(services) },
  idt: { summary: "interrupt descriptor table", show: (_, services) => idt(services) },
  ivt: { summary: "real-mode interrupt vectors", show: (_, services) => ivt(services) },
  mem: {
    summary: "ranges of linear memory that are mapped, and their rights",
    show: (_, { target }) => mappedRanges(target),
  },
  tlb: { summary: "pages that are mapped, from an address on (0 unless given)", usage: "[ADDRESS]", show: tlb },
  msr: { summary: "model specific registers", show: msrs },
  mtrr: { summary: "memory types by physical address", show: mtrr },
  e820: {
    summary: "the memory map handed to the kernel (found in memory, or in the boot_params at ADDRESS)",
    usage: "[ADDRESS]",
    show: e820,
  },
  pic: { summary: "the two 8259 interrupt controllers", show: pic },
  device: { summary: "the state of a device; without a name, their names", usage: "[NAME]", show: device },
  breakpoints: {
    summary: "what the client has set, and how often it was hit",
    show: (_, services) => breakpoints(services),
  },
};

const NAMES = Object.keys(TOPICS);

export const INFO: Command = {
  name: "info",
  usage: "info TOPIC",
  summary: `show ${NAMES.join(", ")}`,
  details: Object.entries(TOPICS)
    .map(
      ([name, { usage, summary }]) =>
        `${`info ${name}${usage === undefined ? "" : ` ${usage}`}`.padEnd(22)} ${summary}`,
    )
    .join("\n"),
  words: NAMES,
  async run(_format, rest, services) {
    const [, name = "", argument = ""] = /^(\S*)\s*(.*)$/s.exec(rest) ?? [];
    const topic = Object.hasOwn(TOPICS, name) ? TOPICS[name] : undefined;
    if (topic === undefined) {
      throw new Error(`One of ${NAMES.join(", ")} was expected behind "info"${name === "" ? "" : `, not "${name}"`}.`);
    }
    if (argument !== "" && topic.usage === undefined) {
      throw new Error(`Nothing was expected behind "info ${name}", but "${argument}" stands there.`);
    }
    return topic.show(argument, services);
  },
};

function registers(cpu: CpuState): string {
  const general = GPR_NAMES.map((name, index) => `${name.padEnd(4)}${hex(cpu.gpr[index] ?? 0n, 16)}`);
  const rows = Array.from({ length: GPR_NAMES.length / 4 }, (_, row) => general.slice(row * 4, row * 4 + 4).join("  "));
  return [
    ...rows,
    `rip ${hex(cpu.rip, 16)}  next instruction at lin:${hex(linearIp(cpu))}, top of stack at lin:${hex(linearSp(cpu))}`,
    `rflags ${hex(cpu.rflags, 8)} ${bitNames(cpu.rflags, BIT_FIELDS["rflags"] ?? [])}`,
    ...SEGMENT_NAMES.map((name) => `${name.padEnd(4)} ${describeSegment(cpu.segments[name])}`),
    `gdtr base ${hex(cpu.gdtr.base)} limit ${hex(cpu.gdtr.limit)}`,
    `idtr base ${hex(cpu.idtr.base)} limit ${hex(cpu.idtr.limit)}`,
    `${modeLabel(cpu.mode)}, CPL ${cpu.cpl}${cpu.halted ? ", halted" : ""}, ${cpu.icount} instructions retired`,
  ].join("\n");
}

const controls = (cpu: CpuState): string =>
  CONTROL_NAMES.map((name) => {
    const value = readRegister(cpu, name) ?? 0n;
    return `${name.padEnd(4)} ${hex(value, 16)} ${bitNames(value, BIT_FIELDS[name] ?? [])}`.trimEnd();
  }).join("\n");

function list(title: string, entries: readonly Descriptor[]): string {
  if (entries.length === 0) return `${title}\nAll entries are empty.`;
  return [title, ...entries.map(({ name, text }) => `${name.padStart(9)}  ${text}`)].join("\n");
}

async function table(
  { target }: ConsoleServices,
  which: "gdtr" | "idtr",
): Promise<{ cpu: CpuState; bytes: Uint8Array; title: string }> {
  const cpu = await target.cpu();
  const { base, limit } = cpu[which];
  const bytes = await target.readMemory("lin", base, Math.min(TABLE_MAX, limit + 1));
  if (bytes.length === 0)
    throw new Error(`${which.toUpperCase()} points at lin:${hex(base)}, where there is no memory.`);
  return { cpu, bytes, title: `base lin:${hex(base)} limit ${hex(limit)}` };
}

async function gdt(services: ConsoleServices): Promise<string> {
  const { cpu, bytes, title } = await table(services, "gdtr");
  return list(title, decodeGdt(bytes, (cpu.efer & LONG_ACTIVE) !== 0n));
}

async function idt(services: ConsoleServices): Promise<string> {
  const { cpu, bytes, title } = await table(services, "idtr");
  if ((cpu.cr0 & 1n) === 0n) throw new Error('The processor is in real mode: "info ivt" shows its interrupt vectors.');
  return list(title, decodeIdt(bytes, (cpu.efer & LONG_ACTIVE) !== 0n));
}

/** Neighbours with the same text (as the many vectors that firmware does not use) are one line. */
function inRuns(entries: readonly Descriptor[]): Descriptor[] {
  const runs: (Descriptor & { last: number })[] = [];
  for (const { name, text } of entries) {
    const [run, number] = [runs.at(-1), Number(name)];
    if (run?.text === text && run.last + 1 === number) run.last = number;
    else runs.push({ name, text, last: number });
  }
  return runs.map(({ name, text, last }) => ({ name: Number(name) === last ? name : `${name}-${hex(last, 2)}`, text }));
}

/** In real mode where IDTR says; else where it lies for the BIOS, which is physical 0. */
async function ivt({ target }: ConsoleServices): Promise<string> {
  const cpu = await target.cpu();
  const real = (cpu.cr0 & 1n) === 0n;
  const base = real ? cpu.idtr.base : 0n;
  const bytes = await target.readMemory("phys", base, Math.min(1024, real ? cpu.idtr.limit + 1 : 1024));
  return list(`at phys:${hex(base)}`, inRuns(decodeIvt(bytes)));
}

async function msrs(_: string, { target }: ConsoleServices): Promise<string> {
  const line = ({ index, name, value }: Msr): string => `${hex(index, 8)}  ${name.padEnd(20)} ${hex(value, 16)}`;
  return (await target.msrs()).map(line).join("\n");
}

function breakpoints(services: ConsoleServices): Promise<string> {
  const lines = services.breakpoints();
  return Promise.resolve(lines.length === 0 ? "No breakpoints are set." : lines.join("\n"));
}
