import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { randomInt } from "node:crypto";
import { test, type TestContext } from "node:test";
import { runCampaign, type CampaignOptions, type CampaignResult } from "./campaign.ts";
import { createCoreMachine } from "./core-machine.ts";
import { buildHarness, runNative } from "./native.ts";
import { describe, disassemble, type Machine } from "./report.ts";

/** Why the comparison cannot be made here, or false. */
function obstacle(): string | false {
  if (process.platform !== "linux" || process.arch !== "x64") return "needs Linux on x86-64";
  if (!readFileSync("/proc/cpuinfo", "latin1").includes("AuthenticAMD")) {
    return "needs an AMD processor: where the manuals leave a choice, the core does as AMD's do";
  }
  return false;
}
const skip = obstacle();
const options = { skip, timeout: 600_000 };

/** Another one by BOOTSCOPE_SEED, a fresh one by BOOTSCOPE_SEED=random; printed with each test. */
const wanted = process.env["BOOTSCOPE_SEED"] ?? "20261121";
const seed = wanted === "random" ? randomInt(2 ** 31) : Number(wanted);
const campaign = (changes: Partial<CampaignOptions>): CampaignOptions => ({
  seed, instructions: 40_000, from: 0, kind: undefined, mode: undefined, failures: 5, ...changes,
}); // prettier-ignore

function nativeMachine(): Machine {
  const harness = buildHarness();
  return (image, cases) => runNative(harness, image, cases);
}

function expectNone(context: TestContext, result: CampaignResult): void {
  context.diagnostic(`seed ${seed}: ${result.cases} cases, ${result.instructions} instructions`);
  const found = result.groups.map(({ number, example, image }) => `case ${number}: ${describe(example, image, true)}`);
  assert.equal(result.groups.length, 0, `seed ${seed}\n${found.join("\n\n")}`);
}

test("the harness gives the same outcomes twice", options, (context) => {
  const native = nativeMachine();
  expectNone(context, runCampaign(campaign({}), native, native));
});

test("a wrong result is found, and reduced to the instruction that gave it", options, () => {
  const native = nativeMachine();
  const popcnt = (code: Uint8Array): boolean =>
    code.some((byte, i) => byte === 0xf3 && code[i + 1] === 0x0f && code[i + 2] === 0xb8);
  const wrong: Machine = (image, cases) => {
    const outcomes = native(image, cases);
    for (const [i, outcome] of outcomes.entries()) {
      if (popcnt(cases[i]?.code ?? new Uint8Array())) outcome.flags ^= 1;
    }
    return outcomes;
  };
  const result = runCampaign(campaign({ kind: "integer", failures: 1 }), native, wrong);
  const [group] = result.groups;
  assert.ok(group, "nothing was found");
  assert.deepEqual(
    group.example.differences.map((difference) => difference.what),
    ["eflags"],
  );
  const lines = disassemble(group.example.test);
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0] ?? "", /popcnt/);
});

test("a million random instructions of user mode leave the core in the processor's state", options, async (context) => {
  expectNone(context, runCampaign(campaign({ instructions: 1_000_000 }), nativeMachine(), await createCoreMachine()));
});

test("so do two hundred thousand that run translated", options, async (context) => {
  const translated = await createCoreMachine(true);
  expectNone(context, runCampaign(campaign({ instructions: 200_000 }), nativeMachine(), translated));
});

for (const kind of ["x87-transcendental", "sse-approximate"] as const) {
  test(`${kind} results are those of the processor, within their tolerance`, options, async (context) => {
    const result = runCampaign(campaign({ kind, instructions: 20_000 }), nativeMachine(), await createCoreMachine());
    expectNone(context, result);
  });
}
