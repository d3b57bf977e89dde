/**
 * Tests in a real VS Code: suites with its API (`@vscode/test-electron`), then clicks and keys in its window. The web
 * workbench of scripts/workbench stands in for the desktop unless BOOTSCOPE_VSCODE names an executable. The last line is
 * `N passed, N failed`. Wants the build in dist/.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { runTests } from "@vscode/test-electron";
import { build } from "esbuild";
import { BUILD, makeWorkspace, ROOT } from "./workspace.ts";

interface Counts {
  passed: number;
  failed: number;
}

async function bundleSuites(): Promise<string> {
  const outfile = path.join(BUILD, "suite.cjs");
  await build({
    entryPoints: [path.join(ROOT, "test/vscode/suite/index.ts")],
    bundle: true,
    outfile,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["vscode", "mocha"],
    // The guests' makers are shared with programs that are ES modules.
    define: { "import.meta.url": "__filename", "import.meta.dirname": "__dirname" },
    logLevel: "warning",
  });
  return outfile;
}

async function runSuites(): Promise<Counts> {
  const results = path.join(BUILD, "results.json");
  await rm(results, { force: true });
  const { folder } = await makeWorkspace("suite");
  // Failing tests end in an error, too; the results tell them from a workbench that did not come up.
  const error = await runTests({
    vscodeExecutablePath: process.env["BOOTSCOPE_VSCODE"] ?? path.join(ROOT, "scripts/workbench/code"),
    extensionDevelopmentPath: ROOT,
    extensionTestsPath: await bundleSuites(),
    launchArgs: [
      folder,
      `--user-data-dir=${path.join(BUILD, "user")}`,
      `--extensions-dir=${path.join(BUILD, "no-extensions")}`,
    ],
    extensionTestsEnv: { BOOTSCOPE_RESULTS: results },
  }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!existsSync(results)) throw error instanceof Error ? error : new Error("The suites wrote no results.");
  return JSON.parse(await readFile(results, "utf8")) as Counts;
}

/** Runs clicks and keys under node:test and counts what it says. */
async function runClicks(name: string): Promise<Counts> {
  const command = ["--import", "tsx", "--test", "--test-reporter=tap", path.join(ROOT, "test/vscode", `${name}.ts`)];
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    process.stdout.write(chunk);
  });
  await new Promise((resolve) => child.once("close", resolve));
  const number = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
  const counts = { passed: number("pass"), failed: number("fail") };
  return counts.passed === 0 ? { passed: 0, failed: Math.max(1, counts.failed) } : counts;
}

await mkdir(BUILD, { recursive: true });
const wanted = process.argv.slice(2);
const counts: Counts[] = [];
if (wanted.length === 0 || wanted.includes("suites")) counts.push(await runSuites());
for (const name of ["clicks", "full-boot", "artefacts", "depth", "panels"]) {
  if (wanted.length === 0 || wanted.includes(name)) counts.push(await runClicks(name));
}
const sum = (key: keyof Counts): number => counts.reduce((total, count) => total + count[key], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
process.exitCode = sum("failed") > 0 ? 1 : 0;
