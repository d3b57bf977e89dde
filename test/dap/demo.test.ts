/** The built-in demonstration through the debug adapter: its sources are stepped from the boot sector to ring 3. */
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { OutputEventBody, PhasesResponse } from "../../debug-adapter/protocol.ts";
import type { Client } from "./client.ts";
import { client } from "./fixture.ts";

async function frame(session: Client): Promise<DebugProtocol.StackFrame> {
  const { stackFrames } = await session.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", { threadId: 1 });
  assert.ok(stackFrames[0]);
  return stackFrames[0];
}

const sourceOf = async (session: Client): Promise<string> => (await frame(session)).source?.name ?? "";

async function printed(session: Client, text: string): Promise<void> {
  let heard = "";
  while (!heard.includes(text)) {
    const { source, data } = await session.event<OutputEventBody>("bootscope/output");
    if (source === 0) heard += Buffer.from(data, "base64").toString("latin1");
  }
}

test(
  "the demo is stepped in its sources, from the reset vector to the first user instruction",
  { timeout: 120_000 },
  async (t) => {
    const session = client(t);
    await session.launch({ demo: true, stopOnEntry: true, stopAt: ["bootloader", "long-mode", "init"] });
    assert.equal((await session.stopped()).reason, "entry");
    assert.equal(await sourceOf(session), "reset.s");
    const { source } = await frame(session);
    const { breakpoints } = await session.ask<DebugProtocol.BreakpointLocationsResponse["body"]>(
      "breakpointLocations",
      {
        source,
        line: 1,
        endLine: 200,
      },
    );
    assert.ok(breakpoints.length > 5, "lines with code");

    assert.equal((await session.move("continue")).description, "Paused at phase Boot loader");
    assert.match((await frame(session)).source?.path ?? "", /demo.boot\.s$/);
    const lines = new Set<number>();
    for (let turn = 0; turn < 5; turn++) {
      await session.move("next");
      lines.add((await frame(session)).line);
    }
    assert.equal(lines.size, 5, "each step is another line");

    const mode = await session.move("continue");
    assert.match(mode.description ?? "", /^Paused at event: EFER\.LMA 0 → 1/);
    assert.match((await frame(session)).source?.path ?? "", /demo/);

    assert.equal((await session.move("continue")).description, "Paused at phase Init");
    const init = await frame(session);
    assert.equal(init.source?.name, "init.s");
    assert.equal(path.basename(path.dirname(init.source?.path ?? "")), "demo");
    const { instructions } = await session.ask<{ instructions: DebugProtocol.DisassembledInstruction[] }>(
      "disassemble",
      {
        memoryReference: init.instructionPointerReference,
        instructionCount: 1,
      },
    );
    assert.deepEqual([instructions[0]?.location?.path, instructions[0]?.line], [init.source?.path, init.line]);

    const { phases } = await session.ask<PhasesResponse>("bootscope/phases");
    assert.ok(phases.some(({ name, icount }) => name === "init" && icount !== undefined));
    await session.ask("continue", { threadId: 1 });
    await printed(session, "help");
    await session.close();
    assert.equal(session.stderr, "");
  },
);
