/** The registers of a caller's frame: only some are known, and nothing is made up for the others. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { GPR_NAMES, SEGMENT_NAMES } from "../emulator/machine/api.ts";
import type { CompiledExpression, ExpressionNode } from "../emulator/machine/inspect-expression.ts";
import { hex } from "./address.ts";
import { failAt } from "./expressions/errors.ts";
import { frameIp, frameSp } from "./stack-frames.ts";
import type { Frame } from "./stack-frames.ts";
import type { CpuState } from "./target.ts";

/** Why nothing is written into a caller's frame. */
export const READ_ONLY_FRAME =
  "Registers of a caller's frame cannot be written: those of the current frame were expected, which are the processor's.";

/** What expressions may look at in a caller's frame. */
export interface FrameRegisters {
  /** The processor with the registers that are known of the frame; all others are the current ones. */
  cpu: CpuState;
  /** The same, at the instruction by which the frame left. */
  at: CpuState;
  /** Throws ExpressionError when an expression reads a register that is not known of the frame. */
  check(expression: CompiledExpression): void;
}

export function frameRegisters(cpu: CpuState, frame: Frame): FrameRegisters {
  const { code, mode, ip, sp, stack } = frame;
  const gpr = [...cpu.gpr];
  frame.registers.forEach((value, name) => {
    const index = (GPR_NAMES as readonly string[]).indexOf(name);
    if (index >= 0) gpr[index] = value;
  });
  if (sp !== undefined) gpr[4] = sp;
  const ssSelector = frame.registers.get("ss.selector");
  const patched: CpuState = {
    ...cpu,
    mode,
    gpr,
    rip: ip,
    rflags: frame.registers.get("rflags") ?? cpu.rflags,
    cpl: mode === "real" ? 0 : mode === "vm86" ? 3 : code.selector & 3,
    segments: {
      ...cpu.segments,
      cs: { ...cpu.segments.cs, selector: code.selector, base: code.base },
      ss: {
        ...cpu.segments.ss,
        selector: ssSelector === undefined ? cpu.segments.ss.selector : Number(ssSelector),
        base: stack.base,
        // Bit 14, B, says how wide the stack pointer is.
        attributes: (cpu.segments.ss.attributes & ~0x4000) | (stack.bits === 32 ? 0x4000 : 0),
      },
    },
  };
  return {
    cpu: patched,
    at: { ...patched, rip: BigInt.asUintN(code.bits, frame.at - code.base) },
    check: (expression) => checkKnown(expression, frame),
  };
}

/** Whole registers that are known of a frame, by the names of expressions. */
function knownNames({ sp, registers }: Frame): Set<string> {
  const names = new Set(["rip", "cs.selector", "cs.base", "mode", "cpl", "ss.base", ...registers.keys()]);
  if (sp !== undefined) names.add("rsp");
  return names;
}

/** Registers that belong to the code that runs, and not to the machine. */
const OF_FRAMES: ReadonlySet<string> = new Set([...GPR_NAMES, "rip", "rflags", "mxcsr", "cpl", "mode"]);
const isOfFrames = (name: string): boolean =>
  OF_FRAMES.has(name) || /^(xmm|st|fpu)/.test(name) || /^[c-gs]s\./.test(name);

function checkKnown({ root, text }: CompiledExpression, frame: Frame): void {
  const known = knownNames(frame);
  const refuse = (at: number, name: string): never =>
    failAt(text, at, `a register that is known of this frame was expected (${listOf(frame)}), which ${name} is not`);
  const visit = (node: ExpressionNode): void => {
    switch (node.op) {
      case "number":
        return;
      case "register":
        if (!isOfFrames(node.name)) return;
        if (!known.has(node.name)) refuse(node.at, node.name);
        // Code of 16 bits restores no more than that.
        if (isGeneral(node.name) && node.shift + node.bits > frame.code.bits && node.bits < 64)
          refuse(node.at, `the upper part of ${node.name}`);
        return;
      case "msr":
        return visit(node.index);
      case "memory":
        return visit(node.address);
      case "segment":
        if (!known.has(`${node.segment}.base`) && !(frame.mode === "long" && /^[de]s$/.test(node.segment)))
          refuse(0, `${node.segment}.base`);
        return visit(node.offset);
      case "cast":
      case "unary":
        return visit(node.operand);
      case "binary":
        visit(node.left);
        return visit(node.right);
      case "choose":
        visit(node.condition);
        visit(node.yes);
        return visit(node.no);
    }
  };
  visit(root);
}

const isGeneral = (name: string): boolean => (GPR_NAMES as readonly string[]).includes(name);

const listOf = (frame: Frame): string =>
  [...knownNames(frame)].filter((name) => !/^(mode|cpl|ss\.base)$/.test(name)).join(", ");

/** As the scope of a frame shows them, in the width that its code has. */
export function variablesOf(frame: Frame): DebugProtocol.Variable[] {
  const digits = frame.code.bits / 4;
  const stack = frameSp(frame);
  const one = (name: string, value: bigint, at?: bigint): DebugProtocol.Variable => ({
    name: nameIn(frame, name),
    value: hex(value, digits),
    evaluateName: nameIn(frame, name),
    variablesReference: 0,
    presentationHint: { attributes: ["readOnly"] },
    ...(at === undefined ? {} : { memoryReference: hex(at) }),
  });
  const general = GPR_NAMES.filter((name) => name !== "rsp" && frame.registers.has(name));
  const flags = frame.registers.get("rflags");
  return [
    one("rip", frame.ip, frameIp(frame)),
    ...(frame.sp === undefined ? [] : [one("rsp", frame.sp, stack)]),
    ...general.map((name) => one(name, frame.registers.get(name) ?? 0n)),
    ...(flags === undefined ? [] : [one("rflags", flags)]),
    { ...one("cs", 0n), value: hex(frame.code.selector, 4) },
    ...SEGMENT_NAMES.filter((name) => frame.registers.has(`${name}.selector`)).map((name) => ({
      ...one(name, 0n),
      value: hex(frame.registers.get(`${name}.selector`) ?? 0n, 4),
    })),
  ];
}

/** "rbp" is "ebp" in 32-bit code and "bp" in 16-bit code. */
function nameIn({ code }: Frame, name: string): string {
  if (!name.startsWith("r") || code.bits === 64) return name;
  const word = name === "rflags" ? "flags" : name.slice(1);
  return code.bits === 32 ? `e${word}` : word;
}
