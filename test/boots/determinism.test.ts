/** The same inputs lead to the same state, bit for bit, however the run is cut (DESIGN.md, invariant 2). */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import type { RunResult } from "../../emulator/machine/api.ts";
import type { Machine } from "../../emulator/machine/machine.ts";
import { busyboxInitramfs, cloudKernel, vmlinux } from "../../scripts/guests/guests.ts";
import { Guest, type GuestOptions } from "./guest.ts";

interface Milestone {
  icount: bigint;
  hash: string;
}

/** Boots, types a command, and notes the state at `/init`, behind the command's answer, and at the end. */
async function milestones(name: string, options: Partial<GuestOptions>): Promise<Milestone[]> {
  const { vmlinuz } = await cloudKernel();
  const guest = await Guest.boot(name, {
    kernel: await vmlinux(vmlinuz),
    initrd: await busyboxInitramfs(),
    ...options,
  });
  const milestone = (): Milestone => ({ icount: guest.machine.icount, hash: guest.machine.stateHash() });
  guest.runTo("init");
  const reached = [milestone()];
  guest.expect("~ # ");
  guest.type("cat /proc/interrupts; date; head -c 64 /dev/urandom | sha256sum\n");
  guest.expect("  -\r\n");
  reached.push(milestone());
  guest.expect("~ # ");
  guest.type("poweroff -f\n");
  assert.deepEqual(guest.end(), { reason: "poweroff" });
  reached.push(milestone());
  return reached;
}

/** 32-bit xorshift. */
function generator(seed: number): (below: number) => number {
  let state = seed || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Goes on by slices of random length, now and then by single steps, with breakpoints and watchpoints set and cleared in between. */
function chopper(random: (below: number) => number, counts: { slices: number; steps: number; stops: number }) {
  return (machine: Machine): RunResult => {
    const choice = random(100);
    // Where the guest has just been it will soon be again, most likely.
    if (choice < 5) machine.setBreakpoints([{ space: "lin", address: machine.linearOfRip(machine.cpu().rip) }]);
    else if (choice < 8) machine.setBreakpoints([]);
    else if (choice < 12) {
      const address = machine.cpu().gpr[4]! - 64n;
      machine.setWatchpoints([{ space: "lin", address, length: 8, access: "readWrite" }]);
    } else if (choice < 18) machine.setWatchpoints([]);
    if (choice >= 95) {
      for (let count = random(200); count > 0; count--) {
        counts.steps++;
        const result = machine.step();
        if (result.reason !== "budget" && !isStop(result)) return result;
      }
      return { reason: "budget" };
    }
    counts.slices++;
    // Most slices are long, so that the boot does not take for ever; the short ones hit the seams.
    const result = machine.run(1 + (choice < 40 ? random(5000) : random(3_000_000)));
    if (!isStop(result)) return result;
    counts.stops++;
    machine.ignoreBreakpointOnce();
    if (counts.stops % 50 === 0) {
      machine.setBreakpoints([]);
      machine.setWatchpoints([]);
    }
    return { reason: "budget" };
  };
}

const isStop = ({ reason }: RunResult): boolean => reason === "breakpoint" || reason === "watchpoint";

test("runs with and without translation, whole and in random slices, go through the same states", async (t) => {
  const seed = Number(process.env["BOOTSCOPE_SEED"] ?? randomInt(1, 2 ** 31));
  t.diagnostic(`seed ${seed} (BOOTSCOPE_SEED)`);
  console.log(`# determinism: seed ${seed}`);
  const interpreted = await milestones("interpreted", { translateAfter: Infinity });
  assert.deepEqual(await milestones("translated", {}), interpreted);
  assert.deepEqual(await milestones("translated at once", { translateAfter: 1 }), interpreted);
  for (const [name, translateAfter] of [
    ["interpreted, in slices", Infinity],
    ["translated at once, in slices", 1],
  ] as const) {
    const counts = { slices: 0, steps: 0, stops: 0 };
    const advance = chopper(generator(seed), counts);
    assert.deepEqual(await milestones(name, { translateAfter, advance }), interpreted);
    t.diagnostic(`${name}: ${counts.slices} slices, ${counts.steps} single steps, ${counts.stops} stops`);
    assert.ok(counts.slices > 500 && counts.steps > 500 && counts.stops > 10, JSON.stringify(counts));
  }
});
