/**
 * Lengths of instructions by the core's decoder and by iced-x86, over the opcode maps: every opcode, every ModRM byte,
 * the prefixes that matter. An instruction that the core's CPUID does not announce must be undefined in the core.
 */
import {
  Code,
  CpuidFeature,
  Decoder,
  DecoderOptions,
  Formatter,
  FormatterSyntax,
  Instruction,
  Mnemonic,
  OpKind,
} from "iced-x86";
import type { Core } from "../../../emulator/core/core.ts";
import { L } from "../../../emulator/core/layout.ts";
import { CODE } from "../native/case.ts";
import { CODE_PHYSICAL, enterUser } from "../native/guest.ts";

/** Where the core looks at the bytes: anywhere in guest memory. */
const BYTES_AT = L.RAM + 0x8000;
const SLOT = 16;
const CHUNK = 4096;

/** What x86-64-v2 and the rest of the core's CPUID announce (docs/core.md). */
const FEATURES = new Set<CpuidFeature>([
  CpuidFeature.INTEL8086,
  CpuidFeature.INTEL186,
  CpuidFeature.INTEL286,
  CpuidFeature.INTEL386,
  CpuidFeature.INTEL486,
  CpuidFeature.X64,
  CpuidFeature.CMOV,
  CpuidFeature.CMPXCHG16B,
  CpuidFeature.CPUID,
  CpuidFeature.CX8,
  CpuidFeature.FPU,
  CpuidFeature.FPU287,
  CpuidFeature.FPU387,
  CpuidFeature.FSGSBASE,
  CpuidFeature.FXSR,
  CpuidFeature.INVPCID,
  CpuidFeature.MMX,
  CpuidFeature.MSR,
  CpuidFeature.MULTIBYTENOP,
  CpuidFeature.PAUSE,
  CpuidFeature.POPCNT,
  CpuidFeature.RDRAND,
  CpuidFeature.RDSEED,
  CpuidFeature.RDTSCP,
  CpuidFeature.RDPMC,
  CpuidFeature.SEP,
  CpuidFeature.SMAP,
  CpuidFeature.SSE,
  CpuidFeature.SSE2,
  CpuidFeature.SSE3,
  CpuidFeature.SSSE3,
  CpuidFeature.SSE4_1,
  CpuidFeature.SSE4_2,
  CpuidFeature.SYSCALL,
  CpuidFeature.TSC,
  CpuidFeature.XSAVE,
  CpuidFeature.CLFSH,
  CpuidFeature.PREFETCHW,
]);

/**
 * F3 before BSF, BSR and WBINVD is ignored where TZCNT, LZCNT and WBNOINVD do not exist. The hint space 0F 18 to 0F 1F is
 * reserved for NOPs, which CET and MPX took some of.
 */
const OPTIONS =
  DecoderOptions.AMD |
  DecoderOptions.NoMPFX_0FBC |
  DecoderOptions.NoMPFX_0FBD |
  DecoderOptions.NoWbnoinvd |
  DecoderOptions.ForceReservedNop;

/** UD0 and UD1 are #UD whatever their length; 0F 0D with a register is #UD on AMD, a NOP to iced-x86. */
function isUndefined(instruction: Instruction): boolean {
  const { code, mnemonic } = instruction;
  if (code === Code.INVALID || mnemonic === Mnemonic.Ud0 || mnemonic === Mnemonic.Ud1) return true;
  if (instruction.length > 15 || !instruction.cpuidFeatures().every((feature) => FEATURES.has(feature))) return true;
  return (
    mnemonic === Mnemonic.Reservednop &&
    instruction.op0Kind === OpKind.Register &&
    code <= Code.Reservednop_rm64_r64_0F0D
  );
}

export interface LengthMismatch {
  /** Bits of the code segment. */
  bits: number;
  bytes: string;
  text: string;
  core: number;
  iced: number;
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** Sequences of prefixes that go before each opcode. */
export function prefixes(bits: number): number[][] {
  const plain = [[], [0x66], [0x67], [0xf2], [0xf3], [0xf0], [0x66, 0xf2], [0xf3, 0x66], [0x66, 0x67], [0x2e, 0x65]];
  const rex = [[0x48], [0x41], [0x44, 0x40], [0x66, 0x48], [0xf3, 0x4f], [0xf2, 0x47], [0x48, 0x66], [0x67, 0x42]];
  return bits === 64 ? [...plain, ...rex] : plain;
}

const MAPS: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];

/** Every opcode of every map with every ModRM byte; SIB bytes and the rest are taken from a fixed sequence. */
function* encodings(bits: number, map: readonly number[]): Generator<Uint8Array> {
  let filler = 1;
  const next = (): number => (filler = (filler * 75 + 74) % 65537) & 255;
  for (const prefix of prefixes(bits)) {
    for (let opcode = 0; opcode < 256; opcode++) {
      if (isPrefix(bits, map, opcode)) continue;
      for (let modrm = 0; modrm < 256; modrm++) {
        const bytes = Uint8Array.from({ length: SLOT }, next);
        bytes.set([...prefix, ...map, opcode, modrm]);
        yield bytes;
      }
    }
  }
}

/** Bytes of the first map that are no opcodes (and escapes, which have maps of their own). */
function isPrefix(bits: number, map: readonly number[], opcode: number): boolean {
  if (map.length === 1) return opcode === 0x38 || opcode === 0x3a;
  if (map.length > 1) return false;
  if (bits === 64 && opcode >= 0x40 && opcode < 0x50) return true;
  return [0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(opcode);
}

/** All SIB bytes with all forms of ModRM that have one. */
function* addressForms(bits: number): Generator<Uint8Array> {
  for (const prefix of prefixes(bits)) {
    for (const modrm of [0x04, 0x44, 0x84, 0x0c, 0x4c, 0x8c]) {
      for (let sib = 0; sib < 256; sib++) {
        const bytes = new Uint8Array(SLOT).fill(0x11);
        bytes.set([...prefix, 0x8b, modrm, sib]);
        yield bytes;
      }
    }
  }
}

export interface LengthResult {
  compared: number;
  mismatches: LengthMismatch[];
}

const INVALID_OPCODE = 6;

/** Whether the instruction raises #UD in user mode. */
function runsUndefined(core: Core, bytes: Uint8Array, mode: 0 | 1 | 2): boolean {
  core.ram.set(bytes, CODE_PHYSICAL);
  core.exports.touched(CODE_PHYSICAL, bytes.length);
  enterUser(core, mode);
  core.exports.setFlags(2);
  core.setNumber64(L.RIP, mode === 0 ? 0 : CODE);
  core.exports.refreshMode();
  const end = core.runToFault(1);
  return "vector" in end && end.vector === INVALID_OPCODE;
}

/** Compares all encodings of one code size; `core` is that of `createGuest`. */
export function compareLengths(core: Core, mode: 0 | 1 | 2): LengthResult {
  const bits = 16 << mode;
  const result: LengthResult = { compared: 0, mismatches: [] };
  const instruction = new Instruction();
  let pending: Uint8Array[] = [];
  const flush = (): void => {
    const all = new Uint8Array(pending.length * SLOT);
    pending.forEach((bytes, i) => {
      all.set(bytes, i * SLOT);
    });
    const decoder = new Decoder(bits, all, OPTIONS);
    for (const [i, bytes] of pending.entries()) {
      decoder.position = i * SLOT;
      decoder.ip = 0n;
      decoder.decodeOut(instruction);
      const iced = isUndefined(instruction) ? 0 : instruction.length;
      core.u8.set(bytes, BYTES_AT);
      const length = core.exports.decodedLength(BYTES_AT, mode);
      result.compared++;
      // Some undefined forms the decoder leaves to the instruction's own code, which must raise #UD.
      if (length !== iced && !(iced === 0 && runsUndefined(core, bytes.subarray(0, length), mode))) {
        result.mismatches.push({
          bits,
          bytes: hex(bytes.subarray(0, Math.max(length, iced, 8))),
          text: "",
          core: length,
          iced,
        });
      }
    }
    decoder.free();
    pending = [];
  };
  const take = (bytes: Uint8Array): void => {
    pending.push(bytes);
    if (pending.length === CHUNK) flush();
  };
  for (const map of MAPS) for (const bytes of encodings(bits, map)) take(bytes);
  for (const bytes of addressForms(bits)) take(bytes);
  flush();
  instruction.free();
  for (const mismatch of result.mismatches.slice(0, 100)) mismatch.text = textOf(mismatch);
  return result;
}

function textOf(mismatch: LengthMismatch): string {
  const bytes = Uint8Array.from(mismatch.bytes.split(" "), (byte) => parseInt(byte, 16));
  const decoder = new Decoder(mismatch.bits, bytes, OPTIONS);
  const formatter = new Formatter(FormatterSyntax.Intel);
  const instruction = decoder.decode();
  const text = formatter.format(instruction);
  instruction.free();
  formatter.free();
  decoder.free();
  return text;
}
