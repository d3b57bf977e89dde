/**
 * What a user waits for under the debugger, as a DAP client over the built adapter sees it: from F5 to the stop at the
 * reset vector, a single step, and the memory that a boot takes. Alone: `npx tsx bench/startup.ts [PATH OF AN ADAPTER]`.
 */
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { launchProblem } from "../extension/launch-check.ts";
import { busyboxInitramfs, cloudKernel, stockKernel } from "../scripts/guests/guests.ts";
import { Client } from "../test/dap/client.ts";

const ADAPTER = fileURLToPath(new URL("../dist/debug-adapter.js", import.meta.url));
const MEMORY_MIB = 512;
const STARTS = 7;
const STEPS = 4000;
const NEXTS = 90;
/** A boot that takes longer hangs. */
const BOOT_LIMIT_MS = 300_000;

/** Milliseconds. */
interface Start {
  /** Of the extension's own check of the configuration. */
  check: number;
  /** From the start of the adapter's process to its answer to `initialize`, and to the stop. */
  initialized: number;
  stopped: number;
  /** Processor time of the adapter's process up to the stop, all threads together. */
  processor: number;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** What a launch configuration names. */
interface Launch {
  kernel: string;
  initrd: string;
  memory: number;
  boot: "full" | "direct";
}

/** F5 as VS Code does it: check, adapter, `initialize`, `launch`, `configurationDone`; to the `stopped` event. */
async function start(adapter: string, launch: Launch): Promise<Start> {
  const began = performance.now();
  const problem = await launchProblem({ ...launch });
  if (problem !== undefined) throw new Error(problem);
  const check = performance.now() - began;
  const spawned = performance.now();
  const client = new Client(adapter);
  try {
    await client.ask("initialize", { adapterID: "bootscope", clientID: "vscode" });
    const initialized = performance.now() - spawned;
    await Promise.all([client.ask("launch", { ...launch, stopOnEntry: true }), client.event("initialized")]);
    await client.ask("configurationDone");
    await client.stopped();
    const stopped = performance.now() - spawned;
    return { check, initialized, stopped, processor: processorMs(client.pid as number) };
  } finally {
    await client.close();
  }
}

/** Processor time of a process's living threads (kernel Documentation/scheduler/sched-stats.rst, schedstat). */
function processorMs(pid: number): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}

/** What VS Code asks at a stop: the thread, its stack, the scopes, and the values of those that are cheap. */
async function look(client: Client): Promise<void> {
  await client.ask("threads");
  const trace = await client.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", { threadId: 1 });
  const frameId = trace.stackFrames[0]?.id;
  const { scopes } = await client.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId });
  for (const { expensive, variablesReference } of scopes) {
    if (!expensive) await client.ask("variables", { variablesReference });
  }
}

interface Pace {
  what: string;
  /** Milliseconds from the request to the `stopped` event: half of the steps took at most so long, and 99 of 100. */
  median: number;
  slow: number;
  /** Steps a second of the loop's first half, while the adapter still warms up, and of its second half. */
  first: number;
  rate: number;
}

/** One way to step, over and over. */
interface Walk {
  command: "stepIn" | "next";
  granularity?: "instruction";
  looks: boolean;
  steps: number;
}

const WALKS: readonly Walk[] = [
  { command: "stepIn", granularity: "instruction", looks: false, steps: STEPS },
  { command: "stepIn", looks: false, steps: STEPS },
  { command: "stepIn", granularity: "instruction", looks: true, steps: STEPS },
  // Of `next` few: sooner or later it meets a call that does not return.
  { command: "next", granularity: "instruction", looks: false, steps: NEXTS },
];

/** Steps from a phase's first instruction on, in a session of its own. */
async function pace(adapter: string, launch: Launch, phase: string, walk: Walk): Promise<Pace> {
  const { command, granularity, looks, steps } = walk;
  const client = new Client(adapter);
  try {
    await client.launch({ ...launch, stopAt: phase });
    await client.stopped();
    const times: number[] = [];
    const half = async (): Promise<number> => {
      const began = performance.now();
      for (let step = 0; step < steps / 2; step++) {
        const asked = performance.now();
        await client.move(command, granularity === undefined ? {} : { granularity });
        times.push(performance.now() - asked);
        if (looks) await look(client);
      }
      return steps / 2 / ((performance.now() - began) / 1000);
    };
    const [first, rate] = [await half(), await half()];
    times.sort((a, b) => a - b);
    const by = granularity === undefined ? " by line" : " by instruction";
    return {
      what: `\`${command}\`${by}${looks ? ", with what VS Code asks at a stop" : ""}, from phase ${phase}`,
      median: median(times),
      slow: times[Math.floor(steps * 0.99)] ?? NaN,
      first,
      rate,
    };
  } finally {
    client.kill();
  }
}

/** Largest resident size of a process so far, in MiB (proc(5), VmHWM). */
function peakMiB(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  return Number(kib) / 1024;
}

/** Peak memory of the adapter's process in a boot to the first instruction of /init. */
async function memory(adapter: string, launch: Launch): Promise<number> {
  const client = new Client(adapter);
  const timer = setTimeout(() => client.kill(), BOOT_LIMIT_MS);
  try {
    await client.launch({ ...launch, stopAt: "init" });
    await client.stopped();
    return peakMiB(client.pid as number);
  } finally {
    clearTimeout(timer);
    client.kill();
  }
}

const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const spread = (values: readonly number[]): string => `${ms(median(values))} (${ms(Math.min(...values))})`;
const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** A section of the benchmark's report, in Markdown. */
export async function startupRows(adapter: string = ADAPTER): Promise<string> {
  const [cloud, stock, initrd] = [await cloudKernel(), await stockKernel(), await busyboxInitramfs()];
  const guests = [cloud, stock];
  const launchOf = (kernel: string, boot: Launch["boot"]): Launch => ({ kernel, initrd, memory: MEMORY_MIB, boot });

  const starts: string[][] = [];
  for (const boot of ["full", "direct"] as const) {
    const list: Start[] = [];
    for (let run = 0; run < STARTS; run++) list.push(await start(adapter, launchOf(cloud.vmlinuz, boot)));
    const parts: ((one: Start) => number)[] = [
      (one) => one.check,
      (one) => one.initialized,
      (one) => one.stopped - one.initialized,
      (one) => one.check + one.stopped,
      (one) => one.processor,
    ];
    starts.push([
      boot === "full" ? "built-in firmware, to the reset vector" : "direct, to the kernel's entry",
      ...parts.map((part) => spread(list.map(part))),
    ]);
    console.log(starts.at(-1)?.join("  "));
  }

  const steps: string[][] = [];
  for (const [phase, boot] of [
    ["bios", "full"],
    ["decompressor", "direct"],
  ] as const) {
    for (const walk of WALKS) {
      const found = await pace(adapter, launchOf(cloud.vmlinuz, boot), phase, walk);
      const rates = [found.first, found.rate].map((rate) => String(Math.round(rate)));
      steps.push([found.what, ms(found.median), ms(found.slow), ...rates]);
      console.log(steps.at(-1)?.join("  "));
    }
  }

  const peaks: string[][] = [];
  for (const { vmlinuz, version } of guests) {
    const peak = await memory(adapter, launchOf(vmlinuz, "direct"));
    peaks.push([version, String(Math.round(peak)), String(Math.round(peak - MEMORY_MIB))]);
    console.log(peaks.at(-1)?.join("  "));
  }

  return [
    "## Under the debugger",
    `A DAP client over the built adapter: ${STARTS} starts, each in a fresh process, as "median (fastest)"; ${STEPS} steps in a row.`,
    table(
      [
        "start (cloud kernel, initramfs)",
        "check",
        "adapter answers",
        "launch to stop",
        "process to stop",
        "F5 to stop",
      ],
      starts,
    ),
    table(["step", "median", "99 of 100", "steps a second, first half", "second half"], steps),
    table([`peak memory to /init, ${MEMORY_MIB} MiB of RAM`, "MiB", "beyond RAM"], peaks),
  ].join("\n\n");
}

if (process.argv[1] === import.meta.filename) {
  console.log(await startupRows(path.resolve(process.argv[2] ?? ADAPTER)));
}
