/** One machine, two debuggers: each sets its own break- and watchpoints, the machine holds both. */
import type { ConditionalBreakpoint, Target, Watchpoint } from "../target.ts";
import type { GdbHost } from "./host.ts";

export interface SharedTarget {
  /** The target of the debug session. */
  target: Target;
  /** gdb's part. */
  gdb: Pick<GdbHost, "setBreakpoints" | "setWatchpoints">;
}

/** The sets of each debugger replace its own only; both hold for a machine that is launched later, too. */
export function shareTarget(target: Target): SharedTarget {
  const breakpoints = new Shared<ConditionalBreakpoint>((list) => target.setBreakpoints(list));
  const watchpoints = new Shared<Watchpoint>((list) => target.setWatchpoints(list));
  return {
    target: {
      ...target,
      launch: async (config) => {
        await target.launch(config);
        await breakpoints.launched();
        await watchpoints.launched();
      },
      setBreakpoints: breakpoints.setter("session"),
      setWatchpoints: watchpoints.setter("session"),
    },
    gdb: { setBreakpoints: breakpoints.setter("gdb"), setWatchpoints: watchpoints.setter("gdb") },
  };
}

/** What both debuggers have set of one kind. */
class Shared<T> {
  readonly #lists: Record<"session" | "gdb", readonly T[]> = { session: [], gdb: [] };
  readonly #set: (list: readonly T[]) => Promise<void>;

  constructor(set: (list: readonly T[]) => Promise<void>) {
    this.#set = set;
  }

  /** The session's come first: a stop names watchpoints by their place in the list. */
  #arm(): Promise<void> {
    return this.#set([...this.#lists.session, ...this.#lists.gdb]);
  }

  /** What the machine refuses is forgotten. */
  setter(whose: "session" | "gdb"): (list: readonly T[]) => Promise<void> {
    return async (list) => {
      const before = this.#lists[whose];
      this.#lists[whose] = list;
      await this.#arm().catch((error: unknown) => {
        this.#lists[whose] = before;
        throw error;
      });
    };
  }

  /** A machine was launched anew; the session sets its own again. */
  async launched(): Promise<void> {
    if (this.#lists.gdb.length > 0) await this.#arm();
  }
}
