/** The rows of the Registers panel, made from what `bootscope/cpu` answers. */
import type { Hex, WireCpu } from "../../debug-adapter/protocol.ts";
import { bytesOf, byteText, hex, hex64 } from "./format.ts";
import { CR0, CR4, EFER, RFLAGS, ioPrivilegeLevel, segmentKind, type Bit } from "./cpu-flags.ts";

export interface RegisterRow {
  name: string;
  /** What is shown, compared with the stop before, and copied. */
  value: string;
  /** Decoded bits, set ones first in order of their number. */
  bits?: (Bit & { set: boolean })[];
  /** Further words beside the value. */
  note?: string;
  /** May be set by the user. */
  editable: boolean;
}

export interface RegisterGroup {
  title: string;
  /** Shown from the beginning. */
  open: boolean;
  rows: RegisterRow[];
}

const GENERAL = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
/** The order in which people read them. */
const ORDER = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const SEGMENTS = ["cs", "ds", "es", "fs", "gs", "ss", "ldtr", "tr"] as const;
const DEBUG = ["dr0", "dr1", "dr2", "dr3", "dr6", "dr7"];

export function registerGroups(cpu: WireCpu): RegisterGroup[] {
  return [
    { title: "General", open: true, rows: general(cpu) },
    {
      title: "Flags",
      open: true,
      rows: [withBits("rflags", cpu.rflags, RFLAGS, `IOPL ${ioPrivilegeLevel(BigInt(cpu.rflags))}`)],
    },
    { title: "Control", open: true, rows: control(cpu) },
    { title: "Segments", open: true, rows: segments(cpu) },
    { title: "Debug", open: false, rows: DEBUG.map((name, index) => plain(name, cpu.dr[index] ?? "0x0")) },
    { title: "SSE", open: false, rows: sse(cpu) },
    { title: "x87", open: false, rows: x87(cpu) },
    {
      title: "Model specific",
      open: false,
      rows: cpu.msrs.map((msr) => ({ ...plain(msr.name, msr.value), note: hex(msr.index) })),
    },
  ];
}

function plain(name: string, value: Hex, editable = true): RegisterRow {
  return { name, value: hex64(value), editable };
}

function withBits(name: string, value: Hex, bits: readonly Bit[], note?: string): RegisterRow {
  const number = BigInt(value);
  return {
    ...plain(name, value),
    bits: bits.map((bit) => ({ ...bit, set: ((number >> BigInt(bit.bit)) & 1n) === 1n })),
    ...(note !== undefined && { note }),
  };
}

function general(cpu: WireCpu): RegisterRow[] {
  const rows = ORDER.map((name) => plain(name, cpu.gpr[GENERAL.indexOf(name)] ?? "0x0"));
  return [plain("rip", cpu.rip), ...rows];
}

function control(cpu: WireCpu): RegisterRow[] {
  return [
    withBits("cr0", cpu.cr0, CR0),
    plain("cr2", cpu.cr2),
    plain("cr3", cpu.cr3),
    withBits("cr4", cpu.cr4, CR4),
    plain("cr8", cpu.cr8),
    withBits("efer", cpu.efer, EFER),
    plain("xcr0", cpu.xcr0),
  ];
}

function segments(cpu: WireCpu): RegisterRow[] {
  const rows = SEGMENTS.map((name): RegisterRow => {
    const segment = cpu.segments[name];
    return {
      name,
      value: hex(segment.selector, 4).slice(2),
      note: `base ${hex(segment.base)}, limit ${hex(segment.limit)}, ${segmentKind(segment)}`,
      editable: false,
    };
  });
  const table = (name: "gdtr" | "idtr"): RegisterRow => ({
    name,
    value: hex64(cpu[name].base),
    note: `limit ${hex(cpu[name].limit)}`,
    editable: false,
  });
  return [...rows, table("gdtr"), table("idtr")];
}

function sse(cpu: WireCpu): RegisterRow[] {
  const rows = cpu.xmm.map((data, index): RegisterRow => {
    const value = [...bytesOf(data)].reverse().map(byteText).join("");
    return { name: `xmm${index}`, value, editable: false };
  });
  return [{ ...plain("mxcsr", hex(cpu.mxcsr)), value: hex(cpu.mxcsr, 8).slice(2), editable: false }, ...rows];
}

function x87(cpu: WireCpu): RegisterRow[] {
  const word = (name: string, value: number): RegisterRow => ({ name, value: hex(value, 4).slice(2), editable: false });
  const stack = cpu.fpu.st.map(({ mantissa, signExponent }, index): RegisterRow => {
    const value = `${hex(signExponent, 4).slice(2)} ${hex64(mantissa)}`;
    return { name: `st${index}`, value, note: extendedText(BigInt(mantissa), signExponent), editable: false };
  });
  return [word("fcw", cpu.fpu.cw), word("fsw", cpu.fpu.sw), word("ftw", cpu.fpu.tag), ...stack];
}

/** A double-extended number as decimal text (rounded to a double, as far as that reaches). */
function extendedText(mantissa: bigint, signExponent: number): string {
  const sign = (signExponent & 0x8000) === 0 ? 1 : -1;
  const exponent = signExponent & 0x7fff;
  if (exponent === 0x7fff) return BigInt.asUintN(63, mantissa) === 0n ? (sign < 0 ? "-∞" : "∞") : "NaN";
  // In two steps: 2^(exponent) alone may lie beyond a double where the product does not.
  const scaled = Number(mantissa) * 2 ** -63;
  return String(sign * scaled * 2 ** Math.max(-1074, Math.min(1023, exponent - 16383)));
}
