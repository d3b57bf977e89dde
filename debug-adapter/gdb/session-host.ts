/** gdb beside a debug session: both see the same machine, and each is told when the other lets it run. */
import type { StopResult, Target } from "../target.ts";
import type { GdbHost } from "./host.ts";
import { GdbServer } from "./server.ts";
import type { SharedTarget } from "./shared-target.ts";

/** What gdb may do to the session. */
export interface SessionControl {
  running(): boolean;
  /** Throws when the machine cannot move. */
  resume(how: "continue" | "step"): void;
  pause(): Promise<void>;
  end(): Promise<void>;
  reset(): Promise<void>;
  console(command: string): Promise<string>;
}

export class SessionGdb {
  readonly #host: GdbHost;
  readonly #target: Target;
  #closed: Promise<void> | undefined;
  #server: { port: number; listening: GdbServer } | undefined;

  constructor({ target, gdb }: SharedTarget, control: SessionControl) {
    this.#target = target;
    this.#host = {
      target,
      get running() {
        return control.running();
      },
      setBreakpoints: (list) => gdb.setBreakpoints(list),
      setWatchpoints: (list) => gdb.setWatchpoints(list),
      resume: (how) => control.resume(how),
      interrupt: () => control.pause(),
      // The debug session still holds the machine, wherever it stands.
      detached: () => undefined,
      kill: () => control.end(),
      reset: () => control.reset(),
      console: (command) => control.console(command),
    };
  }

  /** Waits for gdb on that port, and on no other; the address when it is a new one. Rejects with one sentence. */
  async listen(port: number | undefined): Promise<string | undefined> {
    if (port !== undefined && port === this.#server?.port) return undefined;
    await this.close();
    if (port === undefined) return undefined;
    const listening = await GdbServer.listen(this.#host, port);
    this.#server = { port, listening };
    return listening.address;
  }

  /** Whether gdb set what the machine stopped at. */
  async owns(stop: StopResult): Promise<boolean> {
    if (this.#server?.listening.connected !== true) return false;
    return this.#server.listening.owns(stop, await this.#target.cpu());
  }

  stopped(stop: StopResult): void {
    this.#server?.listening.stopped(stop);
  }

  async close(): Promise<void> {
    if (this.#server !== undefined) this.#closed = this.#server.listening.close();
    this.#server = undefined;
    await this.#closed;
  }
}
