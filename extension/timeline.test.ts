import assert from "node:assert/strict";
import { test } from "node:test";
import type { WireBootEvent } from "../debug-adapter/protocol.ts";
import { LANES, TimelineModel } from "../webview/timeline/model.ts";
import { longCount, shortCount, Viewport } from "../webview/timeline/viewport.ts";

const hex = (value: number): string => `0x${value.toString(16)}`;
const event = (id: number, kind: WireBootEvent["kind"], icount: number): WireBootEvent => ({
  id,
  kind,
  icount: hex(icount),
  text: `${kind} ${id}`,
});
const lane = (label: string): number => LANES.findIndex((one) => one.label === label);

function boot(): TimelineModel {
  const model = new TimelineModel();
  model.addPhase({ name: "bios", label: "BIOS", icount: "0x0" });
  model.addEvents([event(0, "reset", 0), event(1, "int", 100), event(2, "disk", 150), event(3, "int", 900)]);
  model.addPhase({ name: "bootloader", label: "Boot loader", icount: hex(1000) });
  model.addEvents([event(4, "int", 1000), event(5, "protected-mode", 2000)]);
  return model;
}

test("events belong to the phase in which they happened", () => {
  const model = boot();
  const ids = model.phases.map((phase) => model.eventsOf(phase).map(({ id }) => id));
  assert.deepEqual(ids, [
    [0, 1, 2, 3],
    [4, 5],
  ]);
  assert.equal(model.phaseAt(999)?.name, "bios");
  assert.equal(model.phaseAt(1000)?.name, "bootloader");
  assert.equal(model.position, 2000);
});

test("an event that is counted on is changed, not added", () => {
  const model = boot();
  model.addEvents([{ ...event(5, "protected-mode", 2000), count: 7, lastIcount: hex(5000) }]);
  assert.equal(model.events.length, 6);
  const last = model.events.at(-1);
  assert.deepEqual([last?.count, last?.last, model.position], [7, 5000, 5000]);
});

test("an event that comes late is put where it belongs", () => {
  const model = boot();
  model.addEvents([event(6, "device", 120)]);
  assert.deepEqual(
    model.events.map(({ id }) => id),
    [0, 1, 6, 2, 3, 4, 5],
  );
});

test("arrow keys find the next event of a lane, a click the nearest", () => {
  const model = boot();
  const calls = lane("BIOS calls");
  const first = model.neighbour(calls, 0, 1);
  assert.equal(first?.id, 1);
  assert.equal(first && model.neighbour(calls, first, 1)?.id, 3);
  assert.equal(first && model.neighbour(calls, first, -1), undefined);
  assert.equal(model.nearest(calls, 930, 50)?.id, 3);
  assert.equal(model.nearest(calls, 980, 50)?.id, 4);
  assert.equal(model.nearest(calls, 500, 50), undefined);
  assert.equal(model.nearest(lane("Disks"), 150, 0)?.id, 2);
});

test("ten thousand events are taken in and asked about without delay to speak of", () => {
  const model = new TimelineModel();
  model.addPhase({ name: "bios", label: "BIOS", icount: "0x0" });
  model.addEvents(Array.from({ length: 10_000 }, (_, id) => event(id, "int", id * 1000)));
  assert.equal(model.indexAt(5_000_000), 5000);
  assert.equal(model.nearest(lane("BIOS calls"), 7_000_400, 1000)?.id, 7000);
});

test("zooming keeps what is under the pointer, and ends at the whole boot", () => {
  const view = new Viewport();
  view.width = 1000;
  view.extend(1e9);
  const under = view.icount(250);
  view.zoom(8, 250);
  assert.equal(view.fitted, false);
  assert.ok(Math.abs(view.icount(250) - under) < 1);
  assert.ok(Math.abs(view.x(under) - 250) < 1e-6);
  view.extend(2e9);
  assert.ok(Math.abs(view.icount(250) - under) < 1, "what is looked at stays while the machine runs");
  view.pan(-1e9);
  assert.equal(view.start, 0);
  view.zoom(1e-6);
  assert.equal(view.fitted, true);
  view.extend(4e9);
  assert.ok(view.x(4e9) < 1000, "a fitted view grows with the boot");
});

test("ticks are round and do not crowd", () => {
  const view = new Viewport();
  view.width = 1000;
  view.extend(1.45e9);
  const ticks = view.ticks();
  assert.deepEqual(
    ticks.slice(0, 3).map(({ label }) => label),
    ["0", "200\u202fM", "400\u202fM"],
  );
  for (const [index, { icount }] of ticks.entries()) {
    const before = ticks[index - 1];
    if (before) assert.ok(view.x(icount) - view.x(before.icount) >= 90);
  }
});

test("counts read as people write them", () => {
  assert.equal(shortCount(1_250_000, 10_000), "1.25\u202fM");
  assert.equal(shortCount(2_000_000_000, 1e8), "2\u202fG");
  assert.equal(shortCount(100_000_000, 1e8), "100\u202fM");
  assert.equal(shortCount(950), "950");
  assert.equal(longCount(1250000), "1\u202f250\u202f000");
});
