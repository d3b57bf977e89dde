/** A piece of code in the making: bytes, what registers are known to hold, which flags are undefined. */
import { Code, Decoder, DecoderOptions, Instruction, InstructionInfoFactory, Mnemonic, Register } from "iced-x86";
import { DATA, FS_BASE, GS_BASE, MODE_BITS, READ_ONLY, WRITABLE, type Mode } from "./case.ts";
import { UndefinedFlags, eflagsOf, statusOf, writtenRegisters } from "./flow.ts";
import type { Random } from "./random.ts";

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;

/** Bytes of ModRM, SIB and displacement, with the REX bits they need. */
export interface ModRm {
  rex: number;
  bytes: number[];
  /** Linear target when it is relative to RIP: the displacement in the last four bytes is still to be filled in. */
  ripTarget?: number;
}

export interface MemoryWish {
  /** Bytes that the access takes. */
  size: number;
  /** Mostly at a multiple of 16. */
  align: boolean;
  /** log2 of the address size in bits, minus 4: 0 16, 1 32, 2 64. */
  addressSize: Mode;
  /** Segment override: 4 FS, 5 GS, or none that matters. */
  segment: number;
}

const PAIRS_16: readonly (readonly number[])[] = [
  [RBX, RSI],
  [RBX, RDI],
  [RBP, RSI],
  [RBP, RDI],
  [RSI],
  [RDI],
  [RBP],
  [RBX],
];

export class Sequence {
  readonly bytes: number[] = [];
  readonly starts: number[] = [];
  /** Values of the general registers, as far as known. */
  readonly known: (bigint | undefined)[];
  /** Registers that are seldom chosen as destinations, so that addresses stay good. */
  readonly kept: ReadonlySet<number>;
  flags = new UndefinedFlags();
  private readonly instruction = new Instruction();
  private readonly scratch = new Uint8Array(16);

  constructor(
    readonly random: Random,
    readonly mode: Mode,
    readonly rip: number,
    gpr: BigUint64Array,
    private readonly factory: InstructionInfoFactory,
  ) {
    this.known = [...gpr];
    const kept = [RSP];
    for (let i = 0; i < (mode === 2 ? 5 : 2); i++) kept.push(random.below(mode === 2 ? 16 : 8));
    if (mode === 0) kept.push(RBX, random.pick([RSI, RDI]));
    this.kept = new Set(kept);
  }

  free(): void {
    this.instruction.free();
  }

  /** First address of the data area as an offset in the data segment. */
  get origin(): number {
    return this.mode === 0 ? 0 : DATA;
  }
  get here(): number {
    return this.rip + this.bytes.length;
  }
  get registers(): number {
    return this.mode === 2 ? 16 : 8;
  }

  /** A register to be written to. */
  destination(): number {
    const register = this.random.below(this.registers);
    return this.kept.has(register) && this.random.chance(0.85) ? this.random.below(this.registers) : register;
  }

  /**
   * Appends one instruction. False, and nothing done, when it reads an undefined flag; an encoding that iced-x86 does not
   * know is taken as it is.
   */
  append(bytes: readonly number[]): boolean {
    this.scratch.fill(0x90);
    this.scratch.set(bytes);
    const decoder = new Decoder(MODE_BITS[this.mode], this.scratch, DecoderOptions.AMD);
    decoder.ip = BigInt(this.here);
    decoder.decodeOut(this.instruction);
    decoder.free();
    if (this.instruction.code !== Code.INVALID) {
      if (this.instruction.length !== bytes.length) {
        const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
        throw new Error(`${hex} has ${this.instruction.length} bytes by iced-x86, ${bytes.length} by the generator`);
      }
      const flags = this.flags.copy();
      if (!flags.step(this.instruction)) return false;
      this.flags = flags;
      const stack = this.stackPointerBehind();
      for (const register of writtenRegisters(this.factory, this.instruction)) this.known[register] = undefined;
      if (stack !== undefined) this.known[RSP] = stack;
    }
    this.starts.push(this.bytes.length);
    this.bytes.push(...bytes);
    return true;
  }

  /** RSP behind a PUSH, POP, CALL or RET, when it is known. */
  private stackPointerBehind(): bigint | undefined {
    const { mnemonic, stackPointerIncrement: increment, op0Register } = this.instruction;
    const before = this.known[RSP];
    if (before === undefined || increment === 0 || mnemonic === Mnemonic.Enter || mnemonic === Mnemonic.Leave)
      return undefined;
    if (
      mnemonic === Mnemonic.Pop &&
      (op0Register === Register.RSP || op0Register === Register.ESP || op0Register === Register.SP)
    ) {
      return undefined;
    }
    return before + BigInt(increment);
  }

  /** Gives undefined flags a value: by CMP of two registers, by FXAM those of the x87 unit. */
  defineFlags(): void {
    if (eflagsOf(this.flags.bits)) this.append([0x39, 0xc0 | (this.random.below(8) << 3) | this.random.below(8)]);
    if (statusOf(this.flags.bits)) this.append([0xd9, 0xe5]);
  }

  /** MOV register, value (up to 32 bits, or 64 where it has to be). */
  setRegister(register: number, value: bigint): void {
    if (this.known[register] === value) return;
    const low = Number(value & 0xffffffffn);
    const wide = value >> 32n !== 0n && this.mode === 2;
    const bytes: number[] = [];
    if (this.mode === 0) bytes.push(0x66);
    if (wide || register > 7) bytes.push(0x40 | (wide ? 8 : 0) | (register >> 3));
    bytes.push(0xb8 | (register & 7), ...dword(low));
    if (wide) bytes.push(...dword(Number(value >> 32n)));
    this.append(bytes);
    // Outside 64-bit mode bits 32 to 63 are not defined (SDM vol. 1, 3.4.1.1), so nothing may build on them.
    this.known[register] = this.mode === 2 ? value : value & 0xffffffffn;
  }

  /** An offset in the data area for `size` bytes; seldom one that faults or crosses a page. */
  dataOffset(size: number, align: boolean): number {
    const random = this.random;
    const kind = random.below(100);
    let offset: number;
    if (kind < 1)
      offset = random.pick([
        WRITABLE - 1,
        WRITABLE - size + 1,
        READ_ONLY + random.below(64),
        -1,
        -size + 1,
        WRITABLE + 8,
      ]);
    else if (kind < 5) offset = 0x1000 - random.below(size + 1);
    else offset = random.below(WRITABLE - size);
    const alignment = align ? (random.chance(0.96) ? 16 : 1) : random.pick([1, 1, 2, 4, 8, 16]);
    if (kind < 1) return offset;
    return offset - (offset % alignment);
  }

  /** Makes `register` point into the data area, most often, by a MOV when needed. */
  pointRegister(register: number, size: number): void {
    const value = this.known[register];
    const offset = value === undefined ? -1 : Number(BigInt.asUintN(32, value)) - this.origin;
    const good = value !== undefined && value >> 32n === 0n && offset >= 64 && offset < WRITABLE - size;
    if (!good || this.random.chance(0.1))
      this.setRegister(register, BigInt((this.origin + this.dataOffset(size, false)) >>> 0));
  }

  /** A memory operand with `reg` in ModRM.reg. */
  memory(reg: number, wish: MemoryWish): ModRm {
    let target = this.origin + this.dataOffset(wish.size, wish.align);
    if (this.mode === 2 && wish.segment === 4) target -= FS_BASE;
    if (this.mode === 2 && wish.segment === 5) target -= GS_BASE;
    return wish.addressSize === 0 ? this.memory16(reg, target) : this.memory32(reg, target, wish);
  }

  private memory16(reg: number, target: number): ModRm {
    const random = this.random;
    const modrm = (reg & 7) << 3;
    const candidates = PAIRS_16.map((_, i) => i).filter((i) => PAIRS_16[i]?.every((r) => this.known[r] !== undefined));
    if (candidates.length === 0 || random.chance(0.15)) {
      return { rex: 0, bytes: [modrm | 6, target & 255, (target >> 8) & 255] };
    }
    const form = random.pick(candidates);
    const sum =
      (PAIRS_16[form] ?? []).reduce((total, r) => total + Number((this.known[r] ?? 0n) & 0xffffn), 0) & 0xffff;
    const near = sum >= 256 && sum < WRITABLE - 256;
    if (near && form !== 6 && random.chance(0.3)) return { rex: 0, bytes: [modrm | form] };
    if (near && random.chance(0.5)) return { rex: 0, bytes: [0x40 | modrm | form, random.below(256)] };
    const displacement = (target - sum) & 0xffff;
    return { rex: 0, bytes: [0x80 | modrm | form, displacement & 255, displacement >> 8] };
  }

  private memory32(reg: number, target: number, wish: MemoryWish): ModRm {
    const random = this.random;
    const rexR = (reg >> 3) << 2;
    const modrm = (reg & 7) << 3;
    if (this.mode === 2 && wish.segment < 4 && random.chance(0.1)) {
      return { rex: rexR, bytes: [modrm | 5, 0, 0, 0, 0], ripTarget: target };
    }
    const wide = wish.addressSize === 2;
    const value = (r: number): bigint | undefined => {
      const known = this.known[r];
      return known === undefined || wide ? known : known & 0xffffffffn;
    };
    const usable = this.known.map((_, i) => i).filter((i) => i < this.registers && value(i) !== undefined);
    const base = usable.length > 0 && random.chance(0.95) ? random.pick(usable) : undefined;
    const indices = usable.filter((i) => i !== RSP);
    const index = indices.length > 0 && random.chance(0.35) ? random.pick(indices) : undefined;
    const scale = random.below(4);
    const bits = wide ? 64 : 32;
    const sum = BigInt.asUintN(
      bits,
      (base === undefined ? 0n : (value(base) ?? 0n)) +
        (index === undefined ? 0n : (value(index) ?? 0n) << BigInt(scale)),
    );
    const needed = BigInt.asIntN(bits, BigInt(target) - sum);
    if (base === undefined || needed !== BigInt.asIntN(32, needed))
      return this.absolute(rexR, modrm, target, index, scale, wish);
    const rex = rexR | (base >> 3) | (index === undefined ? 0 : (index >> 3) << 1);
    const sib = index !== undefined || (base & 7) === 4 || random.chance(0.05);
    const tail = sib ? [(scale << 6) | (((index ?? 4) & 7) << 3) | (base & 7)] : [];
    const rm = sib ? 4 : base & 7;
    const near = needed > -0x1e00n && needed < 0x1e00n && wish.segment < 4;
    const offset = Number(BigInt.asUintN(32, sum)) - this.origin;
    if (near && offset >= 128 && offset < WRITABLE - 640 && (!wish.align || offset % 16 === 0)) {
      if ((base & 7) !== 5 && random.chance(0.4)) return { rex, bytes: [modrm | rm, ...tail] };
      if (random.chance(0.5)) {
        const displacement = wish.align ? random.below(16) << 4 : random.below(256);
        return { rex, bytes: [0x40 | modrm | rm, ...tail, displacement] };
      }
    }
    return { rex, bytes: [0x80 | modrm | rm, ...tail, ...dword(Number(needed))] };
  }

  /** Displacement with at most an index. */
  private absolute(
    rexR: number,
    modrm: number,
    target: number,
    index: number | undefined,
    scale: number,
    wish: MemoryWish,
  ): ModRm {
    const known = index === undefined ? undefined : this.known[index];
    const needed = known === undefined ? 0n : BigInt(target) - (known << BigInt(scale));
    if (index === undefined || known === undefined || needed !== BigInt.asIntN(32, needed)) {
      if (this.mode !== 2) return { rex: 0, bytes: [modrm | 5, ...dword(target)] };
      return { rex: rexR, bytes: [modrm | 4, 0x25, ...dword(wish.addressSize === 2 ? target : target | 0)] };
    }
    return {
      rex: rexR | ((index >> 3) << 1),
      bytes: [modrm | 4, (scale << 6) | ((index & 7) << 3) | 5, ...dword(Number(needed))],
    };
  }
}

/** Four bytes, little endian. */
export function dword(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];
}
