/** The messages between a machine's worker thread (worker.ts) and whoever drives it. Everything is structured-cloneable. */
import type {
  BootEvent,
  BootPlaces,
  Breakpoint,
  Catch,
  ConditionalBreakpoint,
  CpuState,
  DiskOrigin,
  EventFilter,
  Phase,
  PhaseName,
  RunResult,
  Screen,
  Space,
  TraceConfig,
  TraceStatus,
  Walk,
  Watchpoint,
  Msr,
} from "./api.ts";
import type { DeviceState } from "../devices/device.ts";
import type { BootPlan } from "./boot-plan.ts";

/** Why a run or a step ended. */
export type StopResult = Exclude<RunResult, { reason: "budget" }> | { reason: "pause" } | { reason: "step" };

export interface WorkerConfig extends BootPlan {
  /**
   * Slow the guest's idle time down to real time: while it sleeps in HLT, the host sleeps too. Never changes what the
   * guest sees.
   */
  pace: boolean;
}

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** Methods of the worker. Only `run` and `step` exclude each other; all others may be called while the machine runs. */
export interface WorkerMethods {
  launch: (config: WorkerConfig) => Awaitable<void>;
  /**
   * Runs until something stops it; `temporary` breakpoints hold for this run only. With `end` it stops with "step" once so
   * many instructions have been retired since power-on. Results of `run`, `step` and `launch`
   * come with the state of the processor.
   */
  run: (temporary: readonly Breakpoint[], end?: bigint) => Awaitable<StopResult>;
  step: (count: number) => Awaitable<StopResult>;
  /** Makes a `run` or `step` under way return "pause". */
  pause: () => Awaitable<void>;
  cpu: () => Awaitable<CpuState>;
  msrs: () => Awaitable<Msr[]>;
  device: (name: string) => Awaitable<DeviceState | undefined>;
  deviceNames: () => Awaitable<readonly string[]>;
  phases: () => Awaitable<Phase[]>;
  places: () => Awaitable<BootPlaces>;
  writeRegister: (name: string, value: bigint) => Awaitable<void>;
  /** The bytes from `address` up to the first that is not mapped or is no memory; at most `length`. */
  readMemory: (space: Space, address: bigint, length: number) => Awaitable<Uint8Array>;
  /** Number of bytes written; stops at the first that is not mapped or is no RAM. */
  writeMemory: (space: Space, address: bigint, bytes: Uint8Array) => Awaitable<number>;
  walk: (linear: bigint) => Awaitable<Walk>;
  setBreakpoints: (list: readonly ConditionalBreakpoint[]) => Awaitable<void>;
  setWatchpoints: (list: readonly Watchpoint[]) => Awaitable<void>;
  setCatches: (list: readonly Catch[]) => Awaitable<void>;
  /** Traces instructions into a file from here on, or no more; what the trace before had written. */
  trace: (config: TraceConfig | undefined) => Awaitable<TraceStatus | undefined>;
  /** Of the trace under way. */
  traceStatus: () => Awaitable<TraceStatus | undefined>;
  stopAtPhases: (names: readonly PhaseName[]) => Awaitable<void>;
  stopAtEvents: (filters: readonly EventFilter[]) => Awaitable<void>;
  /** The events recorded from number `from` on. */
  bootEvents: (from: number) => Awaitable<BootEvent[]>;
  origins: (physical: bigint, length: number) => Awaitable<DiskOrigin[]>;
  readDrive: (drive: number, offset: number, length: number) => Awaitable<Uint8Array>;
  screen: () => Awaitable<Screen>;
  /** So many bytes of output have been taken in: a guest that prints faster than it is read waits. */
  heard: (bytes: number) => Awaitable<void>;
  serialInput: (port: number, bytes: Uint8Array) => Awaitable<void>;
  keyboardInput: (scanCodes: readonly number[]) => Awaitable<void>;
  mouseInput: (dx: number, dy: number, wheel: number, buttons: number) => Awaitable<void>;
  /** Writes changes of disks back that are to persist, and gives the files free; nothing may be asked afterwards. */
  close: () => Awaitable<void>;
}

export type WorkerMethod = keyof WorkerMethods;

export interface WorkerRequest {
  id: number;
  method: WorkerMethod;
  arguments: unknown[];
}

export type WorkerMessage =
  | { kind: "result"; id: number; value: unknown; cpu?: ArrayBuffer }
  | { kind: "error"; id: number; message: string }
  | { kind: "output"; source: number | "debug"; bytes: Uint8Array }
  | { kind: "phase"; phase: Phase }
  /** New events, and those that counted on, each with its number. */
  | { kind: "event"; events: BootEvent[] }
  /** The running machine has retired so many instructions. */
  | { kind: "progress"; icount: bigint }
  /** The picture is another one than `screen` gave last; told once until it is asked for again. */
  | { kind: "screen" };
