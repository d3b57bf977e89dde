/** Moves, stack, addresses, and the operations that run in functions of the core. */
import { L } from "../core/layout.ts";
import { sizeOf } from "./arithmetic.ts";
import type { Emitter, Size } from "./emitter.ts";
import { condition } from "./flags.ts";
import { Helper, registerBit, TEMP, V } from "./locals.ts";
import type { PartialMeaning } from "./meanings.ts";
import type { Operation } from "./operations.ts";
import { W } from "./wasm.ts";

const RAX = 0;
const RDX = 16;
export const RSP = 32;
const STACK = 1 << (RSP / 8);
/** All but the last page of the 32-bit address space: no operand there passes its end. */
const LAST_PAGE = 0xfffff000;

/** Pushes the stack pointer less `bytes`, as wide as the stack of this size. */
function below(e: Emitter, size: Size): void {
  e.register(RSP);
  e.i64(-(1 << size));
  e.op(W.I64_ADD);
  if (size === 2) e.zeroExtend();
}
/** Pushes a value; RSP changes once it is stored. */
export function push(e: Emitter, op: Operation, size: Size, value: () => void): void {
  below(e, size);
  e.store(op, size, value);
  e.get(V.LINEAR);
  e.setRegister(RSP);
}
/** Reads the top of the stack into V.T. */
export function top(e: Emitter, op: Operation, size: Size): void {
  e.register(RSP);
  if (size === 2) e.zeroExtend();
  e.load(op, size, false);
  e.set(V.T);
}
/** RSP moves up. */
export function release(e: Emitter, size: Size, bytes: number): void {
  e.register(RSP);
  e.i64(bytes);
  e.op(W.I64_ADD);
  e.write(RSP, size);
}

function simple(emit: (e: Emitter, op: Operation) => void, more: Omit<PartialMeaning, "emit"> = {}): PartialMeaning {
  return { writesA: true, ...more, emit };
}
/** @param changes registers that it may write, beside its operands */
function helper(which: Helper, changes: number): PartialMeaning {
  return {
    helper: true,
    leaves: true,
    readsFlags: true,
    emit(e, op) {
      e.runHelper(op, which, changes | registerBit(op.a) | registerBit(op.b));
    },
  };
}

/** Bytes in reverse order. */
function swapBytes(e: Emitter, op: Operation, size: Size): void {
  const step = (mask: [number, number], by: number): void => {
    e.get(V.T);
    e.i64(...mask);
    e.op(W.I64_AND);
    e.i64(by);
    e.op(W.I64_SHL);
    e.get(V.T);
    e.i64(by);
    e.op(W.I64_SHR_U);
    e.i64(...mask);
    e.op(W.I64_AND);
    e.op(W.I64_OR);
  };
  e.unsigned(op.a, size);
  e.set(V.T);
  step([0x00ff00ff, 0x00ff00ff], 8);
  e.set(V.T);
  step([0x0000ffff, 0x0000ffff], 16);
  if (size === 3) {
    e.i64(32);
    e.op(W.I64_ROTL);
  }
  e.setRegister(op.a);
}

/** EA_SEG of a 32-bit address in a flat segment that permits everything; all else is the interpreter's. */
function segmentAddress(e: Emitter, op: Operation): void {
  const segment = L.SEG + (op.immediate & 7) * L.SEG_SIZE;
  if ((op.immediate & 0x30) !== 0x20) {
    e.leaveAt(op);
    return;
  }
  const field = (offset: number): void => {
    e.i32(0);
    e.memory(W.I32_LOAD, segment + offset);
  };
  e.nextIsOperation(op);
  e.address(op);
  e.op(W.WRAP);
  e.tee(V.I);
  e.i32(LAST_PAGE);
  e.op(W.I32_GE_U);
  field(L.SEG_LIMIT);
  e.i32(-1);
  e.op(W.I32_NE);
  e.op(W.I32_OR);
  // Data, present, writable, not expand-down.
  field(L.SEG_ATTR);
  e.i32(0x9e);
  e.op(W.I32_AND);
  e.i32(0x92);
  e.op(W.I32_NE);
  e.op(W.I32_OR);
  field(L.SEG_NULL);
  e.op(W.I32_OR);
  e.leave(W.BR_IF);
  field(L.SEG_BASE);
  e.get(V.I);
  e.op(W.I32_ADD);
  e.op(W.EXTEND_U);
  e.setTemp();
}

const PLAIN: Record<string, PartialMeaning> = {
  NOP: { emit: () => undefined },
  LEA64: simple((e, op) => {
    e.address(op);
    e.setRegister(op.a);
  }),
  LEA32: simple((e, op) => {
    e.address(op);
    e.write(op.a, 2);
  }),
  CDQE: {
    writes: 1 << (RAX / 8),
    emit(e) {
      e.signed(RAX, 2);
      e.setRegister(RAX);
    },
  },
  CQO: {
    writes: 1 << (RDX / 8),
    emit(e) {
      e.register(RAX);
      e.i64(63);
      e.op(W.I64_SHR_S);
      e.setRegister(RDX);
    },
  },
  CDQ: {
    writes: 1 << (RDX / 8),
    emit(e) {
      e.signed(RAX, 2);
      e.i64(63);
      e.op(W.I64_SHR_S);
      e.write(RDX, 2);
    },
  },
  RDTSC: helper(Helper.RDTSC, 5),
  INTEGER: helper(Helper.INTEGER, 0xff),
  // PCMPESTRI and its like write ECX.
  SSE: helper(Helper.SSE, 2),
  // FNSTSW AX.
  X87: helper(Helper.X87, 1),
  EA_FS: segmentBase(L.SEG_FS),
  EA_GS: segmentBase(L.SEG_GS),
  EA_32: {
    writes: TEMP,
    emit(e, op) {
      e.address(op);
      e.zeroExtend();
      e.setTemp();
    },
  },
  EA_ABS: {
    writes: TEMP,
    emit(e, op) {
      e.immediate64(op);
      e.setTemp();
    },
  },
  EA_SEG: { leaves: true, writes: TEMP, emit: segmentAddress },
  MOV_ri64w: simple((e, op) => {
    e.immediate64(op);
    e.setRegister(op.a);
  }),
};

/** In 64-bit mode FS and GS add their base and nothing else. */
function segmentBase(segment: number): PartialMeaning {
  return {
    writes: TEMP,
    emit(e, op) {
      e.address(op);
      e.i32(0);
      e.memory(W.I64_LOAD, segment + L.SEG_BASE);
      e.op(W.I64_ADD);
      e.setTemp();
    },
  };
}

export function moves(name: string): PartialMeaning | undefined {
  const plain = PLAIN[name];
  if (plain) return plain;
  let m = /^MOV_(rr|ri)(8|32|64)$/.exec(name);
  if (m) {
    const size = sizeOf(m[2]!);
    const immediate = m[1] === "ri";
    return simple((e, op) => {
      if (immediate) e.immediate(op);
      else if (size === 0) e.unsigned(op.b, size);
      else e.register(op.b);
      e.write(op.a, size);
    });
  }
  m = /^LOAD(8|32|64)$/.exec(name);
  if (m) {
    const size = sizeOf(m[1]!);
    return simple(
      (e, op) => {
        e.address(op);
        e.load(op, size, false);
        if (size === 2) e.setRegister(op.a);
        else e.write(op.a, size);
      },
      { leaves: true },
    );
  }
  m = /^STORE(I?)(8|16|32|64)$/.exec(name);
  if (m) {
    const size = sizeOf(m[2]!);
    const immediate = m[1] === "I";
    return {
      leaves: true,
      emit(e, op) {
        e.address(op);
        e.store(op, size, () => {
          if (immediate) e.immediate(op);
          else if (size === 0) e.unsigned(op.a, size);
          else e.register(op.a);
        });
      },
    };
  }
  m = /^MOVZX_(r|m)(8|16)$/.exec(name);
  if (m) {
    const size = sizeOf(m[2]!);
    const memory = m[1] === "m";
    return simple(
      (e, op) => {
        if (memory) {
          e.address(op);
          e.load(op, size, false);
        } else e.unsigned(op.b, size);
        e.setRegister(op.a);
      },
      { leaves: memory },
    );
  }
  m = /^MOVSX_(r|m)(8|16|32)_(32|64)$/.exec(name);
  if (m) {
    const from = sizeOf(m[2]!);
    const to = sizeOf(m[3]!);
    const memory = m[1] === "m";
    return simple(
      (e, op) => {
        if (memory) {
          e.address(op);
          e.load(op, from, true);
        } else e.signed(op.b, from);
        e.write(op.a, to);
      },
      { leaves: memory },
    );
  }
  m = /^XCHG_rr(32|64)$/.exec(name);
  if (m) {
    const size = sizeOf(m[1]!);
    return simple(
      (e, op) => {
        e.register(op.a);
        e.set(V.T);
        e.register(op.b);
        e.write(op.a, size);
        e.get(V.T);
        e.write(op.b, size);
      },
      { writesB: true },
    );
  }
  m = /^BSWAP(32|64)$/.exec(name);
  if (m) {
    const size = sizeOf(m[1]!);
    return simple((e, op) => swapBytes(e, op, size));
  }
  m = /^SETCC(\d+)_r$/.exec(name);
  if (m) {
    const number = Number(m[1]);
    return simple(
      (e, op) => {
        condition(e, number);
        e.op(W.EXTEND_U);
        e.write(op.a, 0);
      },
      { readsFlags: true },
    );
  }
  m = /^PUSH_(r|i)(32|64)$/.exec(name);
  if (m) {
    const size = sizeOf(m[2]!);
    const immediate = m[1] === "i";
    return {
      leaves: true,
      writes: STACK,
      emit(e, op) {
        push(e, op, size, () => (immediate ? e.immediate(op) : e.register(op.a)));
      },
    };
  }
  m = /^POP_r(32|64)$/.exec(name);
  if (m) {
    const size = sizeOf(m[1]!);
    return {
      leaves: true,
      writes: STACK,
      writesA: true,
      emit(e, op) {
        top(e, op, size);
        release(e, size, 1 << size);
        e.get(V.T);
        e.setRegister(op.a);
      },
    };
  }
  return undefined;
}
