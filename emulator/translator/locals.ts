/** What every translated function has: locals by fixed numbers, and the functions of the core that it may call. */
import { L } from "../core/layout.ts";
import { Type } from "./wasm.ts";

/** Locals. Those of 32 bits come first, then those of 64 bits. */
export const enum V {
  /** Parameter: number of the entry. */
  ENTRY = 0,
  /** What the function returns: a block to go on with, or the address of an operation + 1. */
  NEXT = 1,
  /** L.BUDGET. */
  BUDGET = 2,
  /** L.TLB_BASE. */
  TLB = 3,
  /** Address of a TLB entry. */
  TLB_ENTRY = 4,
  /** Scratch. */
  I = 5,
  J = 6,
  /** Lazy flags: L.CC_OP, and below CC_A and CC_R. */
  KIND = 7,
  /** Linear address of the access. */
  LINEAR = 8,
  /** Scratch. */
  T = 9,
  U = 10,
  /** L.REG_BLOCK_RIP. */
  BLOCK_RIP = 11,
  FLAGS_A = 12,
  FLAGS_R = 13,
  /** The general registers, then the pseudo register TEMP. */
  REG = 14,
}
export const TEMP_REGISTER = 16;
export const REGISTERS = 17;
/** Bit of the pseudo register in a set of registers. */
export const TEMP = 1 << TEMP_REGISTER;
const ZERO_FIELD = L.REG_ZERO >> 3;
const TEMP_FIELD = L.REG_TEMP >> 3;

/** The register that an operand field names, as a bit; 0 for constants. */
export function registerBit(field: number): number {
  const number = field >> 3;
  return number < ZERO_FIELD ? 1 << number : number === TEMP_FIELD ? TEMP : 0;
}
/** Counts and types, the parameter left out. */
export const LOCALS: readonly [number, Type][] = [
  [7, Type.I32],
  [6 + REGISTERS, Type.I64],
];

export interface Signature {
  readonly parameters: readonly Type[];
  readonly result?: Type;
}

/** Functions of the core, by their numbers in a module. */
export const enum Helper {
  INTEGER,
  SSE,
  X87,
  RDTSC,
  CONDITION,
  ARITH,
  MUL_HIGH,
}
const OPERATION: Signature = { parameters: [Type.I32] };
export const HELPERS: readonly { name: string; signature: Signature }[] = [
  { name: "execInteger", signature: OPERATION },
  { name: "execSse", signature: OPERATION },
  { name: "execX87", signature: OPERATION },
  { name: "execRdtsc", signature: OPERATION },
  { name: "conditionOf", signature: { parameters: [Type.I32, Type.I32, Type.I64, Type.I64], result: Type.I32 } },
  { name: "arithOf", signature: { parameters: [Type.I32, Type.I64, Type.I64], result: Type.I32 } },
  { name: "mulHigh", signature: { parameters: [Type.I64, Type.I64], result: Type.I64 } },
];
