/** The stand-alone debug adapter: speaks the Debug Adapter Protocol on stdin and stdout. */
import { checkPlan } from "../emulator/machine/boot-plan.ts";
import { builtinSources, readSymbols } from "./line-tables.ts";
import { machineTargets } from "./machine-target.ts";
import { serveStdio } from "./stdio.ts";

serveStdio({
  /** The bundle lies beside this one. */
  createTarget: machineTargets(new URL("./machine-worker.js", import.meta.url)),
  checkPlan,
  sources: builtinSources,
  readSymbols,
});
