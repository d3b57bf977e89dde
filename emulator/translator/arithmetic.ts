/** Arithmetic, logic, shifts, multiplication and bit tests. */
import { Cc } from "../core/layout.ts";
import { type Emitter, Kind, type Size } from "./emitter.ts";
import { carryFlag, condition, replaceFlags, signExtend } from "./flags.ts";
import { Helper, V } from "./locals.ts";
import type { PartialMeaning } from "./meanings.ts";
import type { Operation } from "./operations.ts";
import { W } from "./wasm.ts";

type Name = "ADD" | "OR" | "AND" | "SUB" | "XOR" | "CMP" | "TEST";
const CODES = { ADD: W.I64_ADD, OR: W.I64_OR, AND: W.I64_AND, SUB: W.I64_SUB, XOR: W.I64_XOR } as const;
const RAX = 0;
const RCX = 8;
const RDX = 16;
/** CF and OF in EFLAGS. */
const CARRY_OVERFLOW = 0x801;
const OVERFLOW_SHIFT = 11;

export function sizeOf(bits: string): Size {
  return (Math.log2(Number(bits)) - 3) as Size;
}

/** Leaves the result, sign-extended, in V.U; sets the flags' values. `a` and `b` push operands, sign-extended. */
function compute(e: Emitter, name: Name, size: Size, flags: boolean, a: () => void, b: () => void): void {
  const code = name === "CMP" ? W.I64_SUB : name === "TEST" ? W.I64_AND : CODES[name];
  const arithmetic = code === W.I64_ADD || code === W.I64_SUB;
  a();
  if (flags && arithmetic) e.tee(V.T);
  b();
  e.op(code);
  // Logical operations keep operands sign-extended.
  if (arithmetic) signExtend(e, size);
  e.set(V.U);
  if (!flags) return;
  if (arithmetic) e.get(V.T);
  else e.i64(0);
  e.set(V.FLAGS_A);
  e.get(V.U);
  e.set(V.FLAGS_R);
  e.setKind(arithmetic ? (code === W.I64_ADD ? Cc.ADD : Cc.SUB) + size : Kind.LOGIC);
}

/** ADD … TEST: registers, immediates, memory. */
function alu(name: Name, form: string, size: Size, quiet: boolean): PartialMeaning {
  const writes = name !== "CMP" && name !== "TEST";
  const memory = form.includes("m");
  const source = (e: Emitter, op: Operation): void => {
    if (form.endsWith("i")) e.immediate(op);
    else e.signed(form === "mr" ? op.a : op.b, size);
  };
  const common = { setsFlags: !quiet, leaves: memory };
  if (!memory) {
    return {
      ...common,
      writesA: writes,
      emit(e, op) {
        const flags = !quiet && op.flagsLive;
        if (!writes && !flags) return;
        if (name === "XOR" && form === "rr" && op.a === op.b) {
          // The idiom for zero.
          e.i64(0);
          e.set(V.U);
          if (flags) {
            e.i64(0);
            e.set(V.FLAGS_A);
            e.i64(0);
            e.set(V.FLAGS_R);
            e.setKind(Kind.LOGIC);
          }
        } else
          compute(
            e,
            name,
            size,
            flags,
            () => e.signed(op.a, size),
            () => source(e, op),
          );
        if (!writes) return;
        e.get(V.U);
        e.write(op.a, size);
      },
    };
  }
  if (form === "rm" || !writes) {
    return {
      ...common,
      writesA: writes,
      emit(e, op) {
        e.loadInto(op, size, true, V.LINEAR);
        const loaded = (): void => e.get(V.LINEAR);
        if (form === "rm") compute(e, name, size, op.flagsLive, () => e.signed(op.a, size), loaded);
        else compute(e, name, size, op.flagsLive, loaded, () => source(e, op));
        if (!writes) return;
        e.get(V.U);
        e.write(op.a, size);
      },
    };
  }
  return {
    ...common,
    emit(e, op) {
      e.address(op);
      e.modify(op, size, () => {
        compute(
          e,
          name,
          size,
          op.flagsLive,
          () => e.get(V.U),
          () => source(e, op),
        );
        e.get(V.U);
      });
    },
  };
}

/** ADC, SBB: the kind of the flags depends on the carry that comes in. */
function withCarry(name: string, form: string, size: Size): PartialMeaning {
  const add = name === "ADC";
  const memory = form === "rm";
  return {
    setsFlags: true,
    readsFlags: true,
    leaves: memory,
    writesA: true,
    emit(e, op) {
      if (memory) {
        e.loadInto(op, size, true, V.LINEAR);
      }
      carryFlag(e);
      e.set(V.I);
      e.signed(op.a, size);
      e.tee(V.T);
      if (memory) e.get(V.LINEAR);
      else if (form === "ri") e.immediate(op);
      else e.signed(op.b, size);
      e.op(add ? W.I64_ADD : W.I64_SUB);
      e.get(V.I);
      e.op(W.EXTEND_U);
      e.op(add ? W.I64_ADD : W.I64_SUB);
      signExtend(e, size);
      e.set(V.U);
      if (op.flagsLive) {
        e.get(V.T);
        e.set(V.FLAGS_A);
        e.get(V.U);
        e.set(V.FLAGS_R);
        e.i32((add ? Cc.ADD : Cc.SUB) + size);
        e.get(V.I);
        e.i32(2);
        e.op(W.I32_SHL);
        e.op(W.I32_ADD);
        e.set(V.KIND);
        e.setUnknownKind((add ? Kind.ADD_CARRY : Kind.SUB_CARRY) + size);
      }
      e.get(V.U);
      e.write(op.a, size);
    },
  };
}

/** INC, DEC, NEG, NOT of registers. */
function unary(name: string, size: Size, quiet: boolean): PartialMeaning {
  if (name === "NOT") {
    return {
      writesA: true,
      emit(e, op) {
        e.register(op.a);
        e.i64(-1);
        e.op(W.I64_XOR);
        e.write(op.a, size);
      },
    };
  }
  if (name === "NEG") {
    return {
      setsFlags: !quiet,
      writesA: true,
      emit(e, op) {
        compute(
          e,
          "SUB",
          size,
          !quiet && op.flagsLive,
          () => e.i64(0),
          () => e.signed(op.a, size),
        );
        e.get(V.U);
        e.write(op.a, size);
      },
    };
  }
  return {
    changesFlags: !quiet,
    writesA: true,
    emit(e, op) {
      const flags = !quiet && op.flagsLive;
      if (flags) {
        carryFlag(e);
        e.op(W.EXTEND_U);
        e.set(V.FLAGS_A);
      }
      e.register(op.a);
      e.i64(name === "INC" ? 1 : -1);
      e.op(W.I64_ADD);
      e.write(op.a, size);
      if (!flags) return;
      e.signed(op.a, size);
      e.set(V.FLAGS_R);
      e.setKind((name === "INC" ? Cc.INC : Cc.DEC) + size);
    },
  };
}

const SHIFTS = {
  SHL: [W.I64_SHL, Cc.SHL],
  SHR: [W.I64_SHR_U, Cc.SHR],
  SAR: [W.I64_SHR_S, Cc.SAR],
} as const;

/** Operand of a shift, as the lazy flags keep it. */
function shiftOperand(e: Emitter, op: Operation, name: keyof typeof SHIFTS, size: Size): void {
  if (name === "SHR") e.unsigned(op.a, size);
  else e.signed(op.a, size);
}

function shiftImmediate(name: keyof typeof SHIFTS, size: Size, quiet: boolean): PartialMeaning {
  const [code, kind] = SHIFTS[name];
  return {
    setsFlags: !quiet,
    writesA: true,
    emit(e, op) {
      const flags = !quiet && op.flagsLive;
      shiftOperand(e, op, name, size);
      if (flags) e.tee(V.FLAGS_A);
      e.i64(op.immediate);
      e.op(code);
      e.write(op.a, size);
      if (!flags) return;
      e.signed(op.a, size);
      e.set(V.FLAGS_R);
      e.setKind((kind + size) | (op.immediate << Cc.COUNT_SHIFT));
    },
  };
}

/** By CL: a count of 0 leaves the flags, but clears the upper half of a 32-bit register. */
function shiftByCl(name: keyof typeof SHIFTS, size: Size): PartialMeaning {
  const [code, kind] = SHIFTS[name];
  return {
    changesFlags: true,
    writesA: true,
    emit(e, op) {
      e.register(RCX);
      e.op(W.WRAP);
      e.i32(size === 3 ? 63 : 31);
      e.op(W.I32_AND);
      e.set(V.I);
      shiftOperand(e, op, name, size);
      e.tee(V.T);
      e.get(V.I);
      e.op(W.EXTEND_U);
      e.op(code);
      e.write(op.a, size);
      if (!op.flagsLive) return;
      e.get(V.I);
      e.open(W.IF);
      e.get(V.T);
      e.set(V.FLAGS_A);
      e.signed(op.a, size);
      e.set(V.FLAGS_R);
      e.i32(kind + size);
      e.get(V.I);
      e.i32(Cc.COUNT_SHIFT);
      e.op(W.I32_SHL);
      e.op(W.I32_OR);
      e.set(V.KIND);
      e.close();
      e.setUnknownKind(Kind.UNKNOWN);
    },
  };
}

/** ROL, ROR: CF and OF change, as far as anybody sees. */
function rotate(name: string, size: Size): PartialMeaning {
  const left = name === "ROL";
  return {
    changesFlags: true,
    writesA: true,
    emit(e, op) {
      e.register(op.a);
      if (size === 2) {
        e.op(W.WRAP);
        e.i32(op.immediate);
        e.op(left ? W.I32_ROTL : W.I32_ROTR);
        e.op(W.EXTEND_U);
      } else {
        e.i64(op.immediate);
        e.op(left ? W.I64_ROTL : W.I64_ROTR);
      }
      e.setRegister(op.a);
      if (!op.flagsLive) return;
      const bit = (number: number): void => {
        e.register(op.a);
        e.i64(number);
        e.op(W.I64_SHR_U);
        e.op(W.WRAP);
        e.i32(1);
        e.op(W.I32_AND);
      };
      const top = (8 << size) - 1;
      // CF is the bit that came round; OF says whether it differs from the highest (left), or its neighbour (right).
      replaceFlags(e, CARRY_OVERFLOW, () => {
        bit(left ? 0 : top);
        e.tee(V.I);
        e.get(V.I);
        bit(left ? top : top - 1);
        e.op(W.I32_XOR);
        e.i32(OVERFLOW_SHIFT);
        e.op(W.I32_SHL);
        e.op(W.I32_OR);
      });
    },
  };
}

/** IMUL with two or three operands. */
function multiply(form: string, size: Size, quiet: boolean): PartialMeaning {
  const memory = form === "rm";
  return {
    setsFlags: !quiet,
    leaves: memory,
    writesA: true,
    emit(e, op) {
      const flags = !quiet && op.flagsLive;
      if (memory) {
        e.loadInto(op, size, true, V.LINEAR);
      }
      e.signed(form === "rri" ? op.b : op.a, size);
      e.set(V.T);
      if (memory) e.get(V.LINEAR);
      else if (form === "rri") e.immediate(op);
      else e.signed(op.b, size);
      e.set(V.LINEAR);
      e.get(V.T);
      e.get(V.LINEAR);
      e.op(W.I64_MUL);
      e.set(V.U);
      if (flags) {
        // 32 bits: the whole product; 64 bits: both factors.
        e.get(size === 3 ? V.T : V.U);
        e.set(V.FLAGS_A);
        if (size === 3) e.storeSecondFactor(V.LINEAR);
        e.get(V.U);
        signExtend(e, size);
        e.set(V.FLAGS_R);
        e.setKind(size === 3 ? Cc.IMUL64 : Cc.IMUL32);
      }
      e.get(V.U);
      e.write(op.a, size);
    },
  };
}

/** MUL of the accumulator: RDX gets the high half. */
function multiplyWide(form: string, size: Size): PartialMeaning {
  const memory = form === "m";
  return {
    setsFlags: true,
    leaves: memory,
    writes: (1 << (RAX / 8)) | (1 << (RDX / 8)),
    emit(e, op) {
      if (memory) {
        e.address(op);
        e.load(op, size, false);
      } else e.unsigned(op.b, size);
      e.set(V.T);
      e.unsigned(RAX, size);
      e.get(V.T);
      e.op(W.I64_MUL);
      e.set(V.U);
      if (size === 3) {
        e.register(RAX);
        e.get(V.T);
        e.call(Helper.MUL_HIGH);
      } else {
        e.get(V.U);
        e.i64(32);
        e.op(W.I64_SHR_U);
      }
      e.setRegister(RDX);
      e.get(V.U);
      e.write(RAX, size);
      if (!op.flagsLive) return;
      // CF and OF: the high half is not 0.
      e.i64(CARRY_OVERFLOW);
      e.i64(0);
      e.register(RDX);
      e.i64(0);
      e.op(W.I64_NE);
      e.op(W.SELECT);
      e.set(V.FLAGS_A);
      e.signed(RAX, size);
      e.set(V.FLAGS_R);
      e.setKind(Cc.RESULT);
    },
  };
}

/** BT of a register: CF alone changes. */
function bitTest(form: string, size: Size): PartialMeaning {
  return {
    changesFlags: true,
    emit(e, op) {
      if (!op.flagsLive) return;
      replaceFlags(e, 1, () => {
        e.unsigned(op.a, size);
        if (form === "ri") e.i64(op.immediate & ((8 << size) - 1));
        else {
          e.register(op.b);
          e.i64((8 << size) - 1);
          e.op(W.I64_AND);
        }
        e.op(W.I64_SHR_U);
        e.op(W.WRAP);
        e.i32(1);
        e.op(W.I32_AND);
      });
    },
  };
}

/** CMOVcc: the memory form reads whatever the condition says. */
function conditionalMove(number: number, form: string, size: Size): PartialMeaning {
  const memory = form === "rm";
  return {
    readsFlags: true,
    leaves: memory,
    writesA: true,
    emit(e, op) {
      if (memory) {
        e.loadInto(op, size, false, V.T);
      }
      if (memory) e.get(V.T);
      else e.register(op.b);
      e.register(op.a);
      condition(e, memory ? op.immediate : number);
      e.op(W.SELECT);
      e.write(op.a, size);
    },
  };
}

export function arithmetic(name: string): PartialMeaning | undefined {
  let m = /^(ADD|OR|AND|SUB|XOR|CMP|TEST)_(rr|ri|rm|mr|mi)(8|32|64)(q?)$/.exec(name);
  if (m) return alu(m[1] as Name, m[2]!, sizeOf(m[3]!), m[4] === "q");
  m = /^(ADC|SBB)_(rr|ri|rm)(32|64)$/.exec(name);
  if (m) return withCarry(m[1]!, m[2]!, sizeOf(m[3]!));
  m = /^(INC|DEC|NEG|NOT)(32|64)(q?)$/.exec(name);
  if (m) return unary(m[1]!, sizeOf(m[2]!), m[3] === "q");
  m = /^(SHL|SHR|SAR)_i(32|64)(q?)$/.exec(name);
  if (m) return shiftImmediate(m[1] as keyof typeof SHIFTS, sizeOf(m[2]!), m[3] === "q");
  m = /^(SHL|SHR|SAR)_c(32|64)$/.exec(name);
  if (m) return shiftByCl(m[1] as keyof typeof SHIFTS, sizeOf(m[2]!));
  m = /^(ROL|ROR)_i(32|64)$/.exec(name);
  if (m) return rotate(m[1]!, sizeOf(m[2]!));
  m = /^IMUL_(rr|rm|rri)(32|64)(q?)$/.exec(name);
  if (m) return multiply(m[1]!, sizeOf(m[2]!), m[3] === "q");
  m = /^MUL_(r|m)(32|64)$/.exec(name);
  if (m) return multiplyWide(m[1]!, sizeOf(m[2]!));
  m = /^BT_(rr|ri)(32|64)$/.exec(name);
  if (m) return bitTest(m[1]!, sizeOf(m[2]!));
  m = /^CMOV(\d*)_(rr|rm)(32|64)$/.exec(name);
  if (m) return conditionalMove(Number(m[1]), m[2]!, sizeOf(m[3]!));
  return undefined;
}
