/** docs/dap-requests.md, the adapter's answers and its capabilities, held against the protocol's definition. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { CAPABILITIES } from "../../debug-adapter/capabilities.ts";
import { client } from "./fixture.ts";

const ROOT = new URL("../../", import.meta.url);
const PROTOCOL = createRequire(import.meta.url).resolve("@vscode/debugprotocol/lib/debugProtocol.d.ts");

interface Row {
  name: string;
  answer: string;
  test: string;
}

/** The rows of the table below a heading of the page. */
async function table(heading: string): Promise<Row[]> {
  const page = await readFile(new URL("docs/dap-requests.md", ROOT), "utf8");
  const [, section = ""] = page.split(`## ${heading}\n`);
  const [rows = ""] = section.split("\n## ");
  return [...rows.matchAll(/^\| `([^`]+)` \| ([^|]+) \| (?:`([^`]+)` )?\|$/gm)].map(
    ([, name = "", answer = "", file = ""]) => ({ name, answer: answer.trim(), test: file }),
  );
}

/** Names of the protocol's definition, and of Bootscope's own messages. */
async function defined(kind: "command" | "event"): Promise<string[]> {
  const text = await readFile(PROTOCOL, "utf8");
  const standard = [...text.matchAll(new RegExp(`// ${kind}: '([A-Za-z]+)'`, "g"))].map(([, name = ""]) => name);
  const own = await readFile(new URL("debug-adapter/protocol.ts", ROOT), "utf8");
  const of = kind === "command" ? "CustomRequests" : "CustomEvents";
  const [, body = ""] = new RegExp(`interface ${of} \\{([^]*?)\n\\}`).exec(own) ?? [];
  return [...new Set(standard), ...[...body.matchAll(/"(bootscope\/[A-Za-z]+)":/g)].map(([, name = ""]) => name)];
}

/** Capabilities that stand for requests; those without are answered by every adapter. */
const BY_CAPABILITY: Readonly<Record<string, readonly string[]>> = {
  supportsBreakpointLocationsRequest: ["breakpointLocations"],
  supportsCancelRequest: ["cancel"],
  supportsCompletionsRequest: ["completions"],
  supportsConfigurationDoneRequest: ["configurationDone"],
  supportsDataBreakpoints: ["dataBreakpointInfo", "setDataBreakpoints"],
  supportsDisassembleRequest: ["disassemble"],
  supportsExceptionInfoRequest: ["exceptionInfo"],
  supportsFunctionBreakpoints: ["setFunctionBreakpoints"],
  supportsGotoTargetsRequest: ["gotoTargets", "goto"],
  supportsInstructionBreakpoints: ["setInstructionBreakpoints"],
  supportsLoadedSourcesRequest: ["loadedSources"],
  supportsModulesRequest: ["modules"],
  supportsReadMemoryRequest: ["readMemory"],
  supportsRestartFrame: ["restartFrame"],
  supportsRestartRequest: ["restart"],
  supportsSetExpression: ["setExpression"],
  supportsSetVariable: ["setVariable"],
  supportsStepBack: ["stepBack", "reverseContinue"],
  supportsStepInTargetsRequest: ["stepInTargets"],
  supportsTerminateRequest: ["terminate"],
  supportsTerminateThreadsRequest: ["terminateThreads"],
  supportsWriteMemoryRequest: ["writeMemory"],
};

test("the page names every request and event once, and tests that speak of them", async () => {
  for (const [heading, kind] of [
    ["Requests", "command"],
    ["Events", "event"],
  ] as const) {
    const rows = await table(heading);
    assert.deepEqual(rows.map(({ name }) => name).sort(), (await defined(kind)).sort());
    for (const { name, answer, test: file } of rows) {
      const never = answer === "no" || answer.startsWith("no:");
      if (never && file === "") continue;
      const text = await readFile(new URL(file, ROOT), "utf8").catch(() => assert.fail(`${name}: there is no ${file}`));
      // This one asks for all that is not answered.
      if (file === "test/dap/requests.test.ts" && never) continue;
      assert.ok(text.includes(`"${name}"`), `${file} says nothing of "${name}"`);
    }
  }
});

test("the adapter answers what the page says, and announces exactly that", async (t) => {
  const rows = await table("Requests");
  const early = client(t);
  const answered = new Set<string>();
  for (const { name, answer } of rows) {
    // Before initialize, what is known is too early.
    const message = name === "initialize" ? "not initialized yet" : await early.refused(name, {});
    if (/not initialized yet|"requestId"/.test(message)) answered.add(name);
    else assert.match(message, /^The request "[A-Za-z/]+" is not known to this adapter\.$/);
    assert.equal(answered.has(name), answer.startsWith("yes"), name);
  }
  const capabilities = await early.ask<Record<string, unknown>>("initialize", { adapterID: "bootscope" });
  for (const [capability, requests] of Object.entries(BY_CAPABILITY)) {
    const announced = capabilities[capability] === true;
    for (const request of requests) assert.equal(answered.has(request), announced, `${capability}: ${request}`);
  }
  await early.close();
});

test("each capability is shown by a recorded session, which the page names", async () => {
  const page = await readFile(new URL("docs/dap-requests.md", ROOT), "utf8");
  const [, section = ""] = page.split("## Capabilities\n");
  const rows = [...section.matchAll(/^\| `([A-Za-z]+)` \| `([a-z-]+\.txt)` \| `(.+)` \|$/gm)];
  assert.deepEqual(rows.map(([, name]) => name).sort(), Object.keys(CAPABILITIES).sort());
  for (const [, name = "", file = "", shown = ""] of rows) {
    const text = await readFile(new URL(`traces/${file}`, import.meta.url), "utf8");
    assert.ok(text.includes(shown), `${name}: ${file} has no ${shown}`);
  }
});

test("no capability is announced that the protocol does not define", async (t) => {
  const session = client(t);
  const capabilities = await session.ask<DebugProtocol.Capabilities>("initialize", { adapterID: "bootscope" });
  const text = await readFile(PROTOCOL, "utf8");
  const [, body = ""] = /interface Capabilities \{([^]*?)\n\t\}/.exec(text) ?? [];
  const known = new Set([...body.matchAll(/^\t\t([A-Za-z]+)\?:/gm)].map(([, name]) => name));
  assert.ok(known.size > 30);
  for (const name of Object.keys(capabilities)) assert.ok(known.has(name), name);
  await session.close();
});
