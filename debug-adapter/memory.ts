/** Guest memory for the standard requests and the panels. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { describe, hex, parseReference, plus, reference } from "./address.ts";
import type { Address } from "./address.ts";
import { integerOf, optionalBoolean, optionalInteger, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { byteText, decode } from "./disassembly.ts";
import { evaluateAddress } from "./expressions/evaluate.ts";
import type { ExpressionContext } from "./expressions/evaluate.ts";
import type { MemoryResponse, WireInstruction } from "./protocol.ts";
import { codeBits, linearIp } from "./registers.ts";
import type { CodeBits } from "./registers.ts";
import type { Target } from "./target.ts";

/** Bytes that one standard request may read. */
const MAX_READ = 1 << 20;
/** Bytes that a panel may ask for at once. */
const MAX_PANEL = 1 << 16;

/** Reads a memory reference, as the adapter gives them out, or as the user types one in. */
export function referenceOf(args: Arguments): Address {
  const text = textOf(args, "memoryReference");
  const at = parseReference(text);
  if (at === undefined) {
    throw new Error(`The memory reference "${text}" is no address; expected "0x7c00", "lin:0x7c00" or "phys:0x7c00".`);
  }
  return plus(at, optionalInteger(args, "offset", -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0);
}

export async function readMemory(target: Target, args: Arguments): Promise<DebugProtocol.ReadMemoryResponse["body"]> {
  const at = referenceOf(args);
  const count = integerOf(args, "count", 0, Number.MAX_SAFE_INTEGER);
  const length = Math.min(count, MAX_READ);
  const bytes = length === 0 ? new Uint8Array() : await target.readMemory(at.space, at.address, length);
  return {
    address: hex(at.address),
    data: Buffer.from(bytes).toString("base64"),
    // Behind a hole the next page may be readable again: only the rest of the page is known not to be.
    unreadableBytes: bytes.length === length ? 0 : Math.min(length - bytes.length, restOfPage(at, bytes.length)),
  };
}

const restOfPage = (at: Address, offset: number): number => 4096 - Number((at.address + BigInt(offset)) & 0xfffn);

export async function writeMemory(target: Target, args: Arguments): Promise<DebugProtocol.WriteMemoryResponse["body"]> {
  const at = referenceOf(args);
  const data = textOf(args, "data");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(data)) throw new Error('"data" must be base64.');
  const bytes = new Uint8Array(Buffer.from(data, "base64"));
  if (bytes.length > MAX_READ) throw new Error(`At most ${MAX_READ} bytes can be written at once.`);
  const written = await target.writeMemory(at.space, at.address, bytes);
  if (written < bytes.length && optionalBoolean(args, "allowPartial") !== true) {
    throw new Error(
      `Only ${written} of ${bytes.length} bytes could be written: no memory at ${describe(plus(at, written))}.`,
    );
  }
  return { bytesWritten: written };
}

/** "bootscope/memory": an address expression, bytes, and if asked for their disassembly. */
export async function panelMemory(
  target: Target,
  args: Arguments,
  context: ExpressionContext,
): Promise<MemoryResponse> {
  const at = await evaluateAddress(textOf(args, "address"), context);
  const length = integerOf(args, "length", 1, MAX_PANEL);
  const bits = (optionalInteger(args, "bits", 16, 64) ?? codeBits(context.cpu.mode)) as CodeBits;
  if (bits !== 16 && bits !== 32 && bits !== 64) throw new Error('"bits" must be 16, 32 or 64.');
  const bytes = await target.readMemory(at.space, at.address, length);
  const response: MemoryResponse = {
    space: at.space,
    address: hex(at.address),
    data: Buffer.from(bytes).toString("base64"),
    unreadable: length - bytes.length,
  };
  if (optionalBoolean(args, "disassemble") === true) {
    response.instructions = decode(bytes, at, bits, length).map((one): WireInstruction => ({
      address: reference(one.at),
      bytes: byteText(one.bytes),
      text: one.text,
    }));
  }
  return response;
}

/** RIP minus linear address of code: what relative branches in a disassembly are shown against. */
export const ipMinusLinear = (cpu: ExpressionContext["cpu"]): bigint => cpu.rip - linearIp(cpu);
