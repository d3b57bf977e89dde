/**
 * What the processor pushes for interrupts and exceptions, and what it keeps of the user's code at a SYSCALL (SDM vol. 3, 6.12,
 * 6.14 and 20.1.4; AMD APM vol. 3, SYSCALL).
 */
import { callBefore, trapBefore } from "./stack-code.ts";
import { codeSegment, frameIp, inSegment, stackLinear, stackSegment } from "./stack-frames.ts";
import type { Departure, Frame, Selected, StandingMemory } from "./stack-frames.ts";
import type { CpuState } from "./target.ts";

const VM = 0x20000n;
/** Bits of the flags that are always 0, those above bit 21 included; bit 1 is always 1. */
const FLAGS_ZERO = 0xffffffffffc08028n;
const FLAGS_ONE = 2n;
/** Of 16-bit flags. */
const FLAGS_ZERO_16 = 0x8028n;

/** Exceptions that push an error code. */
const WITH_ERROR: ReadonlySet<number> = new Set([8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);
const LSTAR = 0xc0000082;
/** Bytes of code behind SYSCALL's entry in which RCX and R11 are taken for what SYSCALL put there. */
const SYSCALL_ENTRY = 64n;
const LOWER_HALF = 1n << 47n;

const privilege = (mode: Frame["mode"], selector: number): number =>
  mode === "real" ? 0 : mode === "vm86" ? 3 : selector & 3;

/** What is below the frame of an interrupt. */
interface Popped {
  ip: bigint;
  code: Selected;
  flags: bigint;
  /** SS and SP, where the processor pushed them. */
  outer: { selector: number; sp: bigint } | undefined;
  /** Bytes that IRET takes off this stack. */
  size: bigint;
}

/** Reads frames of interrupts on one machine that stands. */
export class InterruptFrames {
  readonly #cpu: CpuState;
  readonly #memory: StandingMemory;

  constructor(cpu: CpuState, memory: StandingMemory) {
    this.#cpu = cpu;
    this.#memory = memory;
  }

  /**
   * The interrupted frame, when an IRET of the frame above, executed with the stack pointer (an offset) at `sp`, would return
   * to something that can be: a code segment that exists, flags that are possible.
   * @param width bytes of an item
   */
  async popped(above: Frame, sp: bigint, width: 2 | 4 | 8): Promise<Frame | undefined> {
    const found = await this.#read(above, sp, width);
    if (found === undefined) return undefined;
    const { code, ip, flags, outer, size } = found;
    const stack =
      outer === undefined ? above.stack : await stackSegment(this.#cpu, this.#memory, outer.selector, code.mode);
    if (stack === undefined) return undefined;
    const departure = await this.#departure(code, ip);
    const registers = new Map([["rflags", flags]]);
    if (outer !== undefined) registers.set("ss.selector", BigInt(outer.selector));
    return {
      trust: "sure",
      departure,
      mode: code.mode,
      code,
      ip,
      at: frameIp({ code, ip }) - (departure.by === "interrupt" ? 0n : 2n),
      stack,
      sp: BigInt.asUintN(stack.bits, outer?.sp ?? sp + size),
      registers,
    };
  }

  /** What the current frame interrupted, when it stands at a handler's very first instruction or at SYSCALL's entry. */
  async atEntry(current: Frame): Promise<Frame | undefined> {
    return (await this.#atSyscall(current)) ?? this.#atHandler(current);
  }

  /**
   * Whether a frame of an interrupt that ends there (linear address behind it) lies where the processor puts it when it comes
   * from an outer ring: at the stack that the TSS names, or at the end of pages.
   */
  async isOutermost(end: bigint): Promise<boolean> {
    if ((end & 0xfffn) === 0n) return true;
    const { base, limit } = this.#cpu.segments.tr;
    if (limit < 12) return false;
    const long = this.#cpu.mode === "long";
    return (await this.#memory.number(base + 4n, long ? 8 : 4)) === end;
  }

  async #read(above: Frame, sp: bigint, width: 2 | 4 | 8): Promise<Popped | undefined> {
    const item = (index: number): ReturnType<StandingMemory["number"]> =>
      this.#memory.number(stackLinear(above.stack, sp + BigInt(index * width)), width);
    // What tells the most comes first.
    const flags = await item(2);
    const zero = width === 2 ? FLAGS_ZERO_16 : FLAGS_ZERO;
    if (flags === undefined || (flags & zero) !== 0n || (flags & FLAGS_ONE) === 0n) return undefined;
    const [ip, selector] = [await item(0), await item(1)];
    if (ip === undefined || selector === undefined) return undefined;
    const cs = Number(selector & 0xffffn);
    // Some push what lies above a selector, too; but never with 64 bits.
    if (width === 8 && selector > 0xffffn) return undefined;
    const vm86 = width === 4 && (flags & VM) !== 0n && above.mode !== "real";
    const code = await codeSegment(this.#cpu, this.#memory, cs, vm86);
    if (code === undefined || (code.bits === 16 && ip > 0xffffn)) return undefined;
    if (code.bits === 64 && BigInt.asUintN(64, BigInt.asIntN(48, ip)) !== ip) return undefined;
    const from = privilege(code.mode, cs);
    const to = privilege(above.mode, above.code.selector);
    if (from < to) return undefined;
    const size = (count: number): bigint => BigInt(count * width);
    if (width !== 8 && from === to) return { ip, code, flags, outer: undefined, size: size(3) };
    const [outerSp, ss] = [await item(3), await item(4)];
    if (outerSp === undefined || ss === undefined || ss > 0xffffn) return undefined;
    const outer = { selector: Number(ss), sp: outerSp };
    // A 64-bit kernel may run with a null SS.
    const matches = code.mode === "vm86" || (outer.selector & 3) === from || (width === 8 && from < 3);
    return matches ? { ip, code, flags, outer, size: size(vm86 ? 9 : 5) } : undefined;
  }

  async #departure(code: Selected, ip: bigint): Promise<Departure> {
    const trap = await trapBefore(this.#memory, frameIp({ code, ip }));
    if (trap === "syscall") return { by: code.bits === 64 ? "syscall" : "interrupt" };
    return trap === undefined ? { by: "interrupt" } : { by: "software", vector: trap };
  }

  /** Right behind SYSCALL, RCX and R11 hold RIP and RFLAGS of its caller. */
  async #atSyscall(current: Frame): Promise<Frame | undefined> {
    const cpu = this.#cpu;
    const entry = cpu.msrs.find(({ index }) => index === LSTAR)?.value;
    const [ip, flags] = [cpu.gpr[1] ?? 0n, cpu.gpr[11] ?? 0n];
    if (cpu.mode !== "long" || cpu.cpl !== 0 || entry === undefined || entry === 0n) return undefined;
    if (current.ip < entry || current.ip >= entry + SYSCALL_ENTRY) return undefined;
    if ((await trapBefore(this.#memory, ip)) !== "syscall") return undefined;
    // The stack is still the caller's until the kernel switches to its own.
    const sp = current.sp !== undefined && current.sp < LOWER_HALF ? current.sp : undefined;
    return {
      ...current,
      departure: { by: "syscall" },
      // Its selector is in STAR; nothing but 64-bit code enters here.
      code: { selector: current.code.selector | 3, base: 0n, bits: 64 },
      ip,
      at: ip - 2n,
      sp,
      registers: new Map([...current.registers, ["rflags", flags]]),
    };
  }

  async #atHandler(current: Frame): Promise<Frame | undefined> {
    if (current.sp === undefined) return undefined;
    const at = frameIp(current);
    const vectors = await this.handlersAt(at, 0n);
    const first = vectors[0];
    if (first === undefined) return undefined;
    const { mode } = this.#cpu;
    if (mode === "real") return this.#withRegisters(current, await this.popped(current, current.sp, 2));
    const width = (this.#cpu.efer & 0x400n) !== 0n ? 8 : current.code.bits === 16 ? 2 : 4;
    const error = vectors.every((vector) => WITH_ERROR.has(vector)) ? BigInt(width) : 0n;
    return this.#withRegisters(current, await this.popped(current, current.sp + error, width));
  }

  #withRegisters(current: Frame, frame: Frame | undefined): Frame | undefined {
    return frame && { ...frame, registers: new Map([...current.registers, ...frame.registers]) };
  }

  /** The vectors whose handlers begin at most `before` bytes in front of a linear address. */
  async handlersAt(at: bigint, before: bigint): Promise<number[]> {
    const { base, limit } = this.#cpu.idtr;
    const long = (this.#cpu.efer & 0x400n) !== 0n;
    const size = this.#cpu.mode === "real" ? 4 : long ? 16 : 8;
    const table = await this.#memory.read(base, Math.min(limit + 1, size * 256));
    const view = new DataView(table.buffer, table.byteOffset, table.length);
    const found: number[] = [];
    const bases = new Map<number, Promise<Selected | undefined>>();
    for (let vector = 0; (vector + 1) * size <= table.length; vector++) {
      const entry = vector * size;
      const low = view.getUint16(entry, true);
      let address: bigint;
      if (size === 4) address = inSegment(BigInt(view.getUint16(entry + 2, true)) << 4n, BigInt(low), 16);
      else {
        if ((view.getUint8(entry + 5) & 0x80) === 0) continue;
        const middle = BigInt(view.getUint16(entry + 6, true)) << 16n;
        const high = long ? BigInt(view.getUint32(entry + 8, true)) << 32n : 0n;
        const selector = view.getUint16(entry + 2, true);
        let segment = bases.get(selector);
        if (segment === undefined) {
          segment = codeSegment(this.#cpu, this.#memory, selector, false);
          bases.set(selector, segment);
        }
        const code = await segment;
        if (code === undefined) continue;
        address = inSegment(code.base, high | middle | BigInt(low), code.bits);
      }
      if (at >= address && at - address <= before) found.push(vector);
    }
    return found;
  }

  /** The frame that a far return leads to: behind a far call, or behind a near one with CS pushed by hand. */
  async farReturn(above: Frame, sp: bigint, width: 2 | 4 | 8): Promise<Frame | undefined> {
    const ip = await this.#memory.number(stackLinear(above.stack, sp), width);
    const selector = await this.#memory.number(stackLinear(above.stack, sp + BigInt(width)), width);
    if (ip === undefined || selector === undefined || selector > 0xffffn) return undefined;
    const code = await codeSegment(this.#cpu, this.#memory, Number(selector));
    if (code === undefined || (code.bits === 16 && ip > 0xffffn)) return undefined;
    const call = await callBefore(this.#memory, code, ip);
    if (call === undefined) return undefined;
    return {
      trust: "sure",
      departure: { by: "call" },
      mode: code.mode,
      code,
      ip,
      at: call.at,
      stack: above.stack,
      sp: BigInt.asUintN(above.stack.bits, sp + BigInt(2 * width)),
      registers: new Map(),
    };
  }
}
