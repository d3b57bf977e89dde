/** gdb beside a debug client on one machine: each is told what the other does. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { CpuResponse } from "../../debug-adapter/protocol.ts";
import { kernelFile } from "../dap/fixture.ts";
import { BUFFER, CODE, FUNCTION, LOOP, loopingKernel } from "../dap/tiny-kernel.ts";
import { Gdb } from "./gdb.ts";
import { Session } from "./session.ts";

const LIMIT = { timeout: 120_000 };
const THREAD = { threadId: 1 };
const at = (address: number): RegExp => new RegExp(`0x0*${address.toString(16)} in`);

function startGdb(t: TestContext): Gdb {
  const gdb = new Gdb();
  t.after(() => gdb.kill());
  return gdb;
}

async function both(t: TestContext): Promise<{ session: Session; gdb: Gdb; address: string }> {
  const session = new Session();
  t.after(() => session.request("disconnect"));
  const address = await session.launch(await kernelFile(t, loopingKernel()));
  const gdb = startGdb(t);
  assert.match(await gdb.command(`target remote ${address}`), at(CODE));
  return { session, gdb, address };
}

const rip = async (session: Session): Promise<number> =>
  Number((await session.ask<CpuResponse>("bootscope/cpu")).cpu.rip);

const icount = async (session: Session): Promise<bigint> =>
  BigInt((await session.ask<CpuResponse>("bootscope/cpu")).cpu.icount);

test("what gdb lets go runs for the client, too, and a stop is told to both", LIMIT, async (t) => {
  const { session, gdb } = await both(t);
  const [point] = (
    await session.ask<{ breakpoints: { id: number }[] }>("setFunctionBreakpoints", {
      breakpoints: [{ name: `0x${FUNCTION.toString(16)}` }],
    })
  ).breakpoints;
  const said = await gdb.command("continue");
  assert.match(said, /SIGTRAP/);
  assert.match(said, at(FUNCTION));
  assert.deepEqual(await session.event("continued"), { ...THREAD, allThreadsContinued: true });
  assert.deepEqual((await session.stopped()).hitBreakpointIds, [point?.id]);

  // gdb's own break- and watchpoints stop the client as well.
  await session.ask("setFunctionBreakpoints", { breakpoints: [] });
  await gdb.command(`break *0x${LOOP.toString(16)}`);
  assert.match(await gdb.command("continue"), /Breakpoint 1, /);
  const stop = await session.stopped();
  assert.equal(stop.reason, "instruction breakpoint");
  assert.equal(stop.hitBreakpointIds, undefined);
  assert.equal(await rip(session), LOOP);
  await gdb.command("delete", `watch *(char*)0x${BUFFER.toString(16)}`);
  assert.match(await gdb.command("continue"), /Old value = 2 .*\nNew value = 3 /);
  assert.equal((await session.stopped()).reason, "data breakpoint");
  await gdb.command("delete");
  const before = await icount(session);
  await gdb.command("stepi");
  assert.equal((await session.stopped()).reason, "step");
  assert.equal(await icount(session), before + 1n);
});

test(
  "a false condition of the client's holds gdb up no more than gdb's breakpoint disturbs the client",
  LIMIT,
  async (t) => {
    const { session, gdb } = await both(t);
    const name = `0x${FUNCTION.toString(16)}`;
    await session.ask("setFunctionBreakpoints", { breakpoints: [{ name, condition: "rax == 3" }] });
    await gdb.command(`break *${name}`);
    assert.match(await gdb.command("continue", "p $rax"), /Breakpoint 1, [^]*= 1$/);
    await gdb.command("delete");
    assert.match(await gdb.command("continue", "p $rax"), /SIGTRAP[^]*= 3$/);
  },
);

test("either pauses what the other let go", LIMIT, async (t) => {
  const { session, gdb } = await both(t);
  const paused = await gdb.during("continue", async () => {
    await session.event("continued");
    await session.ask("pause", THREAD);
    assert.equal((await session.stopped()).reason, "pause");
  });
  assert.match(paused, /SIGINT/);

  // The client goes on while gdb is at its prompt; gdb joins, and interrupts.
  await session.ask("continue", THREAD);
  await gdb.command("echo prompt");
  const joined = await gdb.during("continue", async () => {
    await gdb.busy();
    gdb.interrupt();
    assert.equal((await session.stopped()).reason, "pause");
  });
  assert.match(joined, /SIGINT/);
});

test("a breakpoint that gdb leaves in place stops the client, and gdb can be told to look anew", LIMIT, async (t) => {
  const { session, gdb } = await both(t);
  await gdb.command("set breakpoint always-inserted on", `break *0x${LOOP.toString(16)}`);
  await session.ask("continue", THREAD);
  assert.equal((await session.stopped()).reason, "instruction breakpoint");
  assert.match(await gdb.command("maint flush register-cache", "p/x $rip"), new RegExp(`= 0x${LOOP.toString(16)}$`));

  assert.match(await gdb.command("monitor reset"), /stands at its first instruction/);
  assert.equal((await session.stopped()).reason, "entry");
  assert.equal(await rip(session), CODE);
  await gdb.command("maint flush register-cache");
  // The new machine has it, too.
  assert.match(await gdb.command("continue"), /Breakpoint 1, /);
  await session.stopped();
  await session.ask("restart");
  assert.equal((await session.stopped()).reason, "entry");
  assert.match(await gdb.command("maint flush register-cache", "continue"), /Breakpoint 1, /);
});

test("one gdb at a time, and any number one after the other", LIMIT, async (t) => {
  const { session, gdb, address } = await both(t);
  const second = startGdb(t);
  assert.match(await second.command(`target remote ${address}`), /Another gdb is connected to this machine/);
  await gdb.command(`hbreak *0x${FUNCTION.toString(16)}`);
  for (let round = 0; round < 3; round++) {
    await gdb.command("detach");
    assert.match(await gdb.command(`target remote ${address}`), at(CODE));
  }
  await gdb.command("detach");
  // Detached, gdb has left nothing: the client's machine stands where it stood, and runs through.
  await session.ask("continue", THREAD);
  assert.match(await second.command(`target remote ${address}`), / in /);
  assert.equal((await session.stopped()).reason, "pause");
  // A gdb that dies leaves nothing either.
  second.kill();
  await second.exited;
  assert.match(await gdb.command(`target remote ${address}`), / in /);
});

test("gdb's kill ends the session; a session that ends is a program that exits", LIMIT, async (t) => {
  const first = await both(t);
  assert.match(await first.gdb.command("kill"), /killed/);
  await first.session.event("terminated");
  const second = await both(t);
  const said = await second.gdb.during("continue", async () => {
    await second.session.event("continued");
    await second.session.ask("terminate");
  });
  assert.match(said, /exited normally/);
});

test("a port that is taken, or is none, fails the launch in one sentence", LIMIT, async (t) => {
  const { address } = await both(t);
  const taken = Number(address.split(":")[1]);
  const kernel = await kernelFile(t, loopingKernel());
  for (const [gdbPort, message] of [
    [taken, `gdb cannot be waited for on port ${taken} of 127.0.0.1: another program uses it.`],
    [65_536, '"gdbPort" must be a whole number from 0 to 65535.'],
    ["1234", '"gdbPort" must be a whole number from 0 to 65535.'],
  ] as const) {
    const session = new Session();
    t.after(() => session.request("disconnect"));
    await session.ask("initialize", { adapterID: "bootscope" });
    const response = await session.request("launch", { kernel, boot: "direct", gdbPort });
    assert.deepEqual([response.success, response.message], [false, message]);
  }
});

test("rubbish on the port harms neither the session nor the next gdb", LIMIT, async (t) => {
  const { session, gdb, address } = await both(t);
  await gdb.command("detach");
  const port = Number(address.split(":")[1]);
  const rubbish = [
    "GET / HTTP/1.1\r\n\r\n",
    "$".repeat(100_000),
    "\x03\x03\x03-----",
    "$m0,ffffffff#00",
    "$k",
    "\0".repeat(9),
  ];
  for (const text of rubbish) {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    await new Promise<void>((resolve) => socket.write(text, () => resolve()));
    socket.resetAndDestroy();
  }
  assert.match(await gdb.command(`target remote ${address}`), at(CODE));
  assert.equal(await rip(session), CODE);
});
