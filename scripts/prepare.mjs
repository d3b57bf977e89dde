/** What both `npm start` and `npm test` need before TypeScript can run: packages, Debian tools, the build. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

export const root = path.resolve(import.meta.dirname, "..");

const [major] = process.versions.node.split(".").map(Number);
if (major < 20) {
  console.error(`Node ${process.versions.node} is too old: Bootscope needs 20 or newer.`);
  process.exit(2);
}

/** Runs a command with its output on ours; ends this process when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) {
    console.error(`${command}: ${result.error.message}`);
    process.exit(2);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Installs npm packages unless the lock file's are there already. */
export function installPackages() {
  if (!existsSync(path.join(root, "node_modules/.package-lock.json"))) run("npm", ["ci", "--no-audit", "--no-fund"]);
}

/**
 * Makes sure that Debian's commands are there: installs their packages when root, else says what is missing.
 * @param {Record<string, string>} commands package by command
 */
export function needCommands(commands) {
  // Ordinary users have no sbin in their PATH, but may run what lies there.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const missing = Object.entries(commands).filter(([command]) => spawnSync("which", [command], { env }).status !== 0);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))];
  if (process.getuid?.() !== 0 || spawnSync("which", ["apt-get"]).status !== 0) {
    console.error(`Missing: ${missing.map(([command]) => command).join(", ")}. Install ${packages.join(" ")} first.`);
    process.exit(2);
  }
  console.log(`Installing ${packages.join(" ")}`);
  const quiet = { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
  execFileSync("apt-get", ["update", "-qq"], quiet);
  execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], quiet);
}

export function build() {
  needCommands({ as: "binutils", ld: "binutils", objcopy: "binutils" });
  run(process.execPath, ["--import", "tsx", "scripts/build.ts"]);
}
