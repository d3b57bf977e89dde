/**
 * Which flags are undefined where. The table is that of iced-x86 (SDM vol. 1, appendix A; APM vol. 3, appendix E);
 * this file follows it through straight code with short jumps forward.
 */
import {
  Code,
  Decoder,
  DecoderOptions,
  FlowControl,
  Instruction,
  InstructionInfoFactory,
  Mnemonic,
  OpAccess,
  Register,
  RegisterExt,
  RflagsBits,
  type UsedRegister,
} from "iced-x86";
import { MODE_BITS, type TestCase } from "./case.ts";

const EFLAGS: readonly [rflags: number, mask: number][] = [
  [RflagsBits.CF, 0x1],
  [RflagsBits.PF, 0x4],
  [RflagsBits.AF, 0x10],
  [RflagsBits.ZF, 0x40],
  [RflagsBits.SF, 0x80],
  [RflagsBits.OF, 0x800],
];
const STATUS: readonly [rflags: number, mask: number][] = [
  [RflagsBits.C0, 0x100],
  [RflagsBits.C1, 0x200],
  [RflagsBits.C2, 0x400],
  [RflagsBits.C3, 0x4000],
];
const ALL = [...EFLAGS, ...STATUS].reduce((mask, [bit]) => mask | bit, 0);

function project(bits: number, table: readonly [number, number][]): number {
  return table.reduce((mask, [from, to]) => (bits & from ? mask | to : mask), 0);
}
/** EFLAGS bits among RflagsBits. */
export const eflagsOf = (bits: number): number => project(bits, EFLAGS);
/** x87 status word bits among RflagsBits. */
export const statusOf = (bits: number): number => project(bits, STATUS);

const CONDITIONAL = new Set<Mnemonic>([
  Mnemonic.Rol,
  Mnemonic.Ror,
  Mnemonic.Rcl,
  Mnemonic.Rcr,
  Mnemonic.Shl,
  Mnemonic.Sal,
  Mnemonic.Shr,
  Mnemonic.Sar,
  Mnemonic.Shld,
  Mnemonic.Shrd,
]);
/** Instructions that store or load the whole x87 status word. */
const STATUS_READERS = new Set<Mnemonic>([
  Mnemonic.Fnstsw,
  Mnemonic.Fstsw,
  Mnemonic.Fnstenv,
  Mnemonic.Fnsave,
  Mnemonic.Fxsave,
  Mnemonic.Fxsave64,
  Mnemonic.Fcmovb,
  Mnemonic.Fcmovbe,
]);

/** Undefined flags as RflagsBits, before the instruction to come. */
export class UndefinedFlags {
  bits = 0;
  private readonly targets = new Map<number, number>();

  /** What is undefined before the instruction at `at`, which branches may lead to. */
  enter(at: number): number {
    this.bits |= this.targets.get(at) ?? 0;
    return this.bits;
  }

  /** Takes one instruction into account. False when it reads a flag that is undefined. */
  step(instruction: Instruction): boolean {
    const at = Number(instruction.ip);
    this.enter(at);
    const mnemonic = instruction.mnemonic;
    let read = instruction.rflagsRead;
    if (STATUS_READERS.has(mnemonic)) read |= RflagsBits.C0 | RflagsBits.C1 | RflagsBits.C2 | RflagsBits.C3;
    if (read & this.bits & ALL) return false;
    const written = instruction.rflagsModified & ALL;
    const undefined_ = instruction.rflagsUndefined & ALL;
    const conditional = CONDITIONAL.has(mnemonic) || instruction.hasRepPrefix || instruction.hasRepnePrefix;
    this.bits = (conditional ? this.bits : this.bits & ~written) | undefined_;
    const flow = instruction.flowControl;
    if (flow === FlowControl.ConditionalBranch || flow === FlowControl.UnconditionalBranch) {
      const target = Number(instruction.nearBranchTarget);
      if (target > at) this.targets.set(target, (this.targets.get(target) ?? 0) | this.bits);
    }
    return true;
  }

  copy(): UndefinedFlags {
    const other = new UndefinedFlags();
    other.bits = this.bits;
    for (const [target, bits] of this.targets) other.targets.set(target, bits);
    return other;
  }
}

/** Undefined flags before each instruction of a case and behind the last, by address; or undefined when one is read. */
export function undefinedBefore(test: TestCase): Map<number, number> | undefined {
  const decoder = new Decoder(MODE_BITS[test.mode], test.code, DecoderOptions.AMD);
  const flags = new UndefinedFlags();
  const instruction = new Instruction();
  const before = new Map<number, number>();
  let ok = true;
  for (const start of test.starts) {
    decoder.position = start;
    decoder.ip = BigInt(test.rip + start);
    decoder.decodeOut(instruction);
    before.set(test.rip + start, flags.enter(test.rip + start));
    ok &&= instruction.code === Code.INVALID || flags.step(instruction);
  }
  const end = test.rip + test.code.length;
  before.set(end, flags.enter(end));
  instruction.free();
  decoder.free();
  return ok ? before : undefined;
}

const WRITES = new Set<number>([OpAccess.Write, OpAccess.CondWrite, OpAccess.ReadWrite, OpAccess.ReadCondWrite]);

const GPR_NUMBER = new Map<number, number>();
for (let register: number = Register.AL; register <= (Register.R15 as number); register++) {
  if (RegisterExt.isGPR(register)) GPR_NUMBER.set(register, RegisterExt.number(RegisterExt.fullRegister(register)));
}

/** Numbers of the general registers that an instruction may write. */
export function writtenRegisters(factory: InstructionInfoFactory, instruction: Instruction): number[] {
  const info = factory.info(instruction);
  const written: number[] = [];
  for (const used of info.usedRegisters() as UsedRegister[]) {
    const number = GPR_NUMBER.get(used.register);
    if (number !== undefined && WRITES.has(used.access)) written.push(number);
    used.free();
  }
  info.free();
  return written;
}
