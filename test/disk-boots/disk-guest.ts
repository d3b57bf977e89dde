/** A PC that boots from disks, with a hand on keyboard and serial line and an eye on the screen. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import type { Drive } from "../../emulator/disks/disk-image.ts";
import { fileDisk } from "../../emulator/disks/file-disk.ts";
import { screenText } from "../../emulator/display/screen-text.ts";
import { pressKey } from "../../emulator/display/type-text.ts";
import type { Firmware, PhaseName, RunResult } from "../../emulator/machine/api.ts";
import { Machine } from "../../emulator/machine/machine.ts";

/** Instructions between two looks at the guest. */
const SLICE = 5_000_000;
/** A guest that shows nothing of what is awaited for so many guest nanoseconds hangs. Without work no instruction retires. */
const PATIENCE = 60_000_000_000n;
/** Instructions between two lines of progress. */
const PROGRESS = 1_000_000_000;
/** In CpuState.gpr. */
const RSP = 4;
/** How much of the console a failure shows. */
const TAIL = 3000;

/** Results of a slice after which the guest goes on. */
const GOING_ON: ReadonlySet<RunResult["reason"]> = new Set(["budget", "breakpoint", "phase", "event"]);

export interface DiskGuestOptions {
  firmware: Firmware;
  /** Paths of images, in the order of the drives. */
  drives: readonly (Pick<Drive, "kind" | "bus"> & { path: string })[];
  memoryMiB?: number;
}

export class DiskGuest {
  readonly name: string;
  readonly #drives: readonly Drive[];
  #machine: Machine | undefined;
  #serial = "";
  /** Output before this was awaited already. */
  #seen = 0;
  #nextProgress = PROGRESS;
  /** How the machine stopped by itself, once it has. */
  #ended: RunResult | undefined;

  private constructor(name: string, drives: readonly Drive[]) {
    this.name = name;
    this.#drives = drives;
  }

  /** A machine at its reset vector. */
  static async start(name: string, options: DiskGuestOptions): Promise<DiskGuest> {
    const drives = options.drives.map(({ path, kind, bus }) => ({
      image: fileDisk(path),
      kind,
      bus,
      name: basename(path),
    }));
    const guest = new DiskGuest(name, drives);
    guest.#machine = await Machine.create(
      { memoryMiB: options.memoryMiB ?? 512, firmware: options.firmware, drives },
      {
        output: (source, bytes) => {
          if (source === 0) guest.#serial += String.fromCharCode(...bytes);
        },
        phase: () => undefined,
      },
    );
    return guest;
  }

  get machine(): Machine {
    assert.ok(this.#machine);
    return this.#machine;
  }

  /** What the first serial port has sent, one character a byte. */
  get serial(): string {
    return this.#serial;
  }

  /** The text screen, its lines joined. */
  get screen(): string {
    return screenText(this.machine.screen()).join("\n");
  }

  /** Runs until the guest has sent `text` on the serial line; returns what came before it. */
  expectSerial(text: string): string {
    this.#until(`send ${JSON.stringify(text)}`, () => this.#serial.includes(text, this.#seen));
    const at = this.#serial.indexOf(text, this.#seen);
    const before = this.#serial.slice(this.#seen, at);
    this.#seen = at + text.length;
    return before;
  }

  /** Runs until `text` stands on the text screen. */
  expectScreen(text: string): void {
    this.#until(`show ${JSON.stringify(text)}`, () => this.screen.includes(text));
  }

  /** Runs to the first instruction of a phase. */
  expectPhase(phase: PhaseName): void {
    this.#until(`reach phase ${phase}`, () => this.machine.phases.some(({ name }) => name === phase));
  }

  /** Runs to the first instruction of a phase, and counts calls of INT 13h on the way and the instructions within them. */
  countDiskCalls(phase: PhaseName): { diskCalls: number; diskInstructions: number } {
    const { machine } = this;
    let diskCalls = 0;
    let before: bigint | undefined;
    let diskInstructions = 0n;
    machine.stopAtPhases(["bootloader", phase]);
    this.#until(`reach phase ${phase}`, (result) => {
      if (result?.reason === "phase") {
        machine.stopAtEvents(["int13h"]);
        return result.phase.name === phase;
      }
      if (result?.reason === "event") {
        before = machine.icount;
        diskCalls++;
        machine.stopAtEvents([]);
        machine.setBreakpoints([{ space: "lin", address: returnAddress(machine) }]);
      } else if (result?.reason === "breakpoint") {
        assert.ok(before !== undefined);
        diskInstructions += machine.icount - before;
        machine.setBreakpoints([]);
        machine.stopAtEvents(["int13h"]);
      }
      return false;
    });
    machine.stopAtEvents([]);
    machine.stopAtPhases([]);
    return { diskCalls, diskInstructions: Number(diskInstructions) };
  }

  /** Presses keys, each given by its `KeyboardEvent.code`. */
  press(...keys: string[]): void {
    for (const key of keys) this.machine.keyboardInput(pressKey(key));
  }

  /** Types into the first serial port. */
  type(text: string): void {
    this.machine.serialInput(0, new TextEncoder().encode(text));
  }

  /** Runs until the machine stops by itself. */
  end(): RunResult {
    this.#until("end", () => this.#ended !== undefined);
    assert.ok(this.#ended);
    return this.#ended;
  }

  close(): void {
    for (const { image } of this.#drives) image.close();
  }

  #until(what: string, done: (result: RunResult | undefined) => boolean): void {
    const { machine } = this;
    const last = machine.cpu().time + PATIENCE;
    let result: RunResult | undefined;
    while (!done(result)) {
      if (this.#ended) this.#fail(`ended by ${describe(this.#ended)}, but was to ${what}`);
      if (machine.cpu().time >= last) this.#fail(`did not ${what} within ${PATIENCE} ns of its time`);
      result = machine.run(SLICE);
      if (!GOING_ON.has(result.reason)) this.#ended = result;
      this.#report();
    }
  }

  #report(): void {
    const count = Number(this.machine.icount);
    if (count < this.#nextProgress) return;
    this.#nextProgress = count - (count % PROGRESS) + PROGRESS;
    const line = this.#serial.trimEnd().split("\n").at(-1) ?? "";
    console.log(`# ${this.name}: ${(count / 1e9).toFixed(1)}e9 instructions: ${printable(line).slice(0, 80)}`);
  }

  #fail(what: string): never {
    const phases = this.machine.phases.map(({ name, icount }) => `${name} ${icount}`).join(", ");
    const console = printable(this.#serial.slice(-TAIL));
    assert.fail(`${this.name} ${what}; phases: ${phases}; screen:\n${this.screen}\nserial line:\n${console}`);
  }
}

/** Where the IRET of a real-mode interrupt's handler, at its first instruction, will go: a linear address. */
function returnAddress(machine: Machine): bigint {
  const { gpr, segments } = machine.cpu();
  const frame = machine.readPhysical(segments.ss.base + (gpr[RSP]! & 0xffffn), 4);
  assert.ok(frame, "the stack of an interrupt is memory");
  const [ip, cs] = new Uint16Array(frame.slice().buffer);
  return BigInt(cs! * 16 + ip!);
}

/** Without terminal controls. */
function printable(text: string): string {
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]|[^\n\x20-\x7e]/g, "");
}

function describe(result: RunResult): string {
  return JSON.stringify(result, (_, value: unknown) => (typeof value === "bigint" ? `0x${value.toString(16)}` : value));
}
