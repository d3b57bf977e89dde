/** Answers the requests of worker-protocol.ts on a message port, with one machine behind it. */
import { performance } from "node:perf_hooks";
import type { MessagePort } from "node:worker_threads";
import type { BootEvent, BootMachine, MachineEvents } from "./api.ts";
import type { BootPlan } from "./boot-plan.ts";
import { packCpu } from "./cpu-packing.ts";
import { ScreenWatch } from "./screen-watch.ts";
import { TraceControl } from "./trace-file.ts";
import { readMemory, writeMemory } from "./worker-memory.ts";
import type { Awaitable, WorkerMessage, WorkerMethod, WorkerMethods, WorkerRequest } from "./worker-protocol.ts";
import { MachineRunner } from "./worker-runner.ts";

/** Opens what the plan names and makes the machine. */
export type CreateMachine = (plan: BootPlan, events: MachineEvents) => Promise<BootMachine>;

/** Events, too, are gathered; one that counts on within a turn is told once. */
class EventBuffer {
  readonly #post: (message: WorkerMessage) => void;
  readonly #pending = new Map<number, BootEvent>();

  constructor(post: (message: WorkerMessage) => void) {
    this.#post = post;
  }

  add(event: BootEvent): void {
    if (this.#pending.size === 0) setImmediate(() => this.flush());
    this.#pending.set(event.id, event);
  }

  flush(): void {
    if (this.#pending.size > 0) this.#post({ kind: "event", events: [...this.#pending.values()] });
    this.#pending.clear();
  }
}

/** Bytes of output on their way to the adapter with which the guest goes on printing. */
const MAX_UNHEARD = 1 << 18;

/** Serial bytes are gathered for the length of one turn, so that a busy console does not send a message a byte. */
class OutputBuffer {
  readonly #post: (message: WorkerMessage) => void;
  readonly #pending = new Map<number | "debug", number[]>();
  #scheduled = false;
  #unheard = 0;

  constructor(post: (message: WorkerMessage) => void) {
    this.#post = post;
  }

  get full(): boolean {
    return this.#unheard > MAX_UNHEARD;
  }

  heard(bytes: number): void {
    this.#unheard -= bytes;
  }

  add(source: number | "debug", bytes: Uint8Array): void {
    let list = this.#pending.get(source);
    if (list === undefined) this.#pending.set(source, (list = []));
    for (const byte of bytes) list.push(byte);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.flush());
    }
  }

  flush(): void {
    this.#scheduled = false;
    for (const [source, list] of this.#pending) {
      this.#unheard += list.length;
      this.#post({ kind: "output", source, bytes: Uint8Array.from(list) });
    }
    this.#pending.clear();
  }
}

/** Milliseconds between two reports of how far a running machine is. */
const PROGRESS_MS = 250;
/** Behind these the processor is elsewhere, and whoever asked wants to know where. */
const MOVES: ReadonlySet<WorkerMethod> = new Set<WorkerMethod>(["launch", "run", "step"]);

export function serveMachine(port: Pick<MessagePort, "postMessage" | "on">, createMachine: CreateMachine): void {
  const post = (message: WorkerMessage): void => port.postMessage(message);
  const output = new OutputBuffer(post);
  const bootEvents = new EventBuffer(post);
  const screen = new ScreenWatch(() => post({ kind: "screen" }));
  let machine: BootMachine | undefined;
  let runner: MachineRunner | undefined;
  let trace: TraceControl | undefined;
  let nextProgress = 0;
  const live = (): BootMachine => {
    if (machine === undefined) throw new Error("No machine has been launched.");
    return machine;
  };
  const liveRunner = (): MachineRunner => {
    live();
    return runner as MachineRunner;
  };

  const onSlice = (): void => {
    screen.slice(() => live().screen());
    if (performance.now() < nextProgress) return;
    nextProgress = performance.now() + PROGRESS_MS;
    post({ kind: "progress", icount: live().icount });
  };

  const methods: WorkerMethods = {
    launch: async ({ pace, ...config }) => {
      machine = await createMachine(config, {
        output: (source, bytes) => output.add(source, bytes),
        phase: (phase) => post({ kind: "phase", phase }),
        event: (event) => bootEvents.add(event),
      });
      screen.forget();
      trace = undefined;
      runner = new MachineRunner(machine, { pace, onSlice, held: () => output.full });
    },
    run: (temporary, end) => {
      nextProgress = performance.now() + PROGRESS_MS;
      return liveRunner().run(temporary, end);
    },
    step: (count) => liveRunner().step(count),
    pause: () => liveRunner().pause(),
    cpu: () => live().cpu(),
    msrs: () => live().msrs(),
    device: (name) => live().device(name),
    deviceNames: () => live().deviceNames,
    phases: () => [...live().phases],
    places: () => ({ ...live().places }),
    writeRegister: (name, value) => live().writeRegister(name, value),
    readMemory: (space, address, length) => readMemory(live(), space, address, length),
    writeMemory: (space, address, bytes) => writeMemory(live(), space, address, bytes),
    walk: (linear) => live().walk(linear),
    setBreakpoints: (list) => liveRunner().setBreakpoints(list),
    setWatchpoints: (list) => live().setWatchpoints(list),
    setCatches: (list) => live().setCatches(list),
    trace: (config) => (trace ??= new TraceControl(live())).set(config),
    traceStatus: () => trace?.status,
    stopAtPhases: (names) => live().stopAtPhases(names),
    stopAtEvents: (filters) => live().stopAtEvents(filters),
    bootEvents: (from) => live().bootEvents.slice(from),
    origins: (physical, length) => live().origins(physical, length),
    readDrive: (drive, offset, length) => live().readDrive(drive, offset, length),
    screen: () => screen.show(live().screen()),
    heard: (bytes) => {
      output.heard(bytes);
      runner?.wake();
    },
    serialInput: (serialPort, bytes) => liveRunner().serialInput(serialPort, bytes),
    keyboardInput: (codes) => liveRunner().keyboardInput(codes),
    mouseInput: (dx, dy, wheel, buttons) => liveRunner().mouseInput(dx, dy, wheel, buttons),
    close: async () => {
      runner?.pause();
      trace?.set(undefined);
      await machine?.close();
    },
  };

  port.on("message", (request: WorkerRequest) => {
    void answer(methods, request).then((message) => {
      // What the guest printed before a stop is told before the stop.
      output.flush();
      bootEvents.flush();
      const moved = MOVES.has(request.method) && machine !== undefined && runner?.running === false;
      if (moved) screen.look(() => live().screen());
      post(moved && message.kind === "result" ? { ...message, cpu: packCpu(live().cpu()) } : message);
    });
  });
}

async function answer(methods: WorkerMethods, request: WorkerRequest): Promise<WorkerMessage> {
  try {
    const method = methods[request.method] as (...args: unknown[]) => Awaitable<unknown>;
    return { kind: "result", id: request.id, value: await method(...request.arguments) };
  } catch (error) {
    return { kind: "error", id: request.id, message: error instanceof Error ? error.message : String(error) };
  }
}
