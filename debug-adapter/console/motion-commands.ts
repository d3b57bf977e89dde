/** Commands that make the machine move: `step`, `next`, `out`, `until`, `continue`, `goto`. */
import { describe } from "../address.ts";
import { evaluateAddress, evaluateExpression } from "../expressions/evaluate.ts";
import type { Command, ConsoleMotion, ConsoleServices } from "./command.ts";

function motionOf(services: ConsoleServices): ConsoleMotion {
  const motion = services.motion();
  if (motion === undefined)
    throw new Error("The machine cannot be moved from here: the debugger's own commands do that.");
  return motion;
}

async function countOf(text: string, services: ConsoleServices): Promise<bigint> {
  const { value, type } = await evaluateExpression(text, await services.context());
  if (value === 0n || (type.signed && BigInt.asIntN(64, value) < 0n)) {
    throw new Error(`A number of instructions above 0 was expected, and "${text}" is ${BigInt.asIntN(64, value)}.`);
  }
  return value;
}

/** A command that takes nothing. */
const plain = (name: string, summary: string, move: (motion: ConsoleMotion) => void, what: string): Command => ({
  name,
  usage: name,
  summary,
  alone: true,
  run: (_format, _rest, services) => {
    move(motionOf(services));
    return Promise.resolve(what);
  },
});

const STEP: Command = {
  name: "step",
  usage: "step [N]",
  summary: "one instruction, or N of them",
  details:
    "N counts every instruction that is executed, those of interrupt handlers included. A breakpoint on the way stops.",
  async run(_format, rest, services) {
    const motion = motionOf(services);
    if (rest === "") motion.step();
    else {
      const count = await countOf(rest, services);
      await motion.instructions(count);
      return `${count} instructions …`;
    }
    return "One instruction …";
  },
};

const UNTIL: Command = {
  name: "until",
  usage: "until ADDRESS|mode|icount N",
  summary: "run to an address, a change of mode, or an instruction count",
  details: [
    "ADDRESS is any expression: 0x7c00, phys:0x100000, 07c0:0000, start_kernel.",
    "mode stops right behind the instruction with which the processor changes its mode.",
    "icount N stops once N instructions have been executed since power-on ($icount).",
  ].join("\n"),
  words: ["mode", "icount"],
  async run(_format, rest, services) {
    const motion = motionOf(services);
    if (rest === "mode") {
      motion.mode();
      return "Running until the mode changes …";
    }
    const [, count] = /^icount\s+(.+)$/s.exec(rest) ?? [];
    if (count !== undefined) {
      const end = await countOf(count, services);
      await motion.icount(end);
      return `Running to instruction ${end} …`;
    }
    if (rest === "") throw new Error('An address, "mode" or "icount N" was expected behind "until".');
    const to = await evaluateAddress(rest, await services.context());
    motion.place(to);
    return `Running to ${describe(to)} …`;
  },
};

const GOTO: Command = {
  name: "goto",
  usage: "goto ADDRESS",
  summary: "go on from another place: sets the instruction pointer, and nothing else",
  async run(_format, rest, services) {
    const motion = motionOf(services);
    const to = await evaluateAddress(rest, await services.context());
    await motion.jump(to);
    return `The next instruction is the one at ${describe(to)}.`;
  },
};

export const MOTION: readonly Command[] = [
  STEP,
  plain("next", "one instruction, calls and interrupts as a whole", (motion) => motion.next(), "One instruction …"),
  plain("out", "to the caller, or to what an interrupt came into", (motion) => motion.out(), "Running to the caller …"),
  UNTIL,
  plain("continue", "run", (motion) => motion.continue(), "Running …"),
  GOTO,
];
