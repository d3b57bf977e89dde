/** Answers the requests of worker-protocol.ts on a message port, with one machine behind it. */
import type { MessagePort } from "node:worker_threads";
import type { BootMachine, MachineConfig, MachineEvents } from "./api.ts";
import { readMemory, writeMemory } from "./worker-memory.ts";
import type { Awaitable, WorkerMessage, WorkerMethods, WorkerRequest } from "./worker-protocol.ts";
import { MachineRunner } from "./worker-runner.ts";

export type CreateMachine = (config: MachineConfig, events: MachineEvents) => Promise<BootMachine>;

/** Serial bytes are gathered for the length of one turn, so that a busy console does not send a message a byte. */
class OutputBuffer {
  readonly #post: (message: WorkerMessage) => void;
  readonly #pending = new Map<number | "debug", number[]>();
  #scheduled = false;

  constructor(post: (message: WorkerMessage) => void) {
    this.#post = post;
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
      this.#post({ kind: "output", source, bytes: Uint8Array.from(list) });
    }
    this.#pending.clear();
  }
}

export function serveMachine(port: Pick<MessagePort, "postMessage" | "on">, createMachine: CreateMachine): void {
  const post = (message: WorkerMessage): void => port.postMessage(message);
  const output = new OutputBuffer(post);
  let machine: BootMachine | undefined;
  let runner: MachineRunner | undefined;
  const live = (): BootMachine => {
    if (machine === undefined) throw new Error("No machine has been launched.");
    return machine;
  };
  const liveRunner = (): MachineRunner => {
    live();
    return runner as MachineRunner;
  };

  const methods: WorkerMethods = {
    launch: async ({ pace, ...config }) => {
      machine = await createMachine(config, {
        output: (source, bytes) => output.add(source, bytes),
        phase: (phase) => post({ kind: "phase", phase }),
      });
      runner = new MachineRunner(machine, { pace });
    },
    run: (temporary) => liveRunner().run(temporary),
    step: (count) => liveRunner().step(count),
    pause: () => liveRunner().pause(),
    cpu: () => live().cpu(),
    phases: () => [...live().phases],
    writeRegister: (name, value) => live().writeRegister(name, value),
    readMemory: (space, address, length) => readMemory(live(), space, address, length),
    writeMemory: (space, address, bytes) => writeMemory(live(), space, address, bytes),
    walk: (linear) => live().walk(linear),
    setBreakpoints: (list) => liveRunner().setBreakpoints(list),
    setWatchpoints: (list) => live().setWatchpoints(list),
    stopAtPhases: (names) => live().stopAtPhases(names),
    serialInput: (serialPort, bytes) => liveRunner().serialInput(serialPort, bytes),
  };

  port.on("message", (request: WorkerRequest) => {
    void answer(methods, request).then((message) => {
      // What the guest printed before a stop is told before the stop.
      output.flush();
      post(message);
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
