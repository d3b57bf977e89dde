/** Disassembly in names: functions instead of addresses, and what indirect branches and memory operands lead to. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { placeText } from "../boot-formats/symbol-table.ts";
import type { SymbolPlace } from "../boot-formats/symbol-table.ts";
import { hex, lin } from "./address.ts";
import type { Address } from "./address.ts";
import { wireInstruction } from "./disassembly.ts";
import type { Decoded, Reference } from "./disassembly.ts";
import type { CodeBits } from "./registers.ts";

export interface SymbolicContext {
  /** RIP minus linear address (the base of CS, negated). */
  ipMinusLinear: bigint;
  /** Linear address of offset 0 in the data segment, for code of the size that runs now. */
  dataBase: bigint;
  /** Size of the code that runs now. */
  bits: CodeBits;
  /** Whether a selector is a segment, as in real mode. */
  segmented: boolean;
  describe(at: Address): Promise<SymbolPlace | undefined>;
  read(linear: bigint, length: number): Promise<Uint8Array>;
}

/** A row for the standard `disassemble` response. */
export async function symbolicInstruction(
  one: Decoded,
  context: SymbolicContext,
): Promise<DebugProtocol.DisassembledInstruction> {
  const here = one.at.address < 0n ? undefined : await context.describe(one.at);
  const notes: string[] = [];
  let { text } = one;
  for (const reference of one.references) {
    if (reference.kind === "branch") {
      const place = await context.describe(lin(branchAddress(one, reference, context)));
      if (place !== undefined) text = text.replace(reference.text, named(reference.text, place));
      continue;
    }
    const note = await noteOf(one, reference, context);
    if (note !== undefined) notes.push(note);
  }
  if (one.note !== undefined) notes.push(one.note);
  return {
    ...wireInstruction({ ...one, text, ...(notes.length === 0 ? {} : { note: notes.join(", ") }) }),
    ...(here?.offset === 0n ? { symbol: here.name } : {}),
  };
}

/** The operand's text with the name in place of the number: "short 0x7c10" is "short print". */
const named = (text: string, place: SymbolPlace): string => text.replace(/0x[0-9a-f]+/, () => placeText(place));

async function noteOf(one: Decoded, reference: Reference, context: SymbolicContext): Promise<string | undefined> {
  if (reference.kind === "immediate") {
    // A number that happens to lie within a function is none of its addresses.
    const place = await context.describe(lin(linear(reference.offset, one.bits, 0n)));
    return place?.offset === 0n ? place.name : undefined;
  }
  const base = one.bits === context.bits ? context.dataBase : 0n;
  const at = linear(reference.offset, one.bits, base);
  const place = await context.describe(lin(at));
  const name = place === undefined ? undefined : placeText(place);
  if (reference.kind === "memory") return name;
  const target = await pointedAt(at, one, reference, context);
  if (target === undefined) return name;
  return name === undefined ? `→ ${target}` : `${name} → ${target}`;
}

/** Where the pointer of an indirect branch leads now. */
async function pointedAt(
  at: bigint,
  one: Decoded,
  { size = 0 }: Reference,
  context: SymbolicContext,
): Promise<string | undefined> {
  // Far pointers have a selector, and another size.
  if (size !== one.bits / 8) return undefined;
  const bytes = await context.read(at, size);
  if (bytes.length < size) return undefined;
  const offset = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const target = linear(offset, one.bits, one.bits === context.bits ? -context.ipMinusLinear : 0n);
  const place = await context.describe(lin(target));
  return place === undefined ? hex(target) : placeText(place);
}

function branchAddress({ bits }: Decoded, { offset, selector }: Reference, context: SymbolicContext): bigint {
  if (selector === undefined) return linear(offset, bits, -context.ipMinusLinear);
  // In protected mode nearly all code segments begin at 0.
  return linear(offset, bits, context.segmented ? BigInt(selector) * 16n : 0n);
}

/** Above 4 GiB there is only 64-bit code. */
const linear = (offset: bigint, bits: CodeBits, base: bigint): bigint =>
  BigInt.asUintN(bits === 64 ? 64 : 32, base + offset);
