/** Names that expressions know: registers and their parts, flags, MSRs, and what begins with "$". */
import { GPR_NAMES, SEGMENT_NAMES } from "../../emulator/machine/api.ts";
import type { ExpressionNode, ValueType } from "../../emulator/machine/inspect-expression.ts";
import { ALL_MSRS } from "../../emulator/machine/inspect-msrs.ts";
import { DR_NAMES } from "../../emulator/machine/inspect-registers.ts";
import { BIT_FIELDS, fieldWidth } from "../flags.ts";
import { CONTROL_NAMES, partNames, partOfRegister } from "../registers.ts";

export interface Named {
  node: ExpressionNode;
  type: ValueType;
}

const FPU_FIELDS = ["cw", "sw", "tag", "opcode", "ip", "dp"] as const;
const FPU_BITS: Readonly<Record<string, number>> = { cw: 16, sw: 16, tag: 8, opcode: 16 };
const TABLE_FIELDS = ["base", "limit"] as const;
const SEGMENT_FIELDS = ["selector", "base", "limit", "attributes"] as const;
const SEGMENT_BITS: Readonly<Record<string, number>> = { selector: 16, limit: 32, attributes: 16 };
/** Behind "$", besides registers. */
const FACTS: Readonly<Record<string, ValueType>> = {
  icount: { bits: 64, signed: false },
  time: { bits: 64, signed: false },
  cpl: { bits: 8, signed: false },
  phase: { bits: 8, signed: false, names: "phase" },
  mode: { bits: 8, signed: false, names: "mode" },
  vector: { bits: 8, signed: false },
  error: { bits: 32, signed: false },
  port: { bits: 16, signed: false },
  value: { bits: 64, signed: false },
};
/** Other names of facts. */
const ALIASES: Readonly<Record<string, string>> = { exception: "vector" };

const WIDTHS = new Map<string, number>([
  ...GPR_NAMES.map((name): [string, number] => [name, 64]),
  ...[...CONTROL_NAMES, ...DR_NAMES, "rip", "rflags"].map((name): [string, number] => [name, 64]),
  ["mxcsr", 32],
  ...SEGMENT_NAMES.flatMap((name) =>
    SEGMENT_FIELDS.map((field): [string, number] => [`${name}.${field}`, SEGMENT_BITS[field] ?? 64]),
  ),
  ...["gdtr", "idtr"].flatMap((name) =>
    TABLE_FIELDS.map((field): [string, number] => [`${name}.${field}`, field === "limit" ? 16 : 64]),
  ),
  ...FPU_FIELDS.map((field): [string, number] => [`fpu.${field}`, FPU_BITS[field] ?? 64]),
  ...Array.from({ length: 8 }, (_, n): [string, number][] => [
    [`st${n}.mantissa`, 64],
    [`st${n}.exponent`, 16],
  ]).flat(),
  ...Array.from({ length: 16 }, (_, n): [string, number][] => [
    [`xmm${n}.low`, 64],
    [`xmm${n}.high`, 64],
  ]).flat(),
]);

const MSR_INDICES = new Map(ALL_MSRS.map(([index, name]) => [name.toLowerCase(), index]));

function register(name: string, shift: number, bits: number, at: number): Named {
  return { node: { op: "register", name, shift, bits, at }, type: { bits, signed: false } };
}

/**
 * What a name stands for; undefined when it is none of the language's. `name` may begin with "$" or "%"; capital and
 * small letters are the same.
 */
export function namedValue(written: string, at: number): Named | undefined {
  const name = written.replace(/^[%$]/, "").toLowerCase();
  const part = partOfRegister(name);
  if (WIDTHS.has(part.register)) {
    const bits = Math.min(part.bits, WIDTHS.get(part.register) ?? 64);
    return register(part.register, part.shift, bits, at);
  }
  if (WIDTHS.has(`${name}.selector`)) return register(`${name}.selector`, 0, 16, at);
  const fact = Object.hasOwn(ALIASES, name) ? (ALIASES[name] ?? name) : name;
  // Without its "$" such a name may well be a symbol.
  const type = written.startsWith("$") && Object.hasOwn(FACTS, fact) ? FACTS[fact] : undefined;
  if (type !== undefined) return { node: register(fact, 0, 64, at).node, type };
  return field(name, at) ?? lane(name, undefined, at) ?? msr(name, at);
}

/** "cr0.pe", "flags.zf" */
function field(name: string, at: number): Named | undefined {
  const dot = name.lastIndexOf(".");
  const { register: whole } = partOfRegister(name.slice(0, Math.max(0, dot)));
  const wanted = name.slice(dot + 1);
  // A name may be anything that the user typed: "constructor", too.
  const fields = Object.hasOwn(BIT_FIELDS, whole) ? BIT_FIELDS[whole] : undefined;
  const found = fields?.find((one) => one.name.toLowerCase() === wanted);
  return found && register(whole, found.bit, fieldWidth(found), at);
}

const LANE = /^(xmm(?:1[0-5]|[0-9]))\.([ui])(8|16|32|64)$/;

/** Whether a name such as "xmm3.u32" wants the number of a lane in brackets behind it. */
export const wantsLane = (written: string): boolean => LANE.test(written.replace(/^[%$]/, "").toLowerCase());

/** "xmm3.u32[1]": one of the equal parts of an XMM register, 0 the lowest. Undefined when there is none. */
export function lane(written: string, index: bigint | undefined, at: number): Named | undefined {
  const match = LANE.exec(written.replace(/^[%$]/, "").toLowerCase());
  const bits = Number(match?.[3]);
  if (match === null || index === undefined || index * BigInt(bits) >= 128n) return undefined;
  const bit = Number(index) * bits;
  const { node } = register(`${match[1] ?? ""}.${bit < 64 ? "low" : "high"}`, bit % 64, bits, at);
  if (match[2] === "u") return { node, type: { bits, signed: false } };
  return { node: { op: "cast", bits, signed: true, operand: node }, type: { bits, signed: true } };
}

/** "lstar", "msr.lstar", "ia32_lstar" */
function msr(name: string, at: number): Named | undefined {
  const index = MSR_INDICES.get(name.replace(/^msr\./, "").replace(/^ia32_/, ""));
  if (index === undefined) return undefined;
  return { node: { op: "msr", index: { op: "number", value: `${index}` }, at }, type: { bits: 64, signed: false } };
}

/** All names, for completion. */
export const ALL_NAMES: ReadonlySet<string> = new Set([
  ...partNames(),
  ...[...WIDTHS.keys()].filter((name) => !(GPR_NAMES as readonly string[]).includes(name)),
  ...SEGMENT_NAMES,
  ...Object.entries(BIT_FIELDS).flatMap(([name, fields]) => fields.map((one) => `${name}.${one.name.toLowerCase()}`)),
  ...[...Object.keys(FACTS), ...Object.keys(ALIASES)].map((name) => `$${name}`),
  ...ALL_MSRS.map(([, name]) => `msr.${name.toLowerCase()}`),
]);
