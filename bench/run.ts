/**
 * `npm run bench`: runs the same guests in this project and in other emulators, one after the other, prints a table, and
 * writes it to bench/results.md. What stands there from "## History" on is kept. docs/benchmarks.md explains the figures.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { format, resolveConfig } from "prettier";
import { breakpointRows } from "./breakpoints.ts";
import { CMDLINE, engines, MEMORY_MIB, type Engine, type EngineName } from "./engines.ts";
import { measure, type Moment } from "./measure.ts";
import { parseOptions, usage, type BenchOptions } from "./options.ts";
import { boundsTable, table, type Cell } from "./report.ts";
import { startupRows } from "./startup.ts";
import { WORKLOADS, type Workload } from "./workloads.ts";

const root = path.resolve(import.meta.dirname, "..");
const RESULTS = path.join(import.meta.dirname, "results.md");
const HISTORY = "## History";
/** No further run of an engine in a workload that has taken so many seconds: long runs vary less. */
const ENOUGH_SECONDS = 30;

/** Measurements of this project alone, each a section of the results. */
const SECTIONS: Readonly<Record<string, () => Promise<string>>> = {
  breakpoints: breakpointRows,
  startup: () => startupRows(),
};

function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").trim();
}

function least(one: Moment | undefined, other: Moment): Moment {
  if (!one) return other;
  return {
    wall: Math.min(one.wall, other.wall),
    user: Math.min(one.user, other.user),
    ...(other.instructions === undefined ? {} : { instructions: other.instructions }),
  };
}

/** From one moment (or the start) to another. */
function between(from: Moment | undefined, to: Moment): Moment {
  const begin = from ?? { wall: 0, user: 0, instructions: 0 };
  const counted = to.instructions !== undefined && begin.instructions !== undefined;
  return {
    wall: to.wall - begin.wall,
    user: to.user - begin.user,
    ...(counted ? { instructions: to.instructions! - begin.instructions! } : {}),
  };
}

/** All engines in one workload; they take turns, so that a busy spell of the machine does not hit one alone. */
async function runWorkload(
  workload: Workload,
  contenders: ReadonlyMap<EngineName, Engine | string>,
  options: BenchOptions,
): Promise<Cell[]> {
  const names = workload.engines.filter((name) => contenders.has(name));
  if (names.length === 0) return [];
  const guest = await workload.guest().catch(reason);
  const markers = [...new Set(workload.segments.flatMap(({ from, to }) => (from === undefined ? [to] : [from, to])))];
  const states = names.map((name) => ({ name, runs: 0, spent: 0, failure: "", took: new Map<string, Moment>() }));
  for (let round = 0; round < options.runs; round++) {
    for (const state of states) {
      if (typeof guest === "string") {
        state.failure = guest;
        continue;
      }
      const engine = contenders.get(state.name)!;
      if (typeof engine === "string") {
        state.failure = engine;
        continue;
      }
      if (state.failure !== "" || state.spent >= ENOUGH_SECONDS) continue;
      const scratch = await mkdtemp(path.join(os.tmpdir(), "bootscope-bench-"));
      try {
        const launch = await engine.launch(guest, markers, scratch);
        const moments = await measure(launch, markers, options.limitSeconds);
        for (const { title, from, to } of workload.segments) {
          const begin = from === undefined ? undefined : moments.get(from)!;
          state.took.set(title, least(state.took.get(title), between(begin, moments.get(to)!)));
        }
        const { wall, user } = moments.get(markers.at(-1))!;
        state.runs++;
        state.spent += wall;
        console.log(`  ${engine.title}: ${wall.toFixed(1)} s wall, ${user.toFixed(1)} s user`);
      } catch (error) {
        state.failure = reason(error);
        console.log(`  ${engine.title}: ${state.failure}`);
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    }
  }
  const all = engines(options.program ?? "");
  return workload.segments.flatMap(({ title: segment }) =>
    states.map(({ name, runs, failure, took }) => {
      const figures = took.get(segment);
      return {
        segment,
        engine: name,
        title: all[name].title,
        runs,
        ...(figures ? { took: figures } : {}),
        ...(failure === "" ? {} : { failure }),
      };
    }),
  );
}

interface Report {
  versions: readonly string[];
  /** At the start. */
  load: number;
  cells: readonly Cell[];
  sections: readonly string[];
}

function markdown({ versions, load, cells, sections }: Report): string {
  const bounds = boundsTable(cells);
  return `# Benchmark

Written by \`npm run bench\`; docs/benchmarks.md says how it measures. Seconds are the least of the runs, user seconds the
processor time of all of an emulator's threads. Direct boots have the command line \`${CMDLINE}\`; guests have ${MEMORY_MIB} MiB.

- ${new Date().toISOString().slice(0, 10)}
- ${os.cpus().length} × ${os.cpus()[0]?.model.trim() ?? "unknown processor"}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, load average ${load.toFixed(1)} at the start and ${(os.loadavg()[0] ?? 0).toFixed(1)} at the end
- ${os.type()} ${os.release()}; Node ${process.version}
${versions.map((version) => `- ${version}\n`).join("")}
${cells.length > 0 ? `## Workloads and engines\n\n${table(cells)}\n` : ""}
${bounds === undefined ? "" : `## Bounds\n\n${bounds}\n`}
${sections.join("\n\n")}
`;
}

async function main(options: BenchOptions): Promise<void> {
  const load = os.loadavg()[0] ?? 0;
  if (options.program === undefined) {
    execFileSync(process.execPath, ["--import", "tsx", path.join(root, "scripts/build.ts")], {
      cwd: root,
      stdio: "inherit",
    });
  }
  const wanted = (name: string): boolean => options.only?.includes(name) ?? true;
  const all = engines(options.program ?? path.join(root, "dist/bootscope.js"));
  const versions: string[] = [];
  const contenders = new Map<EngineName, Engine | string>();
  for (const name of options.engines) {
    const engine = all[name];
    try {
      const version = await engine.version();
      if (!versions.includes(version)) versions.push(version);
      contenders.set(name, engine);
    } catch (error) {
      const missing = `${engine.title} is not installed (${reason(error)})`;
      console.log(missing);
      contenders.set(name, missing);
      versions.push(missing);
    }
  }
  const cells: Cell[] = [];
  for (const [name, workload] of Object.entries(WORKLOADS)) {
    if (!wanted(name)) continue;
    console.log(`${workload.title}:`);
    cells.push(...(await runWorkload(workload, contenders, options)));
  }
  const sections: string[] = [];
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (!wanted(name)) continue;
    console.log(`${name}:`);
    sections.push(await section().catch((error: unknown) => `## ${name}\n\nNo figures: ${reason(error)}`));
  }
  const settings = { ...(await resolveConfig(RESULTS)), parser: "markdown" };
  const report = markdown({ versions, load, cells, sections });
  console.log(`\n${await format(report, settings)}`);
  if (options.only !== undefined || options.engines.length < Object.keys(all).length) return;
  const old = existsSync(RESULTS) ? readFileSync(RESULTS, "utf8") : "";
  const history = old.includes(HISTORY) ? old.slice(old.indexOf(HISTORY)) : `${HISTORY}\n`;
  writeFileSync(RESULTS, await format(`${report}\n${history}`, settings));
}

const parts = [...Object.keys(WORKLOADS), ...Object.keys(SECTIONS)];
let options: BenchOptions | "help" | undefined;
try {
  options = parseOptions(process.argv.slice(2), parts);
} catch (error) {
  console.error(`${reason(error)} See --help.`);
  process.exitCode = 2;
}
if (options === "help") console.log(usage(parts));
else if (options) await main(options);
