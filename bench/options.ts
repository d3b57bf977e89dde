/** Arguments of the benchmark. */
import { parseArgs } from "node:util";
import { ENGINE_NAMES, type EngineName } from "./engines.ts";

export interface BenchOptions {
  /** Workloads and sections to run; all when undefined. */
  only: readonly string[] | undefined;
  engines: readonly EngineName[];
  /** At most so many runs of each engine in each workload. */
  runs: number;
  /** A single run that takes longer hangs. */
  limitSeconds: number;
  /** Another bootscope.js than the one that is built first. */
  program: string | undefined;
}

export function usage(parts: readonly string[]): string {
  return `Usage: npm run bench -- [options]

  --only NAME,…    parts: ${parts.join(", ")}
  --engines NAME,… engines: ${ENGINE_NAMES.join(", ")}
                   (results.md is written by whole runs alone, without these two)
  --runs N         at most so many runs each (default 3); the least time counts
  --limit SECONDS  of a single run (default 600)
  --program FILE   measure this bootscope.js instead of building one`;
}

function names<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  return text.split(",").map((name) => {
    const found = known.find((one) => one === name);
    if (found === undefined) throw new RangeError(`${option} names "${name}": ${known.join(", ")} are known.`);
    return found;
  });
}

function positive(option: string, text: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(text)) throw new RangeError(`${option} is "${text}": a whole number was expected.`);
  return Number(text);
}

/** Throws RangeError with one sentence, or what parseArgs throws, on bad arguments. */
export function parseOptions(argv: readonly string[], parts: readonly string[]): BenchOptions | "help" {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: "string" },
      engines: { type: "string" },
      runs: { type: "string", default: "3" },
      limit: { type: "string", default: "600" },
      program: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return "help";
  return {
    only: values.only === undefined ? undefined : names("--only", values.only, parts),
    engines: values.engines === undefined ? ENGINE_NAMES : names("--engines", values.engines, ENGINE_NAMES),
    runs: positive("--runs", values.runs),
    limitSeconds: positive("--limit", values.limit),
    program: values.program,
  };
}
