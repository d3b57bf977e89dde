/** Emits the parts that all operations are made of: registers, memory through the TLB, lazy flags, ways out. */
import type { Core } from "../core/core.ts";
import { Cc, L, OpAt } from "../core/layout.ts";
import { Helper, REGISTERS, TEMP_REGISTER, V } from "./locals.ts";
import type { Operation } from "./operations.ts";
import { add64, type RegionBlock } from "./region.ts";
import { Code, Type, W } from "./wasm.ts";

/** What is known of the lazy flags beyond the values of Cc, which are positive: nothing, or one of two by the carry that came in. */
export const enum Kind {
  UNKNOWN = -1,
  /** RESULT with CF, AF and OF clear. */
  LOGIC = -2,
  /** SUB or SBB, plus the size. */
  SUB_CARRY = -16,
  /** ADD or ADC, plus the size. */
  ADD_CARRY = -20,
}

const FIRST_REGISTER_FIELD = L.REG_ZERO / 8;
const ZERO_FIELD = L.REG_ZERO / 8;
const TEMP_FIELD = L.REG_TEMP / 8;
const RIP_FIELD = L.REG_BLOCK_RIP / 8;
/** Offsets in a TLB entry (class TlbEntry in assembly/mem.ts). */
const READ_TAG = 0;
const WRITE_TAG = 8;
const ADDEND = 24;
const TLB_INDEX_SHIFT = 7;
const TLB_INDEX_MASK = (L.TLB_ENTRIES - 1) << 5;

/** Operand sizes as log2 of bytes; 16 bits occur in stores only. */
export type Size = 0 | 1 | 2 | 3;
const LOAD_SIGNED = [W.I64_LOAD8_S, W.I64_LOAD16_S, W.I64_LOAD32_S, W.I64_LOAD] as const;
const LOAD_UNSIGNED = [W.I64_LOAD8_U, W.I64_LOAD16_U, W.I64_LOAD32_U, W.I64_LOAD] as const;
const STORE = [W.I64_STORE8, W.I64_STORE16, W.I64_STORE32, W.I64_STORE] as const;

/** How the block at hand hands over to others. */
export interface Flow {
  /** RIP behind the block. */
  behind(): [number, number];
  /** Leaves for the interpreter when it would have to look the edge's target up; nothing may have happened before. */
  resolve(op: Operation, edge: number): void;
  /** Follows a resolved edge. */
  take(edge: number): void;
  jump(op: Operation): void;
  /** Follows the first edge when the i32 on the stack is not 0, else the second. */
  branch(op: Operation): void;
  /** Finds the block at the RIP in V.T, or leaves for the interpreter; V.NEXT is the block. Uses V.I. */
  lookUp(op: Operation): void;
  /** Goes on with the block in V.NEXT. */
  enterFound(): void;
}

/** A way out: what must be stored before the function returns. */
interface Spill {
  readonly dirty: number;
  readonly flags: boolean;
}

export class Emitter {
  readonly core: Core;
  readonly code = new Code(1 << 14);
  /** Labels of the open blocks, innermost last. */
  readonly #labels: number[] = [];
  readonly #spills: Spill[] = [];
  readonly #spillNumbers = new Map<number, number>();
  /** Registers whose local differs from memory, and whether the flags do. */
  dirty = 0;
  flagsDirty = false;
  /** Kind of the lazy flags where that is known (Cc with size and count, or Kind). */
  kind: number = Kind.UNKNOWN;
  block!: RegionBlock;
  /** Registers that the region reads or writes. */
  used = 0;
  /** The region is 64-bit code. */
  is64 = true;
  flow!: Flow;

  constructor(core: Core) {
    this.core = core;
  }

  begin(): void {
    this.code.reset();
    this.#labels.length = 0;
    this.#spills.length = 0;
    this.#spillNumbers.clear();
  }

  // ---------------------------------------------------------------- instructions
  op(code: W): void {
    this.code.byte(code);
  }
  get(local: number): void {
    this.code.byte(W.GET);
    this.code.byte(local);
  }
  set(local: number): void {
    this.code.byte(W.SET);
    this.code.byte(local);
  }
  tee(local: number): void {
    this.code.byte(W.TEE);
    this.code.byte(local);
  }
  i32(value: number): void {
    this.code.byte(W.I32_CONST);
    this.code.signed(value);
  }
  i64(low: number, high = low >> 31): void {
    this.code.byte(W.I64_CONST);
    this.code.signed64(low, high);
  }
  /** A load or store; `offset` is added to the address on the stack. */
  memory(code: W, offset: number): void {
    this.code.byte(code);
    // Alignment is a hint only: none is claimed.
    this.code.byte(0);
    this.code.unsigned(offset);
  }
  call(helper: Helper): void {
    this.code.byte(W.CALL);
    this.code.unsigned(helper);
  }

  // ---------------------------------------------------------------- blocks and branches
  open(kind: W.BLOCK | W.LOOP | W.IF, label = -1): void {
    this.code.byte(kind);
    this.code.byte(Type.VOID);
    this.#labels.push(label);
  }
  /** The same with an i32 as result. */
  openValue(kind: W.IF): void {
    this.code.byte(kind);
    this.code.byte(Type.I32);
    this.#labels.push(-1);
  }
  close(): void {
    this.code.byte(W.END);
    this.#labels.pop();
  }
  depth(label: number): number {
    return this.#labels.length - 1 - this.#labels.lastIndexOf(label);
  }
  branch(label: number): void {
    this.code.byte(W.BR);
    this.code.unsigned(this.depth(label));
  }
  branchIf(label: number): void {
    this.code.byte(W.BR_IF);
    this.code.unsigned(this.depth(label));
  }

  // ---------------------------------------------------------------- leaving
  /** Leaves with V.NEXT as it stands, storing what is dirty here; `code` is BR, or BR_IF with a condition on the stack. */
  leave(code: W.BR | W.BR_IF): void {
    const key = this.dirty * 2 + Number(this.flagsDirty);
    let number = this.#spillNumbers.get(key);
    if (number === undefined) {
      number = this.#spills.length;
      this.#spills.push({ dirty: this.dirty, flags: this.flagsDirty });
      this.#spillNumbers.set(key, number);
    }
    this.code.byte(code);
    this.code.unsigned(this.#labels.length + number);
  }
  /** The interpreter is to go on with this operation. */
  nextIsOperation(op: Operation): void {
    this.i32(op.address + 1);
    this.set(V.NEXT);
  }
  leaveAt(op: Operation): void {
    this.nextIsOperation(op);
    this.leave(W.BR);
  }

  /** The whole function: the body inside a block for each way out, whose stores follow it. */
  finish(out: Code): void {
    for (let i = 0; i < this.#spills.length; i++) {
      out.byte(W.BLOCK);
      out.byte(Type.VOID);
    }
    out.append(this.code);
    this.code.reset();
    for (const { dirty, flags } of this.#spills) {
      this.op(W.UNREACHABLE);
      this.op(W.END);
      this.#storeState(dirty, flags);
      this.get(V.NEXT);
      this.op(W.RETURN);
    }
    this.op(W.UNREACHABLE);
    this.op(W.END);
    out.append(this.code);
  }

  #storeState(dirty: number, flags: boolean): void {
    for (let i = 0; i < REGISTERS; i++) {
      if (!((dirty >> i) & 1)) continue;
      this.i32(0);
      this.get(V.REG + i);
      this.memory(W.I64_STORE, registerAddress(i));
    }
    this.#storeLocal(V.BUDGET, W.I32_STORE, L.BUDGET);
    this.#storeLocal(V.BLOCK_RIP, W.I64_STORE, L.REGS + L.REG_BLOCK_RIP);
    if (!flags) return;
    this.#storeLocal(V.KIND, W.I32_STORE, L.CC_OP);
    this.#storeLocal(V.FLAGS_A, W.I64_STORE, L.CC_A);
    this.#storeLocal(V.FLAGS_R, W.I64_STORE, L.CC_R);
  }
  #storeLocal(local: number, code: W, address: number): void {
    this.i32(0);
    this.get(local);
    this.memory(code, address);
  }
  #loadLocal(local: number, code: W, address: number): void {
    this.i32(0);
    this.memory(code, address);
    this.set(local);
  }
  /** Fills the locals from memory. */
  loadState(used: number): void {
    for (let i = 0; i < REGISTERS; i++) {
      if ((used >> i) & 1) this.#loadLocal(V.REG + i, W.I64_LOAD, registerAddress(i));
    }
    this.#loadLocal(V.BUDGET, W.I32_LOAD, L.BUDGET);
    this.#loadLocal(V.KIND, W.I32_LOAD, L.CC_OP);
    this.#loadLocal(V.FLAGS_A, W.I64_LOAD, L.CC_A);
    this.#loadLocal(V.FLAGS_R, W.I64_LOAD, L.CC_R);
  }
  loadTlbBase(): void {
    this.#loadLocal(V.TLB, W.I32_LOAD, L.TLB_BASE);
  }

  /**
   * Runs an operation in a function of the core. It may fault, and unwind through here, so everything is in memory; when
   * it asked for a stop behind itself, the interpreter goes on with the next operation, which has the stop in it.
   * @param changes registers that it may write
   */
  runHelper(op: Operation, helper: Helper, changes: number): void {
    this.#storeState(this.dirty, this.flagsDirty);
    this.i32(0);
    this.i32(op.address);
    this.memory(W.I32_STORE, L.CUR_OP);
    this.i32(helper === Helper.RDTSC ? 0 : op.address);
    this.call(helper);
    this.loadState(this.used & changes);
    this.dirty = 0;
    this.flagsDirty = false;
    this.kind = Kind.UNKNOWN;
    this.i32(op.address + op.meaning.slots * 16 + 1);
    this.set(V.NEXT);
    this.i32(0);
    this.memory(W.I32_LOAD, L.PATCHED_OP);
    this.leave(W.BR_IF);
  }

  // ---------------------------------------------------------------- registers
  /** All 64 bits of an operand field: a general or pseudo register. */
  register(field: number): void {
    const number = field >> 3;
    if (number < FIRST_REGISTER_FIELD) this.get(V.REG + number);
    else if (number === TEMP_FIELD) this.get(V.REG + TEMP_REGISTER);
    else if (number === RIP_FIELD) this.i64(this.block.ripLow, this.block.ripHigh);
    else this.i64(0);
  }
  setRegister(field: number): void {
    this.set(V.REG + (field >> 3));
  }
  setTemp(): void {
    this.set(V.REG + TEMP_REGISTER);
  }
  /** The operand sign-extended to 64 bits. */
  signed(field: number, size: Size): void {
    this.register(field);
    if (size === 0) {
      if (field & 1) {
        this.i64(8);
        this.op(W.I64_SHR_U);
      }
      this.op(W.I64_EXTEND8_S);
    } else if (size === 1) this.op(W.I64_EXTEND16_S);
    else if (size === 2) this.op(W.I64_EXTEND32_S);
  }
  /** The operand zero-extended to 64 bits. */
  unsigned(field: number, size: Size): void {
    this.register(field);
    if (size === 0) {
      if (field & 1) {
        this.i64(8);
        this.op(W.I64_SHR_U);
      }
      this.i64(255);
      this.op(W.I64_AND);
    } else if (size === 1) {
      this.i64(0xffff);
      this.op(W.I64_AND);
    } else if (size === 2) this.zeroExtend();
  }
  /** Clears the upper half of the value on the stack. */
  zeroExtend(): void {
    this.op(W.WRAP);
    this.op(W.EXTEND_U);
  }
  /** Writes the lower bits of an i64 on the stack; 32 bits clear the upper half. Uses T. */
  write(field: number, size: Size): void {
    if (size === 3) this.setRegister(field);
    else if (size === 2) {
      this.zeroExtend();
      this.setRegister(field);
    } else {
      const high = size === 0 && (field & 1) === 1;
      this.i64(size === 0 ? 255 : 0xffff);
      this.op(W.I64_AND);
      if (high) {
        this.i64(8);
        this.op(W.I64_SHL);
      }
      this.register(field);
      if (high) this.i64(~0xff00);
      else this.i64(size === 0 ? ~0xff : ~0xffff);
      this.op(W.I64_AND);
      this.op(W.I64_OR);
      this.setRegister(field);
    }
  }
  /** A sign-extended immediate. */
  immediate(op: Operation): void {
    this.i64(op.immediate);
  }

  /** The 64-bit immediate of the second slot. */
  immediate64(op: Operation): void {
    const at = (op.address + OpAt.IMMEDIATE64) / 4;
    this.i64(this.core.i32[at]!, this.core.i32[at + 1]);
  }
  /** L.CC_B. */
  storeSecondFactor(local: number): void {
    this.#storeLocal(local, W.I64_STORE, L.CC_B);
  }

  // ---------------------------------------------------------------- memory
  /** Linear address of the operand: outside 64-bit mode it wraps at 4 GiB, as a sum with a kernel's addresses often does. */
  address(op: Operation): void {
    this.#sum(op);
    const isPart = op.b >> 3 !== TEMP_FIELD || op.displacement !== 0 || op.x >> 3 !== ZERO_FIELD;
    if (!this.is64 && isPart) this.zeroExtend();
  }
  #sum(op: Operation): void {
    const base = op.b >> 3;
    const index = op.x >> 3;
    if (base === RIP_FIELD) {
      const [low, high] = add64(this.block.ripLow, this.block.ripHigh, op.displacement);
      this.i64(low, high);
    } else if (base === ZERO_FIELD) {
      this.i64(op.displacement);
    } else {
      this.register(op.b);
      if (op.displacement) {
        this.i64(op.displacement);
        this.op(W.I64_ADD);
      }
    }
    if (index === ZERO_FIELD) return;
    this.register(op.x);
    if (op.shift) {
      this.i64(op.shift);
      this.op(W.I64_SHL);
    }
    this.op(W.I64_ADD);
  }
  /** Leaves for the interpreter unless the access at V.LINEAR hits a fast entry of the TLB, which is then in V.TLB_ENTRY. */
  #probe(op: Operation, size: Size, tag: number): void {
    this.nextIsOperation(op);
    this.get(V.LINEAR);
    this.i64(TLB_INDEX_SHIFT);
    this.op(W.I64_SHR_U);
    this.op(W.WRAP);
    this.i32(TLB_INDEX_MASK);
    this.op(W.I32_AND);
    this.get(V.TLB);
    this.op(W.I32_ADD);
    this.tee(V.TLB_ENTRY);
    this.memory(W.I64_LOAD, tag);
    this.get(V.LINEAR);
    if (size > 0) {
      this.i64((1 << size) - 1);
      this.op(W.I64_ADD);
    }
    this.i64(-4096);
    this.op(W.I64_AND);
    this.op(W.I64_NE);
    this.leave(W.BR_IF);
  }
  /** Address in this memory of a probed access. */
  #place(): void {
    this.get(V.LINEAR);
    this.op(W.WRAP);
    this.get(V.TLB_ENTRY);
    this.memory(W.I32_LOAD, ADDEND);
    this.op(W.I32_ADD);
  }
  /** Reads at the linear address on the stack. */
  load(op: Operation, size: Size, signed: boolean): void {
    this.set(V.LINEAR);
    this.#probe(op, size, READ_TAG);
    this.#place();
    this.memory((signed ? LOAD_SIGNED : LOAD_UNSIGNED)[size], 0);
  }
  /** Reads the operation's memory operand into a local. */
  loadInto(op: Operation, size: Size, signed: boolean, local: V): void {
    this.address(op);
    this.load(op, size, signed);
    this.set(local);
  }
  /** Writes what `value` leaves on the stack (an i64) at the linear address on the stack. */
  store(op: Operation, size: Size, value: () => void): void {
    this.set(V.LINEAR);
    this.#probe(op, size, WRITE_TAG);
    this.#place();
    value();
    this.memory(STORE[size], 0);
  }
  /** Replaces what lies at the linear address on the stack; `change` finds it, sign-extended, in V.U and leaves the result. Uses V.J. */
  modify(op: Operation, size: Size, change: () => void): void {
    this.set(V.LINEAR);
    this.#probe(op, size, WRITE_TAG);
    this.#place();
    this.tee(V.J);
    this.memory(LOAD_SIGNED[size], 0);
    this.set(V.U);
    this.get(V.J);
    change();
    this.memory(STORE[size], 0);
  }

  // ---------------------------------------------------------------- flags
  /** Notes the kind of the flags whose values are in their locals by now. */
  setKind(kind: number): void {
    this.i32(kind === (Kind.LOGIC as number) ? Cc.RESULT : kind);
    this.set(V.KIND);
    this.kind = kind;
    this.flagsDirty = true;
  }
  /** The flags' kind is what was just stored into V.KIND. */
  setUnknownKind(kind: number): void {
    this.kind = kind;
    this.flagsDirty = true;
  }
}

function registerAddress(number: number): number {
  return number === TEMP_REGISTER ? L.REGS + L.REG_TEMP : L.REGS + number * 8;
}
