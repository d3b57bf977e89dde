/** The core's floating-point unit against this machine's own processor: random operands, control words and stacks. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { buildModule, buildNative, whyNoReference, type Native } from "./build.ts";
import { differences } from "./compare.ts";
import { Random, writeCase, writePending } from "./generator.ts";
import {
  arithmetic,
  comparisons,
  control,
  encodings,
  moves,
  tangent,
  transcendental,
  type Instruction,
} from "./instructions.ts";
import { CASE, caseAt, outcomeAt } from "./records.ts";
import { Unit } from "./unit.ts";

const seed = Number(process.env["BOOTSCOPE_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
const BATCH = 20_000;
const SHOWN = 5;
const SIGILL = 4;
const SIGFPE = 8;

const skip = whyNoReference();

describe("x87 against the processor", { skip }, () => {
  let unit: Unit;
  let native: Native;
  before(async () => {
    unit = new Unit(await buildModule());
    native = buildNative();
  });
  after(() => {
    native.remove();
  });

  /** Runs a batch; throws when any case differs, with the first of them. Returns how many differ within the tolerance. */
  function runBatch(names: string[], cases: Uint8Array, ulps: number): number {
    const expected = native.run(cases);
    const actual = unit.run(cases);
    const failures: string[] = [];
    let failed = 0;
    let apart = 0;
    names.forEach((name, i) => {
      const [a, b] = [outcomeAt(expected, i), outcomeAt(actual, i)];
      const found = differences(a, b, ulps);
      if (found.length === 0) {
        if (ulps > 0 && differences(a, b, 0).length > 0) apart++;
        return;
      }
      failed++;
      if (failures.length >= SHOWN) return;
      const { code, state, memory } = caseAt(cases, i);
      const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
      failures.push(
        `${name} ${hex(code)}, state ${hex(state)}, memory ${hex(memory.subarray(0, 10))}:\n    ${found.join("\n    ")}`,
      );
    });
    assert.equal(failed, 0, `${failed} of ${names.length} cases differ, seed ${seed}:\n${failures.join("\n")}`);
    return apart;
  }

  function compareGroup(instructions: readonly Instruction[], count: number, ulps: number): number {
    const random = new Random(seed);
    let apart = 0;
    for (let done = 0; done < count; done += BATCH) {
      const names: string[] = [];
      const cases = new Uint8Array(BATCH * CASE.size);
      for (let i = 0; i < BATCH; i++) {
        const { name, code } = random.pick(instructions);
        names.push(name);
        writeCase(random, cases, i, code);
      }
      apart += runBatch(names, cases, ulps);
    }
    return apart;
  }

  test("arithmetic", (t) => {
    t.diagnostic(`seed ${seed}`);
    compareGroup(arithmetic, 120_000, 0);
  });
  test("loads, stores and moves", () => {
    compareGroup(moves, 80_000, 0);
  });
  test("comparisons", () => {
    compareGroup(comparisons, 40_000, 0);
  });
  test("control instructions and state images", () => {
    compareGroup(control, 20_000, 0);
  });
  // Where results differ, the core has the exact value rounded correctly, and the processor not always.
  test("transcendental functions within one unit in the last place", (t) => {
    const apart = compareGroup(transcendental, 60_000, 1);
    t.diagnostic(`${apart} of 60000 outcomes are not the same`);
    assert.ok(apart < 1000, `${apart} outcomes are not the same`);
  });
  test("FPTAN within one unit in the last place", (t) => {
    const apart = compareGroup(tangent, 20_000, 1);
    t.diagnostic(`${apart} of 20000 outcomes are not the same`);
    assert.ok(apart < 4500, `${apart} outcomes are not the same`);
  });

  /** Signals that a batch of all encodings raises: on the processor, and in the core. */
  function signals(write: typeof writeCase): { name: string; native: number; core: number }[] {
    const random = new Random(seed);
    const cases = new Uint8Array(encodings.length * CASE.size);
    encodings.forEach(({ code }, i) => {
      write(random, cases, i, code);
    });
    const expected = native.run(cases);
    const actual = unit.run(cases);
    return encodings.map(({ name }, i) => ({
      name,
      native: outcomeAt(expected, i).signal,
      core: outcomeAt(actual, i).signal,
    }));
  }

  test("every encoding exists or not as on the processor", () => {
    const all = signals(writeCase);
    assert.deepEqual(
      all.filter((x) => x.native !== x.core),
      [],
    );
    assert.ok(all.some((x) => x.native === SIGILL) && all.some((x) => x.native === 0));
  });

  test("a pending exception stops exactly the instructions that wait", () => {
    const all = signals(writePending);
    assert.deepEqual(
      all.filter((x) => x.native !== x.core),
      [],
    );
    assert.ok(all.some((x) => x.native === SIGFPE) && all.some((x) => x.native === 0));
  });
});
