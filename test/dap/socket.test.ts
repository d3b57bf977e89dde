/** The adapter on a socket: several sessions at once, none of which notices how another one ends. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { Client } from "./client.ts";
import { kernelFile } from "./fixture.ts";
import { CODE, FUNCTION, loopingKernel } from "./tiny-kernel.ts";

const ADAPTER = fileURLToPath(new URL("../../dist/debug-adapter.js", import.meta.url));

interface Server {
  port: number;
  pid: number;
}

/** Starts the adapter's server on any free port, which it tells in its first line. */
async function serve(t: TestContext): Promise<Server> {
  const child = spawn(process.execPath, [ADAPTER, "--server", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill());
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const [, port] = /^The debug adapter listens on 127\.0\.0\.1:([0-9]+)$/.exec(line) ?? [];
  assert.ok(port, line);
  return { port: Number(port), pid: child.pid ?? 0 };
}

async function session(t: TestContext, { port }: Server): Promise<Client> {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return new Client(socket);
}

async function ip(one: Client): Promise<number> {
  const body = await one.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", { threadId: 1 });
  return Number(body.stackFrames[0]?.instructionPointerReference);
}

test("sessions on a socket are each for themselves, whatever becomes of the others", async (t) => {
  const server = await serve(t);
  const kernel = await kernelFile(t, loopingKernel());
  const [one, two, three, four] = await Promise.all([
    session(t, server),
    session(t, server),
    session(t, server),
    session(t, server),
  ]);
  const launch = { kernel, boot: "direct", memory: 32, stopOnEntry: true };
  for (const each of [one, two, three, four]) {
    await each.launch(launch);
    await each.stopped();
  }
  await one.move("stepIn");
  await two.ask("setFunctionBreakpoints", { breakpoints: [{ name: `phys:0x${FUNCTION.toString(16)}` }] });
  await two.move("continue");
  await three.ask("continue", { threadId: 1 });
  assert.deepEqual([await ip(one), await ip(two), await ip(four)], [CODE + 7, FUNCTION, CODE]);

  // A client that is gone without a word, in the middle of a run.
  three.kill();
  await three.exited;
  // One that sends nothing that makes sense, and goes.
  four.sendBytes("\u0000".repeat(10_000));
  four.endInput();
  await four.exited;
  await one.move("stepIn");
  assert.equal(await ip(one), CODE + 12);

  // One whose process dies.
  const children = await readFile(`/proc/${server.pid}/task/${server.pid}/children`, "utf8").catch(() => undefined);
  if (children !== undefined) {
    const five = await session(t, server);
    await five.launch(launch);
    await five.stopped();
    const after = await readFile(`/proc/${server.pid}/task/${server.pid}/children`, "utf8");
    const own = after.split(" ").filter((pid) => pid !== "" && !children.split(" ").includes(pid));
    assert.equal(own.length, 1, "a process for each");
    process.kill(Number(own[0]), "SIGKILL");
    await five.exited;
  }
  assert.equal((await two.move("continue")).reason, "function breakpoint");
  await one.close();
  await two.close();
  const six = await session(t, server);
  await six.launch(launch);
  await six.stopped();
  await six.close();
});

test("a port that cannot be served is told in one line", async (t) => {
  const { port } = await serve(t);
  for (const [args, expected] of [
    [["--server", "70000"], /^bootscope: The port is "70000": a number from 0/],
    [["--server", "x"], /^bootscope: The port is "x"/],
    [["--server"], /^bootscope: .*--server.*usage:/],
    [["--what"], /^bootscope: .*--what.*usage:/],
    [["--server", String(port)], /^bootscope: Port [0-9]+ of 127\.0\.0\.1 cannot be listened on: .*EADDRINUSE/],
  ] as const) {
    const child = spawn(process.execPath, [ADAPTER, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
    const [code] = (await once(child, "close")) as [number];
    assert.equal(code, 2);
    assert.match(stderr, expected);
    assert.match(stderr, /^[^\n]+\n$/);
  }
});
