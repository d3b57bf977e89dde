/** The stand-alone debug adapter: speaks the Debug Adapter Protocol on stdin and stdout. */
import { machineTargets } from "./machine-target.ts";
import { serveStdio } from "./stdio.ts";

/** The bundle lies beside this one. */
serveStdio(machineTargets(new URL("./machine-worker.js", import.meta.url)));
