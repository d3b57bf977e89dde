/** The host's stdin as the guest's keyboard: a raw terminal, or lines from a pipe or file. */
import type { ReadStream } from "node:tty";

/** Input beyond this many bytes waits in its pipe. */
const MAX_WAITING = 1 << 16;
const CTRL_A = 1;
const LINE_FEED = 10;

export interface ConsoleInput {
  /** The guest waits in HLT: the next line may be typed. Only piped input is held back for that. */
  guestWaits(): void;
  /** No more input will ever come. */
  readonly ended: boolean;
  close(): void;
}

/** A terminal: every key goes to the guest at once; Ctrl-A x quits. */
export function terminalInput(stdin: ReadStream, type: (bytes: Uint8Array) => void, quit: () => void): ConsoleInput {
  let escaped = false;
  const onData = (data: Buffer): void => {
    const typed: number[] = [];
    for (const byte of data) {
      if (escaped) {
        escaped = false;
        if (byte === 0x78 || byte === 0x58) return quit();
        typed.push(byte);
      } else if (byte === CTRL_A) escaped = true;
      else typed.push(byte);
    }
    if (typed.length > 0) type(Uint8Array.from(typed));
  };
  stdin.setRawMode(true);
  stdin.on("data", onData);
  return {
    guestWaits: () => undefined,
    ended: false,
    close() {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      stdin.unref();
    },
  };
}

/**
 * A pipe or file: its lines are typed one by one, each when the guest waits for something, because a kernel that is
 * still starting throws away what comes too early.
 */
export function pipedInput(stdin: NodeJS.ReadStream, type: (bytes: Uint8Array) => void): ConsoleInput {
  let waiting: Buffer = Buffer.alloc(0);
  let ended = false;
  const onData = (data: Buffer): void => {
    waiting = Buffer.concat([waiting, data]);
    if (waiting.length > MAX_WAITING) stdin.pause();
  };
  const onEnd = (): void => {
    ended = true;
  };
  stdin.on("data", onData);
  stdin.on("end", onEnd);
  stdin.on("error", onEnd);
  return {
    guestWaits() {
      if (waiting.length === 0) return;
      const end = waiting.indexOf(LINE_FEED);
      const length = end >= 0 ? end + 1 : waiting.length;
      type(new Uint8Array(waiting.subarray(0, length)));
      waiting = waiting.subarray(length);
      if (waiting.length <= MAX_WAITING) stdin.resume();
    },
    get ended() {
      return ended && waiting.length === 0;
    },
    close() {
      stdin.off("data", onData);
      stdin.destroy();
    },
  };
}
