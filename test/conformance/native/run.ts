/**
 * Conformance by hand: `npx tsx test/conformance/native/run.ts --seed 7 --instructions 100000 --kind x87 --mode 64`.
 * Prints each kind of mismatch once, reduced; exit code 1 when there is any.
 */
import { parseArgs } from "node:util";
import { runCampaign } from "./campaign.ts";
import { createCoreMachine } from "./core-machine.ts";
import { BATCH, KINDS } from "./generator.ts";
import { MODE_BITS, type Mode } from "./case.ts";
import { buildHarness, runNative } from "./native.ts";
import { describe, type Machine } from "./report.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    instructions: { type: "string", default: "1000000" },
    from: { type: "string", default: "0" },
    kind: { type: "string" },
    mode: { type: "string" },
    failures: { type: "string", default: "20" },
    full: { type: "boolean", default: false },
    itself: { type: "boolean", default: false },
    translated: { type: "boolean", default: false },
  },
});

const kind = values.kind === undefined ? undefined : KINDS.find((name) => name === values.kind);
if (values.kind !== undefined && !kind) throw new Error(`--kind ${values.kind}: expected one of ${KINDS.join(", ")}`);
const mode = values.mode === undefined ? undefined : MODE_BITS.findIndex((bits) => bits === Number(values.mode));
if (mode === -1) throw new Error(`--mode ${values.mode}: expected 16, 32 or 64`);

const harness = buildHarness();
const native: Machine = (image, cases) => runNative(harness, image, cases);
const core = values.itself ? native : await createCoreMachine(values.translated);
const started = performance.now();
const result = runCampaign(
  {
    seed: Number(values.seed),
    instructions: Number(values.instructions),
    from: Math.floor(Number(values.from) / BATCH) * BATCH,
    kind,
    mode: mode as Mode | undefined,
    failures: Number(values.failures),
  },
  native,
  core,
);
for (const group of result.groups) {
  console.log(`\n== ${group.signature}, ${group.count} times, first case ${group.number}`);
  console.log(describe(group.example, group.image, values.full));
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
const vectors = [...result.vectors].sort((a, b) => a[0] - b[0]).map(([vector, count]) => `${vector}: ${count}`);
console.log(
  `\nseed ${values.seed}: ${result.cases} cases, ${result.instructions} instructions, ${seconds} s; ends by exception ${vectors.join(", ")}`,
);
process.exitCode = result.groups.length > 0 ? 1 : 0;
