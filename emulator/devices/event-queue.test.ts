import assert from "node:assert/strict";
import { test } from "node:test";
import type { Timer } from "./device.ts";
import { EventQueue } from "./event-queue.ts";

function setUp(): {
  queue: EventQueue;
  fired: string[];
  timer: (id: string) => Timer;
  setNow: (now: number) => void;
  earlier: () => number;
} {
  let now = 0;
  let calls = 0;
  const fired: string[] = [];
  const queue = new EventQueue(
    () => now,
    () => calls++,
  );
  const timer = (id: string): Timer => {
    const made: Timer = { id, fire: (at) => fired.push(`${id}@${at}`) };
    queue.register(made);
    return made;
  };
  return { queue, fired, timer, setNow: (value) => (now = value), earlier: () => calls };
}

test("timers fire by time, and at the same time by id, whoever was scheduled first", () => {
  const { queue, fired, timer } = setUp();
  const [c, a, b] = [timer("c"), timer("a"), timer("b")];
  queue.schedule(c, 10);
  queue.schedule(b, 10);
  queue.schedule(a, 20);
  assert.equal(queue.nextDeadline(), 10);
  queue.runDue(9);
  assert.deepEqual(fired, []);
  queue.runDue(20);
  assert.deepEqual(fired, ["b@20", "c@20", "a@20"]);
  assert.equal(queue.nextDeadline(), Infinity);
});

test("a later schedule replaces the earlier one, cancel removes it", () => {
  const { queue, fired, timer } = setUp();
  const [a, b] = [timer("a"), timer("b")];
  queue.schedule(a, 10);
  queue.schedule(a, 30);
  queue.schedule(b, 15);
  queue.cancel(b);
  queue.runDue(29);
  assert.deepEqual(fired, []);
  queue.runDue(30);
  assert.deepEqual(fired, ["a@30"]);
});

test("only a deadline earlier than all others asks for attention", () => {
  const { queue, timer, earlier } = setUp();
  const [a, b] = [timer("a"), timer("b")];
  queue.schedule(a, 100);
  assert.equal(earlier(), 1);
  queue.schedule(b, 200);
  assert.equal(earlier(), 1);
  queue.schedule(b, 50);
  assert.equal(earlier(), 2);
});

test("deadlines survive save and restore, whatever the order of registration", () => {
  const first = setUp();
  const a = first.timer("a");
  first.timer("b");
  first.queue.schedule(a, 77);
  const second = setUp();
  second.timer("b");
  second.queue.schedule(second.timer("a"), 5);
  second.queue.restore(first.queue.save());
  assert.deepEqual(second.queue.save(), first.queue.save());
  second.queue.runDue(77);
  assert.deepEqual(second.fired, ["a@77"]);
  assert.throws(() => setUp().queue.restore(first.queue.save()), /timer "a" that this machine does not have/);
});

test("registered ids are unique, deadlines are numbers", () => {
  const { queue, timer } = setUp();
  const a = timer("a");
  assert.throws(() => timer("a"), /already registered/);
  assert.throws(() => queue.schedule(a, NaN), /deadline NaN/);
});
