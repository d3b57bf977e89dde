/** Runs an emulator as a child process until the guest prints a line, and measures what that took. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";

export interface Measurement {
  /** Wall seconds from the start of the process to the marker on its output. */
  wall: number;
  /** Processor seconds in user mode up to then, all threads together. */
  user: number;
  /** Everything that the process wrote to stdout. */
  stdout: string;
}

/** Clock ticks of /proc: Linux has shown 100 a second to programs since 2.4 on this architecture (proc(5), sysconf(3)). */
const TICKS_PER_SECOND = 100;
/** Output kept to search in; a guest may print for ever. */
const KEPT = 1 << 20;

/** Seconds in user mode of a running process; undefined when it is gone. */
function userSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name, in parentheses, may hold spaces; utime is the 14th field, the 12th behind the name.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}

/**
 * Starts a command and waits for the marker on stdout or stderr. With `finish` the process then has ten seconds to end
 * by itself (it has something to report); else it is killed. Throws with one sentence when the marker never comes.
 */
export function measure(
  command: string,
  args: readonly string[],
  marker: string,
  limitSeconds: number,
  finish: boolean,
): Promise<Measurement> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    let seen: { wall: number; user: number } | undefined;
    const timer = setTimeout(() => child.kill("SIGKILL"), limitSeconds * 1000);
    let finishing: NodeJS.Timeout | undefined;
    const take = (stream: "stdout" | "stderr", chunk: Buffer): void => {
      output[stream] = (output[stream] + chunk.toString("latin1")).slice(-KEPT);
      if (seen || !output[stream].includes(marker)) return;
      const user = child.pid === undefined ? undefined : userSeconds(child.pid);
      seen = { wall: (performance.now() - began) / 1000, user: user ?? NaN };
      if (finish) finishing = setTimeout(() => child.kill("SIGKILL"), 10_000);
      else child.kill("SIGKILL");
    };
    child.stdout.on("data", (chunk: Buffer) => take("stdout", chunk));
    child.stderr.on("data", (chunk: Buffer) => take("stderr", chunk));
    child.on("error", (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
    child.on("close", () => {
      clearTimeout(timer);
      clearTimeout(finishing);
      if (seen) resolve({ ...seen, stdout: output.stdout });
      else {
        const last = `${output.stdout}\n${output.stderr}`.trimEnd().split("\n").at(-1) ?? "";
        reject(
          new Error(`${command} ended, or ran for ${limitSeconds} s, without "${marker}"; its last line: ${last}`),
        );
      }
    });
  });
}
