/** The call stack as the client sees it: frames by name, and what is known of the registers of each. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { hex } from "./address.ts";
import { optionalInteger } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { isSegmentedMode, modeLabel } from "./registers.ts";
import { wireSource } from "./sources.ts";
import type { ModuleSymbol, SourceLine } from "./sources.ts";
import { currentFrame, frameIp, StandingMemory } from "./stack-frames.ts";
import type { Frame, Trust } from "./stack-frames.ts";
import { frameRegisters, variablesOf } from "./stack-registers.ts";
import type { FrameRegisters } from "./stack-registers.ts";
import { Unwinder } from "./stack-unwind.ts";
import type { CpuState, Target } from "./target.ts";

/** Frames of one stack at most, and guesses among them: a search always finds something. */
const MAX_FRAMES = 100;
const MAX_GUESSES = 8;
/** The current frame's id; its callers' follow. */
const CURRENT = 1;
/** References to the registers of frames begin here, far from all others. */
const FIRST_REFERENCE = 1 << 30;

/** What the call stack needs of the session. */
export interface StackServices {
  /** The source line of the next instruction of a processor. */
  lineOf(cpu: CpuState): Promise<SourceLine | undefined>;
  /** The symbol that a linear address belongs to, and how far behind it. */
  describe(linear: bigint): Promise<ModuleSymbol | undefined>;
}

/** What a client may want in the names of frames besides: what has the symbol, and the source line. */
interface NameFormat {
  module: boolean;
  line: boolean;
}

/** Frames of one state of the processor, found as they are asked for. */
class Walk {
  readonly frames: Frame[];
  readonly #unwinder: Unwinder;
  /** There are no more. */
  ended = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(cpu: CpuState, target: Pick<Target, "readMemory">) {
    this.frames = [currentFrame(cpu)];
    this.#unwinder = new Unwinder(cpu, new StandingMemory(target));
  }

  /** At least so many frames, unless there are fewer. */
  reach(count: number): Promise<void> {
    this.#turn = this.#turn.then(() => this.#reach(count));
    return this.#turn;
  }

  async #reach(count: number): Promise<void> {
    while (!this.ended && this.frames.length < Math.min(count, MAX_FRAMES)) {
      const last = this.frames.at(-1);
      if (last === undefined) return;
      const guesses = this.frames.filter(({ trust }) => trust === "guess").length;
      const next = await this.#unwinder.callerOf(last);
      const isNoise = next?.trust === "guess" && (guesses === MAX_GUESSES || frameIp(next) === frameIp(last));
      if (next === undefined || isNoise) this.ended = true;
      else this.frames.push(next);
    }
  }
}

export class CallStack {
  readonly #target: Target;
  readonly #services: StackServices;
  #walk: { cpu: CpuState; walk: Walk } | undefined;

  constructor(target: Target, services: StackServices) {
    this.#target = target;
    this.#services = services;
  }

  /** The frames, the current one first; at least `count` of them unless there are fewer. */
  async frames(count: number): Promise<readonly Frame[]> {
    const cpu = await this.#target.cpu();
    // The target gives the same object as long as nothing moves and nothing is written.
    if (this.#walk?.cpu !== cpu) this.#walk = { cpu, walk: new Walk(cpu, this.#target) };
    const { walk } = this.#walk;
    await walk.reach(count);
    return walk.frames;
  }

  /** What may be the current frame's caller, going by the values on the stack alone; the nearest first. */
  async candidates(): Promise<readonly Frame[]> {
    const cpu = await this.#target.cpu();
    return new Unwinder(cpu, new StandingMemory(this.#target)).candidates(currentFrame(cpu));
  }

  /** The standard `stackTrace` request. Callers are looked for only as far as they are asked for. */
  async trace(args: Arguments): Promise<DebugProtocol.StackTraceResponse["body"]> {
    const start = optionalInteger(args, "startFrame", 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const levels = optionalInteger(args, "levels", 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const end = levels === 0 ? MAX_FRAMES : Math.min(MAX_FRAMES, start + levels);
    const cpu = await this.#target.cpu();
    const format = nameFormatOf(args);
    // One that is asked for alone, as at every step, is not to wait for the next.
    const ahead = end - start === 1 ? 0 : 1;
    const frames = await this.frames(end + ahead);
    const stackFrames: DebugProtocol.StackFrame[] = [];
    for (let index = start; index < Math.min(end, frames.length); index++) {
      stackFrames.push(await this.#wire(cpu, frames[index] as Frame, frames[index - 1], index + CURRENT, format));
    }
    // There may be more below: a client asks until it gets fewer than it asked for.
    const mayGoOn = frames.length === end && end < MAX_FRAMES && this.#walk?.walk.ended !== true;
    return { stackFrames, totalFrames: frames.length + (mayGoOn ? 1 : 0) };
  }

  /** The scopes of a caller's frame; undefined for the current one. */
  async scopes(args: Arguments): Promise<DebugProtocol.Scope[] | undefined> {
    const id = optionalInteger(args, "frameId", 0, Number.MAX_SAFE_INTEGER) ?? CURRENT;
    if (id === CURRENT) return undefined;
    await this.#frame(id);
    return [
      {
        name: "Known registers",
        presentationHint: "registers",
        variablesReference: FIRST_REFERENCE + id,
        expensive: false,
      },
    ];
  }

  /** Whether a reference is one to the registers of a caller's frame. */
  owns(reference: number): boolean {
    return reference > FIRST_REFERENCE + CURRENT && reference <= FIRST_REFERENCE + MAX_FRAMES + CURRENT;
  }

  async variables(reference: number): Promise<DebugProtocol.Variable[]> {
    return variablesOf(await this.#frame(reference - FIRST_REFERENCE));
  }

  /** What expressions see in the frame that a request names; undefined for the current one. Rejects with one sentence. */
  async registersOf(args: Arguments): Promise<FrameRegisters | undefined> {
    const id = optionalInteger(args, "frameId", 0, Number.MAX_SAFE_INTEGER) ?? CURRENT;
    if (id === CURRENT) return undefined;
    return frameRegisters(await this.#target.cpu(), await this.#frame(id));
  }

  async #frame(id: number): Promise<Frame> {
    const index = id - CURRENT;
    const frame = index >= 0 && index < MAX_FRAMES ? (await this.frames(index + 1))[index] : undefined;
    if (frame === undefined)
      throw new Error(`There is no stack frame ${id} now: one that stackTrace gave was expected.`);
    return frame;
  }

  async #wire(
    cpu: CpuState,
    frame: Frame,
    above: Frame | undefined,
    id: number,
    format: NameFormat,
  ): Promise<DebugProtocol.StackFrame> {
    const line = await this.#services.lineOf(above === undefined ? cpu : frameRegisters(cpu, frame).at);
    const behind = format.line && line !== undefined ? ` ${wireSource(line.path).name}:${line.line}` : "";
    return {
      id,
      name: (await this.#name(frame, above, format)) + behind,
      ...(line === undefined ? { line: 0, column: 0 } : { source: wireSource(line.path), line: line.line, column: 1 }),
      instructionPointerReference: hex(frameIp(frame)),
      ...(frame.trust === "guess" ? { presentationHint: "subtle" as const } : {}),
    };
  }

  async #name(frame: Frame, above: Frame | undefined, format: NameFormat): Promise<string> {
    const linear = frameIp(frame);
    // A call that never returns may be the last thing in its function.
    const symbol = await this.#services.describe(frame.at);
    const offset = symbol === undefined ? 0n : symbol.offset + linear - frame.at;
    const four = (value: number | bigint): string => value.toString(16).padStart(4, "0");
    const where = isSegmentedMode(frame.mode)
      ? `${four(frame.code.selector)}:${four(frame.ip)} = ${hex(linear)}`
      : hex(linear);
    const module = format.module && symbol !== undefined ? `${symbol.module}!` : "";
    const name = symbol === undefined ? where : module + symbol.name + (offset === 0n ? "" : `+${hex(offset)}`);
    const mode = frame.mode === above?.mode ? "" : ` (${modeLabel(frame.mode)})`;
    const marks = [...departureMark(frame), ...TRUST_MARKS[frame.trust]];
    return `${name}${mode}${above === undefined || marks.length === 0 ? "" : ` [${marks.join(", ")}]`}`;
  }
}

/** The rest of a StackFrameFormat says nothing here: numbers are hexadecimal, no parameters are known, and no frame is hidden. */
function nameFormatOf({ format }: Arguments): NameFormat {
  const wanted = typeof format === "object" && format !== null ? (format as Arguments) : {};
  return { module: wanted["module"] === true, line: wanted["line"] === true };
}

const TRUST_MARKS: Record<Trust, readonly string[]> = {
  sure: [],
  pointer: ["frame pointer"],
  code: ["from code"],
  guess: ["guess"],
};

function departureMark({ departure }: Frame): string[] {
  switch (departure.by) {
    case "current":
    case "call":
      return [];
    case "interrupt":
      return ["interrupted"];
    case "syscall":
      return ["SYSCALL"];
    case "software":
      return [`INT ${departure.vector.toString(16).padStart(2, "0")}h`];
  }
}
