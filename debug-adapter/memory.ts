/** Guest memory for the standard requests and the panels. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Space } from "../emulator/machine/api.ts";
import { describe, hex, inSpace, parseReference, plus, reference } from "./address.ts";
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

/** Bytes that one standard request may read or write. */
const MAX_BYTES = 1 << 24;
/** Bytes that a panel may ask for at once. */
const MAX_PANEL = 1 << 16;
const PAGE = 4096;
/** Pages behind a hole's first byte that are looked at for the hole's end. */
const MAX_HOLE_PAGES = 1024;
const END = 1n << 64n;

type Memory = Pick<Target, "readMemory" | "writeMemory">;

/** Reads a memory reference, as the adapter gives them out, or as the user types one in. */
export function referenceOf(args: Arguments): Address {
  const text = textOf(args, "memoryReference");
  const at = parseReference(text);
  if (at === undefined) {
    throw new Error(`The memory reference "${text}" is no address; expected "0x7c00", "lin:0x7c00" or "phys:0x7c00".`);
  }
  return plus(at, optionalInteger(args, "offset", -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0);
}

/** As `referenceOf`, but an offset does not lead around the end of the address space. */
function placeOf(args: Arguments): Address {
  const at = referenceOf(args);
  const offset = BigInt(optionalInteger(args, "offset", -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0);
  const first = at.address - offset;
  if (first < 0n || first >= END) {
    throw new Error(
      `The offset ${offset} from "${textOf(args, "memoryReference")}" leaves the address space: an address from 0 to 0xffffffffffffffff was expected.`,
    );
  }
  return at;
}

/**
 * The readMemory request. What cannot be read ends the data, and `unreadableBytes` says how many bytes from there on
 * cannot be read either, as far as the request goes; data that ends early without them ends at the end of the address space.
 */
export async function readMemory(target: Memory, args: Arguments): Promise<DebugProtocol.ReadMemoryResponse["body"]> {
  const at = placeOf(args);
  const count = integerOf(args, "count", 0, MAX_BYTES);
  // Nothing lies behind the last address.
  const room = END - at.address;
  const length = room < BigInt(count) ? Number(room) : count;
  const bytes = length === 0 ? new Uint8Array() : await target.readMemory(at.space, at.address, length);
  return {
    address: hex(at.address),
    data: Buffer.from(bytes).toString("base64"),
    unreadableBytes: await holeBytes(target, at, bytes.length, length),
  };
}

/** Bytes from `offset` on that cannot be read, before the first that can, or `length` is reached. */
async function holeBytes(target: Memory, at: Address, offset: number, length: number): Promise<number> {
  let end = offset;
  for (let page = 0; end < length && page < MAX_HOLE_PAGES; page++) {
    const next = plus(at, end);
    if (end > offset && (await target.readMemory(next.space, next.address, 1)).length > 0) break;
    end = Math.min(length, end + PAGE - Number(next.address & BigInt(PAGE - 1)));
  }
  return end - offset;
}

/** The writeMemory request: all bytes or none, unless a part will do. */
export async function writeMemory(target: Memory, args: Arguments): Promise<DebugProtocol.WriteMemoryResponse["body"]> {
  const at = placeOf(args);
  const data = textOf(args, "data");
  if (data.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(data)) throw new Error('"data" must be base64.');
  const bytes = new Uint8Array(Buffer.from(data, "base64"));
  if (bytes.length > MAX_BYTES) throw new Error(`At most ${MAX_BYTES} bytes can be written at once.`);
  if (optionalBoolean(args, "allowPartial") === true) {
    return { offset: 0, bytesWritten: await target.writeMemory(at.space, at.address, bytes) };
  }
  await writeWhole(target, at.space, at.address, bytes);
  return { bytesWritten: bytes.length };
}

/** Writes all bytes; when they cannot all be written, what was there stays. */
export async function writeWhole(target: Memory, space: Space, address: bigint, bytes: Uint8Array): Promise<void> {
  const before = await target.readMemory(space, address, bytes.length);
  const written = before.length < bytes.length ? 0 : await target.writeMemory(space, address, bytes);
  if (written === bytes.length) return;
  if (written > 0) await target.writeMemory(space, address, before.subarray(0, written));
  const reach = before.length < bytes.length ? before.length : written;
  throw new Error(
    `${bytes.length} byte${bytes.length === 1 ? "" : "s"} cannot be written: there is no RAM at ${describe(plus(inSpace(space, address), reach))}.`,
  );
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
