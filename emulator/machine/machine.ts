import { Board } from "../board/board.ts";
import type { DeviceState } from "../devices/device.ts";
import { Extra } from "../board/memory-map.ts";
import { Core } from "../core/core.ts";
import { Exit, L } from "../core/layout.ts";
import { EventQueue } from "../devices/event-queue.ts";
import { prepareDirectBoot } from "../direct-boot/direct-boot.ts";
import type { Drive } from "../disks/disk-image.ts";
import type { CpuSetup, MemoryWrite } from "../direct-boot/types.ts";
import type {
  BootEvent,
  BootMachine,
  BootPlaces,
  Catch,
  ConditionalBreakpoint,
  CpuState,
  DiskOrigin,
  EventFilter,
  MachineConfig,
  MachineEvents,
  Phase,
  PhaseName,
  RunResult,
  Screen,
  TracedInstruction,
  Walk,
  Watchpoint,
  Msr,
} from "./api.ts";
import { Breakpoints } from "./breakpoints.ts";
import { Catches } from "./catches.ts";
import { ConsoleWatch } from "./console-watch.ts";
import { describeUnemulated } from "./unemulated.ts";
import { Translator, type TranslatorStatistics } from "../translator/translator.ts";
import { BootRecorder } from "./boot-events.ts";
import { applySetup } from "./cpu-setup.ts";
import { HostShell } from "./host-shell.ts";
import { InputLog, type Input, type InputRecord } from "./input-log.ts";
import { readAllMsrs } from "./inspect-msrs.ts";
import { PhaseRecogniser } from "./phases.ts";
import { PhysicalMemory } from "./physical.ts";
import { readCpu, writeRegister } from "./registers.ts";
import { stateHash } from "./state-hash.ts";
import { InstructionTrace } from "./trace.ts";
import { Watchpoints } from "./watchpoints.ts";

/** 2026-01-01 00:00:00 UTC: the clock of every run, unless the configuration says otherwise. */
const DEFAULT_RTC_TIME = 1_767_225_600;
/** Longest stretch in the core: it comes back for new code to be optimised and for messages. */
const MAX_STRETCH = 300_000;
/** Guest nanoseconds that HLT may skip in one `run`: a caller that paces the guest gets to look. */
const MAX_SKIP = 5_000_000;
/** Stops with a false condition that one `run` passes over. */
const MAX_PASSES = 1000;

/** What a machine is made of: raw bytes in memory, a processor state, and what the board is given. */
export interface RawConfig extends Omit<MachineConfig, "kernel" | "initrd" | "entry"> {
  memoryMiB: number;
  writes: readonly MemoryWrite[];
  /** As after power-on unless given. */
  cpu?: CpuSetup;
  /** For the firmware. */
  kernel?: Uint8Array;
  initrd?: Uint8Array;
}

/** The whole PC: processor, board, memory, and the direct boot into a kernel. Deterministic: see docs/core.md. */
export class Machine implements BootMachine {
  readonly memorySize: number;
  readonly #core: Core;
  readonly #board: Board;
  readonly #queue: EventQueue;
  readonly #physical: PhysicalMemory;
  readonly #recogniser: PhaseRecogniser;
  readonly #recorder: BootRecorder;
  readonly #drives: readonly Drive[];
  readonly #events: MachineEvents;
  readonly #consoles = [new ConsoleWatch(), new ConsoleWatch()];
  readonly #inputs: InputLog;
  readonly #byte = new Uint8Array(1);
  readonly #translator: Translator | undefined;
  readonly #breakpoints: Breakpoints;
  readonly #watchpoints: Watchpoints;
  readonly #catches: Catches;
  readonly #shell: HostShell;
  #trace: InstructionTrace | undefined;
  #stopPhases: ReadonlySet<PhaseName> = new Set();
  /** What ends the run at the next instruction boundary. */
  #pending: RunResult | undefined;
  /** Set once the guest has switched off or asked for a reset: from there nothing runs any more. */
  #ended: RunResult | undefined;

  private constructor(core: Core, shell: HostShell, config: RawConfig, first: PhaseName, events: MachineEvents) {
    this.#core = core;
    this.#events = events;
    this.#shell = shell;
    this.#breakpoints = new Breakpoints(this);
    this.#watchpoints = new Watchpoints(this);
    this.#catches = new Catches(this);
    const after = config.translateAfter;
    this.#translator = after === Infinity ? undefined : new Translator(core, after);
    this.memorySize = core.ram.byteLength;
    this.#physical = new PhysicalMemory(core);
    this.#drives = config.drives ?? [];
    this.#recorder = new BootRecorder(core, this.#physical, this.#drives, (event, kept) => {
      if (kept) events.event?.(event);
      if (this.#recorder.wanted(event)) this.#stop({ reason: "event", event });
    });
    this.#queue = new EventQueue(
      () => shell.now(),
      () => core.exports.attention(),
    );
    this.#board = new Board({
      memoryBytes: this.memorySize,
      rtcTime: config.rtcTime ?? DEFAULT_RTC_TIME,
      queue: this.#queue,
      serialOutput: (port, byte) => this.#output(port, byte),
      debugOutput: (byte) => this.#output("debug", byte),
      drives: this.#drives,
      ...(config.firmware
        ? {
            firmware: {
              ...config.firmware,
              ...(config.kernel ? { kernel: config.kernel, cmdline: config.cmdline ?? "" } : {}),
              ...(config.initrd ? { initrd: config.initrd } : {}),
            },
          }
        : {}),
      diskTransfer: (transfer) => this.#recorder.transfer(transfer),
      deviceUsed: (name) => this.#recorder.deviceUsed(name),
      screenMode: (text) => this.#recorder.screenMode(text),
      lines: {
        setIntr: (level) => {
          core.u32[L.INTR / 4] = level ? 1 : 0;
          if (level) core.exports.recheck();
        },
        raiseNmi: () => {
          core.u32[L.NMI / 4] = 1;
          core.exports.recheck();
        },
        attention: () => core.exports.attention(),
        requestReset: (cause) => this.#stop({ reason: "reboot", cause }),
        requestPowerOff: () => this.#stop({ reason: "poweroff" }),
        setA20: (enabled) => {
          const mask = enabled ? 0xffffffff : 0xffefffff;
          if (core.u32[L.A20_MASK / 4] === mask) return;
          core.u32[L.A20_MASK / 4] = mask;
          core.exports.flushTlb();
          core.exports.attention();
          this.#recorder.a20(enabled);
        },
        extra: core.extra,
        mapMemory: (physical, bytes, offset, access) => this.#physical.map(physical, bytes, offset, access),
        dmaRead: (physical, into) => this.#physical.dmaRead(physical, into),
        dmaWrite: (physical, bytes) => this.#physical.dmaWrite(physical, bytes),
        insDestination: () => {
          const at = core.u32[L.INS_PHYS / 4]!;
          return at === 0xffffffff ? -1 : at;
        },
      },
    });
    this.#inputs = new InputLog(this.#queue, (input) => this.#deliver(input));
    this.#recogniser = new PhaseRecogniser(first, core, this.#physical, (phase) => {
      this.#recorder.phaseBegan();
      events.phase(phase);
    });
    shell.attach(this.#board, {
      codeNotify: (kind, physical) => this.#codeNotify(kind, physical),
      bootEvent: (kind, value, rip) => this.#recorder.core(kind, value, this.linearOfRip(rip)),
    });
    for (const { physical, bytes } of config.writes) core.ram.set(bytes, physical);
    if (config.cpu) applySetup(core, config.cpu);
    this.#recogniser.begin(this.linearOfRip(core.u64[L.RIP / 8]!));
    // xorshift needs a state that is not 0.
    const seed = config.seed ?? 0x626f6f74;
    core.u32[L.RANDOM / 4] = seed || 1;
    core.u32[L.RANDOM / 4 + 1] = ~seed;
    core.u32[L.NOTIFY / 4] = this.#recogniser.wanted;
    if (!config.cpu) this.#recorder.reset(this.linearOfRip(core.u64[L.RIP / 8]!));
  }

  /**
   * A machine that is about to execute its first instruction: at the reset vector with a firmware, else at the entry of
   * its kernel. Throws with one sentence on bad input.
   */
  static async create(config: MachineConfig, events: MachineEvents): Promise<Machine> {
    if (config.firmware) return Machine.#build({ ...config, writes: [] }, "bios", events);
    const { kernel, ...rest } = config;
    if (!kernel) throw new RangeError("There is neither a firmware nor a kernel to start.");
    const boot = prepareDirectBoot({ ...rest, kernel, cmdline: config.cmdline ?? "" });
    const first = boot.kernelInfo.format === "elf" ? "kernel" : "decompressor";
    return Machine.#build({ ...rest, writes: boot.writes, cpu: boot.cpu }, first, events);
  }

  static async #build(config: RawConfig, first: PhaseName, events: MachineEvents): Promise<Machine> {
    const shell = new HostShell();
    const core = await Core.create(config.memoryMiB, shell, Extra.SIZE);
    shell.core = core;
    return new Machine(core, shell, config, first, events);
  }

  /** A machine without a kernel: raw bytes in memory, the processor as given or in its power-on state. */
  static createRaw(config: RawConfig, events: MachineEvents): Promise<Machine> {
    return Machine.#build(config, config.firmware ? "bios" : "decompressor", events);
  }

  get icount(): bigint {
    return BigInt(this.#core.icount);
  }

  get phases(): readonly Phase[] {
    return this.#recogniser.phases;
  }

  get places(): Readonly<BootPlaces> {
    return this.#recogniser.places;
  }

  /** What was translated so far; undefined without translation. */
  get translation(): TranslatorStatistics | undefined {
    return this.#translator?.statistics;
  }

  /** For benchmarks and tests. */
  get core(): Core {
    return this.#core;
  }

  run(maxInstructions: number): RunResult {
    if (this.#ended) return this.#ended;
    const core = this.#core;
    const end = core.icount + maxInstructions;
    if (this.#catches.armed) this.#catches.begin();
    this.#watchpoints.begin();
    let skipped = 0;
    let passes = 0;
    for (;;) {
      const now = core.icount + core.number64(L.SKEW);
      core.f64[L.NOW / 8] = now;
      this.#queue.runDue(now);
      if (this.#pending) return this.#takePending();
      const left = end - core.icount;
      if (left <= 0) return { reason: "budget" };
      this.#translator?.work();
      const exit = core.run(Math.max(1, Math.min(left, this.#queue.nextDeadline() - now, MAX_STRETCH)));
      this.#trace?.drain();
      if (this.#pending) return this.#takePending();
      switch (exit) {
        case Exit.BUDGET:
        case Exit.ATTENTION: {
          const caught = this.#catches.armed ? this.#catches.take(exit) : undefined;
          if (caught) return { reason: "catch", caught };
          break;
        }
        case Exit.HALT: {
          const skip = this.#skipToDeadline();
          if (skip === undefined) {
            const wakeable = (core.u32[L.EFLAGS / 4]! & 0x200) !== 0;
            return { reason: "halted", wakeable };
          }
          skipped += skip;
          if (skipped > MAX_SKIP) return { reason: "budget" };
          break;
        }
        case Exit.BREAKPOINT:
        case Exit.WATCHPOINT:
        case Exit.CATCH:
        case Exit.STATE:
        case Exit.EXCEPTION: {
          const stop = this.#decide(exit);
          if (stop) return stop;
          // A caller that has messages to look at gets to do so.
          if (++passes === MAX_PASSES) return { reason: "budget" };
          break;
        }
        case Exit.SHUTDOWN:
          return this.#tripleFault();
        case Exit.UNEMULATED:
          return describeUnemulated(core, this.#physical);
      }
    }
  }

  endRun(): void {
    this.#stop({ reason: "budget" });
  }

  step(): RunResult {
    this.ignoreBreakpointOnce();
    for (;;) {
      const before = this.#core.icount;
      const result = this.run(1);
      // A halted processor waits for its interrupt first; a fault alone retires nothing.
      if (result.reason !== "budget" || this.#core.icount !== before) return result;
    }
  }

  ignoreBreakpointOnce(): void {
    this.#core.setNumber64(L.NOBREAK_ICOUNT, this.#core.icount);
    this.#core.u64[L.NOBREAK_RIP / 8] = this.#core.u64[L.RIP / 8]!;
  }

  setBreakpoints(list: readonly ConditionalBreakpoint[]): void {
    this.#breakpoints.set(list);
  }

  setWatchpoints(list: readonly Watchpoint[]): void {
    this.#watchpoints.set(list);
  }

  setCatches(list: readonly Catch[]): void {
    this.#catches.set(list);
    this.#shell.catches = this.#catches.armed ? this.#catches : undefined;
  }

  traceInstructions(listener: ((instruction: TracedInstruction) => void) | undefined): void {
    const before = this.#trace;
    this.#trace = undefined;
    before?.end();
    this.#trace = listener && new InstructionTrace(this.#core, listener);
  }

  stopAtPhases(names: readonly PhaseName[]): void {
    this.#stopPhases = new Set(names);
  }

  stopAtEvents(filters: readonly EventFilter[]): void {
    this.#recorder.filters = filters;
  }

  get bootEvents(): readonly BootEvent[] {
    return this.#recorder.events;
  }

  origins(physical: bigint, length: number): DiskOrigin[] {
    return this.#recorder.origins(Number(physical), length);
  }

  readDrive(drive: number, offset: number, length: number): Uint8Array {
    const { image } = this.#drives[drive] ?? {};
    if (image === undefined)
      throw new RangeError(`There is no drive ${drive}: the machine has ${this.#drives.length}.`);
    const bytes = new Uint8Array(Math.max(0, Math.min(length, image.bytes - offset)));
    image.read(offset, bytes);
    return bytes;
  }

  screen(): Screen {
    return this.#board.screen();
  }

  cpu(): CpuState {
    return readCpu(this.#core, this.#board.tpr);
  }

  msrs(): Msr[] {
    return readAllMsrs(this.#core);
  }

  device(name: string): DeviceState | undefined {
    return this.#board.device(name);
  }

  get deviceNames(): readonly string[] {
    return this.#board.deviceNames;
  }

  writeRegister(name: string, value: bigint): void {
    if (name === "cr8") {
      if (value > 15n) throw new RangeError("cr8: the task priority has 4 bits.");
      this.#board.tpr = Number(value) << 4;
    } else writeRegister(this.#core, name, value);
  }

  readPhysical(address: bigint, length: number): Uint8Array | undefined {
    return this.#physical.read(address, length);
  }

  writePhysical(address: bigint, bytes: Uint8Array): number {
    return this.#physical.write(address, bytes);
  }

  walk(linear: bigint): Walk {
    return this.#physical.walk(linear);
  }

  serialInput(port: number, bytes: Uint8Array): void {
    this.#input({ kind: "serial", port, bytes: bytes.slice() });
  }

  keyboardInput(scanCodes: readonly number[]): void {
    this.#input({ kind: "keyboard", scanCodes: [...scanCodes] });
  }

  mouseInput(dx: number, dy: number, wheel: number, buttons: number): void {
    this.#input({ kind: "mouse", dx, dy, wheel, buttons });
  }

  #input(input: Input): void {
    const icount = this.#core.icount;
    const time = icount + this.#core.number64(L.SKEW);
    this.#core.f64[L.NOW / 8] = time;
    this.#inputs.input({ icount, time, input });
  }

  #deliver(input: Input): void {
    switch (input.kind) {
      case "serial":
        this.#board.serialInput(input.port, input.bytes);
        break;
      case "keyboard":
        this.#board.keyboardInput(input.scanCodes);
        break;
      case "mouse":
        this.#board.mouseInput(input.dx, input.dy, input.wheel, input.buttons);
    }
  }

  /** Everything that came from outside so far. */
  get inputs(): readonly InputRecord[] {
    return this.#inputs.records;
  }

  /** Feeds the input of another run of the same machine, each at its time; before the first `run`. */
  replayInputs(records: readonly InputRecord[]): void {
    this.#inputs.replay(records, this.#queue);
  }

  async close(): Promise<void> {
    for (const { image } of this.#drives) {
      await image.persist();
      image.close();
    }
  }

  stateHash(): string {
    return stateHash(this.#core, this.#board, this.#drives);
  }

  /** Moves guest time to the next deadline; how far, or undefined when there is none that could wake the processor. */
  #skipToDeadline(): number | undefined {
    const core = this.#core;
    const deadline = this.#queue.nextDeadline();
    if (deadline === Infinity || !(core.u32[L.EFLAGS / 4]! & 0x200)) return undefined;
    const now = core.icount + core.number64(L.SKEW);
    const skip = Math.max(0, deadline - now);
    core.setNumber64(L.SKEW, core.number64(L.SKEW) + skip);
    return skip;
  }

  #tripleFault(): RunResult {
    const detail = tripleFaultDetail(this.#core);
    this.#recorder.tripleFault(`Triple fault: ${detail}`);
    this.#pending = undefined;
    return { reason: "tripleFault", detail };
  }

  #codeNotify(kind: number, physical: number): void {
    const core = this.#core;
    const phase = this.#recogniser.notify(kind, physical, core.icount);
    core.u32[L.NOTIFY / 4] = this.#recogniser.wanted;
    if (phase && this.#stopPhases.has(phase.name)) this.#stop({ reason: "phase", phase });
  }

  #stop(result: RunResult): void {
    this.#pending ??= result;
    this.#core.exports.attention();
  }

  #takePending(): RunResult {
    const result = this.#pending!;
    this.#pending = undefined;
    if (result.reason === "poweroff" || result.reason === "reboot") this.#ended = result;
    return result;
  }

  #output(source: number | "debug", byte: number): void {
    this.#byte[0] = byte;
    this.#events.output(source, this.#byte);
    const message = source === "debug" ? undefined : this.#consoles[source]?.feed(byte);
    if (message !== undefined) this.#stop({ reason: "panic", message });
  }

  /** Whether a stop that the core has made is one to the debugger; the machine is set to go past it. */
  #decide(exit: Exit): RunResult | undefined {
    if (exit === Exit.WATCHPOINT) return this.#watchpoints.take();
    const stop = exit === Exit.BREAKPOINT ? this.#breakpoints.take() : undefined;
    if (stop) return stop;
    const caught = exit === Exit.BREAKPOINT ? this.#catches.magic() : this.#catches.take(exit);
    if (exit === Exit.BREAKPOINT || exit === Exit.CATCH) this.ignoreBreakpointOnce();
    return caught && { reason: "catch", caught };
  }

  /** Linear address of an offset in the code segment. */
  linearOfRip(rip: bigint): bigint {
    if (this.#core.u32[L.KEY / 4]! % 4 === 2) return rip;
    return (rip + this.#core.u64[(L.SEG_CS + L.SEG_BASE) / 8]!) & 0xffffffffn;
  }
}

/** What was being delivered when the processor gave up. */
function tripleFaultDetail(core: Core): string {
  const names: Record<number, string> = { 8: "#DF", 10: "#TS", 11: "#NP", 12: "#SS", 13: "#GP", 14: "#PF" };
  const vector = core.u32[L.EXC_VECTOR / 4]!;
  const cr2 = core.u64[L.CR2 / 8]!;
  const what = names[vector] ?? `vector ${vector}`;
  return `${what} while delivering a double fault${vector === 14 ? ` (CR2 0x${cr2.toString(16)})` : ""}`;
}
