/** gdb's `monitor` commands: what gdb has no words for, and all commands of the debug console. */
import { hex } from "../address.ts";
import { linearIp, linearSp, modeLabel } from "../registers.ts";
import type { CpuState } from "../target.ts";
import type { GdbHost } from "./host.ts";
import { fromHex } from "./packets.ts";

/** Bytes that one command may show or write. */
const MAX_BYTES = 4096;
const PER_LINE = 16;

const HELP = `monitor phys read ADDRESS BYTES   guest physical memory
monitor phys write ADDRESS HEX    bytes as hexadecimal digits: 90eb
monitor where                     mode, cs:ip and stack, and their linear addresses
monitor icount                    instructions retired since power-on
monitor reset                     power off and on again
Anything else goes to the debug console:
monitor info registers            all of the processor; info cr, gdt, idt, msr, pic, e820 … as well
monitor info mem                  what is mapped where, with which rights
monitor phases                    phases of the boot reached so far
monitor x/8i cs:rip               disassembly in the mode that runs (gdb's own x/i takes all code for 64-bit code)
monitor walk ADDRESS              page table walk
monitor help console              its other commands
Physical memory for gdb's own x and print: maint packet Qqemu.PhyMemMode:1, and :0 for linear memory again.`;

type Command = (host: GdbHost, words: readonly string[]) => Promise<string> | string;

const COMMANDS: readonly (readonly [RegExp, Command])[] = [
  [/^(help)?$/, () => HELP],
  [/^help console$/, (host) => host.console("help")],
  [/^phys read (\S+) (\S+)$/, (host, [, address = "", length = ""]) => physRead(host, address, length)],
  [/^phys write (\S+) (\S+)$/, (host, [, address = "", bytes = ""]) => physWrite(host, address, bytes)],
  [/^phys\b/, () => 'Expected "phys read ADDRESS BYTES" or "phys write ADDRESS HEX".'],
  [/^where$/, async ({ target }) => whereText(await target.cpu())],
  [/^icount$/, async ({ target }) => `${(await target.cpu()).icount}`],
  [/^phase$/, (host) => host.console("phases")],
  [/^(system_)?reset$/, reset],
];

/** Rejects with one sentence. */
export async function runMonitor(host: GdbHost, text: string): Promise<string> {
  const words = text.replaceAll(/\s+/g, " ");
  for (const [pattern, command] of COMMANDS) {
    const match = pattern.exec(words);
    if (match !== null) return command(host, match);
  }
  return host.console(text);
}

async function physRead({ target }: GdbHost, address: string, length: string): Promise<string> {
  const start = numberOf(address, "address");
  const wanted = Number(numberOf(length, "number of bytes"));
  if (wanted < 1 || wanted > MAX_BYTES) throw new Error(`1 to ${MAX_BYTES} bytes can be shown, not ${wanted}.`);
  const bytes = await target.readMemory("phys", start, wanted);
  const lines = [];
  for (let at = 0; at < bytes.length; at += PER_LINE) {
    const part = Buffer.from(bytes.subarray(at, at + PER_LINE));
    const digits = part.toString("hex").replaceAll(/../g, "$& ");
    const shown = part.toString("latin1").replaceAll(/[^ -~]/g, ".");
    lines.push(`phys:${hex(start + BigInt(at))}  ${digits.padEnd(PER_LINE * 3)} ${shown}`);
  }
  if (bytes.length < wanted) lines.push(`There is no memory at phys:${hex(start + BigInt(bytes.length))}.`);
  return lines.join("\n");
}

async function physWrite(host: GdbHost, address: string, digits: string): Promise<string> {
  const start = numberOf(address, "address");
  const bytes = fromHex(digits);
  if (bytes === undefined || bytes.length === 0 || bytes.length > MAX_BYTES) {
    throw new Error(`1 to ${MAX_BYTES} bytes, each of two hexadecimal digits, were expected.`);
  }
  if (host.running) throw new Error("The machine is running.");
  const written = await host.target.writeMemory("phys", start, bytes);
  const rest = written === bytes.length ? "" : ` There is no RAM at phys:${hex(start + BigInt(written))}.`;
  return `${written} bytes written at phys:${hex(start)}.${rest}`;
}

function numberOf(text: string, what: string): bigint {
  const digits = text.replace(/^phys:/, "");
  if (!/^(0x[0-9a-f]{1,16}|[0-9]{1,19})$/i.test(digits)) {
    throw new Error(`"${text}" is no ${what}: a number such as 31744 or 0x7c00 was expected.`);
  }
  return BigInt(digits);
}

function whereText(cpu: CpuState): string {
  const { cs, ss } = cpu.segments;
  const code = `cs:ip ${hex(cs.selector, 4).slice(2)}:${hex(cpu.rip, 4).slice(2)} is lin:${hex(linearIp(cpu))}`;
  const stack = `ss:sp ${hex(ss.selector, 4).slice(2)}:${hex(cpu.gpr[4] ?? 0n, 4).slice(2)} is lin:${hex(linearSp(cpu))}`;
  return `${modeLabel(cpu.mode)}, ring ${cpu.cpl}, ${code}, ${stack}, instruction ${cpu.icount}`;
}

async function reset(host: GdbHost): Promise<string> {
  if (host.reset === undefined) return "The machine cannot be reset from here: start it anew.";
  await host.reset();
  return "The machine stands at its first instruction.";
}
