/**
 * What the adapter needs of a machine under debug. Asynchronous, so that the machine may live in a worker thread
 * (machine-target.ts), or behind another protocol.
 */
import type {
  BootEvent,
  BootPlaces,
  Breakpoint,
  Catch,
  Caught,
  ConditionalBreakpoint,
  CpuState,
  DiskOrigin,
  EventFilter,
  Phase,
  PhaseName,
  Screen,
  Space,
  TraceConfig,
  TraceStatus,
  Walk,
  Watchpoint,
  Msr,
} from "../emulator/machine/api.ts";
import type { DeviceState } from "../emulator/devices/device.ts";
import type { BootPlan } from "../emulator/machine/boot-plan.ts";
import type { StopResult } from "../emulator/machine/worker-protocol.ts";

export type {
  BootEvent,
  BootPlaces,
  Breakpoint,
  Catch,
  Caught,
  ConditionalBreakpoint,
  CpuState,
  DeviceState,
  DiskOrigin,
  EventFilter,
  Msr,
  Phase,
  PhaseName,
  Screen,
  Space,
  StopResult,
  TraceConfig,
  TraceStatus,
  Walk,
  Watchpoint,
};

export interface TargetEvents {
  /** Bytes sent by a serial port (0 is COM1) or a debug port. */
  output(source: number | "debug", bytes: Uint8Array): void;
  phase(phase: Phase): void;
  /** Events were recorded, or the last of those known was counted on. */
  bootEvents(events: readonly BootEvent[]): void;
  /** The running machine has retired so many instructions; a few times a second. */
  progress(icount: bigint): void;
  /** The guest's picture is another one than `screen` gave last; told once until it is asked for again. */
  screenChanged(): void;
  /** The machine itself failed (not the guest); nothing more can be asked of it. */
  failed(message: string): void;
}

export interface TargetConfig extends BootPlan {
  /** Let the guest's idle time pass in real time. */
  pace: boolean;
}

/** All methods reject with an Error of one sentence. `run` and `step` exclude each other. */
export interface Target {
  launch(config: TargetConfig): Promise<void>;
  /**
   * Runs until something stops the machine; `temporary` breakpoints hold for this run only. With `end` it stops with
   * "step" once so many instructions have been retired since power-on.
   */
  run(temporary?: readonly Breakpoint[], end?: bigint): Promise<StopResult>;
  /** Retires `count` instructions. */
  step(count: number): Promise<StopResult>;
  /** Makes the `run` or `step` under way resolve with "pause" soon. */
  pause(): Promise<void>;
  cpu(): Promise<CpuState>;
  /** All model specific registers. */
  msrs(): Promise<Msr[]>;
  /** State of a device as plain data; undefined when there is none of that name. */
  device(name: string): Promise<DeviceState | undefined>;
  deviceNames(): Promise<readonly string[]>;
  phases(): Promise<Phase[]>;
  /** Where the pieces of the boot lie that have been entered or handed over so far. */
  places(): Promise<BootPlaces>;
  writeRegister(name: string, value: bigint): Promise<void>;
  /** The bytes from `address` up to the first that is not mapped or is no memory. */
  readMemory(space: Space, address: bigint, length: number): Promise<Uint8Array>;
  /** Number of bytes written, up to the first that is not mapped or is no RAM. */
  writeMemory(space: Space, address: bigint, bytes: Uint8Array): Promise<number>;
  walk(linear: bigint): Promise<Walk>;
  setBreakpoints(list: readonly ConditionalBreakpoint[]): Promise<void>;
  setWatchpoints(list: readonly Watchpoint[]): Promise<void>;
  setCatches(list: readonly Catch[]): Promise<void>;
  /** Traces instructions into a file from here on, or no more; what the trace before had written. */
  trace(config: TraceConfig | undefined): Promise<TraceStatus | undefined>;
  traceStatus(): Promise<TraceStatus | undefined>;
  stopAtPhases(names: readonly PhaseName[]): Promise<void>;
  stopAtEvents(filters: readonly EventFilter[]): Promise<void>;
  /** The recorded events from that id on. */
  bootEvents(from: number): Promise<BootEvent[]>;
  /** Which disk blocks the bytes of a guest physical range came from. */
  origins(physical: bigint, length: number): Promise<DiskOrigin[]>;
  /** Bytes that a drive (by its index, as origins have it) holds now; fewer at its end. */
  readDrive(drive: number, offset: number, length: number): Promise<Uint8Array>;
  screen(): Promise<Screen>;
  keyboardInput(codes: readonly number[]): Promise<void>;
  mouseInput(dx: number, dy: number, wheel: number, buttons: number): Promise<void>;
  serialInput(port: number, bytes: Uint8Array): Promise<void>;
  /** Writes changes of disks back that are to persist; after it the machine can only be launched anew or disposed of. */
  close(): Promise<void>;
  dispose(): Promise<void>;
}

/** Makes a target; called for every launch and restart. */
export type CreateTarget = (events: TargetEvents) => Target;
