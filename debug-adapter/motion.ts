/** The requests by which the user makes the machine move: continue, steps, runs to a place, and setting the program counter. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { describe, hex, lin } from "./address.ts";
import type { Address } from "./address.ts";
import { argumentsOf, integerOf, optionalText, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import type { ConsoleMotion } from "./console/command.ts";
import { linearIp } from "./registers.ts";
import type { Handler } from "./requests.ts";
import type { Sources } from "./sources.ts";
import type { Move, Stepping } from "./stepping.ts";
import type { RunUntil } from "./stepping-until.ts";
import type { CpuState, Target } from "./target.ts";

/** The last line that a file may have. */
const LINE_MAX = 1 << 24;
/** Places that one question for targets may answer. */
const MAX_TARGETS = 16;
const PAGE = 0xfffn;

/** What moving needs of the session. */
export interface MotionServices {
  /** Throws unless the machine can move. */
  requireMovable(): void;
  /** Lets the machine run, once the request under way is answered; `told`: the client knows by the response that it runs. */
  go(move: Move, told: boolean): void;
  /** Once the request under way is answered: the machine stands elsewhere, by a jump. */
  jumped(): void;
  /** Reads an address expression. Rejects with one sentence. */
  address(text: string): Promise<Address>;
}

export class Motion {
  readonly #target: Target;
  readonly #sources: Sources;
  readonly #stepping: Stepping;
  readonly #until: RunUntil;
  readonly #services: MotionServices;
  /** Linear addresses that were offered to jump to; a target's id is its place, from 1. */
  #targets: bigint[] = [];

  constructor(target: Target, sources: Sources, stepping: Stepping, until: RunUntil, services: MotionServices) {
    this.#target = target;
    this.#sources = sources;
    this.#stepping = stepping;
    this.#until = until;
    this.#services = services;
  }

  /** Standard requests, whose arguments name the thread. */
  get routes(): Record<"continue" | "next" | "stepIn" | "stepOut" | "goto", Handler> {
    const go = (move: Move): void => {
      this.#services.requireMovable();
      this.#services.go(move, true);
    };
    const step = (move: Move) => (args: Arguments) => {
      const byLine = optionalText(args, "granularity") !== "instruction";
      go(() => (byLine ? this.#stepping.line(move) : move()));
    };
    return {
      continue: () => {
        go(() => this.#stepping.run());
        return { allThreadsContinued: true };
      },
      next: step(() => this.#stepping.over()),
      stepIn: step(() => this.#stepping.into()),
      stepOut: () => go(() => this.#stepping.out()),
      goto: async (args) => {
        this.#services.requireMovable();
        const target = this.#targets[integerOf(args, "targetId", 1, Number.MAX_SAFE_INTEGER) - 1];
        if (target === undefined) throw new Error("That is not one of the targets that gotoTargets gave last.");
        await this.#jump(target);
        this.#services.jumped();
      },
    };
  }

  /** The places to which a line's code can be jumped to: where it is mapped now. */
  async gotoTargets(args: Arguments): Promise<DebugProtocol.GotoTargetsResponse["body"]> {
    this.#services.requireMovable();
    const file = textOf(argumentsOf(args["source"]), "path");
    const bound = this.#sources.bind(file, integerOf(args, "line", 1, LINE_MAX));
    if (bound === undefined) return { targets: [] };
    const cpu = await this.#target.cpu();
    this.#targets = [];
    for (const physical of bound.addresses.slice(0, MAX_TARGETS)) {
      const linear = await this.#linear(cpu, physical);
      if (linear !== undefined && isInCode(cpu, linear)) this.#targets.push(linear);
    }
    return {
      targets: this.#targets.map((linear, index) => ({
        id: index + 1,
        label: describe(lin(linear)),
        line: bound.line,
        instructionPointerReference: hex(linear),
      })),
    };
  }

  /** "bootscope/runTo" */
  async runTo(args: Arguments): Promise<void> {
    this.#services.requireMovable();
    const to = await this.#services.address(textOf(args, "address"));
    this.#services.go(this.#until.place(to), false);
  }

  /** "bootscope/runUntil" */
  async runUntil(args: Arguments): Promise<void> {
    this.#services.requireMovable();
    const what = textOf(args, "what");
    if (what === "mode") return this.#services.go(this.#until.mode(), false);
    if (what === "icount") return this.#services.go(await this.#until.icount(countOf(args, "icount")), false);
    if (what === "instructions") {
      return this.#services.go(await this.#until.instructions(countOf(args, "count")), false);
    }
    throw new Error(`"what" is ${JSON.stringify(what)}: "mode", "icount" or "instructions" was expected.`);
  }

  /** The same for the debug console. */
  get console(): ConsoleMotion {
    const go = (move: Move): void => {
      this.#services.requireMovable();
      this.#services.go(move, false);
    };
    return {
      step: () => go(() => this.#stepping.into()),
      next: () => go(() => this.#stepping.over()),
      out: () => go(() => this.#stepping.out()),
      continue: () => go(() => this.#stepping.run()),
      instructions: async (count) => go(await this.#until.instructions(count)),
      icount: async (end) => go(await this.#until.icount(end)),
      mode: () => go(this.#until.mode()),
      place: (to) => go(this.#until.place(to)),
      jump: async (to) => {
        this.#services.requireMovable();
        const cpu = await this.#target.cpu();
        const linear = to.space === "lin" ? to.address : await this.#linear(cpu, to.address);
        if (linear === undefined) throw new Error(`No linear address is known that ${describe(to)} is mapped at.`);
        if (!isInCode(cpu, linear)) throw new Error(`${describe(lin(linear))} is outside of the code segment.`);
        await this.#jump(linear);
        this.#services.jumped();
      },
    };
  }

  /** A linear address of physical memory: mapped as the code that runs now is, or to itself. */
  async #linear(cpu: CpuState, physical: bigint): Promise<bigint | undefined> {
    const here = linearIp(cpu);
    const mapped = async (linear: bigint): Promise<boolean> => (await this.#target.walk(linear)).physical === physical;
    const { physical: standing } = await this.#target.walk(here);
    const beside = standing === undefined ? undefined : BigInt.asUintN(64, here + physical - standing);
    if (beside !== undefined && ((beside ^ here) & ~PAGE) === 0n) return beside;
    if (beside !== undefined && (await mapped(beside))) return beside;
    return (await mapped(physical)) ? physical : undefined;
  }

  async #jump(linear: bigint): Promise<void> {
    const cpu = await this.#target.cpu();
    await this.#target.writeRegister("rip", offsetOf(cpu, linear));
  }
}

const offsetOf = (cpu: CpuState, linear: bigint): bigint =>
  cpu.mode === "long" ? linear : BigInt.asUintN(32, linear - cpu.segments.cs.base);

const isInCode = (cpu: CpuState, linear: bigint): boolean =>
  cpu.mode === "long" || offsetOf(cpu, linear) <= BigInt(cpu.segments.cs.limit);

/** A number of instructions: JSON's, or as "0x…" since it may not fit there. */
function countOf(args: Arguments, name: string): bigint {
  const value = args[name];
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return BigInt(value);
  if (typeof value === "string" && /^(0x[0-9a-f]{1,16}|[0-9]{1,20})$/i.test(value)) return BigInt(value);
  throw new Error(`"${name}" must be a number of instructions, such as 1000 or "0x3e8".`);
}
