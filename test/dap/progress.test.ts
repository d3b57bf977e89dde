/** Requests that take long are told and can be cancelled, and so can those that wait behind them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Client } from "./client.ts";
import { client, kernelFile, temporaryFolder } from "./fixture.ts";
import { loopingKernel } from "./tiny-kernel.ts";

/** There is no memory in most of it, page by page: this takes far longer than anyone waits. */
const ENDLESS = { expression: "find 12 34 in phys:0x1000000, 0xff000000", context: "repl" };

type Start = DebugProtocol.ProgressStartEvent["body"];
type Update = DebugProtocol.ProgressUpdateEvent["body"];

async function stoppedSession(t: TestContext, client_: object): Promise<Client> {
  const session = client(t);
  const kernel = await kernelFile(t, loopingKernel());
  const { supportsCancelRequest } = await session.ask<DebugProtocol.Capabilities>("initialize", client_);
  assert.equal(supportsCancelRequest, true);
  await session.ask("launch", { kernel, boot: "direct", memory: 32, stopOnEntry: true });
  await session.ask("configurationDone");
  await session.stopped();
  return session;
}

test("a long search tells how far it is, and ends when its progress is cancelled", async (t) => {
  const session = await stoppedSession(t, { supportsProgressReporting: true });
  const search = session.request("evaluate", ENDLESS);
  const start = await session.event<Start>("progressStart", ({ cancellable }) => cancellable === true);
  assert.match(start.title, /^Searching 0xff000000 bytes$/);
  const update = await session.event<Update>("progressUpdate", ({ progressId }) => progressId === start.progressId);
  assert.ok((update.percentage ?? -1) >= 0 && (update.percentage ?? 101) < 100);
  // Another one's progress is nothing to this one.
  await session.ask("cancel", { progressId: "request-0" });
  await session.ask("cancel", { progressId: start.progressId });
  const response = await search;
  assert.deepEqual([response.success, response.message], [false, "cancelled"]);
  await session.event<Update>("progressEnd", ({ progressId }) => progressId === start.progressId);
  await session.move("stepIn");
  await session.close();
});

test("without progress events a request can be cancelled by its number, and so can one that waits", async (t) => {
  const session = await stoppedSession(t, {});
  const search = session.request("evaluate", ENDLESS);
  const waiting = session.request("threads");
  const further = session.request("stackTrace", { threadId: 1 });
  const numbers = session.messages.flatMap((one) => (one.type === "request" ? [one.seq] : [])).slice(-3);
  await session.ask("cancel", { requestId: numbers[1] });
  const cancelled = await waiting;
  assert.deepEqual([cancelled.success, cancelled.message], [false, "cancelled"]);
  await session.ask("cancel", { requestId: numbers[0] });
  assert.equal((await search).message, "cancelled");
  assert.equal((await further).success, true);
  // What is answered already, or never was asked, is cancelled without further ado.
  await session.ask("cancel", { requestId: numbers[2] });
  await session.ask("cancel", { requestId: 4711 });
  assert.match(await session.refused("cancel", {}), /a "requestId" or a "progressId" was expected/);
  assert.match(await session.refused("cancel", { requestId: "1" }), /"requestId" must be a whole number/);
  assert.deepEqual(
    session.messages.filter((one) => "event" in one && String(one.event).startsWith("progress")),
    [],
  );
  await session.close();
});

test("a dump that is cancelled leaves no file, and disconnect waits for no search", async (t) => {
  const session = await stoppedSession(t, {});
  const file = `${await temporaryFolder(t)}/memory.bin`;
  const dump = session.request("evaluate", { expression: `dump 0, 0xff000000 ${file}`, context: "repl" });
  await session.ask("cancel", { requestId: session.messages.findLast((one) => one.type === "request")?.seq });
  assert.equal((await dump).success, false);
  const search = session.request("evaluate", ENDLESS);
  await session.ask("disconnect");
  assert.equal((await search).message, "cancelled");
  assert.equal(await session.exited, 0);
});
