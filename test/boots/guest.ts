/** A booting guest with a hand on its serial console: waits for texts, types lines, keeps all that was said. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { MachineConfig, PhaseName, RunResult } from "../../emulator/machine/api.ts";
import { Machine } from "../../emulator/machine/machine.ts";

/** Instructions between two looks at the guest. */
const SLICE = 5_000_000;
/** A guest that says nothing of what is awaited for so many instructions hangs. */
const BOOT_LIMIT = 12_000_000_000;
/** Instructions between two lines of progress. */
const PROGRESS = 1_000_000_000;
/** How much of the console a failure shows. */
const TAIL = 3000;
/** Width that the guest's shell takes a serial terminal to have. */
const COLUMNS = 80;

export interface GuestOptions {
  /** Path of a bzImage or an ELF vmlinux. */
  kernel: string;
  initrd?: string;
  /** Beside the serial console. */
  cmdline?: string;
  memoryMiB?: number;
  entry?: MachineConfig["entry"];
  translateAfter?: number;
  /** How to go on by at most SLICE instructions, in whatever steps. */
  advance?: (machine: Machine) => RunResult;
}

export class Guest {
  readonly name: string;
  readonly #advance: (machine: Machine) => RunResult;
  #machine: Machine | undefined;
  #output = "";
  /** Output before this was awaited already. */
  #seen = 0;
  #awaited: string | undefined;
  #nextProgress = PROGRESS;

  private constructor(name: string, advance: (machine: Machine) => RunResult) {
    this.name = name;
    this.#advance = advance;
  }

  /** A guest about to execute its kernel's first instruction. */
  static async boot(name: string, options: GuestOptions): Promise<Guest> {
    const guest = new Guest(name, options.advance ?? ((machine) => machine.run(SLICE)));
    guest.#machine = await Machine.create(
      {
        kernel: new Uint8Array(await readFile(options.kernel)),
        ...(options.initrd === undefined ? {} : { initrd: new Uint8Array(await readFile(options.initrd)) }),
        cmdline: `console=ttyS0 ${options.cmdline ?? ""}`.trim(),
        memoryMiB: options.memoryMiB ?? 256,
        ...(options.entry ? { entry: options.entry } : {}),
        ...(options.translateAfter === undefined ? {} : { translateAfter: options.translateAfter }),
      },
      {
        output: (source, bytes) => {
          if (source === 0) guest.#hear(bytes);
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

  /** Everything that the first serial port sent, one character a byte. */
  get output(): string {
    return this.#output;
  }

  /** Output since the last awaited text. */
  get unread(): string {
    return this.#output.slice(this.#seen);
  }

  /** Runs until the guest has printed `text`, and stops right behind its last byte; returns what came before it. */
  expect(text: string, limit = BOOT_LIMIT): string {
    const { machine } = this;
    const end = machine.icount + BigInt(limit);
    this.#awaited = text;
    let at = this.#output.indexOf(text, this.#seen);
    while (at < 0) {
      const result = this.#go();
      at = this.#output.indexOf(text, this.#seen);
      if (at >= 0) break;
      if (result.reason !== "budget") this.#fail(`ended by ${describe(result)} before ${JSON.stringify(text)} came`);
      if (machine.icount >= end) this.#fail(`did not print ${JSON.stringify(text)} within ${limit} instructions`);
    }
    this.#awaited = undefined;
    const before = this.#output.slice(this.#seen, at);
    this.#seen = at + text.length;
    return before;
  }

  /** Types a command at the shell's prompt, and returns what it printed until the prompt came again. */
  command(line: string, prompt = "~ # "): string {
    // The shell's echo of a longer line would be wrapped.
    assert.ok(prompt.length + line.length < COLUMNS, `too long a line: ${line}`);
    this.type(`${line}\n`);
    const [, ...printed] = this.expect(`\n${prompt}`, BOOT_LIMIT / 4)
      .replaceAll("\r", "")
      .split("\n");
    return printed.join("\n");
  }

  type(text: string): void {
    this.machine.serialInput(0, new TextEncoder().encode(text));
  }

  /** Runs to the first instruction of a phase. */
  runTo(phase: PhaseName): void {
    const { machine } = this;
    machine.stopAtPhases([phase]);
    for (;;) {
      const result = this.#go();
      if (result.reason === "phase") break;
      if (result.reason !== "budget") this.#fail(`ended by ${describe(result)} before phase ${phase}`);
      if (machine.icount > BOOT_LIMIT) this.#fail(`came to no phase ${phase} within ${BOOT_LIMIT} instructions`);
    }
    machine.stopAtPhases([]);
  }

  /** Runs until the machine stops by itself. */
  end(limit = BOOT_LIMIT): RunResult {
    const end = this.machine.icount + BigInt(limit);
    for (;;) {
      const result = this.#go();
      if (result.reason !== "budget") return result;
      if (this.machine.icount >= end) this.#fail(`did not end within ${limit} instructions`);
    }
  }

  #go(): RunResult {
    const result = this.#advance(this.machine);
    const count = Number(this.machine.icount);
    if (count >= this.#nextProgress) {
      this.#nextProgress = count - (count % PROGRESS) + PROGRESS;
      const line = this.#output.trimEnd().split("\n").at(-1) ?? "";
      console.log(`# ${this.name}: ${(count / 1e9).toFixed(1)}e9 instructions: ${line.trim().slice(0, 80)}`);
    }
    return result;
  }

  #hear(bytes: Uint8Array): void {
    this.#output += String.fromCharCode(...bytes);
    if (this.#awaited !== undefined && this.#output.endsWith(this.#awaited)) this.machine.endRun();
  }

  #fail(what: string): never {
    assert.fail(`${this.name} ${what}; its console ends:\n${this.#output.slice(-TAIL)}`);
  }
}

function describe(result: RunResult): string {
  return JSON.stringify(result, (_, value: unknown) => (typeof value === "bigint" ? `0x${value.toString(16)}` : value));
}
