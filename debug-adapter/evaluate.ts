/** The evaluate and setExpression requests: expressions, and the commands of the debug console. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { describe, hex, reference } from "./address.ts";
import { optionalText, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { eventText, originText } from "./boot-events.ts";
import { byteText, disassemble } from "./disassembly.ts";
import { evaluateAddress, evaluateExpression } from "./expressions/evaluate.ts";
import type { ExpressionContext } from "./expressions/evaluate.ts";
import { BIT_FIELDS, bitNames } from "./flags.ts";
import { ipMinusLinear } from "./memory.ts";
import { MAX_ORIGINS, originsAt } from "./origins.ts";
import { wirePhases } from "./phases.ts";
import { codeBits } from "./registers.ts";
import type { BootEvent, Target } from "./target.ts";
import type { Variables } from "./variables.ts";
import { walkText } from "./walk.ts";

type Result = DebugProtocol.EvaluateResponse["body"];

/** Units that `x` shows at most. */
const MAX_EXAMINE = 1024;
/** Events that the console lists at most: the last ones. */
const MAX_EVENTS = 500;

const HELP = [
  "Expressions: registers (rax, cs.base, cr0, msr:0xc0000080), numbers, C operators,",
  "  phys:0x7c00, lin:0x7c00, 07c0:0000, cs:rip, phys[0x7c00], dword lin[rsp+8].",
  "NAME = EXPRESSION     write a register",
  "x/16xb ADDRESS        examine memory: count, x d u c s or i (instructions), size b h w g",
  "walk ADDRESS          page table walk",
  "phases                phases of the boot and when they were reached",
  "events                what has happened in the boot so far",
  "origin ADDRESS [LEN]  which disk blocks the bytes there came from",
].join("\n");

export class Evaluate {
  readonly #target: Target;
  readonly #variables: Variables;

  constructor(target: Target, variables: Variables) {
    this.#target = target;
    this.#variables = variables;
  }

  /** `mayWrite` checks that the machine is stopped, and throws when it is not. */
  async evaluate(args: Arguments, mayWrite: () => void): Promise<Result> {
    const text = textOf(args, "expression").trim();
    const where = optionalText(args, "context");
    const context = await this.context();
    if (where === "repl") {
      const result = await this.#command(text, context);
      if (result !== undefined) return { result, variablesReference: 0 };
      const assignment = /^[%$]?([a-z][a-z0-9.]*|msr:0x[0-9a-f]+)\s*=(?!=)\s*(.+)$/i.exec(text);
      if (assignment?.[1] !== undefined && assignment[2] !== undefined) {
        mayWrite();
        return this.assign(assignment[1], assignment[2]);
      }
    }
    return this.#show(text, context);
  }

  /** Writes a register by name. */
  async assign(name: string, text: string): Promise<Result> {
    const context = await this.context();
    const register = name.trim().replace(/^[%$]/, "").toLowerCase();
    const { value } = await evaluateExpression(text, context);
    await this.#variables.writeRegister(context.cpu, register, value);
    return this.#show(register, await this.context());
  }

  async context(): Promise<ExpressionContext> {
    return {
      cpu: await this.#target.cpu(),
      readMemory: (space, address, length) => this.#target.readMemory(space, address, length),
    };
  }

  async #show(text: string, context: ExpressionContext): Promise<Result> {
    const { value, space } = await evaluateExpression(text, context);
    const fields = BIT_FIELDS[text.replace(/^[%$]/, "").toLowerCase()];
    const at = space === "phys" ? { space, address: value } : { space: "lin" as const, address: value };
    const shown = space === undefined ? `${hex(value)} (${value})` : describe(at);
    const result = fields === undefined ? shown : `${hex(value)} ${bitNames(value, fields)}`.trimEnd();
    return { result, variablesReference: 0, memoryReference: reference(at) };
  }

  /** A command of the console; undefined when it is none. */
  async #command(text: string, context: ExpressionContext): Promise<string | undefined> {
    if (text === "help") return HELP;
    if (text === "phases") {
      return wirePhases(await this.#target.phases())
        .map(
          ({ label, icount }) => `${label}: ${icount === undefined ? "not reached" : `instruction ${BigInt(icount)}`}`,
        )
        .join("\n");
    }
    if (text === "events") return eventsText(await this.#target.bootEvents(0));
    const origin = /^origin\s+(.+?)(?:\s+([0-9]{1,8}))?$/.exec(text);
    if (origin?.[1] !== undefined) return this.#origin(origin[1], Number(origin[2] ?? 1), context);
    const walk = /^walk\s+(.+)$/.exec(text)?.[1];
    if (walk !== undefined) return walkText(await this.#target.walk((await evaluateExpression(walk, context)).value));
    const examine = /^x(?:\/([0-9]{0,6})([a-z]{0,2}))?\s+(.+)$/.exec(text);
    if (examine?.[3] !== undefined) return this.#examine(examine[1] ?? "", examine[2] ?? "", examine[3], context);
    return undefined;
  }

  async #origin(where: string, length: number, context: ExpressionContext): Promise<string> {
    if (length < 1 || length > MAX_ORIGINS)
      throw new Error(`1 to ${MAX_ORIGINS} bytes can be asked for, not ${length}.`);
    const at = await evaluateAddress(where, context);
    const found = await originsAt(this.#target, at, length);
    if (found.length === 0) return `${describe(at)} did not come from a disk.`;
    return found
      .map((one) => `phys:${hex(one.physical)}, ${one.bytes} bytes: ${originText(one)}, instruction ${one.icount}`)
      .join("\n");
  }

  async #examine(count: string, letters: string, where: string, context: ExpressionContext): Promise<string> {
    const format = /[xducsi]/.exec(letters)?.[0] ?? "x";
    const size = { b: 1, h: 2, w: 4, g: 8 }[
      /[bhwg]/.exec(letters)?.[0] ?? (format === "c" || format === "s" ? "b" : "w")
    ];
    if (/[^xducsibhwg]/.test(letters) || size === undefined) {
      throw new Error(`"${letters}" is not understood: a format (x d u c s i) and a size (b h w g) were expected.`);
    }
    const units = count === "" ? 1 : Number(count);
    if (units < 1 || units > MAX_EXAMINE) throw new Error(`1 to ${MAX_EXAMINE} units can be shown, not ${units}.`);
    const at = await evaluateAddress(where, context);
    const read = context.readMemory.bind(context);
    if (format === "i") {
      const bits = codeBits(context.cpu.mode);
      const request = { at, instructionOffset: 0, count: units, bits, ipMinusLinear: ipMinusLinear(context.cpu) };
      const list = await disassemble(request, read);
      return list.map((one) => `${describe(one.at)}  ${byteText(one.bytes).padEnd(30)} ${one.text}`).join("\n");
    }
    const bytes = await read(at.space, at.address, format === "s" ? MAX_EXAMINE : units * size);
    if (bytes.length === 0) throw new Error(`There is no memory at ${describe(at)}.`);
    if (format === "s")
      return `${describe(at)}  ${JSON.stringify(Buffer.from(bytes).toString("latin1").split("\0")[0])}`;
    const values = [];
    for (let offset = 0; offset + size <= bytes.length; offset += size) {
      values.push(unitText(bytes.subarray(offset, offset + size), format));
    }
    const perLine = Math.max(1, 16 / size);
    const lines = [];
    for (let index = 0; index < values.length; index += perLine) {
      const address = hex(at.address + BigInt(index * size));
      lines.push(`${at.space}:${address}  ${values.slice(index, index + perLine).join(" ")}`);
    }
    return lines.join("\n");
  }
}

function eventsText(events: readonly BootEvent[]): string {
  const left = Math.max(0, events.length - MAX_EVENTS);
  const lines = events.slice(left).map((event) => `${event.icount}  ${eventText(event)}`);
  return [...(left > 0 ? [`(${left} earlier events)`] : []), ...lines].join("\n");
}

function unitText(bytes: Uint8Array, format: string): string {
  const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  switch (format) {
    case "d":
      return `${BigInt.asIntN(bytes.length * 8, value)}`;
    case "u":
      return `${value}`;
    case "c":
      return JSON.stringify(String.fromCharCode(Number(value & 0xffn)));
    default:
      return hex(value, bytes.length * 2);
  }
}
