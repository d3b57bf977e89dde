/** The console's `trace`: a file of executed instructions, with filters, while the machine stands and while it runs. */
import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Client } from "./client.ts";
import { client, kernelFile, temporaryFolder } from "./fixture.ts";
import { CODE, FUNCTION, loopingKernel } from "./tiny-kernel.ts";

const hex = (value: number): string => `0x${value.toString(16)}`;

const say = async (session: Client, expression: string): Promise<string> =>
  (await session.ask<{ result: string }>("evaluate", { expression, context: "repl" })).result;

const refused = (session: Client, expression: string): Promise<string> =>
  session.refused("evaluate", { expression, context: "repl" });

/** A session that stands at the tiny kernel's first instruction. */
async function standing(t: TestContext): Promise<Client> {
  const session = client(t);
  const kernel = await kernelFile(t, loopingKernel());
  await session.launch({ boot: "direct", kernel, memory: 64, stopOnEntry: true });
  await session.stopped();
  return session;
}

async function run(session: Client, count: number): Promise<void> {
  await session.ask("bootscope/runUntil", { what: "instructions", count });
  assert.equal((await session.stopped()).reason, "step");
}

const linesOf = async (file: string): Promise<string[]> => (await readFile(file, "utf8")).split("\n").slice(0, -1);

/** The instructions of a trace without their operands, at the places where they are. */
const brief = (lines: readonly string[]): string[] =>
  lines.map((line) => /^\d+ kernel64 0x0*([0-9a-f]+) [0-9a-f]+ +(\w+)/.exec(line)?.slice(1).join(" ") ?? line);

test("every instruction is written, up to where the trace ends", async (t) => {
  const session = await standing(t);
  const folder = await temporaryFolder(t);
  assert.equal(await say(session, "trace"), "Nothing is traced.");
  assert.equal(await say(session, "trace off"), "Nothing was traced.");

  const whole = path.join(folder, "all of it.txt");
  assert.equal(await say(session, `trace on "${whole}"`), `Tracing to ${whole}.`);
  await run(session, 8);
  assert.match(await say(session, "trace"), new RegExp(`^[78] lines in ${whole}\\.$`));
  assert.equal(await say(session, "trace off"), `8 lines in ${whole}.`);
  assert.equal(await say(session, "trace"), "Nothing is traced.");
  await run(session, 8);
  const lines = await linesOf(whole);
  assert.equal(lines[0], `0 kernel64 0x0000000001000000 ${"48c7c400000900".padEnd(30)} mov rsp,0x90000`);
  assert.deepEqual(brief(lines), [
    "1000000 mov",
    "1000007 mov",
    "100000c nop",
    "100000d call",
    "1000040 inc",
    "1000042 nop",
    "1000043 ret",
    "1000012 mov",
  ]);

  // A second one ends the first, and what it replaces is gone.
  const first = path.join(folder, "first");
  await say(session, `trace on ${first}`);
  await run(session, 3);
  assert.equal(await say(session, `trace on "${whole}"`), `3 lines in ${first}.\nTracing to ${whole}.`);
  assert.equal(await say(session, "trace off"), `0 lines in ${whole}.`);
  assert.equal((await stat(whole)).size, 0);
  await session.close();
  assert.equal(session.stderr, "");
});

test("a trace is narrowed down by ring, place and number", async (t) => {
  const session = await standing(t);
  const folder = await temporaryFolder(t);
  const traced = async (name: string, filters: string): Promise<string[]> => {
    const file = path.join(folder, name);
    await session.ask("restart");
    await session.stopped();
    await say(session, `trace on ${file} ${filters}`);
    await run(session, 200);
    const [count = ""] = (await say(session, "trace off")).split(" ");
    const lines = await linesOf(file);
    assert.equal(lines.length, Number(count));
    return lines;
  };
  const all = await traced("all", "");
  assert.equal(all.length, 200);
  assert.deepEqual(await traced("kernel", "kernel"), all);
  assert.deepEqual(await traced("user", "user"), []);
  assert.deepEqual(await traced("first", "first 2 * 5"), all.slice(0, 10));
  const inside = all.filter((line) => {
    const at = Number(line.split(" ")[2]);
    return at >= FUNCTION && at < FUNCTION + 3;
  });
  assert.ok(inside.length > 10);
  assert.deepEqual(await traced("range", `in ${hex(FUNCTION)}..${hex(FUNCTION + 3)}`), inside);
  assert.deepEqual(await traced("physical", `in phys:${hex(FUNCTION)}, 3`), inside);
  assert.deepEqual(await traced("each", `kernel first 4 in phys:${hex(FUNCTION)}, 3`), inside.slice(0, 4));
  assert.deepEqual(await traced("elsewhere", `in ${hex(CODE + 0x1000)}, 0x1000`), []);
  await session.close();
});

test("a trace begins and ends while the machine runs", async (t) => {
  const session = await standing(t);
  const file = path.join(await temporaryFolder(t), "trace");
  await session.ask("continue", { threadId: 1 });
  assert.equal(await say(session, `trace on ${file} first 1000`), `Tracing to ${file}.`);
  // It ends by itself, and the machine goes on.
  while (!(await say(session, "trace")).startsWith("1000 lines "));
  assert.equal(await say(session, "trace off"), `1000 lines in ${file}.`);
  const counts = (await linesOf(file)).map((line) => Number(line.split(" ")[0]));
  assert.equal(counts.length, 1000);
  const [begin = 0] = counts;
  assert.ok(counts.every((count, index) => count === begin + index));
  assert.equal((await session.move("pause")).reason, "pause");
  await session.close();
});

test("what cannot be traced is refused by one sentence, and the trace under way goes on", async (t) => {
  const session = await standing(t);
  const folder = await temporaryFolder(t);
  const file = path.join(folder, "trace");
  await say(session, `trace on ${file}`);
  const expected = /^"trace on FILE .*" was expected, not "trace [^\n]*"\.$/;
  for (const [wrong, message] of [
    ["trace on", expected],
    ["trace up", expected],
    [`trace on ${folder}/other sideways`, expected],
    [`trace on ${folder}/other first`, expected],
    [`trace on ${folder}/other first 0`, /^"first 0": a number of lines was expected\.$/],
    [`trace on ${folder}/other first what`, /^Character 1 of "what": .*\.$/],
    [`trace on ${folder}/other in 5`, /^Character 2 of "5": a range was expected: .*\.$/],
    [`trace on ${folder}/other in 5..5`, /an end behind lin:0x5 was expected\.$/],
    ["trace on other", /absolute/],
    [`trace on ${folder}/none/other`, /^The trace \S+ could not be opened \(ENOENT\)\.$/],
    [`trace on ${folder}`, /^The trace \S+ could not be opened \(EISDIR\)\.$/],
  ] as const) {
    assert.match(await refused(session, wrong), message, wrong);
  }
  await run(session, 5);
  assert.equal(await say(session, "trace off"), `5 lines in ${file}.`);
  await assert.rejects(stat(path.join(folder, "other")), "no file was made for what was refused");
  await session.close();
});
