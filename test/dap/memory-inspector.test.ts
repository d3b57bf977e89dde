/**
 * What the memory view of Eclipse CDT (eclipse-cdt-cloud/vscode-memory-inspector) asks of a debug adapter, and what it makes
 * of the answers: it knows readMemory, writeMemory and the events "stopped", "continued" and "memory" only.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Client } from "./client.ts";
import { client, kernelFile } from "./fixture.ts";
import { BUFFER, CODE, FUNCTION, loopingKernel } from "./tiny-kernel.ts";

type Read = NonNullable<DebugProtocol.ReadMemoryResponse["body"]>;
type Write = NonNullable<DebugProtocol.WriteMemoryResponse["body"]>;

const hex = (value: number): string => `0x${value.toString(16)}`;

async function standing(t: TestContext): Promise<{ session: Client; capabilities: DebugProtocol.Capabilities }> {
  const session = client(t);
  const capabilities = await session.ask<DebugProtocol.Capabilities>("initialize", {
    adapterID: "bootscope",
    supportsMemoryReferences: true,
    supportsMemoryEvent: true,
  });
  const kernel = await kernelFile(t, loopingKernel());
  await session.ask("launch", { boot: "direct", kernel, memory: 32, stopOnEntry: true });
  await session.ask("configurationDone");
  await session.stopped();
  return { session, capabilities };
}

/** As the view keeps it: where the bytes begin, and what they are. */
async function read(session: Client, memoryReference: string, offset: number, count: number) {
  const { address, data = "" } = await session.ask<Read>("readMemory", { memoryReference, offset, count });
  return { from: BigInt(address), bytes: [...Buffer.from(data, "base64")] };
}

test("the view reads by whatever reference it has, with offsets to both sides", async (t) => {
  const { session, capabilities } = await standing(t);
  assert.deepEqual([capabilities.supportsReadMemoryRequest, capabilities.supportsWriteMemoryRequest], [true, true]);
  const code = [...loopingKernel().subarray(0x1000, 0x1008)];
  // The address as its user types it, a variable's reference, and one of an evaluated expression.
  const { scopes } = await session.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId: 1 });
  const { variablesReference } = scopes[0] as DebugProtocol.Scope;
  const { variables } = await session.ask<DebugProtocol.VariablesResponse["body"]>("variables", { variablesReference });
  const evaluated = await session.ask<DebugProtocol.EvaluateResponse["body"]>("evaluate", {
    expression: "rip",
    context: "watch",
  });
  const references = [
    hex(CODE),
    `phys:${hex(CODE)}`,
    variables.find(({ name }) => name === "rip")?.memoryReference ?? "",
    evaluated.memoryReference ?? "",
  ];
  for (const reference of references) {
    assert.deepEqual(await read(session, reference, 0, 8), { from: BigInt(CODE), bytes: code }, reference);
    assert.deepEqual(await read(session, reference, 3, 2), { from: BigInt(CODE + 3), bytes: code.slice(3, 5) });
    assert.deepEqual((await read(session, reference, -16, 24)).bytes.slice(16), code);
  }
  // Scrolled to the end of memory and behind it: what is there, and how much is not.
  const end = 32 << 20;
  const last = await session.ask<Read>("readMemory", { memoryReference: `phys:${hex(end - 8)}`, count: 32 });
  assert.deepEqual([Buffer.from(last.data ?? "", "base64").length, last.unreadableBytes], [8, 24]);
  const none = await session.ask<Read>("readMemory", { memoryReference: `phys:${hex(end)}`, count: 32 });
  assert.deepEqual([none.data ?? "", none.unreadableBytes], ["", 32]);
  await session.close();
  assert.equal(session.stderr, "");
});

test("an edit is written at its offset, and told to whoever has read there", async (t) => {
  const { session } = await standing(t);
  const memoryReference = hex(BUFFER);
  await read(session, memoryReference, 0, 64);
  const data = Buffer.of(1, 2, 3).toString("base64");
  const written = await session.ask<Write>("writeMemory", { memoryReference, offset: 5, data });
  // The view takes what is left out for "from the offset on" and "all of it".
  assert.deepEqual([written?.offset ?? 0, written?.bytesWritten ?? 3], [0, 3]);
  const told = await session.event<DebugProtocol.MemoryEvent["body"]>("memory");
  const from = BigInt(told.memoryReference) + BigInt(told.offset);
  assert.ok(from <= BigInt(BUFFER + 5) && from + BigInt(told.count) >= BigInt(BUFFER + 8), JSON.stringify(told));
  assert.deepEqual((await read(session, memoryReference, 4, 5)).bytes, [0, 1, 2, 3, 0]);

  // An import that does not fit is refused as a whole, unless a part is enough.
  const edge = { memoryReference: `phys:${hex((32 << 20) - 2)}`, data };
  assert.match(await session.refused("writeMemory", edge), /^\S[^\n]*\.$/);
  assert.deepEqual((await read(session, edge.memoryReference, 0, 2)).bytes, [0, 0]);
  assert.equal((await session.ask<Write>("writeMemory", { ...edge, allowPartial: true }))?.bytesWritten, 2);
  await session.close();
});

test("the view is refreshed at each stop, and reads while the machine runs", async (t) => {
  const { session } = await standing(t);
  const buffer = async (): Promise<number[]> => (await read(session, hex(BUFFER), 0, 8)).bytes;
  await session.ask("setFunctionBreakpoints", { breakpoints: [{ name: hex(FUNCTION) }] });
  const seen: (number | undefined)[] = [];
  for (let turn = 0; turn < 3; turn++) {
    await session.move("continue");
    seen.push((await buffer())[7]);
  }
  // Each turn of the loop fills it with the number of turns behind.
  assert.deepEqual(seen, [0, 2, 3]);
  await session.ask("setFunctionBreakpoints", { breakpoints: [] });
  await session.ask("continue", { threadId: 1 });
  assert.equal((await buffer()).length, 8);
  await session.close();
});
