/** What ends a block. */
import { Cc } from "../core/layout.ts";
import { sizeOf } from "./arithmetic.ts";
import type { Emitter, Size } from "./emitter.ts";
import { Kind } from "./emitter.ts";
import { condition, signExtend } from "./flags.ts";
import { V } from "./locals.ts";
import { Ends } from "./meaning.ts";
import type { PartialMeaning } from "./meanings.ts";
import { push, release, RSP, top } from "./moves.ts";
import type { Operation } from "./operations.ts";
import { W } from "./wasm.ts";

const STACK = 1 << (RSP / 8);

/** Comparisons by condition, for operands sign-extended to 64 bits. */
const COMPARISONS = new Map<number, W>([
  [2, W.I64_LT_U],
  [3, W.I64_GE_U],
  [4, W.I64_EQ],
  [5, W.I64_NE],
  [6, W.I64_LE_U],
  [7, W.I64_GT_U],
  [12, W.I64_LT_S],
  [13, W.I64_GE_S],
  [14, W.I64_LE_S],
  [15, W.I64_GT_S],
]);
/** Tests of a result against 0. */
const TESTS = new Map<number, W>([
  [4, W.I64_EQ],
  [5, W.I64_NE],
  [8, W.I64_LT_S],
  [9, W.I64_GE_S],
]);

/** CMP and a conditional jump in one. */
function compareBranch(form: string, size: Size, number: number): PartialMeaning {
  return {
    ends: Ends.BRANCH,
    setsFlags: true,
    emit(e, op) {
      e.signed(op.a, size);
      e.set(V.FLAGS_A);
      if (form === "ri") e.immediate(op);
      else e.signed(op.b, size);
      e.set(V.T);
      e.get(V.FLAGS_A);
      e.get(V.T);
      e.op(W.I64_SUB);
      signExtend(e, size);
      e.set(V.FLAGS_R);
      e.setKind(Cc.SUB + size);
      e.get(V.FLAGS_A);
      e.get(V.T);
      e.op(COMPARISONS.get(number)!);
      e.flow.branch(op);
    },
  };
}
function testBranch(size: Size, number: number): PartialMeaning {
  return {
    ends: Ends.BRANCH,
    setsFlags: true,
    emit(e, op) {
      e.signed(op.a, size);
      if (op.a !== op.b) {
        e.signed(op.b, size);
        e.op(W.I64_AND);
      }
      e.set(V.FLAGS_R);
      e.i64(0);
      e.set(V.FLAGS_A);
      e.setKind(Kind.LOGIC);
      e.get(V.FLAGS_R);
      e.i64(0);
      e.op(TESTS.get(number)!);
      e.flow.branch(op);
    },
  };
}

/** Pushes RIP behind the block. */
function behind(e: Emitter): void {
  e.i64(...e.flow.behind());
}

const TERMINATORS: Record<string, PartialMeaning> = {
  END: { ends: Ends.FALL, emit: (e, op) => e.flow.jump(op) },
  JMP: { ends: Ends.JUMP, emit: (e, op) => e.flow.jump(op) },
  CALL64: call(3),
  CALL32: call(2),
  RET64: returning(3),
  RET32: returning(2),
  JMP_r64: indirect(3, false),
  JMP_r32: indirect(2, false),
  JMP_m64: indirect(3, true),
  JMP_m32: indirect(2, true),
  CALL_r64: indirectCall(3, false),
  CALL_r32: indirectCall(2, false),
  CALL_m64: indirectCall(3, true),
  INTEGER_END: { ends: Ends.OTHER, leaves: true, emit: (e, op) => e.leaveAt(op) },
  SYSTEM: { ends: Ends.OTHER, leaves: true, emit: (e, op) => e.leaveAt(op) },
};

function call(size: Size): PartialMeaning {
  return {
    ends: Ends.CALL,
    leaves: true,
    writes: STACK,
    emit(e, op) {
      // Whether the interpreter has to follow the call shows before anything is pushed.
      e.flow.resolve(op, 0);
      e.get(V.NEXT);
      e.set(V.I);
      push(e, op, size, () => behind(e));
      e.dirty |= STACK;
      e.get(V.I);
      e.set(V.NEXT);
      e.flow.take(0);
    },
  };
}
function returning(size: Size): PartialMeaning {
  return {
    ends: Ends.RETURN,
    leaves: true,
    writes: STACK,
    emit(e, op) {
      top(e, op, size);
      e.flow.lookUp(op);
      release(e, size, (1 << size) + op.immediate);
      e.dirty |= STACK;
      e.flow.enterFound();
    },
  };
}
/** Finds the block that a register or memory operand names. */
function findTarget(e: Emitter, op: Operation, size: Size, memory: boolean): void {
  if (memory) {
    e.address(op);
    e.load(op, size, false);
  } else e.unsigned(op.a, size);
  e.set(V.T);
  e.flow.lookUp(op);
}
function indirect(size: Size, memory: boolean): PartialMeaning {
  return {
    ends: Ends.INDIRECT_JUMP,
    leaves: true,
    emit(e, op) {
      findTarget(e, op, size, memory);
      e.flow.enterFound();
    },
  };
}
/** The return address is RIP of the operation and its length: the end of the block. */
function indirectCall(size: Size, memory: boolean): PartialMeaning {
  return {
    ends: Ends.INDIRECT_CALL,
    leaves: true,
    writes: STACK,
    emit(e, op) {
      findTarget(e, op, size, memory);
      e.get(V.NEXT);
      e.set(V.I);
      push(e, op, size, () => behind(e));
      e.dirty |= STACK;
      e.get(V.I);
      e.set(V.NEXT);
      e.flow.enterFound();
    },
  };
}

export function control(name: string): PartialMeaning | undefined {
  const found = TERMINATORS[name];
  if (found) return found;
  let m = /^JCC(\d+)$/.exec(name);
  if (m) {
    const number = Number(m[1]);
    return {
      ends: Ends.BRANCH,
      readsFlags: true,
      emit(e, op) {
        condition(e, number);
        e.flow.branch(op);
      },
    };
  }
  m = /^CMPJ_(rr|ri)(32|64)_(\d+)$/.exec(name);
  if (m) return compareBranch(m[1]!, sizeOf(m[2]!), Number(m[3]));
  m = /^TESTJ_rr(8|32|64)_(\d+)$/.exec(name);
  if (m) return testBranch(sizeOf(m[1]!), Number(m[2]));
  return undefined;
}
