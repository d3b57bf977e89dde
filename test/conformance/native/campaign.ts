/** Runs cases on both machines until enough instructions have been executed, and collects what differs. */
import { BATCH, batchImage, makeCase, type Kind } from "./generator.ts";
import { compare, executed, EXACT, type Tolerance } from "./compare.ts";
import { disassemble, shrink, type Failure, type Machine } from "./report.ts";
import type { Mode } from "./case.ts";

export interface CampaignOptions {
  seed: number;
  /** Executed instructions to reach, counted where the case certainly ran them. */
  instructions: number;
  /** First case number; a multiple of BATCH. */
  from: number;
  kind: Kind | undefined;
  mode: Mode | undefined;
  /** Stop after so many kinds of failures, or three times as many failures. */
  failures: number;
}

/** Failures that shrank to the same instructions. */
export interface FailureGroup {
  signature: string;
  count: number;
  /** Number of the first case of the group. */
  number: number;
  example: Failure;
  image: Uint8Array;
}

export interface CampaignResult {
  cases: number;
  instructions: number;
  groups: FailureGroup[];
  /** How many cases ended by each exception vector, natively. */
  vectors: Map<number, number>;
}

const TOLERANCES: Partial<Record<Kind, Tolerance>> = {
  "x87-transcendental": { x87Units: 2, single: 0 },
  "sse-approximate": { x87Units: 0, single: 0 },
};

function signatureOf(failure: Failure): string {
  const names = disassemble(failure.test).map((line) => line.slice(57).split(" ")[0] ?? "");
  const last = names.at(-1) ?? "nothing";
  return `${last} (${failure.differences
    .map(({ what }) => (/^r[0-9a-ds]/.test(what) && what !== "rip" ? "gpr" : what.replace(/[0-9].*/, "")))
    .sort()
    .join(" ")})`;
}

/** Runs a campaign; `progress` is called after each batch. */
export function runCampaign(
  options: CampaignOptions,
  native: Machine,
  core: Machine,
  progress: (result: CampaignResult) => void = () => undefined,
): CampaignResult {
  const tolerance = (options.kind && TOLERANCES[options.kind]) ?? EXACT;
  const result: CampaignResult = { cases: 0, instructions: 0, groups: [], vectors: new Map() };
  let failed = 0;
  for (let from = options.from; result.instructions < options.instructions; from += BATCH) {
    const image = batchImage(options.seed, from / BATCH);
    const cases = Array.from({ length: BATCH }, (_, i) => makeCase(options.seed, from + i, options.kind, options.mode));
    const expected = native(image, cases);
    const found = core(image, cases);
    for (const [i, test] of cases.entries()) {
      const a = expected[i];
      const b = found[i];
      if (!a || !b) throw new Error(`case ${from + i} has no outcome`);
      result.instructions += executed(test, a);
      result.vectors.set(a.vector, (result.vectors.get(a.vector) ?? 0) + 1);
      const differences = compare(test, a, b, image, tolerance);
      if (differences.length === 0) continue;
      const example = shrink({ test, differences, native: a, core: b }, image, native, core, tolerance);
      const signature = signatureOf(example);
      const group = result.groups.find((other) => other.signature === signature);
      if (group) group.count++;
      else result.groups.push({ signature, count: 1, number: from + i, example, image });
      if (result.groups.length >= options.failures || ++failed >= 3 * options.failures) {
        result.cases += i + 1;
        return result;
      }
    }
    result.cases += BATCH;
    progress(result);
  }
  return result;
}
