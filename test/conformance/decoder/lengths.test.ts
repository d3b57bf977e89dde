/** The decoder's instruction lengths against iced-x86's, over the opcode maps in the three code sizes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, CpuidFeature, Decoder, DecoderOptions, Instruction } from "iced-x86";
import { Core, type CoreHost } from "../../../emulator/core/core.ts";
import { L } from "../../../emulator/core/layout.ts";

/** Bytes given to each decoder, more than an instruction can have. */
const SLOT = 16;
const BATCH = 4096;

/** What the processor has; an instruction that needs anything else must be undefined to it. */
const FEATURES = new Set(
  (
    "INTEL8086 INTEL8086_ONLY INTEL186 INTEL286 INTEL386 INTEL486 X64 CPUID CX8 CMOV CMPXCHG16B CLFLUSH FPU FPU287 " +
    "FPU387 FXSR MMX MSR RDPMC SEP SSE SSE2 SSE3 SSSE3 SSE4_1 SSE4_2 SYSCALL TSC RDTSCP POPCNT PAUSE MULTIBYTENOP " +
    "FSGSBASE INVPCID RDRAND RDSEED SMAP XSAVE PREFETCHW"
  )
    .split(" ")
    .map((name) => CpuidFeature[name as keyof typeof CpuidFeature]),
);

/** Defined to the disassembler, but undefined to the processor by intent: UD0 and UD1 as such, 0F0D with a register on AMD. */
const UNDEFINED = /^(Ud[01]|Reservednop_\w+_0F0D$)/;

const PREFIXES: readonly number[][] = [
  [],
  [0x66],
  [0x67],
  [0xf2],
  [0xf3],
  [0x66, 0xf2],
  [0x66, 0x67],
  [0x64],
  [0x2e, 0x66],
  [0x48],
  [0x66, 0x48],
  [0xf3, 0x4f],
  [0x67, 0x41],
];
const MAPS: readonly number[][] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
/** Every ModRM without a prefix, those that matter to lengths with one. */
const ALL_MODRM = Array.from({ length: 256 }, (_value, i) => i);
const SOME_MODRM = ALL_MODRM.filter((modrm) =>
  [0x00, 0x04, 0x05, 0x06, 0x44, 0x46, 0x84, 0x85, 0xc1].includes(modrm & 0xc7),
);
const SIBS = [0x00, 0x25, 0x65, 0xe4];

function* samples(bitness: number): Generator<number[]> {
  for (const prefix of PREFIXES) {
    // 40 to 4F are instructions of their own outside 64-bit code.
    if (bitness !== 64 && prefix.some((byte) => (byte & 0xf0) === 0x40)) continue;
    for (const map of MAPS) {
      for (let opcode = 0; opcode < 256; opcode++) {
        for (const modrm of prefix.length === 0 ? ALL_MODRM : SOME_MODRM) {
          const sibs = (modrm & 7) === 4 && modrm < 0xc0 ? SIBS : [0x11];
          for (const sib of sibs) yield [...prefix, ...map, opcode, modrm, sib, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77];
        }
      }
    }
  }
}

const host = new Proxy({} as CoreHost, {
  get: (_target, name) => () => assert.fail(`decoding must not call ${String(name)}`),
});

/** One example of each instruction. */
function summarize(differences: readonly string[]): string[] {
  const byCode = new Map(differences.map((line) => [/: (\w+)/.exec(line)?.[1], line]));
  return [...byCode.values()].slice(0, 60);
}

const text = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

for (const [mode, bitness] of [16, 32, 64].entries()) {
  test(`lengths in ${bitness}-bit code`, async () => {
    const core = await Core.create(1, host);
    const decoderBytes = new Uint8Array(BATCH * SLOT);
    const differences: string[] = [];
    let count = 0;
    let compared = 0;
    const instruction = new Instruction();
    const flush = (filled: number): void => {
      const decoder = new Decoder(bitness, decoderBytes, DecoderOptions.AMD);
      for (let i = 0; i < filled; i++) {
        const bytes = decoderBytes.subarray(i * SLOT, (i + 1) * SLOT);
        decoder.position = i * SLOT;
        decoder.ip = 0n;
        decoder.decodeOut(instruction);
        core.u8.set(bytes, L.SCRATCH);
        const ours = core.exports.decodedLength(L.SCRATCH, mode);
        if (instruction.code === Code.INVALID) continue;
        const known = Array.from(instruction.cpuidFeatures()).every((feature) => FEATURES.has(feature));
        if (!known || UNDEFINED.test(Code[instruction.code] ?? "")) continue;
        compared++;
        if (ours !== instruction.length) {
          differences.push(
            `${text(bytes.subarray(0, instruction.length))}: ${Code[instruction.code]} has ${instruction.length}, ours ${ours}`,
          );
        }
      }
      decoder.free();
    };
    for (const sample of samples(bitness)) {
      decoderBytes.fill(0x90, count * SLOT, (count + 1) * SLOT);
      decoderBytes.set(sample, count * SLOT);
      if (++count === BATCH) {
        flush(count);
        count = 0;
      }
    }
    flush(count);
    instruction.free();
    assert.ok(compared > 100_000, `only ${compared} instructions were compared`);
    assert.deepEqual(summarize(differences), [], `${differences.length} of ${compared} lengths differ`);
  });
}
