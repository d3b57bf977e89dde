import iced from "iced-x86";
import type { Core } from "../core/core.ts";
import { L } from "../core/layout.ts";
import type { RunResult } from "./api.ts";
import type { PhysicalMemory } from "./physical.ts";

const MAX_LENGTH = 15;

/** Names the instruction that the core stopped before, and its address. */
export function describeUnemulated(core: Core, memory: PhysicalMemory): RunResult {
  const rip = core.u64[L.RIP / 8]!;
  const size = core.u32[L.KEY / 4]! % 4;
  const linear = size === 2 ? rip : (rip + core.u64[(L.SEG_CS + L.SEG_BASE) / 8]!) & 0xffffffffn;
  const physical = memory.walk(linear).physical;
  const bytes = physical === undefined ? undefined : memory.read(physical, MAX_LENGTH);
  const text = bytes ? disassemble(bytes, rip, [16, 32, 64][size]!) : "an instruction that cannot be read";
  const address = `0x${linear.toString(16)}`;
  return { reason: "unemulated", address: linear, message: `${text} at ${address} is not emulated by this machine.` };
}

function disassemble(bytes: Uint8Array, rip: bigint, bitness: number): string {
  const decoder = new iced.Decoder(bitness, bytes, iced.DecoderOptions.None);
  decoder.ip = rip;
  const formatter = new iced.Formatter(iced.FormatterSyntax.Nasm);
  const instruction = decoder.decode();
  try {
    return formatter.format(instruction);
  } finally {
    instruction.free();
    formatter.free();
    decoder.free();
  }
}
