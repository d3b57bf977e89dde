/** A Target over the machine of this project, which runs in a worker thread and speaks worker-protocol.ts. */
import { Worker } from "node:worker_threads";
import { unpackCpu } from "../emulator/machine/cpu-packing.ts";
import type { WorkerMessage, WorkerMethod, WorkerMethods, WorkerRequest } from "../emulator/machine/worker-protocol.ts";
import type { CpuState, CreateTarget, Target, TargetEvents } from "./target.ts";

/** The adapter's end of the thread: a Worker, or a message port in tests. */
export interface MachineThread {
  postMessage(message: WorkerRequest): void;
  on(event: "message", listener: (message: WorkerMessage) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "exit", listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

type Answer<M extends WorkerMethod> = Awaited<ReturnType<WorkerMethods[M]>>;

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/** Starts a worker thread with a machine; `worker` is the URL of the bundled worker.ts. */
export function machineTargets(worker: URL): CreateTarget {
  return (events) => machineTarget(new Worker(worker), events);
}

export function machineTarget(thread: MachineThread, events: TargetEvents): Target {
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let dead: string | undefined;
  /**
   * The processor of a machine that stands, as it came with the answer to its last move. While nothing moves or writes,
   * it is the same object.
   */
  let standing: Promise<CpuState> | undefined;

  const fail = (message: string): void => {
    if (dead !== undefined) return;
    dead = message;
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
    events.failed(message);
  };

  thread.on("message", (message: WorkerMessage) => {
    switch (message.kind) {
      case "output":
        events.output(message.source, message.bytes);
        call("heard", message.bytes.length).catch(() => undefined);
        break;
      case "phase":
        events.phase(message.phase);
        break;
      case "event":
        events.bootEvents(message.events);
        break;
      case "progress":
        events.progress(message.icount);
        break;
      case "screen":
        events.screenChanged();
        break;
      case "result":
      case "error": {
        const call = waiting.get(message.id);
        waiting.delete(message.id);
        if (message.kind === "result" && message.cpu !== undefined) standing = Promise.resolve(unpackCpu(message.cpu));
        if (message.kind === "result") call?.resolve(message.value);
        else call?.reject(new Error(message.message));
      }
    }
  });
  thread.on("error", (error: Error) => fail(`The emulator failed: ${error.message}`));
  thread.on("exit", (code: number) => fail(`The emulator's thread ended with code ${code}.`));

  const call = <M extends WorkerMethod>(method: M, ...args: Parameters<WorkerMethods[M]>): Promise<Answer<M>> =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) return reject(new Error(dead));
      const id = nextId++;
      waiting.set(id, { resolve: (value) => resolve(value as Answer<M>), reject });
      thread.postMessage({ id, method, arguments: args });
    });

  /** A call behind which the processor or what it executes may be another. */
  const change: typeof call = (method, ...args) => {
    standing = undefined;
    return call(method, ...args);
  };

  return {
    launch: (config) => change("launch", config),
    run: (temporary = [], end) => change("run", temporary, end),
    step: (count) => change("step", count),
    pause: () => call("pause"),
    cpu: () => (dead === undefined ? standing : undefined) ?? call("cpu"),
    msrs: () => call("msrs"),
    device: (name) => call("device", name),
    deviceNames: () => call("deviceNames"),
    phases: () => call("phases"),
    places: () => call("places"),
    writeRegister: (name, value) => change("writeRegister", name, value),
    readMemory: (space, address, length) => call("readMemory", space, address, length),
    writeMemory: (space, address, bytes) => change("writeMemory", space, address, bytes),
    walk: (linear) => call("walk", linear),
    setBreakpoints: (list) => call("setBreakpoints", list),
    setWatchpoints: (list) => call("setWatchpoints", list),
    setCatches: (list) => call("setCatches", list),
    trace: (config) => call("trace", config),
    traceStatus: () => call("traceStatus"),
    stopAtPhases: (names) => call("stopAtPhases", names),
    stopAtEvents: (filters) => call("stopAtEvents", filters),
    bootEvents: (from) => call("bootEvents", from),
    origins: (physical, length) => call("origins", physical, length),
    readDrive: (drive, offset, length) => call("readDrive", drive, offset, length),
    screen: () => call("screen"),
    keyboardInput: (codes) => call("keyboardInput", codes),
    mouseInput: (dx, dy, wheel, buttons) => call("mouseInput", dx, dy, wheel, buttons),
    serialInput: (port, bytes) => call("serialInput", port, bytes),
    close: () => change("close"),
    async dispose() {
      dead ??= "The session has ended.";
      for (const { reject } of waiting.values()) reject(new Error(dead));
      waiting.clear();
      await thread.terminate();
    },
  };
}
