/** Processor exceptions by name, and what was caught in words (Intel SDM vol. 3, chapter 6). */
import { ALL_MSRS } from "../emulator/machine/inspect-msrs.ts";
import { hex } from "./address.ts";
import type { Caught } from "./target.ts";

export interface ProcessorException {
  vector: number;
  /** "#PF" */
  mnemonic: string;
  /** "page fault" */
  name: string;
}

const exception = (vector: number, mnemonic: string, name: string): ProcessorException => ({ vector, mnemonic, name });

export const EXCEPTIONS: readonly ProcessorException[] = [
  exception(0, "#DE", "divide error"),
  exception(1, "#DB", "debug exception"),
  exception(3, "#BP", "breakpoint instruction"),
  exception(4, "#OF", "overflow"),
  exception(5, "#BR", "bound range exceeded"),
  exception(6, "#UD", "invalid opcode"),
  exception(7, "#NM", "no coprocessor available"),
  exception(8, "#DF", "double fault"),
  exception(10, "#TS", "invalid task segment"),
  exception(11, "#NP", "segment not present"),
  exception(12, "#SS", "stack fault"),
  exception(13, "#GP", "general protection"),
  exception(14, "#PF", "page fault"),
  exception(16, "#MF", "x87 floating-point error"),
  exception(17, "#AC", "alignment check"),
  exception(19, "#XM", "SIMD floating-point error"),
];

const PAGE_FAULT = 14;
/** INT1, INT3 and INTO raise these on purpose. */
export const BY_INSTRUCTION: ReadonlySet<number> = new Set([1, 3, 4]);
/** In protected mode these come with an error code (SDM vol. 3, table 6-1). */
const WITH_ERROR: ReadonlySet<number> = new Set([8, 10, 11, 12, 13, 14, 17]);

export const hasErrorCode = (vector: number): boolean => WITH_ERROR.has(vector);

/** Those whose error code is a selector. */
const SELECTOR_ERRORS: ReadonlySet<number> = new Set([10, 11, 12, 13]);

/** "#PF page fault"; "vector 9" for one that has no name here. */
export function exceptionName(vector: number): string {
  const known = EXCEPTIONS.find((one) => one.vector === vector);
  return known === undefined ? `exception ${vector}` : `${known.mnemonic} ${known.name}`;
}

/** What was caught: its name, and one sentence about it. */
export interface CaughtText {
  name: string;
  text: string;
}

/** @param instruction what is caught when it is a single instruction: "HLT" */
export function caughtText(caught: Caught, instruction = "Instruction"): CaughtText {
  const at = `at ${hex(caught.at)}`;
  const vector = hex(caught.vector ?? 0, 2);
  switch (caught.kind) {
    case "exception": {
      const name = exceptionName(caught.vector ?? 0);
      return { name, text: `${name} ${at}${exceptionDetail(caught)}` };
    }
    case "interrupt": {
      const name = caught.vector === 2 ? "NMI" : `Hardware interrupt ${vector}`;
      return { name, text: `${name} ${at}: the handler's first instruction is next` };
    }
    case "softwareInterrupt":
      return named(softwareInterruptName(caught.vector ?? 0), at);
    case "instruction":
      return named(instruction, at);
    case "port":
      return portText(caught, at);
    case "msr":
    case "control":
    case "register":
      return registerText(caught, at);
  }
}

/** "INT 0x80"; "INT 0x03 (#BP breakpoint instruction)" for those that instructions of their own raise, too. */
function softwareInterruptName(vector: number): string {
  const raised = BY_INSTRUCTION.has(vector) ? ` (${exceptionName(vector)})` : "";
  return `INT ${hex(vector, 2)}${raised}`;
}

const named = (name: string, at: string): CaughtText => ({ name, text: `${name} ${at}` });

function exceptionDetail({ vector = 0, error, address }: Caught): string {
  if (error === undefined) return "";
  const code = `(error ${hex(error)})`;
  if (vector === PAGE_FAULT) return `: ${pageFault(error, address ?? 0n)} ${code}`;
  if (!SELECTOR_ERRORS.has(vector) || error === 0) return ` ${code}`;
  return `: ${selector(error)} ${code}`;
}

/** Error code of a page fault (SDM vol. 3, 4.7). */
function pageFault(error: number, address: bigint): string {
  const access = error & 0x10 ? "instruction fetch from" : error & 2 ? "write to" : "read of";
  const by = error & 4 ? " by user code" : "";
  const why = !(error & 1)
    ? "not present"
    : error & 8
      ? "a reserved bit is set in a page table entry"
      : error & 0x20
        ? "not allowed by its protection key"
        : "not allowed by the page's rights";
  return `${access} ${hex(address)}${by}, ${why}`;
}

/** Error code that names a descriptor (SDM vol. 3, 6.13). */
function selector(error: number): string {
  const from = error & 1 ? " while an event was being delivered" : "";
  if (error & 2) return `IDT entry ${hex(error >> 3, 2)}${from}`;
  return `selector ${hex(error & 0xfffc)} of the ${error & 4 ? "LDT" : "GDT"}${from}`;
}

function portText({ port = 0, size = 1, access, value }: Caught, at: string): CaughtText {
  const name = `${access === "write" ? "OUT to" : "IN from"} port ${hex(port)}`;
  const bytes = size === 1 ? "1 byte" : `${size} bytes`;
  return { name, text: `${name} ${at}: ${value === undefined ? bytes : `${hex(value, 2 * size)} (${bytes})`}` };
}

/** "EFER (msr:0xc0000080)", "cr3". */
export function registerName(register: string): string {
  const index = /^msr:(0x[0-9a-f]+)$/.exec(register)?.[1];
  const known = ALL_MSRS.find(([one]) => index !== undefined && one === Number(index));
  return known === undefined ? register : `${known[1]} (${register})`;
}

function registerText({ register = "", access, value, before }: Caught, at: string): CaughtText {
  const name = registerName(register);
  if (access === "read") {
    return { name: `Read of ${name}`, text: `${name} was read ${at}${value === undefined ? "" : `: ${hex(value)}`}` };
  }
  if (value === undefined) return { name: `Write to ${name}`, text: `${name} was written ${at}` };
  if (before === undefined) return { name: `Write to ${name}`, text: `${name} was written ${at}: ${hex(value)}` };
  return before === value
    ? { name: `Write to ${name}`, text: `${name} was written ${at}: ${hex(value)}, as before` }
    : { name: `Change of ${name}`, text: `${name} was changed ${at}: ${hex(before)} → ${hex(value)}` };
}
