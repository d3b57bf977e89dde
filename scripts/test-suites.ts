/**
 * Runs the test suites, two at a time, and adds up what they counted. Arguments name suites to run; `--list` shows
 * them. The last line is `N passed, N failed`.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const LANES = 2;
/** A suite that takes longer hangs. */
const LIMIT_MS = 25 * 60_000;

/** All test files below folders. */
function testFiles(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => path.join(folder, name)),
  );
}

interface Suite {
  name: string;
  command: string[];
}

function nodeTest(files: string[]): string[] {
  // Without files node:test looks for some by itself, this runner's own included.
  if (files.length === 0) throw new Error("A suite has no test files.");
  return [process.execPath, "--import", "tsx", "--test", "--test-concurrency=1", "--test-reporter=tap", ...files];
}

/** Boots of more than five thousand million instructions each: a suite of their own, so that the lanes stay even. */
const LONG_BOOTS = /(installer|i686)\.test\.ts$/;

/** Longest first, so that the lanes end together. */
const SUITES: Suite[] = [
  { name: "boots", command: nodeTest(testFiles("test/boots").filter((file) => !LONG_BOOTS.test(file))) },
  { name: "disk-boots", command: nodeTest(testFiles("test/disk-boots")) },
  { name: "long-boots", command: nodeTest(testFiles("test/boots").filter((file) => LONG_BOOTS.test(file))) },
  { name: "conformance", command: nodeTest(testFiles("test/conformance")) },
  { name: "vscode", command: [process.execPath, "--import", "tsx", "test/vscode/run.ts"] },
  { name: "firmware", command: nodeTest(testFiles("test/firmware")) },
  { name: "system", command: nodeTest(testFiles("test/system")) },
  { name: "gdb", command: nodeTest(testFiles("test/gdb")) },
  { name: "dap", command: nodeTest(testFiles("test/dap")) },
  { name: "sse", command: nodeTest(testFiles("test/sse")) },
  { name: "x87", command: nodeTest(testFiles("test/x87")) },
  { name: "formats", command: nodeTest(testFiles("test/formats")) },
  { name: "webview", command: nodeTest(testFiles("test/webview")) },
  {
    name: "unit",
    command: nodeTest(testFiles("boot-formats", "emulator", "debug-adapter", "extension", "scripts", "webview")),
  },
];

/** Not part of a whole run: by name only. */
const SLOW_SUITES: Suite[] = [
  { name: "slow-boots", command: nodeTest(testFiles("test/slow-boots")) },
  { name: "slow-formats", command: nodeTest(testFiles("test/slow-formats")) },
];

interface Outcome {
  passed: number;
  failed: number;
}

function runSuite(suite: Suite): Promise<Outcome> {
  const began = Date.now();
  console.log(`[${suite.name}] started`);
  return new Promise((resolve) => {
    const [command, ...args] = suite.command as [string, ...string[]];
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let line = "";
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      line += chunk.toString();
      const lines = line.split("\n");
      line = lines.pop() ?? "";
      for (const text of lines) {
        if (/^(not )?ok \d+ /.test(text)) console.log(`[${suite.name}] ${text}`);
        if (/# SKIP/.test(text)) console.log(`[${suite.name}] ${text.trim()}`);
      }
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const timer = setTimeout(() => {
      output += `\n[${suite.name}] stopped after ${LIMIT_MS / 60_000} minutes\n`;
      child.kill("SIGKILL");
    }, LIMIT_MS);
    child.on("close", (code) => {
      clearTimeout(timer);
      const outcome = count(output, code);
      const seconds = Math.round((Date.now() - began) / 1000);
      if (outcome.failed > 0) console.log(output);
      console.log(`[${suite.name}] ${outcome.passed} passed, ${outcome.failed} failed in ${seconds} s`);
      resolve(outcome);
    });
  });
}

/** Reads a runner's closing counts: node:test's (TAP) or the plain line. */
function count(output: string, code: number | null): Outcome {
  const plain = /(\d+) passed, (\d+) failed\s*$/.exec(output);
  const passed = Number(plain?.[1] ?? /^# pass (\d+)$/m.exec(output)?.[1] ?? 0);
  const failed = Number(plain?.[2] ?? /^# fail (\d+)$/m.exec(output)?.[1] ?? 0);
  // A runner that died, or ran nothing, has not passed.
  return code === 0 && passed > 0 ? { passed, failed } : { passed, failed: Math.max(1, failed) };
}

const wanted = process.argv.slice(2);
if (wanted.includes("--list")) {
  for (const suite of SUITES) console.log(suite.name);
  for (const suite of SLOW_SUITES) console.log(`${suite.name} (only when named)`);
} else {
  const all = [...SUITES, ...SLOW_SUITES];
  const unknown = wanted.filter((name) => !all.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(`No suite "${unknown[0]}"; expected one of ${all.map((suite) => suite.name).join(", ")}.`);
    process.exit(2);
  }
  const queue = wanted.length === 0 ? [...SUITES] : all.filter((suite) => wanted.includes(suite.name));
  const total: Outcome = { passed: 0, failed: 0 };
  const lane = async (): Promise<void> => {
    for (let suite = queue.shift(); suite; suite = queue.shift()) {
      const outcome = await runSuite(suite);
      total.passed += outcome.passed;
      total.failed += outcome.failed;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}
