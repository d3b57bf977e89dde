/** One machine, two debuggers: each sets its own break- and watchpoints, the machine holds both. */
import type { ConditionalBreakpoint, Target, Watchpoint } from "../target.ts";
import type { GdbHost } from "./host.ts";

interface Points {
  breakpoints: readonly ConditionalBreakpoint[];
  watchpoints: readonly Watchpoint[];
}

export interface SharedTarget {
  /** The target of the debug session. */
  target: Target;
  /** gdb's part. */
  gdb: Pick<GdbHost, "setBreakpoints" | "setWatchpoints">;
}

/** The sets of each debugger replace its own only; both hold for a machine that is launched later, too. */
export function shareTarget(target: Target): SharedTarget {
  const gdb: Points = { breakpoints: [], watchpoints: [] };
  const session: Points = { breakpoints: [], watchpoints: [] };
  // The session's come first: a stop names watchpoints by their place in the list.
  const armBreakpoints = (): Promise<void> => target.setBreakpoints([...session.breakpoints, ...gdb.breakpoints]);
  const armWatchpoints = (): Promise<void> => target.setWatchpoints([...session.watchpoints, ...gdb.watchpoints]);
  /** What the machine refuses is forgotten. */
  const breakpointsOf = (one: Points) => async (list: readonly ConditionalBreakpoint[]) => {
    const before = one.breakpoints;
    one.breakpoints = list;
    await armBreakpoints().catch((error: unknown) => {
      one.breakpoints = before;
      throw error;
    });
  };
  const watchpointsOf = (one: Points) => async (list: readonly Watchpoint[]) => {
    const before = one.watchpoints;
    one.watchpoints = list;
    await armWatchpoints().catch((error: unknown) => {
      one.watchpoints = before;
      throw error;
    });
  };
  return {
    target: {
      ...target,
      launch: async (config) => {
        await target.launch(config);
        if (gdb.breakpoints.length > 0) await armBreakpoints();
        if (gdb.watchpoints.length > 0) await armWatchpoints();
      },
      setBreakpoints: breakpointsOf(session),
      setWatchpoints: watchpointsOf(session),
    },
    gdb: { setBreakpoints: breakpointsOf(gdb), setWatchpoints: watchpointsOf(gdb) },
  };
}
