/**
 * Random requests, right and wrong ones, in bursts over the real adapter: none is lost or answered twice, nothing crashes or
 * hangs, each move has one stop or end, and memory does not grow with the requests.
 *
 * BOOTSCOPE_SEED repeats a run, BOOTSCOPE_FUZZ_MESSAGES sets how many messages are sent (5,000 unless given).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelFile, temporaryFolder } from "./fixture.ts";
import { Random, Requests } from "./fuzz-requests.ts";
import { FuzzWire } from "./fuzz-wire.ts";
import { loopingKernel } from "./tiny-kernel.ts";

const MESSAGES = Number(process.env["BOOTSCOPE_FUZZ_MESSAGES"] ?? 5000);
const SEED = Number(process.env["BOOTSCOPE_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
/** Sent to one process. */
const EPISODE = 2500;
/** And at most so many behind the end of the session. */
const AFTER_END = 30;
/** What a process may hold more at its end than when it was warm: rubbish that is not collected yet. */
const GROWTH_MIB = 300;

const GARBAGE = ["\u0000\u0001", "Content-Length: x\r\n\r\n", "\r\n\r\n", "{}", 'Content-Length: 3\r\n\r\n{"}'];

test(`random requests, seed ${SEED}`, async (t) => {
  const kernel = await kernelFile(t, loopingKernel());
  const folder = await temporaryFolder(t);
  const launch = { kernel, boot: "direct", memory: 32, stopOnEntry: true };
  const random = new Random(SEED);
  let sent = 0;
  let good = 0;
  let refused = 0;
  while (sent < MESSAGES) {
    const wire = new FuzzWire();
    t.after(() => wire.kill());
    sent += await episode(
      wire,
      random,
      new Requests(random, launch, folder, wire.learned),
      launch,
      Math.min(EPISODE, MESSAGES - sent),
    );
    good += wire.answers.good;
    refused += wire.answers.refused;
    console.log(`${sent} messages: ${good} answered, ${refused} refused (seed ${SEED})`);
  }
  assert.equal(good + refused, sent, "one answer each");
  assert.ok(good > sent / 10 && refused > sent / 10, "both kinds");
});

/** From the first request to the process's end; how many were sent. */
async function episode(
  wire: FuzzWire,
  random: Random,
  requests: Requests,
  launch: object,
  most: number,
): Promise<number> {
  let count = most;
  let sent = 0;
  const any = (): void => {
    sent += 1;
    wire.send(requests.next());
  };
  const send = (command: string, args?: object): void => {
    sent += 1;
    wire.send({ command, ...(args === undefined ? {} : { arguments: args }) });
  };
  const client = { supportsInvalidatedEvent: true, supportsMemoryEvent: true, supportsProgressReporting: true };
  // Too early for all of them.
  for (let early = random.below(8); early > 0; early--) any();
  send("initialize", random.chance(50) ? client : { adapterID: "bootscope" });
  for (let early = random.below(8); early > 0; early--) any();
  send("launch", launch);
  for (let early = random.below(8); early > 0; early--) any();
  send("configurationDone");
  await wire.answered();
  let warm: number | undefined;
  while (sent < count - 1) {
    if (random.chance(2)) wire.sendBytes(random.of(GARBAGE));
    for (let burst = 1 + random.below(8); burst > 0 && sent < count - 1; burst--) any();
    await wire.answered();
    // Behind the end there is little to find.
    if (wire.terminated) count = Math.min(count, sent + AFTER_END);
    else if (wire.going && random.chance(70) && sent < count - 1) {
      send("pause", { threadId: 1 });
      await wire.stopped();
    }
    // Where it has stopped for good, only this leads on.
    if (!wire.terminated && random.chance(4) && sent < count - 1) {
      send("restart", { arguments: launch });
      await wire.stopped();
    }
    if (warm === undefined && sent > count / 2) warm = await wire.residentMiB();
  }
  await wire.answered();
  const resident = await wire.residentMiB();
  if (warm !== undefined && resident !== undefined) {
    assert.ok(resident < warm + GROWTH_MIB, `grew from ${warm.toFixed()} to ${resident.toFixed()} MiB`);
  }
  send(random.chance(80) ? "disconnect" : "terminate");
  await wire.answered();
  wire.end();
  await wire.exited();
  return sent;
}
