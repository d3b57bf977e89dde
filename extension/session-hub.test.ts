/** Which of several sessions the panels follow; VS Code itself is made up. */
import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";
import type { DebugSession } from "vscode";

type Listener = (...args: unknown[]) => void;

/** What of VS Code the hub uses: events that the test fires by the name of their registration. */
const VSCODE = `
  const on = (name) => (listener) => (globalThis.vscodeListeners[name] = listener, { dispose() {} });
  export class EventEmitter {
    listeners = [];
    event = (listener) => (this.listeners.push(listener), { dispose() {} });
    fire(value) { for (const listener of this.listeners) listener(value); }
    dispose() {}
  }
  export const debug = {
    onDidStartDebugSession: on("start"),
    onDidChangeActiveDebugSession: on("active"),
    onDidTerminateDebugSession: on("end"),
    onDidReceiveDebugSessionCustomEvent: on("custom"),
    registerDebugAdapterTrackerFactory: (_type, factory) => (globalThis.vscodeListeners.track = factory.createDebugAdapterTracker, { dispose() {} }),
  };
`;
const HOOKS = `
  const url = "data:text/javascript,${encodeURIComponent(VSCODE)}";
  export const resolve = (name, context, next) => name === "vscode" ? { url, format: "module", shortCircuit: true } : next(name, context);
`;

const listeners: Record<string, Listener> = {};
Object.assign(globalThis, { vscodeListeners: listeners });
register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
const { SessionHub } = await import("./session-hub.ts");

const session = (id: string, type = "bootscope"): DebugSession => ({ id, type }) as unknown as DebugSession;
const fire = (name: string, ...args: unknown[]): void => listeners[name]?.(...args);
const custom = (of: DebugSession, event: string, body: object): void => fire("custom", { session: of, event, body });

test("the panels follow the session that was started last or chosen, and no other debugger's", () => {
  const hub = new SessionHub();
  const states: string[] = [];
  const output: unknown[] = [];
  let replays = 0;
  hub.onState(({ id, state }) => states.push(`${id} ${state}`));
  hub.onOutput((one) => output.push(one));
  hub.onReplay(() => (replays += 1));
  const [a, b, other] = [session("a"), session("b"), session("c", "node")];

  fire("start", a);
  custom(a, "bootscope/state", { state: "running" });
  fire("start", b);
  assert.equal(hub.session, b);
  custom(a, "bootscope/output", { source: 0, data: "QQ==" });
  assert.deepEqual(output, [], "what is not shown says nothing");
  custom(b, "bootscope/output", { source: 0, data: "Qg==" });
  assert.deepEqual(output, [{ source: 0, data: "Qg==" }]);

  fire("start", other);
  fire("active", other);
  fire("active", undefined);
  custom(other, "bootscope/state", { state: "stopped" });
  assert.equal(hub.session, b, "another debugger's session changes nothing");

  fire("active", a);
  assert.equal(hub.session, a);
  assert.equal(hub.state.state, "running", "it kept its state");
  custom(b, "bootscope/state", { state: "stopped", icount: "0x5" });
  assert.equal(hub.state.id, "a");
  fire("active", b);
  assert.deepEqual([hub.state.state, hub.state.icount, hub.state.stop], ["stopped", "0x5", 1]);
  assert.deepEqual(states, ["a starting", "a running", "b starting", "a running", "b stopped"]);
  assert.equal(replays, 4);
});

test("when the session shown ends, the one that is left is shown", () => {
  const hub = new SessionHub();
  const [a, b] = [session("a"), session("b")];
  fire("start", a);
  fire("start", b);
  fire("end", a);
  assert.equal(hub.session, b, "one that is not shown just goes");
  fire("start", a);
  fire("end", a);
  assert.equal(hub.session, b);
  fire("end", b);
  assert.equal(hub.session, undefined);
  assert.deepEqual([hub.state.id, hub.state.state], ["b", "ended"], "its last state stays in view");
});

test("an edit and a restart are told to panels of that session only", () => {
  const hub = new SessionHub();
  const [a, b] = [session("a"), session("b")];
  fire("start", a);
  fire("start", b);
  const track = listeners["track"] as unknown as (of: DebugSession) => { onDidSendMessage(message: object): void };
  const written = { type: "response", command: "writeMemory", success: true };
  track(a).onDidSendMessage(written);
  assert.equal(hub.state.edit, 0);
  track(b).onDidSendMessage({ ...written, success: false });
  assert.equal(hub.state.edit, 0);
  track(b).onDidSendMessage(written);
  assert.equal(hub.state.edit, 1);
  custom(b, "bootscope/phase", { phase: { name: "kernel", icount: "0x0" }, label: "Kernel" });
  assert.equal(hub.state.phase, "Kernel");
  let replays = 0;
  hub.onReplay(() => (replays += 1));
  custom(a, "bootscope/state", { state: "starting" });
  assert.equal(replays, 0);
  custom(b, "bootscope/state", { state: "starting" });
  assert.equal(replays, 1);
  assert.equal(hub.state.phase, undefined, "what was recorded belongs to the run before");
});
