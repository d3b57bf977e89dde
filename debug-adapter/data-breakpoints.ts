/**
 * What a data breakpoint can be on: memory, registers or fields of them, control registers, model specific registers, and
 * I/O ports. Its data id is a text that says it all, so that a client can keep it from session to session.
 */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { CONTROL_REGISTERS } from "../emulator/machine/api.ts";
import type { ControlRegister, Watchpoint } from "../emulator/machine/api.ts";
import { WATCHED_REGISTERS } from "../emulator/machine/catch-registers.ts";
import type { CompiledExpression, ExpressionNode } from "../emulator/machine/inspect-expression.ts";
import { describe, hex, lin, parseReference } from "./address.ts";
import type { Address } from "./address.ts";
import { optionalBoolean, optionalInteger, optionalText, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { registerName } from "./exceptions.ts";
import { ExpressionError } from "./expressions/errors.ts";
import { evaluateCompiled } from "./expressions/evaluate.ts";
import type { ExpressionContext } from "./expressions/evaluate.ts";
import { compile } from "./expressions/parser.ts";
import { readBreakpointMode } from "./breakpoint-modes.ts";
import type { PlainCatch } from "./exception-filters.ts";

export type DataAccess = Watchpoint["access"];

/** Some bits of a register. */
interface Bits {
  shift: number;
  bits: number;
}

export type DataPlace =
  /** `bind`: the physical address that is mapped there is meant, once something is. */
  | { kind: "memory"; at: Address; length: number; bind?: true }
  | { kind: "port"; first: number; count: number }
  /** Names as `BootMachine.writeRegister` has them: "rax", "cr3", "ds.selector", "msr:0xc0000080". */
  | { kind: "register"; register: string; part?: Bits };

/** Bytes that one data breakpoint may watch. */
const MAX_WATCHED = 1 << 20;
const PORTS = 0x1_0000;
const EFER = 0xc0000080;

const ACCESSES: readonly DebugProtocol.DataBreakpointAccessType[] = ["read", "write", "readWrite"];

const CHANGE = "change:";
const BIND = "physical:";

/** The text of a place that `readDataPlace` reads back. */
export function dataId(place: DataPlace, onChange: boolean): string {
  return `${onChange ? CHANGE : ""}${placeId(place)}`;
}

function placeId(place: DataPlace): string {
  switch (place.kind) {
    case "memory":
      return `${place.bind === true ? BIND : ""}${describe(place.at)}+${place.length}`;
    case "port":
      return `port:${hex(place.first)}+${place.count}`;
    case "register": {
      const { register, part } = place;
      return `register:${register}${part === undefined ? "" : `[${part.shift}+${part.bits}]`}`;
    }
  }
}

/** Reads a data id and the access type that goes with it. Throws with one sentence. */
export function readDataPlace(one: Arguments): { place: DataPlace; access: DataAccess } {
  const id = textOf(one, "dataId");
  const onChange = id.startsWith(CHANGE);
  const place = readPlace(onChange ? id.slice(CHANGE.length) : id);
  if (place === undefined) throw new Error(`The data id "${id}" is not one that dataBreakpointInfo gave.`);
  const wanted = optionalText(one, "accessType") ?? (onChange ? "change" : "write");
  if (wanted !== "change" && !ACCESSES.some((access) => access === wanted)) {
    throw new Error(`The access type is "${wanted}": "read", "write", "readWrite" or "change" was expected.`);
  }
  return { place, access: accessOf(place, wanted as DataAccess, onChange) };
}

function readPlace(text: string): DataPlace | undefined {
  const register = /^register:([a-z0-9.:]{2,24})(?:\[([0-9]{1,2})\+([0-9]{1,2})\])?$/.exec(text);
  if (register?.[1] !== undefined) {
    const part = { shift: Number(register[2]), bits: Number(register[3]) };
    if (register[2] === undefined) return { kind: "register", register: register[1] };
    return part.shift + part.bits <= 64 && part.bits > 0
      ? { kind: "register", register: register[1], part }
      : undefined;
  }
  if (text.startsWith("port:")) return readPorts(text);
  const bind = text.startsWith(BIND);
  const memory = /^(.+)\+([0-9]{1,7})$/.exec(bind ? text.slice(BIND.length) : text);
  const at = parseReference(memory?.[1] ?? "");
  const length = Number(memory?.[2]);
  if (at === undefined || length < 1 || length > MAX_WATCHED) return undefined;
  return { kind: "memory", at, length, ...(bind && at.space === "lin" ? { bind } : {}) };
}

/** "port:0x3f8", "port:0x3f8+8". */
function readPorts(text: string, count = 1): DataPlace | undefined {
  const match = /^port:\s*(0x[0-9a-f]{1,4}|[0-9]{1,5})\s*(?:\+\s*(0x[0-9a-f]{1,5}|[0-9]{1,5}))?$/i.exec(text.trim());
  if (match?.[1] === undefined) return undefined;
  const ports = match[2] === undefined ? count : Number(match[2]);
  const first = Number(match[1]);
  return ports > 0 && first + ports <= PORTS ? { kind: "port", first, count: ports } : undefined;
}

const isControl = (register: string): register is ControlRegister =>
  (CONTROL_REGISTERS as readonly string[]).includes(register);
const isMsr = (register: string): boolean => register.startsWith("msr:");

/** Whether the machine sees reads of it, and writes that change nothing. */
const seesAll = (place: DataPlace): boolean =>
  place.kind !== "register" || (place.part === undefined && (isControl(place.register) || isMsr(place.register)));

function accessOf(place: DataPlace, wanted: DataAccess, onChange: boolean): DataAccess {
  const changes = onChange || wanted === "change";
  if (changes && place.kind === "port")
    throw new Error("A port has no value that could change: watch reads or writes.");
  if (changes && wanted !== "change" && wanted !== "write") {
    throw new Error(`A data breakpoint on change stops at writes: its access type cannot be "${wanted}".`);
  }
  if (changes) return "change";
  if (seesAll(place)) return wanted;
  if (wanted !== "write")
    throw new Error(`Only changes of ${describePlace(place)} can be seen, so only "write" is possible.`);
  return "change";
}

/** What stands for a data breakpoint in a machine: a watchpoint, or a catch. */
export function armed(
  place: DataPlace,
  access: DataAccess,
): { watchpoint: Omit<Watchpoint, "condition"> } | { caught: PlainCatch } {
  switch (place.kind) {
    case "memory":
      return { watchpoint: { ...place.at, length: place.length, access } };
    case "port": {
      const last = place.first + place.count - 1;
      return { caught: { kind: "port", first: place.first, last, access: access === "change" ? "write" : access } };
    }
    case "register": {
      const { register } = place;
      if (isControl(register)) return { caught: { kind: "control", register, access } };
      if (isMsr(register)) return { caught: { kind: "msr", index: Number(register.slice(4)), access } };
      return { caught: { kind: "register", register } };
    }
  }
}

const count = (number: number, what: string): string => (number === 1 ? `1 ${what}` : `${number} ${what}s`);

/** "4 bytes at phys:0x7c00", "port 0x3f8", "bits 0 to 15 of rax", "EFER (msr:0xc0000080)". */
export function describePlace(place: DataPlace): string {
  switch (place.kind) {
    case "memory":
      return `${count(place.length, "byte")} at ${describe(place.at)}`;
    case "port":
      return place.count === 1
        ? `port ${hex(place.first)}`
        : `ports ${hex(place.first)} to ${hex(place.first + place.count - 1)}`;
    case "register": {
      const { part } = place;
      const name = registerName(place.register);
      if (part === undefined) return name;
      const last = part.shift + part.bits - 1;
      return part.bits === 1 ? `bit ${part.shift} of ${name}` : `bits ${part.shift} to ${last} of ${name}`;
    }
  }
}

/** The bits that are watched of a register's value. */
export const watchedBits = (place: DataPlace, value: bigint): bigint =>
  place.kind === "register" && place.part !== undefined
    ? BigInt.asUintN(place.part.bits, value >> BigInt(place.part.shift))
    : value;

/** A row of the variables view. */
export interface DataRow {
  evaluateName?: string;
  memoryReference?: string;
}

/** What asking for data needs of the session. */
export interface DataServices {
  context(): Promise<ExpressionContext>;
  /** The variable of that name behind a reference. Rejects with one sentence when there is none. */
  row(reference: number, name: string): Promise<DataRow | undefined>;
  /** A place that is to be bound to a physical address, at that address if something is mapped there. */
  bound(place: DataPlace): Promise<DataPlace>;
}

/** Whether what is named can be watched, and the id to watch it by. */
export async function dataInfo(
  args: Arguments,
  services: DataServices,
): Promise<DebugProtocol.DataBreakpointInfoResponse["body"]> {
  const name = textOf(args, "name");
  const reference = optionalInteger(args, "variablesReference", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const length = optionalInteger(args, "bytes", 1, MAX_WATCHED);
  const asAddress = optionalBoolean(args, "asAddress") ?? false;
  try {
    const { space, onChange } = readBreakpointMode(optionalText(args, "mode"));
    const named =
      reference === 0
        ? await namedPlace(name, length, asAddress, await services.context())
        : await rowPlace(name, length, await services.row(reference, name), await services.context());
    const binds = named.kind === "memory" && named.at.space === "lin" && space === "phys";
    const place = binds ? await services.bound({ ...named, bind: true }) : named;
    if (onChange) accessOf(place, "change", true);
    return {
      dataId: dataId(place, onChange),
      description: `${describePlace(place)}${onChange || !seesAll(place) ? ", when it changes" : ""}`,
      accessTypes: onChange || !seesAll(place) ? ["write"] : [...ACCESSES],
      canPersist: true,
    };
  } catch (error) {
    return { dataId: null, description: error instanceof Error ? error.message : String(error) };
  }
}

/** A name as users write it: ports, a register, memory, or the address of memory. */
async function namedPlace(
  name: string,
  length: number | undefined,
  asAddress: boolean,
  context: ExpressionContext,
): Promise<DataPlace> {
  if (/^\s*port:/i.test(name)) {
    const ports = readPorts(name.trim().toLowerCase(), length);
    if (ports !== undefined) return ports;
    throw new Error(`"${name}" names no ports: "port:0x3f8" or "port:0x3f8+8" was expected, up to port 0xffff.`);
  }
  const expression = compile(name, context.symbols);
  const thing = asAddress && expression.root.op !== "msr" ? undefined : await thingOf(expression, length, context);
  if (thing !== undefined) return thing;
  const { value, space } = await evaluateCompiled(expression, context);
  return { kind: "memory", at: space === "phys" ? { space, address: value } : lin(value), length: length ?? 1 };
}

async function rowPlace(
  name: string,
  length: number | undefined,
  row: DataRow | undefined,
  context: ExpressionContext,
): Promise<DataPlace> {
  if (row === undefined) throw new Error(`There is no variable "${name}" here.`);
  const { evaluateName, memoryReference } = row;
  const expression = evaluateName === undefined ? undefined : compiledName(evaluateName, context);
  const thing = expression && (await thingOf(expression, length, context));
  if (thing !== undefined) return thing;
  const at = parseReference(memoryReference ?? "");
  if (at === undefined) throw new Error(`"${name}" is neither a register nor in memory: there is nothing to watch.`);
  return { kind: "memory", at, length: length ?? 1 };
}

/** The variables view also has names that are no expressions. */
function compiledName(name: string, { symbols }: ExpressionContext): CompiledExpression | undefined {
  try {
    return compile(name, symbols);
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

/** The register or the memory that an expression names; undefined when it computes something. Throws with one sentence. */
async function thingOf(
  expression: CompiledExpression,
  length: number | undefined,
  context: ExpressionContext,
): Promise<DataPlace | undefined> {
  const { root } = expression;
  if (root.op === "memory") {
    const { value } = await evaluateCompiled({ ...expression, root: root.address }, context);
    const bytes =
      root.size === "code" ? Number((await evaluateCompiled(expression, context)).type.bits) / 8 : root.size;
    return { kind: "memory", at: { space: root.space, address: value }, length: length ?? bytes };
  }
  const field = fieldOf(root);
  if (field === undefined) return undefined;
  const { of, shift, bits } = field;
  const name = of.op === "register" ? of.name : `msr:${hex(await msrIndex(of, expression, context))}`;
  const whole = name === "efer" ? `msr:${hex(EFER)}` : name;
  if (shift === 0 && bits === 64 && (isControl(whole) || isMsr(whole))) return { kind: "register", register: whole };
  // The machine knows the parts of registers that have names of their own: "eax", "ah".
  const written = expression.text.trim().replace(/^[$%]/, "").toLowerCase();
  if (isWatched(written) && !isMsr(whole)) return { kind: "register", register: written };
  if (name.endsWith(".selector") && bits === 16) return { kind: "register", register: name };
  if (name === "rip") throw new Error("RIP changes with every instruction: a breakpoint on an address was expected.");
  if (!isControl(whole) && !isMsr(whole) && !isWatched(whole)) {
    throw new Error(`Changes of "${expression.text}" cannot be seen: a register or memory was expected.`);
  }
  return { kind: "register", register: whole, part: { shift, bits } };
}

type RegisterNode = ExpressionNode & { op: "register" | "msr" };

async function msrIndex(
  { index }: ExpressionNode & { op: "msr" },
  expression: CompiledExpression,
  context: ExpressionContext,
): Promise<bigint> {
  const { value } = await evaluateCompiled({ ...expression, root: index }, context);
  if (value >> 32n !== 0n) throw new Error(`${hex(value)} is no number of an MSR: at most 0xffffffff was expected.`);
  return value;
}

/** Bits of a register that follow on each other: "cr0.wp", "cr3 & 0xff000", "(cr3 >> 3) & 1". */
function fieldOf(node: ExpressionNode): { of: RegisterNode; shift: number; bits: number } | undefined {
  if (node.op === "register") return { of: node, shift: node.shift, bits: node.bits };
  if (node.op === "msr") return { of: node, shift: 0, bits: 64 };
  if (node.op !== "binary" || node.right.op !== "number") return undefined;
  const inner = fieldOf(node.left);
  if (inner === undefined) return undefined;
  const number = BigInt(node.right.value);
  if (node.operator === ">>" && number < inner.bits) {
    return { ...inner, shift: inner.shift + Number(number), bits: inner.bits - Number(number) };
  }
  if (node.operator !== "&") return undefined;
  const ones = BigInt.asUintN(inner.bits, number).toString(2);
  const match = /^(1+)(0*)$/.exec(ones);
  if (match?.[1] === undefined) return undefined;
  return { ...inner, shift: inner.shift + (match[2]?.length ?? 0), bits: match[1].length };
}

const isWatched = (register: string): boolean => register !== "cpl" && WATCHED_REGISTERS.includes(register);
