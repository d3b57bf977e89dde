/** `bootscope run --gdb` on tiny kernels: how a run ends when gdb drives it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { kernelFile } from "../dap/fixture.ts";
import { CODE, FUNCTION, loopingKernel, tripleFaultingKernel } from "../dap/tiny-kernel.ts";
import { Gdb } from "./gdb.ts";
import { Run } from "./run.ts";

const LIMIT = { timeout: 120_000 };
const at = (address: number): RegExp => new RegExp(`0x0*${address.toString(16)} in`);

function startGdb(t: TestContext): Gdb {
  const gdb = new Gdb();
  t.after(() => gdb.kill());
  return gdb;
}

async function start(t: TestContext, kernel: Uint8Array, ...args: string[]): Promise<{ run: Run; gdb: Gdb }> {
  const run = new Run(t, "--boot", "direct", "--memory", "64", "--kernel", await kernelFile(t, kernel), ...args);
  const gdb = startGdb(t);
  assert.match(await gdb.command(`target remote ${await run.address}`), at(CODE));
  return { run, gdb };
}

test("kill ends the run, which was not what it was to reach", LIMIT, async (t) => {
  const { run, gdb } = await start(t, loopingKernel());
  await gdb.command("stepi");
  await gdb.command("kill");
  const { code, report } = await run.ended;
  assert.deepEqual([code, report.stopped, report.icount], [3, "quit", "1"]);
});

test("--until holds, to the instruction", LIMIT, async (t) => {
  const { run, gdb } = await start(t, loopingKernel(), "--until", "icount:2500123");
  await gdb.command(`tbreak *0x${FUNCTION.toString(16)}`);
  assert.match(await gdb.command("continue"), at(FUNCTION));
  assert.match(await gdb.command("continue"), /exited normally/);
  const { code, report } = await run.ended;
  assert.deepEqual([code, report.stopped, report.icount], [0, "icount", "2500123"]);
});

test("gdb sees a triple fault; going on from there ends the run", LIMIT, async (t) => {
  const { run, gdb } = await start(t, tripleFaultingKernel());
  const said = await gdb.command("continue");
  assert.match(said, /Bootscope: triple fault: /);
  assert.match(said, /SIGSEGV/);
  assert.ok(run.running);
  assert.match(await gdb.command("continue"), /exited normally/);
  const { code, report } = await run.ended;
  assert.deepEqual([code, report.stopped], [3, "tripleFault"]);
});

test("a run waits for the next gdb when one dies, and goes on when one detaches", LIMIT, async (t) => {
  const { run, gdb } = await start(t, loopingKernel(), "--until", "icount:3000000");
  await gdb.command(`hbreak *0x${FUNCTION.toString(16)}`);
  await gdb.command("continue");
  gdb.kill();
  await gdb.exited;
  const next = startGdb(t);
  assert.match(await next.command(`target remote ${await run.address}`), at(FUNCTION));
  assert.match(await next.command("monitor icount"), /^\d$/);
  assert.match(await next.command("detach"), /detached/);
  assert.equal((await run.ended).report.icount, "3000000");
});

test("time is up for a run that gdb does not let go", LIMIT, async (t) => {
  const kernel = await kernelFile(t, loopingKernel());
  const run = new Run(t, "--boot", "direct", "--memory", "64", "--kernel", kernel, "--timeout", "0.2");
  const { code, report } = await run.ended;
  assert.deepEqual([code, report.stopped, report.icount], [4, "timeout", "0"]);
});
