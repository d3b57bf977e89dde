/** Whether the machine runs or stands, who is told, and which stops are passed over. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { hex } from "./address.ts";
import type { Breakpoints } from "./breakpoints.ts";
import { readFilters } from "./exception-filters.ts";
import type { ExceptionFilters } from "./exception-filters.ts";
import type { Launch } from "./launch.ts";
import type { StateEventBody } from "./protocol.ts";
import { StepError } from "./stepping.ts";
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
  flushOutput(): void;
  /** Whether another debugger of this machine wants a stop that is none to the client. */
  wanted(stop: StopResult): Promise<boolean>;
  /** The machine stands at the kernel's first instruction, and will go on. */
  kernelBegins(): Promise<void>;
  /** The machine stands, and the client has been told. */
  stopped(stop: StopResult): void;
}

const ENTRY: StopDescription = { reason: "entry", description: "Paused on entry", final: false };

type State = "idle" | "stopped" | "running" | "final" | "ended";

const DEFAULT_FILTERS: ExceptionFilters = readFilters(["tripleFault", "panic"]);

export class Execution {
  readonly #target: Target;
  readonly #breakpoints: Breakpoints;
  readonly #events: ExecutionEvents;
  #state: State = "idle";
  #launch: Launch | undefined;
  #filters = DEFAULT_FILTERS;
  /** The client's breakpoints behind the last stop. */
  #hit: Awaited<ReturnType<Breakpoints["hit"]>>;
  #lastStop: StopDescription | undefined;
  #interrupted = false;
  /** The run or step under way; never rejects. */
  #running: Promise<void> = Promise.resolve();

  constructor(target: Target, breakpoints: Breakpoints, events: ExecutionEvents) {
    this.#target = target;
    this.#breakpoints = breakpoints;
    this.#events = events;
  }

  get lastStop(): StopDescription | undefined {
    return this.#state === "stopped" || this.#state === "final" ? this.#lastStop : undefined;
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
    await this.setFilters(this.#filters);
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
    if (!launch.noDebug) await this.#breakpoints.arm();
  }

  /** Powers the machine off and on again, to stand at its first instruction. */
  async reset(): Promise<void> {
    if (this.#launch === undefined) throw new Error("No machine has been launched yet.");
    await this.restart(this.#launch);
    await this.#announce({ reason: "step" }, ENTRY);
  }

  async setFilters(filters: ExceptionFilters): Promise<void> {
    this.#filters = filters;
    if (this.#state === "idle" || this.#state === "ended") return;
    await this.#target.stopAtPhases(this.#passingPhases());
    await this.#target.stopAtEvents(this.#stopEvents());
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
    if (this.noDebug) return [];
    return [...new Set([...this.#filters.events, ...(this.#launch?.stopAt.events ?? [])])];
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
      throw new Error(`The machine has stopped for good (${this.#lastStop?.description ?? ""}): restart it.`);
    }
    this.requireStopped();
  }

  /** Lets the machine run by `move`, and tells the client when it stops. */
  go(move: () => Promise<StopResult>): void {
    this.requireMovable();
    this.#state = "running";
    this.#interrupted = false;
    this.#hit = undefined;
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
      return true;
    }
    if (stop.reason !== "breakpoint" && stop.reason !== "watchpoint") return false;
    this.#hit = await this.#breakpoints.hit(stop);
    if (await this.#events.wanted(stop)) return false;
    // A breakpoint that is nobody's was a temporary one of stepping.
    if (this.#hit === undefined) return stop.reason === "breakpoint";
    return this.#hit.ids.length === 0;
  }

  async #stopped(stop: StopResult): Promise<void> {
    if (this.#state !== "running") return;
    const description = describeStop(stop);
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

  async #announce(stop: StopResult, description: StopDescription): Promise<void> {
    const before = this.#state;
    // A machine that failed cannot be asked any more.
    const cpu = await this.#target.cpu().catch(() => undefined);
    if (this.#state !== before) return;
    this.#state = description.final ? "final" : "stopped";
    this.#lastStop = description;
    this.#events.flushOutput();
    if (cpu !== undefined) this.#events.stands(cpu);
    const body: DebugProtocol.StoppedEvent["body"] = {
      reason: description.reason,
      description: description.description,
      threadId: this.#events.threadId,
      allThreadsStopped: true,
    };
    if (description.text !== undefined) body.text = description.text;
    if (stop.reason === "breakpoint" || stop.reason === "watchpoint") {
      if (this.#hit?.kind === "function") body.reason = "function breakpoint";
      if (this.#hit?.kind === "source") body.reason = "breakpoint";
      if (this.#hit !== undefined) body.hitBreakpointIds = this.#hit.ids;
    }
    const { description: what, text } = description;
    this.#events.state({
      state: "stopped",
      description: text === undefined ? what : `${what}: ${text}`,
      ...(cpu === undefined ? {} : { icount: hex(cpu.icount) }),
    });
    this.#events.event("stopped", body);
    this.#events.stopped(stop);
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
