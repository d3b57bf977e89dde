/** `bootscope run`: boots, shows the serial port, and stops where it was told to. */
import { performance } from "node:perf_hooks";
import type { BootMachine, MachineConfig, MachineEvents, Phase } from "../machine/api.ts";
import { screenText } from "../display/screen-text.ts";
import type { StopResult } from "../machine/worker-protocol.ts";
import { MachineRunner } from "../machine/worker-runner.ts";
import { pipedInput, terminalInput } from "./console-input.ts";
import type { ConsoleInput } from "./console-input.ts";
import type { RunCommand, Until } from "./options.ts";
import { SerialSearch } from "./serial-search.ts";

export const enum ExitCode {
  REACHED = 0,
  BAD_INPUT = 2,
  ENDED_EARLIER = 3,
  TIMEOUT = 4,
}

/** What `--json` prints. */
export interface RunReport {
  stopped: string;
  /** What is known beyond that, for ends other than the one asked for. */
  message?: string;
  /** The phase reached last. */
  phase: string | null;
  icount: string;
  /** Of wall time. */
  seconds: number;
  stateHash: string;
  phases: { name: string; icount: string }[];
}

/** Instructions between two looks at stdin when runs have to repeat exactly. */
const SLICE = 1_000_000;

type Host = Pick<NodeJS.Process, "stdin" | "stdout" | "stderr">;
type CreateMachine = (config: MachineConfig, events: MachineEvents) => Promise<BootMachine>;

/** Lets the machine go in place of `run`: a debugger. */
export interface Driver {
  /** How it is reached: "127.0.0.1:1234". */
  readonly address: string;
  /** Somebody is there to drive. */
  readonly connected: boolean;
  /** The stop that ends the run. */
  readonly finished: Promise<StopResult>;
  /** Ends the run with "pause". */
  end(): void;
  close(): Promise<void>;
}

/** @param until instructions since power-on at which the run ends */
export type Drive = (machine: BootMachine, runner: MachineRunner, until?: bigint) => Promise<Driver>;

export async function run(
  command: RunCommand,
  config: MachineConfig,
  create: CreateMachine,
  host: Host,
  drive?: Drive,
): Promise<ExitCode> {
  const interactive = host.stdin.isTTY;
  const serial = command.json ? host.stderr : host.stdout;
  const note = (text: string): void => void host.stderr.write(`bootscope: ${text}${interactive ? "\r\n" : "\n"}`);
  const search = command.until.kind === "serial" ? new SerialSearch(command.until.text) : undefined;
  const marks = new Map(command.marks.map((text) => [text, new SerialSearch(text)]));
  /** Why the machine was paused from here. */
  let cause: "serial" | "timeout" | "quit" | "asleep" | undefined;

  const machine = await create(config, {
    output(source, bytes) {
      if (source !== 0) return;
      serial.write(Uint8Array.from(bytes));
      for (const [text, mark] of marks) {
        if (!mark.feed(bytes)) continue;
        marks.delete(text);
        note(`mark "${text}" at instruction ${machine.icount}`);
      }
      if (search?.feed(bytes) === true) {
        machine.endRun();
        end("serial");
      }
    },
    phase: (phase) => note(`phase ${phase.name} at instruction ${phase.icount}`),
    event(event) {
      if (command.events && event.count === undefined) note(`${event.icount} ${event.text}`);
    },
  });
  const runner = new MachineRunner(machine, {
    pace: interactive,
    ...(interactive ? {} : { slice: SLICE }),
    onIdle(forever) {
      // Before there is a process, nobody would read what is typed.
      if (machine.phases.some(({ name }) => name === "init")) input.guestWaits();
      if (forever && input.ended && driver?.connected !== true) end("asleep");
    },
  });
  const end = (why: NonNullable<typeof cause>): void => {
    cause ??= why;
    if (driver === undefined) runner.pause();
    else driver.end();
  };
  const until = command.until.kind === "icount" ? command.until.icount : undefined;
  let driver: Driver | undefined;
  const type = (bytes: Uint8Array): void => runner.serialInput(0, bytes);
  const input: ConsoleInput = interactive
    ? terminalInput(host.stdin, type, () => end("quit"))
    : pipedInput(host.stdin, type);

  if (command.until.kind === "phase") machine.stopAtPhases([command.until.phase]);
  if (command.until.kind === "event") machine.stopAtEvents([command.until.filter]);
  const timer = command.timeout === undefined ? undefined : setTimeout(() => end("timeout"), command.timeout * 1000);
  const began = performance.now();
  try {
    driver = await drive?.(machine, runner, until);
    // What ended the run while gdb's port was still being opened.
    if (cause !== undefined) driver?.end();
    if (driver !== undefined) note(`waiting for gdb: target remote ${driver.address}`);
    const stop =
      reachedAlready(machine, command.until) ??
      (await (driver === undefined ? runner.run([], until) : driver.finished));
    const outcome = judge(command.until, stop, cause);
    const seconds = Math.round(performance.now() - began) / 1000;
    note(`${outcome.message ?? outcome.stopped} at instruction ${machine.icount} after ${seconds} s`);
    if (command.screenText) serial.write(`${screenText(machine.screen()).join("\n")}\n`);
    if (command.json) host.stdout.write(JSON.stringify(report(machine, outcome, seconds)) + "\n");
    return outcome.code;
  } finally {
    clearTimeout(timer);
    input.close();
    await driver?.close();
    await machine.close();
  }
}

/** A phase that begins with the very first instruction is reached before anything runs. */
function reachedAlready(machine: BootMachine, until: Until): StopResult | undefined {
  if (until.kind !== "phase") return undefined;
  const phase = machine.phases.find(({ name }) => name === until.phase);
  return phase === undefined ? undefined : { reason: "phase", phase };
}

interface Outcome {
  stopped: string;
  message?: string;
  code: ExitCode;
}

/** What a stop means for what was asked for. */
function judge(until: Until, stop: StopResult, cause: string | undefined): Outcome {
  const early = (message: string): Outcome => ({ stopped: stop.reason, message, code: ExitCode.ENDED_EARLIER });
  switch (stop.reason) {
    case "pause":
      if (cause === "timeout") return { stopped: "timeout", message: "time-out", code: ExitCode.TIMEOUT };
      // gdb says nothing when it ends a run.
      if (cause === "quit" || cause === undefined) return { stopped: "quit", code: ExitCode.ENDED_EARLIER };
      if (cause !== "asleep") return { stopped: "serial", code: ExitCode.REACHED };
      return { ...early("the guest waits for input, and there is none"), stopped: "halted" };
    case "step":
      return { stopped: "icount", code: ExitCode.REACHED };
    case "phase":
      return { stopped: "phase", message: `phase ${stop.phase.name} reached`, code: ExitCode.REACHED };
    case "event":
      return { stopped: "event", message: stop.event.text, code: ExitCode.REACHED };
    case "poweroff":
      return { stopped: "poweroff", code: until.kind === "poweroff" ? ExitCode.REACHED : ExitCode.ENDED_EARLIER };
    case "reboot":
      return early(`the guest asked for a reset (${stop.cause})`);
    case "tripleFault":
      return early(`triple fault: ${stop.detail}`);
    case "panic":
      return early(`kernel panic: ${stop.message}`);
    case "unemulated":
      return early(stop.message);
    case "halted":
      return early("the processor is halted with interrupts off");
    case "breakpoint":
    case "watchpoint":
    case "catch":
      return early(stop.reason);
  }
}

function report(machine: BootMachine, outcome: Outcome, seconds: number): RunReport {
  const phases = machine.phases.map(({ name, icount }: Phase) => ({ name, icount: `${icount}` }));
  return {
    stopped: outcome.stopped,
    ...(outcome.message === undefined ? {} : { message: outcome.message }),
    phase: phases.at(-1)?.name ?? null,
    icount: `${machine.icount}`,
    seconds,
    stateHash: machine.stateHash(),
    phases,
  };
}
