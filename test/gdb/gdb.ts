/** Debian's gdb as a child process: takes commands one by one, and keeps what it said. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";

const PROMPT = /\(gdb\) /g;

export class Gdb {
  readonly #process: ChildProcessWithoutNullStreams;
  #text = "";
  #commands = 0;
  #wake: (() => void) | undefined;
  readonly exited: Promise<number | null>;

  constructor() {
    // Errors in the order in which they come between answers.
    this.#process = spawn("sh", ["-c", "exec gdb -nx -q 2>&1"], { stdio: "pipe" });
    this.exited = new Promise((resolve) => this.#process.on("close", resolve));
    this.#process.stdout.on("data", (data: Buffer) => {
      this.#text += data.toString();
      this.#wake?.();
    });
    // A gdb that has gone is noticed by its exit.
    this.#process.stdin.on("error", () => undefined);
    void this.exited.then(() => this.#wake?.());
    for (const setting of ["confirm off", "pagination off", "height 0", "width 0"]) this.#write(`set ${setting}`);
  }

  /** What gdb says to some commands, until it has done them. */
  async command(...lines: string[]): Promise<string> {
    return this.#answer(this.#say(lines));
  }

  /** The same for commands that go on until `meanwhile` has ended and stopped the machine. */
  async during(line: string, meanwhile: () => Promise<void>): Promise<string> {
    const mark = this.#say([line]);
    await meanwhile();
    return this.#answer(mark);
  }

  /** As the user's Ctrl-C. */
  interrupt(): void {
    this.#process.kill("SIGINT");
  }

  /** Until gdb says that it lets the machine go. */
  async busy(): Promise<void> {
    while (!this.#text.includes("Continuing.")) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async quit(): Promise<void> {
    this.#write("quit");
    await this.exited;
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  #say(lines: readonly string[]): string {
    const mark = `<<${++this.#commands}>>`;
    for (const line of lines) this.#write(line);
    this.#write(`echo ${mark}\\n`);
    return mark;
  }

  #write(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  async #answer(mark: string): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf(mark);
      if (at >= 0) {
        const said = this.#text.slice(0, at).replaceAll(PROMPT, "").trim();
        this.#text = this.#text.slice(at + mark.length);
        return said;
      }
      assert.ok(this.#process.exitCode === null && this.#process.signalCode === null, `gdb has gone:\n${this.#text}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
