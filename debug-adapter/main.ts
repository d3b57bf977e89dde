/** The stand-alone debug adapter: speaks the Debug Adapter Protocol on stdin and stdout, or on a socket. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { checkPlan } from "../emulator/machine/boot-plan.ts";
import { builtinSources, readSymbols } from "./line-tables.ts";
import { machineTargets } from "./machine-target.ts";
import { serveSocket } from "./socket.ts";
import { serveStdio } from "./stdio.ts";

const USAGE = "usage: debug-adapter.js [--server PORT]";
const MAX_PORT = 65_535;

const complain = (sentence: string): void => console.error(`bootscope: ${sentence}`);

/** The port to serve; undefined for stdin and stdout. Throws one sentence. */
function portOf(args: string[]): number | undefined {
  const { server } = parseArgs({ args, options: { server: { type: "string" } } }).values;
  if (server === undefined) return undefined;
  const port = Number(server);
  if (!/^[0-9]+$/.test(server) || port > MAX_PORT) {
    throw new Error(`The port is "${server}": a number from 0 (any that is free) to ${MAX_PORT} was expected.`);
  }
  return port;
}

try {
  const port = portOf(process.argv.slice(2));
  if (port === undefined) {
    serveStdio({
      /** The bundle lies beside this one. */
      createTarget: machineTargets(new URL("./machine-worker.js", import.meta.url)),
      checkPlan,
      sources: builtinSources,
      readSymbols,
    });
  } else {
    const got = await serveSocket(port, fileURLToPath(import.meta.url), complain);
    console.log(`The debug adapter listens on 127.0.0.1:${got}`);
  }
} catch (error) {
  complain(`${error instanceof Error ? error.message : String(error)} ${USAGE}`);
  process.exitCode = 2;
}
