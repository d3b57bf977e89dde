/** Whether the machine runs or stands, who is told, and which stops are passed over. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { hex } from "./address.ts";
import type { BreakpointKind, Breakpoints, Hit } from "./breakpoints.ts";
import type { Catches } from "./catches.ts";
import { exceptionInfo, instructionName, tripleFaultText } from "./exception-info.ts";
import type { CaughtValues } from "./expressions/evaluate.ts";
import type { Launch } from "./launch.ts";
import type { StateEventBody } from "./protocol.ts";
import { StepError } from "./stepping.ts";
import { caughtValues, eventValues } from "./stop-filters.ts";
import type { FilterHit, StopFilters } from "./stop-filters.ts";
import { describeStop } from "./stops.ts";
import type { StopDescription } from "./stops.ts";
import type { CpuState, EventFilter, PhaseName, StopResult, Target } from "./target.ts";

/** How the client is told. */
export interface ExecutionEvents {
  threadId: number;
  event(name: string, body: object): void;
  state(body: StateEventBody): void;
  /** The running machine has retired so many instructions. */
  progress(icount: bigint): void;
  /** The machine stands at this state of its processor; right before the client is told. */
  stands(cpu: CpuState): void;
  /** Whether a source line of the next instruction is known. */
  hasSource(cpu: CpuState): Promise<boolean>;
  flushOutput(): void;
  /** Whether another debugger of this machine wants a stop that is none to the client. */
  wanted(stop: StopResult): Promise<boolean>;
  /** The machine stands at the kernel's first instruction, and will go on. */
  kernelBegins(): Promise<void>;
  /** The machine stands, and the client has been told. */
  stopped(stop: StopResult): void;
}

const ENTRY: StopDescription = { reason: "entry", description: "Paused on entry", final: false };

/** `reason` of the stopped event by the kind of breakpoint. */
const HIT_REASONS: Readonly<Record<BreakpointKind, string>> = {
  source: "breakpoint",
  instruction: "instruction breakpoint",
  function: "function breakpoint",
  data: "data breakpoint",
};

const ofBreakpoints = ({ reason }: StopResult): boolean =>
  reason === "breakpoint" || reason === "watchpoint" || reason === "catch";

type State = "idle" | "stopped" | "running" | "final" | "ended";

export class Execution {
  readonly #target: Target;
  readonly #breakpoints: Breakpoints;
  readonly #filters: StopFilters;
  readonly #catches: Catches;
  readonly #events: ExecutionEvents;
  #state: State = "idle";
  #launch: Launch | undefined;
  /** The client's breakpoints and filters behind the last stop. */
  #hit: Hit | undefined;
  #filterHits: readonly FilterHit[] = [];
  #lastStop: { stop: StopResult; description: StopDescription } | undefined;
  #interrupted = false;
  /** Events that a run under way waits for. */
  #awaited: readonly EventFilter[] = [];
  /** The run or step under way; never rejects. */
  #running: Promise<void> = Promise.resolve();

  constructor(
    target: Target,
    breakpoints: Breakpoints,
    filters: StopFilters,
    catches: Catches,
    events: ExecutionEvents,
  ) {
    this.#target = target;
    this.#breakpoints = breakpoints;
    this.#filters = filters;
    this.#catches = catches;
    this.#events = events;
  }

  get #stands(): boolean {
    return this.#state === "stopped" || this.#state === "final";
  }

  /** Of what the machine has stopped at. */
  get caught(): CaughtValues | undefined {
    const stop = this.#stands ? this.#lastStop?.stop : undefined;
    if (stop?.reason === "catch") return caughtValues(stop.caught);
    return stop?.reason === "event" ? eventValues(stop.event) : undefined;
  }

  /** The exceptionInfo request: about what the machine has stopped at. Throws when that is no exception. */
  async exceptionInfo(): Promise<DebugProtocol.ExceptionInfoResponse["body"]> {
    if (!this.#stands || this.#lastStop === undefined) throw new Error("The machine did not stop on an exception.");
    const { stop, description } = this.#lastStop;
    return exceptionInfo(stop, description, this.#target);
  }

  get running(): boolean {
    return this.#state === "running";
  }

  /** Throws when there is no machine to look at. */
  requireMachine(): void {
    if (this.#state === "idle") throw new Error("No machine has been launched yet.");
    if (this.#state === "ended") throw new Error("The session has ended.");
  }

  /** Throws unless the machine stands. */
  requireStopped(): void {
    this.requireMachine();
    if (this.#state === "running") throw new Error("The machine is running: pause it first.");
  }

  /** Powers the machine on, stopped before its first instruction. */
  async launch(launch: Launch): Promise<void> {
    if (this.#state !== "idle") throw new Error("A machine has been launched already: restart it, or end the session.");
    this.#events.state({ state: "starting" });
    await this.#target.launch(launch.config);
    this.#launch = launch;
    this.#state = "stopped";
    this.#catches.forget();
    await this.armFilters();
  }

  /** The client has set its breakpoints: off it goes by `run`, or it stops at its entry. */
  async start(run: () => Promise<StopResult>): Promise<void> {
    const launch = this.#launch;
    if (launch === undefined) throw new Error("No machine has been launched yet.");
    if (launch.noDebug) return this.go(run);
    if (launch.stopOnEntry) {
      return this.#announce({ reason: "step" }, ENTRY);
    }
    // A phase that begins with the very first instruction has been reached already.
    const first = (await this.#target.phases()).find(({ name }) => this.#stopPhases().includes(name));
    if (first === undefined) return this.go(run);
    const stop: StopResult = { reason: "phase", phase: first };
    return this.#announce(stop, describeStop(stop));
  }

  /** Powers the machine off and on again with a new configuration; `start` sets it going. */
  async restart(launch: Launch): Promise<void> {
    if (this.#state === "ended") throw new Error("The session has ended.");
    await this.halt();
    this.#state = "idle";
    await this.#target.close();
    await this.launch(launch);
    await this.#breakpoints.arm();
  }

  /** Powers the machine off and on again, to stand at its first instruction. */
  async reset(): Promise<void> {
    if (this.#launch === undefined) throw new Error("No machine has been launched yet.");
    await this.restart(this.#launch);
    await this.#announce({ reason: "step" }, ENTRY);
  }

  /** Tells the machine which filters are on. */
  async armFilters(): Promise<void> {
    if (this.#state === "idle" || this.#state === "ended") return;
    await this.#target.stopAtPhases(this.#passingPhases());
    await this.#target.stopAtEvents(this.#stopEvents());
    await this.#filters.arm(this.noDebug);
  }

  /** The phases to stop at: those of the launch configuration, and those that the client's filters name. */
  #stopPhases(): PhaseName[] {
    if (this.noDebug) return [];
    return [...new Set([...this.#filters.phases, ...(this.#launch?.stopAt.phases ?? [])])];
  }

  /** Besides, the machine stands for a moment where the kernel begins: breakpoints on its symbols can be set there. */
  #passingPhases(): PhaseName[] {
    return this.noDebug ? [] : [...new Set<PhaseName>([...this.#stopPhases(), "kernel"])];
  }

  #stopEvents(): EventFilter[] {
    if (this.noDebug) return [...this.#awaited];
    return [...new Set([...this.#filters.events, ...(this.#launch?.stopAt.events ?? []), ...this.#awaited])];
  }

  /** What was launched last. */
  get launched(): Launch | undefined {
    return this.#launch;
  }

  get noDebug(): boolean {
    return this.#launch?.noDebug === true;
  }

  /** Throws unless the machine stands and can go on. */
  requireMovable(): void {
    if (this.#state === "final") {
      throw new Error(
        `The machine has stopped for good (${this.#lastStop?.description.description ?? ""}): restart it.`,
      );
    }
    this.requireStopped();
  }

  /** Has the machine stop at these events, too, as long as `work` lasts. */
  async stoppingAt<T>(events: readonly EventFilter[], work: () => Promise<T>): Promise<T> {
    this.#awaited = events;
    await this.#target.stopAtEvents(this.#stopEvents());
    try {
      return await work();
    } finally {
      this.#awaited = [];
      // A machine that failed has said so already.
      await this.#target.stopAtEvents(this.#stopEvents()).catch(() => undefined);
    }
  }

  /** The instruction pointer was set: the machine stands elsewhere now. */
  jumped(): Promise<void> {
    const description = { reason: "goto", description: "Paused after a jump", final: false };
    return this.#announce({ reason: "step" }, description);
  }

  /** Lets the machine run by `move`, and tells the client when it stops. */
  go(move: () => Promise<StopResult>): void {
    this.requireMovable();
    this.#state = "running";
    this.#interrupted = false;
    this.#hit = undefined;
    this.#filterHits = [];
    this.#events.state({ state: "running" });
    this.#running = move().then(
      (stop) => this.#stopped(stop),
      (error: unknown) => this.#moveFailed(error),
    );
  }

  /** The machine has come so far. */
  progress(icount: bigint): void {
    if (this.#state === "running") this.#events.progress(icount);
  }

  /** Whether the machine shall stand: a step of several moves ends between two of them. */
  get interrupted(): boolean {
    return this.#interrupted;
  }

  async pause(): Promise<void> {
    this.requireMachine();
    this.#interrupted = true;
    await this.#target.pause();
  }

  /** Pauses, without telling the client. */
  async halt(): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "idle";
    this.#interrupted = true;
    await this.#target.pause();
    await this.#running;
  }

  /** Ends the session. */
  end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#events.flushOutput();
    this.#events.state({ state: "ended" });
    this.#events.event("terminated", {});
  }

  failed(message: string): void {
    if (this.#state === "ended") return;
    this.#events.event("output", { category: "important", output: `${message}\n` });
    this.end();
  }

  /** Whether a stop is none to the user: a breakpoint whose condition does not hold, an exception that is not to stop. */
  async passesOver(stop: StopResult): Promise<boolean> {
    if (stop.reason === "panic") return !this.#filters.panic || this.noDebug;
    if (stop.reason === "phase" && !this.#stopPhases().includes(stop.phase.name)) {
      await this.#events.kernelBegins();
      await this.#breakpoints.refresh();
      return true;
    }
    if (stop.reason === "event") return this.#filters.excludes(stop.event, this.#launch?.stopAt.events ?? []);
    if (stop.reason !== "breakpoint" && stop.reason !== "watchpoint" && stop.reason !== "catch") return false;
    this.#filterHits = stop.reason === "catch" ? this.#filters.behind(stop.caught) : [];
    this.#hit = await this.#breakpoints.hit(stop);
    if (stop.reason === "catch") await this.#filters.explain(this.#filterHits, stop.caught);
    if (await this.#events.wanted(stop)) return false;
    // What is nobody's was a temporary breakpoint of stepping, or has just been taken away.
    return this.#filterHits.length === 0 && (this.#hit === undefined || this.#hit.ids.length === 0);
  }

  async #stopped(stop: StopResult): Promise<void> {
    if (this.#state !== "running") return;
    const description = await this.#describe(stop);
    if (this.#state !== "running") return;
    const ends =
      (stop.reason === "poweroff" && this.#launch?.endOnPoweroff !== false) ||
      (stop.reason === "tripleFault" && !this.#filters.tripleFault) ||
      (this.noDebug && (description.final || description.reason === "exception"));
    if (!ends) return this.#announce(stop, description);
    this.#events.flushOutput();
    const text = description.text ?? description.description;
    this.#events.event("output", { category: "console", output: `${text}\n` });
    if (stop.reason === "poweroff") this.#events.event("exited", { exitCode: 0 });
    this.end();
  }

  /** The client's own breakpoints say more about it than the machine. */
  async #describe(stop: StopResult): Promise<StopDescription> {
    const isInstruction = stop.reason === "catch" && stop.caught.kind === "instruction";
    const label = this.#filterHits[0]?.label;
    const description = describeStop(stop, isInstruction ? await instructionName(label, this.#target) : undefined);
    if (stop.reason === "tripleFault") {
      return { ...description, text: await tripleFaultText(stop.detail, this.#target).catch(() => stop.detail) };
    }
    const hit = this.#hit;
    if (hit === undefined || hit.ids.length === 0 || !ofBreakpoints(stop)) return description;
    return {
      ...description,
      reason: HIT_REASONS[hit.kind],
      ...(hit.description === undefined ? {} : { description: hit.description }),
    };
  }

  async #announce(stop: StopResult, description: StopDescription): Promise<void> {
    const before = this.#state;
    // A machine that failed cannot be asked any more.
    const cpu = await this.#target.cpu().catch(() => undefined);
    if (cpu !== undefined) await this.#look(stop);
    const hasSource = cpu !== undefined && description.reason !== "step" && (await this.#events.hasSource(cpu));
    if (this.#state !== before) return;
    this.#state = description.final ? "final" : "stopped";
    this.#lastStop = { stop, description };
    this.#events.flushOutput();
    if (cpu !== undefined) this.#events.stands(cpu);
    const body: DebugProtocol.StoppedEvent["body"] = {
      reason: description.reason,
      description: description.description,
      threadId: this.#events.threadId,
      allThreadsStopped: true,
    };
    if (description.text !== undefined) body.text = description.text;
    if (ofBreakpoints(stop)) {
      const ids = [...(this.#hit?.ids ?? []), ...this.#filterHits.map(({ id }) => id)];
      if (ids.length > 0) body.hitBreakpointIds = ids;
    }
    const { description: what, text } = description;
    this.#events.state({
      state: "stopped",
      description: text === undefined ? what : `${what}: ${text}`,
      ...(cpu === undefined ? {} : { icount: hex(cpu.icount) }),
      ...(hasSource ? { hasSource } : {}),
    });
    this.#events.event("stopped", body);
    this.#events.stopped(stop);
  }

  /** Before the client is told: what may have become of its breakpoints meanwhile. A step changes little. */
  async #look(stop: StopResult): Promise<void> {
    const looks = [this.#breakpoints.noteValues()];
    if (stop.reason !== "step") looks.push(this.#breakpoints.refresh());
    // A machine that fails meanwhile says so by itself.
    await Promise.all(looks).catch(() => undefined);
  }

  /** The machine could not move as it was told: it stands where it stood. */
  async #moveFailed(error: unknown): Promise<void> {
    if (this.#state !== "running") return;
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof StepError) {
      this.#events.event("output", { category: "important", output: `${message}\n` });
      return this.#announce({ reason: "step" }, describeStop({ reason: "step" }));
    }
    const failure = { reason: "exception", description: "Emulator error", text: message, final: true };
    return this.#announce({ reason: "pause" }, failure);
  }
}
