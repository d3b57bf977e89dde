import assert from "node:assert/strict";
import { test } from "node:test";
import { Cancelled, Progress } from "./progress.ts";

type Told = [string, object];

function progress(supported = true): { told: Told[]; progress: Progress } {
  const told: Told[] = [];
  const events = { supported: () => supported, event: (name: string, body: object) => void told.push([name, body]) };
  return { told, progress: new Progress(events) };
}

test("only what takes half a second is told, at most four times a second", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { told, progress: one } = progress();
  one.begin(1, "threads", false);
  one.end();
  t.mock.timers.tick(5000);
  assert.deepEqual(told, []);
  one.begin(2, "evaluate", false);
  const work = one.work("Searching", 200);
  work.done(20);
  t.mock.timers.tick(500);
  work.done(30);
  t.mock.timers.tick(250);
  work.done(100);
  one.end();
  const progressId = "request-2";
  assert.deepEqual(told, [
    ["progressStart", { progressId, title: "Searching", requestId: 2, cancellable: true, percentage: 10 }],
    ["progressUpdate", { progressId, percentage: 50 }],
    ["progressEnd", { progressId }],
  ]);
});

test("work that begins late is told as what can be cancelled; without work nothing can", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { told, progress: one } = progress();
  one.begin(3, "launch", false);
  t.mock.timers.tick(500);
  assert.deepEqual(told.splice(0), [
    ["progressStart", { progressId: "request-3", title: "Starting the machine", requestId: 3, cancellable: false }],
  ]);
  one.work("Loading", 10);
  one.end();
  assert.deepEqual(told, [
    ["progressEnd", { progressId: "request-3" }],
    ["progressStart", { progressId: "request-3-work", title: "Loading", requestId: 3, cancellable: true }],
    ["progressEnd", { progressId: "request-3-work" }],
  ]);
});

test("work is cancelled by its request or its progress, and by no other", () => {
  const { told, progress: one } = progress(false);
  one.cancel({ requestId: 4 });
  one.begin(4, "evaluate", false);
  const first = one.work("Searching", 10);
  one.cancel({ requestId: 3 });
  one.cancel({ progressId: "request-40" });
  first.done(1);
  one.cancel({ progressId: "request-4" });
  assert.throws(() => first.done(2), Cancelled);
  one.end();
  one.begin(5, "evaluate", false);
  const second = one.work("Searching", 0);
  second.done(0);
  one.cancelAll();
  assert.throws(() => second.done(0), Cancelled);
  one.end();
  one.begin(6, "evaluate", true);
  assert.throws(() => one.work("Searching", 1).done(0), Cancelled);
  one.end();
  assert.deepEqual(told, []);
});
