/** `bootscope run --gdb`: gdb instead of the command line lets the machine go, until the run ends. */
import type { Driver } from "../../emulator/cli/run.ts";
import type { BootMachine, Breakpoint, Watchpoint } from "../../emulator/machine/api.ts";
import { TraceControl } from "../../emulator/machine/trace-file.ts";
import { readMemory, writeMemory } from "../../emulator/machine/worker-memory.ts";
import type { MachineRunner } from "../../emulator/machine/worker-runner.ts";
import { Evaluate } from "../evaluate.ts";
import type { StopResult, Target } from "../target.ts";
import { Variables } from "../variables/variables.ts";
import type { GdbHost } from "./host.ts";
import { GdbServer } from "./server.ts";

/** Stops from which a machine leads nowhere: gdb gets to look, and the run ends when it goes on. */
const FINAL: ReadonlySet<StopResult["reason"]> = new Set(["halted", "reboot", "tripleFault", "unemulated"]);
/** Stops that nobody but the command line asks for. */
const ASKED_FOR: ReadonlySet<StopResult["reason"]> = new Set(["poweroff", "phase", "event"]);

/**
 * Waits for gdb on a port (0: any). The machine stands until gdb lets it go; the run ends by a power-off, by a stop that
 * the command line asked for, or when gdb goes on from where nothing leads on.
 * @param until instructions since power-on at which the run ends
 */
export async function driveByGdb(
  port: number,
  machine: BootMachine,
  runner: MachineRunner,
  until?: bigint,
): Promise<Driver> {
  const host = new RunHost(machine, runner, until);
  const server = await GdbServer.listen(host, port);
  host.stopped = (stop) => server.stopped(stop);
  return {
    address: server.address,
    get connected() {
      return server.connected;
    },
    finished: host.finished,
    end: () => host.end(),
    close: () => server.close(),
  };
}

class RunHost implements GdbHost {
  readonly target: Target;
  readonly finished: Promise<StopResult>;
  /** Tells gdb of a stop. */
  stopped: (stop: StopResult) => void = () => undefined;
  readonly #runner: MachineRunner;
  readonly #until: bigint | undefined;
  readonly #evaluate: Evaluate;
  #finish: (stop: StopResult) => void = () => undefined;
  #interrupting = false;
  #ending = false;
  /** The machine stands where it can't go on from. */
  #final: StopResult | undefined;

  constructor(machine: BootMachine, runner: MachineRunner, until: bigint | undefined) {
    this.#runner = runner;
    this.#until = until;
    this.target = localTarget(machine, runner);
    this.#evaluate = new Evaluate(this.target, new Variables(this.target), {
      breakpoints: () => [],
      memoryBytes: () => machine.memorySize,
    });
    this.finished = new Promise((resolve) => (this.#finish = resolve));
  }

  get running(): boolean {
    return this.#runner.running;
  }

  setBreakpoints(list: readonly Breakpoint[]): Promise<void> {
    return this.target.setBreakpoints(list);
  }

  setWatchpoints(list: readonly Watchpoint[]): Promise<void> {
    return this.target.setWatchpoints(list);
  }

  resume(how: "continue" | "step"): void {
    if (this.#final !== undefined) return this.#finish(this.#final);
    this.#interrupting = false;
    const move = how === "step" ? this.#runner.step(1) : this.#runner.run([], this.#until);
    void move.then((stop) => this.#stopped(stop, how));
  }

  #stopped(stop: StopResult, how: "continue" | "step"): void {
    const reached = stop.reason === "step" && how === "continue";
    const paused = stop.reason === "pause" && !this.#interrupting;
    if (this.#ending || reached || paused || ASKED_FOR.has(stop.reason)) return this.#finish(stop);
    if (FINAL.has(stop.reason)) this.#final = stop;
    this.stopped(stop);
  }

  interrupt(): Promise<void> {
    this.#interrupting = true;
    this.#runner.pause();
    return Promise.resolve();
  }

  detached(): void {
    if (!this.running) this.resume("continue");
  }

  kill(): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  end(): void {
    this.#ending = true;
    if (this.running) this.#runner.pause();
    else this.#finish({ reason: "pause" });
  }

  async console(command: string): Promise<string> {
    const args = { expression: command, context: "repl" };
    const { result } = await this.#evaluate.evaluate(args, () => {
      if (this.running) throw new Error("The machine is running.");
    });
    return result;
  }
}

/** A machine of this thread as the debug adapter's parts know one. */
function localTarget(machine: BootMachine, runner: MachineRunner): Target {
  /** Errors come as rejections, as from a machine behind messages. */
  const done = async <T>(work: () => T): Promise<T> => Promise.resolve(work());
  const trace = new TraceControl(machine);
  return {
    launch: () => Promise.reject(new Error("The machine has been launched already.")),
    run: (temporary = []) => runner.run(temporary),
    step: (count) => runner.step(count),
    pause: () => done(() => runner.pause()),
    cpu: () => done(() => machine.cpu()),
    msrs: () => done(() => machine.msrs()),
    device: (name) => done(() => machine.device(name)),
    deviceNames: () => done(() => machine.deviceNames),
    phases: () => done(() => [...machine.phases]),
    places: () => done(() => ({ ...machine.places })),
    writeRegister: (name, value) => done(() => machine.writeRegister(name, value)),
    readMemory: (space, address, length) => done(() => readMemory(machine, space, address, length)),
    writeMemory: (space, address, bytes) => done(() => writeMemory(machine, space, address, bytes)),
    walk: (linear) => done(() => machine.walk(linear)),
    setBreakpoints: (list) => done(() => runner.setBreakpoints(list)),
    setWatchpoints: (list) => done(() => machine.setWatchpoints(list)),
    setCatches: (list) => done(() => machine.setCatches(list)),
    trace: (config) => done(() => trace.set(config)),
    traceStatus: () => done(() => trace.status),
    stopAtPhases: (names) => done(() => machine.stopAtPhases(names)),
    stopAtEvents: (filters) => done(() => machine.stopAtEvents(filters)),
    bootEvents: (from) => done(() => machine.bootEvents.slice(from)),
    origins: (physical, length) => done(() => machine.origins(physical, length)),
    readDrive: (drive, offset, length) => done(() => machine.readDrive(drive, offset, length)),
    screen: () => done(() => machine.screen()),
    keyboardInput: (codes) => done(() => runner.keyboardInput(codes)),
    mouseInput: (dx, dy, wheel, buttons) => done(() => runner.mouseInput(dx, dy, wheel, buttons)),
    serialInput: (port, bytes) => done(() => runner.serialInput(port, bytes)),
    close: () => machine.close(),
    dispose: () => machine.close(),
  };
}
