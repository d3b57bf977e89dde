/** `bootscope run --gdb 0 --json …` from its sources, in a process of its own. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { RunReport } from "../../emulator/cli/run.ts";

const PROGRAM = fileURLToPath(new URL("../../emulator/cli/main.ts", import.meta.url));

export class Run {
  readonly #process: ChildProcess;
  /** Where gdb is waited for. */
  readonly address: Promise<string>;
  readonly ended: Promise<{ code: number | null; report: RunReport }>;

  constructor(t: TestContext, ...args: string[]) {
    const command = ["--import", "tsx", PROGRAM, "run", "--gdb", "0", "--json", ...args];
    const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => child.kill());
    this.#process = child;
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
    const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
    this.ended = closed.then((code) => ({ code, report: JSON.parse(stdout) as RunReport }));
    this.address = new Promise<string>((resolve, reject) => {
      child.stderr.on("data", (data: Buffer) => {
        stderr += data.toString();
        const match = /waiting for gdb: target remote (\S+)/.exec(stderr);
        if (match?.[1] !== undefined) resolve(match[1]);
      });
      void closed.then(() => reject(new Error(`The run has ended: ${stderr}`)));
    });
    // Who asks for the report only need not hear that there was no address.
    this.address.catch(() => undefined);
  }

  get running(): boolean {
    return this.#process.exitCode === null;
  }
}
