import assert from "node:assert/strict";
import { test } from "node:test";
import { InterruptRouter } from "./interrupt-router.ts";

function setUp(): { router: InterruptRouter; routes: number[]; log: string[] } {
  const routes = [10, 10, 11, 0x80];
  const log: string[] = [];
  const router = new InterruptRouter(
    (irq, level) => log.push(`${level ? "+" : "-"}${irq}`),
    (pirq) => routes[pirq] as number,
  );
  return { router, routes, log };
}

test("pins rotate over the PIRQs by device, and a line is shared", () => {
  const { router, log } = setUp();
  // INTA# of devices 1 and 2: PIRQA and PIRQB, both IRQ10; of device 3: PIRQC.
  router.pci(1, 0, true);
  router.pci(2, 0, true);
  router.pci(3, 0, true);
  router.pci(1, 0, false);
  router.pci(2, 0, false);
  assert.deepEqual(log, ["+10", "+11", "-10"]);
  // INTA# of device 4: PIRQD, which is not routed.
  router.pci(4, 0, true);
  assert.equal(log.length, 3);
});

test("a line that moves to another interrupt goes down here and up there", () => {
  const { router, routes, log } = setUp();
  router.pci(3, 0, true);
  routes[2] = 5;
  router.update();
  routes[2] = 0x85;
  router.update();
  assert.deepEqual(log, ["+11", "+5", "-11", "-5"]);
});

test("the interrupts of the board itself cannot be had by PCI; ISA and PCI devices share the others", () => {
  const { router, routes, log } = setUp();
  routes[2] = 8;
  router.pci(3, 0, true);
  assert.deepEqual(log, []);
  router.isa(10, true);
  router.pci(1, 0, true);
  router.isa(10, false);
  router.isa(24, true);
  assert.deepEqual(log, ["+10"]);
  router.pci(1, 0, false);
  assert.deepEqual(log, ["+10", "-10"]);
});

test("a saved router goes on without driving lines again", () => {
  const { router } = setUp();
  router.pci(1, 0, true);
  const { router: other, log } = setUp();
  other.restore(router.save());
  other.update();
  assert.deepEqual(log, []);
  other.pci(1, 0, false);
  assert.deepEqual(log, ["-10"]);
});
