/** A session within another process, as an extension host would hold it: by messages, without streams. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { builtinSources, readSymbols } from "../../debug-adapter/line-tables.ts";
import { machineTargets } from "../../debug-adapter/machine-target.ts";
import { BootscopeSession } from "../../debug-adapter/session.ts";
import { kernelFile } from "./fixture.ts";
import { CODE, loopingKernel } from "./tiny-kernel.ts";

const WORKER = new URL("../../dist/machine-worker.js", import.meta.url);

interface Inline {
  session: BootscopeSession;
  readonly ask: (command: string, args?: object) => Promise<DebugProtocol.Response>;
  readonly event: (name: string) => Promise<void>;
}

function inline(): Inline {
  const session = new BootscopeSession({
    createTarget: machineTargets(WORKER),
    checkPlan: () => Promise.resolve(),
    sources: builtinSources,
    readSymbols,
  });
  const heard: DebugProtocol.ProtocolMessage[] = [];
  let wake: () => void = () => undefined;
  session.onDidSendMessage((message) => {
    heard.push(message as DebugProtocol.ProtocolMessage);
    wake();
  });
  let seq = 0;
  /** Takes the first message that matches. */
  const wait = async (matches: (one: DebugProtocol.ProtocolMessage) => boolean) => {
    for (;;) {
      const at = heard.findIndex(matches);
      if (at >= 0) return heard.splice(at, 1)[0];
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return {
    session,
    ask: async (command, args = {}) => {
      const request: DebugProtocol.Request = { seq: ++seq, type: "request", command, arguments: args };
      session.handleMessage(request);
      return (await wait((one) => "request_seq" in one && one.request_seq === request.seq)) as DebugProtocol.Response;
    },
    event: async (name) => void (await wait((one) => "event" in one && one.event === name)),
  };
}

test("sessions in one process each have a machine, and end without it", async (t) => {
  const kernel = await kernelFile(t, loopingKernel());
  const [one, two] = [inline(), inline()];
  for (const { ask, event } of [one, two]) {
    await ask("initialize", { adapterID: "bootscope" });
    const launched = await ask("launch", { kernel, boot: "direct", memory: 32, stopOnEntry: true });
    assert.equal(launched.success, true, launched.message);
    await ask("configurationDone");
    await event("stopped");
  }
  await one.ask("stepIn", { threadId: 1 });
  await one.event("stopped");
  // Disposed of in the middle of a run, as when a window closes: its machine ends, and it says so.
  await two.ask("continue", { threadId: 1 });
  const ended = new Promise((resolve) => two.session.on("ended", resolve));
  two.session.dispose();
  await ended;
  await two.event("terminated");
  assert.equal((await two.ask("stackTrace", { threadId: 1 })).message, "The session has ended.");
  const { body } = (await one.ask("stackTrace", { threadId: 1 })) as DebugProtocol.StackTraceResponse;
  assert.equal(Number(body.stackFrames[0]?.instructionPointerReference), CODE + 7);
  assert.equal((await one.ask("disconnect")).success, true);
  assert.equal((await one.ask("threads")).message, "The session has ended.");
});
