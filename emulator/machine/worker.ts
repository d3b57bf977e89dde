/** Entry of the worker thread that owns a machine. */
import { parentPort } from "node:worker_threads";
import { loadCoreModule } from "../core/load.ts";
import { openPlan } from "./boot-plan.ts";
import { Machine } from "./machine.ts";
import { serveMachine } from "./worker-server.ts";

if (parentPort === null) throw new Error("This is the entry of a worker thread; it is started by the debug adapter.");
// Compiled while the client still says what it wants; a failure is told when the machine is made.
loadCoreModule().catch(() => undefined);
serveMachine(parentPort, async (plan, events) => Machine.create(await openPlan(plan), events));
