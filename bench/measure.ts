/** Runs an emulator as a child process until its guest has printed some texts, and measures when each came. */
import { spawn } from "node:child_process";
import { constants, openSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import { performance } from "node:perf_hooks";

/** Since the start of the process. */
export interface Moment {
  /** Wall seconds. */
  wall: number;
  /** Processor seconds in user mode, all threads together. */
  user: number;
  /** Guest instructions, from emulators that say so. */
  instructions?: number;
}

export interface Launch {
  command: readonly [string, ...string[]];
  /** Says `mark "TEXT" at instruction N` for each of the markers, on stdout or stderr. */
  counts: boolean;
  /** A named pipe that the guest's output goes to, when it is not on stdout or stderr. */
  pipe?: string;
}

/** Clock ticks of /proc: Linux has shown 100 a second to programs since 2.4 on this architecture (proc(5), sysconf(3)). */
const TICKS_PER_SECOND = 100;
/** Output kept to search in and to tell about; a guest may print for ever. */
const KEPT = 1 << 16;

/** Seconds in user mode of a running process; NaN when it is gone. */
function userSeconds(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name, in parentheses, may hold spaces; utime is the 14th field, the 12th behind the name.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) / TICKS_PER_SECOND;
  } catch {
    return NaN;
  }
}

/** What has come of one stream, as far as it may still matter. */
class Output {
  text = "";

  /** The part that holds whatever is complete only with the new bytes. */
  take(chunk: Buffer, longest: number): string {
    const fresh = this.text.slice(-longest) + chunk.toString("latin1");
    this.text = (this.text + chunk.toString("latin1")).slice(-KEPT);
    return fresh;
  }

  get lastLine(): string {
    return this.text.trimEnd().split("\n").at(-1)?.trim() ?? "";
  }
}

/**
 * Starts an emulator, and ends it when the last of the markers has come. Throws with one sentence when it ends before,
 * or takes longer than the limit.
 */
export function measure(
  { command: [program, ...args], counts, pipe }: Launch,
  markers: readonly string[],
  limitSeconds: number,
): Promise<Map<string, Moment>> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const moments = new Map<string, Moment>();
    const streams = [new Output(), new Output(), new Output()] as const;
    // Open for both directions, it neither waits for the emulator nor ends with it.
    const fifo = pipe === undefined ? undefined : openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    const guest = fifo === undefined ? undefined : new Socket({ fd: fifo, readable: true, writable: false });
    /** A marker within the emulator's own note about it. */
    const longest = Math.max(...markers.map((marker) => marker.length)) + 64;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, limitSeconds * 1000);
    const complete = (marker: string): boolean => {
      const moment = moments.get(marker);
      return moment !== undefined && (!counts || moment.instructions !== undefined);
    };
    const take = (stream: Output, chunk: Buffer): void => {
      const text = stream.take(chunk, longest);
      for (const marker of markers) {
        if (complete(marker)) continue;
        if (!moments.has(marker) && text.includes(marker)) {
          moments.set(marker, { wall: (performance.now() - began) / 1000, user: userSeconds(child.pid) });
        }
        const note = `mark "${marker}" at instruction `;
        const count = text.includes(note) ? /^\d+(?=\D)/.exec(text.slice(text.indexOf(note) + note.length)) : null;
        const moment = moments.get(marker);
        if (count && moment) moment.instructions = Number(count[0]);
      }
      if (markers.every(complete)) child.kill("SIGKILL");
    };
    child.stdout.on("data", (chunk: Buffer) => take(streams[0], chunk));
    child.stderr.on("data", (chunk: Buffer) => take(streams[1], chunk));
    guest?.on("data", (chunk: Buffer) => take(streams[2], chunk));
    child.on("error", (error) => {
      clearTimeout(timer);
      guest?.destroy();
      reject(new Error(`${program} could not be started: ${error.message}.`));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      guest?.destroy();
      const missing = markers.find((marker) => !complete(marker));
      if (missing === undefined) return resolve(moments);
      const how = timedOut ? `ran for ${limitSeconds} s` : `ended (${signal ?? `code ${code ?? "unknown"}`})`;
      const last = streams.map((stream) => stream.lastLine).findLast((line) => line !== "") ?? "";
      reject(new Error(`${program} ${how} without "${missing}"; its last line: ${last}`));
    });
  });
}
