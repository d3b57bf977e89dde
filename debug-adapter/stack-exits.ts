/**
 * Where a function returns to, read out of its own code: from where it stands, the code is followed to a return, and what is
 * done to the stack pointer on the way says where the return address lies. Needs no frame pointer and no unwind tables, and
 * works in the middle of a prologue or an epilogue.
 */
import iced from "iced-x86";
import type { Instruction } from "iced-x86";
import { GPR_NAMES } from "../emulator/machine/api.ts";
import { stackLinear } from "./stack-frames.ts";
import type { Frame, StandingMemory } from "./stack-frames.ts";
import { lookAt } from "./stack-code.ts";

/** Instructions that are looked at for one frame, over all its paths. */
const MAX_LOOKED_AT = 1500;

/** A return instruction that a frame's code comes to. */
export interface Exit {
  kind: "near" | "far" | "interrupt";
  /** Bytes of an offset that it takes from the stack. */
  width: 2 | 4 | 8;
  /** Stack pointer (offset) before it. */
  sp: bigint;
  /** Bytes that it releases besides. */
  released: bigint;
  /** The way led over the frame pointer. */
  byPointer: boolean;
  /** The way led to another stack. */
  otherStack: boolean;
  /** Something on the way could not be followed: the stack pointer was taken for unchanged. */
  doubtful: boolean;
  /** General registers that the code restores on the way, by whole names; "rbp" also when it never changes it. */
  registers: ReadonlyMap<string, bigint>;
}

/** A place in the code, with what the stack will be there. */
interface State {
  /** Offset in the code segment. */
  ip: bigint;
  sp: bigint;
  registers: Map<string, bigint>;
  /** What was pushed on the way, by stack offset; undefined is a value that is not known. */
  pushed: Map<bigint, bigint | undefined>;
  byPointer: boolean;
  otherStack: boolean;
  doubtful: boolean;
}

/** What an instruction does, as far as it matters here. */
type Effect =
  | { does: "goesOn"; next: bigint[] }
  | { does: "exits"; exit: Pick<Exit, "kind" | "width" | "released"> }
  | { does: "ends" };

/** All returns that the code of a frame comes to, the straightest way first. */
export async function* exitsOf(frame: Frame, memory: StandingMemory): AsyncGenerator<Exit> {
  if (frame.sp === undefined) return;
  const paths: State[] = [
    {
      ip: frame.ip,
      sp: frame.sp,
      registers: new Map([...frame.registers].filter(([name]) => name === "rbp")),
      pushed: new Map(),
      byPointer: false,
      otherStack: false,
      doubtful: false,
    },
  ];
  const seen = new Set<bigint>();
  for (let looked = 0; looked < MAX_LOOKED_AT;) {
    const state = paths.pop();
    if (state === undefined) return;
    while (!seen.has(state.ip) && looked++ < MAX_LOOKED_AT) {
      seen.add(state.ip);
      const step = await lookAt(memory, frame.code, state.ip, (one) => ({
        plan: planOf(one),
        effect: effectOf(one, BigInt.asUintN(frame.code.bits, state.ip + BigInt(one.length))),
      }));
      if (step === undefined || step.effect.does === "ends") break;
      if (step.effect.does === "exits") {
        const { sp, byPointer, otherStack, doubtful, registers } = state;
        yield { ...step.effect.exit, sp, byPointer, otherStack, doubtful, registers };
        break;
      }
      if (!(await carryOut(step.plan, state, frame, memory))) break;
      const [straight, ...others] = step.effect.next;
      for (const ip of others) {
        paths.push({ ...state, ip, registers: new Map(state.registers), pushed: new Map(state.pushed) });
      }
      if (straight === undefined) break;
      state.ip = straight;
    }
  }
}

/** @param next offset of the instruction behind it */
function effectOf(one: Instruction, next: bigint): Effect {
  const { FlowControl } = iced;
  switch (one.flowControl) {
    case FlowControl.Return:
      return exitOf(one);
    case FlowControl.UnconditionalBranch:
      return one.isJmpShortOrNear ? { does: "goesOn", next: [one.nearBranchTarget] } : { does: "ends" };
    case FlowControl.ConditionalBranch:
      return { does: "goesOn", next: [next, one.nearBranchTarget] };
    case FlowControl.Interrupt:
      return one.mnemonic === iced.Mnemonic.Int ? { does: "goesOn", next: [next] } : { does: "ends" };
    case FlowControl.IndirectBranch:
    case FlowControl.Exception:
    case FlowControl.XbeginXabortXend:
      return { does: "ends" };
    case FlowControl.Next:
    case FlowControl.Call:
    case FlowControl.IndirectCall:
      // Calls come back with the stack as it was.
      return { does: "goesOn", next: [next] };
  }
}

function exitOf(one: Instruction): Effect {
  const increment = one.stackPointerIncrement;
  const released = one.opCount > 0 ? one.immediate(0) : 0n;
  const taken = increment - Number(released);
  const slots = one.mnemonic === iced.Mnemonic.Ret ? 1 : one.mnemonic === iced.Mnemonic.Retf ? 2 : taken === 40 ? 5 : 3;
  const kind = slots === 1 ? "near" : slots === 2 ? "far" : "interrupt";
  const width = taken / slots;
  if (width !== 2 && width !== 4 && width !== 8) return { does: "ends" };
  return { does: "exits", exit: { kind, width, released } };
}

/** What an instruction does to the registers that are followed. */
type Plan =
  | { does: "nothing" }
  /** The stack pointer is moved, or pushed values are taken off. */
  | { does: "move"; by: bigint }
  | { does: "push"; bytes: number; register: string | undefined }
  | { does: "pop"; bytes: number; register: string | undefined }
  | { does: "popAll"; bytes: number }
  /** POP of the stack pointer: back to another stack. */
  | { does: "popStack"; bytes: number }
  | { does: "leave"; bytes: number }
  /** The stack pointer is taken from the frame pointer, and moved. */
  | { does: "toPointer"; by: bigint }
  | { does: "fromStack" }
  | { does: "align"; mask: bigint }
  /** The stack pointer gets a value that is not known. */
  | { does: "lose" }
  | { does: "forget"; register: string };

/** The whole register that a register of iced's is a part of, when it is a general one. */
function wholeOf(register: number): string | undefined {
  const { Register } = iced;
  const place = (first: number, count: number): number | undefined =>
    register >= first && register < first + count ? register - first : undefined;
  const wide = place(Register.RAX, 16) ?? place(Register.EAX, 16) ?? place(Register.AX, 16);
  if (wide !== undefined) return GPR_NAMES[wide];
  // AL CL DL BL AH CH DH BH; SPL BPL SIL DIL R8L …
  const old = place(Register.AL, 8);
  if (old !== undefined) return GPR_NAMES[old & 3];
  const low = place(Register.SPL, 12);
  return low === undefined ? undefined : GPR_NAMES[low + 4];
}

type PlanOf = (one: Instruction, first: string | undefined) => Plan;

/** Instructions that do something of their own to the stack. Made when it is needed: the disassembler is loaded late. */
const stackPlans = (): ReadonlyMap<number, PlanOf> =>
  new Map<number, PlanOf>([
    [iced.Mnemonic.Call, nothing],
    [iced.Mnemonic.Cmp, nothing],
    [iced.Mnemonic.Test, nothing],
    [iced.Mnemonic.Bt, nothing],
    [iced.Mnemonic.Push, (one, register): Plan => ({ does: "push", bytes: -one.stackPointerIncrement, register })],
    [iced.Mnemonic.Pop, popPlan],
    [iced.Mnemonic.Popa, (one): Plan => ({ does: "popAll", bytes: one.stackPointerIncrement / 8 })],
    [iced.Mnemonic.Popad, (one): Plan => ({ does: "popAll", bytes: one.stackPointerIncrement / 8 })],
    [
      iced.Mnemonic.Leave,
      ({ code }): Plan => ({ does: "leave", bytes: code === iced.Code.Leavew ? 2 : code === iced.Code.Leaved ? 4 : 8 }),
    ],
    [iced.Mnemonic.Lss, (): Plan => ({ does: "lose" })],
    [
      iced.Mnemonic.Xchg,
      (one, first): Plan => (first === "rsp" || second(one) === "rsp" ? { does: "lose" } : forget(first)),
    ],
  ]);

function popPlan({ stackPointerIncrement: bytes }: Instruction, register: string | undefined): Plan {
  return register === "rsp" ? { does: "popStack", bytes } : { does: "pop", bytes, register };
}

function nothing(): Plan {
  return { does: "nothing" };
}

let plans: ReadonlyMap<number, PlanOf> | undefined;

function planOf(one: Instruction): Plan {
  const first = one.opCount > 0 && one.opKind(0) === iced.OpKind.Register ? wholeOf(one.opRegister(0)) : undefined;
  plans ??= stackPlans();
  const own = plans.get(one.mnemonic);
  if (own !== undefined) return own(one, first);
  const increment = one.stackPointerIncrement;
  if (increment !== 0) return { does: "move", by: BigInt(increment) };
  if (first === "rsp") return stackPlan(one);
  if (first === "rbp" && one.mnemonic === iced.Mnemonic.Mov && second(one) === "rsp") return { does: "fromStack" };
  return forget(first);
}

const second = (one: Instruction): string | undefined =>
  one.opCount > 1 && one.opKind(1) === iced.OpKind.Register ? wholeOf(one.opRegister(1)) : undefined;

const forget = (register: string | undefined): Plan =>
  register === undefined ? { does: "nothing" } : { does: "forget", register };

/** An instruction that writes the stack pointer. */
function stackPlan(one: Instruction): Plan {
  const { mnemonic } = one;
  if (mnemonic === iced.Mnemonic.Inc) return { does: "move", by: 1n };
  if (mnemonic === iced.Mnemonic.Dec) return { does: "move", by: -1n };
  if (mnemonic === iced.Mnemonic.Mov) return second(one) === "rbp" ? { does: "toPointer", by: 0n } : { does: "lose" };
  if (mnemonic === iced.Mnemonic.Lea) {
    const base = one.memoryIndex === iced.Register.None ? wholeOf(one.memoryBase) : undefined;
    const by = BigInt.asIntN(64, one.memoryDisplacement);
    if (base === "rbp") return { does: "toPointer", by };
    return base === "rsp" ? { does: "move", by } : { does: "lose" };
  }
  if (one.opCount < 2 || one.opKind(1) === iced.OpKind.Register || one.opKind(1) === iced.OpKind.Memory)
    return { does: "lose" };
  const value = BigInt.asIntN(64, one.immediate(1));
  if (mnemonic === iced.Mnemonic.Add) return { does: "move", by: value };
  if (mnemonic === iced.Mnemonic.Sub) return { does: "move", by: -value };
  return mnemonic === iced.Mnemonic.And ? { does: "align", mask: value } : { does: "lose" };
}

/** The order in which POPA restores; the stack pointer is left out. */
const POP_ALL = ["rdi", "rsi", "rbp", undefined, "rbx", "rdx", "rcx", "rax"];

/** Changes a state as its instruction would; false when the way cannot be followed further. */
async function carryOut(plan: Plan, state: State, { stack }: Frame, memory: StandingMemory): Promise<boolean> {
  const wrap = (sp: bigint): bigint => BigInt.asUintN(stack.bits, sp);
  const pop = async (bytes: number, register: string | undefined): Promise<void> => {
    const value = state.pushed.has(state.sp)
      ? state.pushed.get(state.sp)
      : await memory.number(stackLinear(stack, state.sp), bytes);
    state.sp = wrap(state.sp + BigInt(bytes));
    if (register === undefined) return;
    if (value === undefined) state.registers.delete(register);
    else state.registers.set(register, value);
  };
  const pointer = state.registers.get("rbp");
  switch (plan.does) {
    case "nothing":
      return true;
    case "move":
      state.sp = wrap(state.sp + plan.by);
      return true;
    case "push":
      state.sp = wrap(state.sp - BigInt(plan.bytes));
      state.pushed.set(state.sp, plan.register === "rbp" ? pointer : undefined);
      return true;
    case "pop":
      await pop(plan.bytes, plan.register);
      return true;
    case "popStack": {
      const other = state.pushed.has(state.sp)
        ? undefined
        : await memory.number(stackLinear(stack, state.sp), plan.bytes);
      if (other === undefined) return false;
      state.sp = wrap(other);
      state.otherStack = true;
      return true;
    }
    case "popAll":
      for (const register of POP_ALL) await pop(plan.bytes, register);
      return true;
    case "leave":
    case "toPointer":
      if (pointer === undefined) return false;
      state.byPointer = true;
      state.sp = wrap(pointer + (plan.does === "leave" ? 0n : plan.by));
      if (plan.does === "leave") await pop(plan.bytes, "rbp");
      return true;
    case "fromStack":
      state.registers.set("rbp", state.sp);
      return true;
    case "align":
      state.sp = wrap(state.sp & plan.mask);
      return true;
    case "lose":
      state.doubtful = true;
      return true;
    case "forget":
      state.registers.delete(plan.register);
      return true;
  }
}
