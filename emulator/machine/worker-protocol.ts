/** The messages between a machine's worker thread (worker.ts) and whoever drives it. Everything is structured-cloneable. */
import type {
  Breakpoint,
  CpuState,
  MachineConfig,
  Phase,
  PhaseName,
  RunResult,
  Space,
  Walk,
  Watchpoint,
} from "./api.ts";

/** Why a run or a step ended. */
export type StopResult = Exclude<RunResult, { reason: "budget" }> | { reason: "pause" } | { reason: "step" };

export interface WorkerConfig extends MachineConfig {
  /**
   * Slow the guest's idle time down to real time: while it sleeps in HLT, the host sleeps too. Never changes what the
   * guest sees.
   */
  pace: boolean;
}

/** Methods of the worker. Only `run` and `step` exclude each other; all others may be called while the machine runs. */
export interface WorkerMethods {
  launch(config: WorkerConfig): Promise<void>;
  /** Runs until something stops it; `temporary` breakpoints hold for this run only. */
  run(temporary: readonly Breakpoint[]): Promise<StopResult>;
  step(count: number): Promise<StopResult>;
  /** Makes a `run` or `step` under way return "pause". */
  pause(): Promise<void>;
  cpu(): Promise<CpuState>;
  phases(): Promise<Phase[]>;
  writeRegister(name: string, value: bigint): Promise<void>;
  /** The bytes from `address` up to the first that is not mapped or is no memory; at most `length`. */
  readMemory(space: Space, address: bigint, length: number): Promise<Uint8Array>;
  /** Number of bytes written; stops at the first that is not mapped or is no RAM. */
  writeMemory(space: Space, address: bigint, bytes: Uint8Array): Promise<number>;
  walk(linear: bigint): Promise<Walk>;
  setBreakpoints(list: readonly Breakpoint[]): Promise<void>;
  setWatchpoints(list: readonly Watchpoint[]): Promise<void>;
  stopAtPhases(names: readonly PhaseName[]): Promise<void>;
  serialInput(port: number, bytes: Uint8Array): Promise<void>;
}

export type WorkerMethod = keyof WorkerMethods;

export interface WorkerRequest {
  id: number;
  method: WorkerMethod;
  arguments: unknown[];
}

export type WorkerMessage =
  | { kind: "result"; id: number; value: unknown }
  | { kind: "error"; id: number; message: string }
  | { kind: "output"; source: number | "debug"; bytes: Uint8Array }
  | { kind: "phase"; phase: Phase };
