/** Entry of the worker thread that owns a machine. */
import { parentPort } from "node:worker_threads";
import { openPlan } from "./boot-plan.ts";
import { Machine } from "./machine.ts";
import { serveMachine } from "./worker-server.ts";

if (parentPort === null) throw new Error("This is the entry of a worker thread; it is started by the debug adapter.");
serveMachine(parentPort, async (plan, events) => Machine.create(await openPlan(plan), events));
