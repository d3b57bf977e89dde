/** Starts the VS Code server of a {@link Workbench} on a free port of this machine, with a throw-away home unless given. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Workbench } from "./install.ts";

export interface ServerOptions {
  /** Keeps settings and state; a temporary folder otherwise. */
  userDataDirectory?: string;
  /** Installed extensions; a temporary folder otherwise. */
  extensionsDirectory?: string;
  /** Written before the start unless there are settings already; extends {@link QUIET_SETTINGS}. */
  settings?: Record<string, unknown>;
  /** Lets tests in the extension host report back through the page. */
  smokeTestDriver?: boolean;
  environment?: NodeJS.ProcessEnv;
  log?: (line: string) => void;
}

export interface Server {
  /** "127.0.0.1:PORT" */
  host: string;
  /** Resolves when the server ends by itself or is stopped. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

/** A workbench without welcome pages, update checks and other things that need the network. */
export const QUIET_SETTINGS: Record<string, unknown> = {
  "workbench.startupEditor": "none",
  "workbench.enableExperiments": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.tips.enabled": false,
  "window.autoDetectColorScheme": false,
  "window.confirmBeforeClose": "never",
  "telemetry.telemetryLevel": "off",
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "chat.disableAIFeatures": true,
  "chat.commandCenter.enabled": false,
  "git.enabled": false,
  "security.workspace.trust.enabled": false,
};

export async function startServer(workbench: Workbench, options: ServerOptions): Promise<Server> {
  const temporary = await mkdtemp(path.join(tmpdir(), "bootscope-workbench-"));
  const userData = options.userDataDirectory ?? path.join(temporary, "user");
  await writeSettings(userData, { ...QUIET_SETTINGS, ...options.settings });
  const environment: NodeJS.ProcessEnv = { ...process.env, HOME: temporary, ...options.environment };
  // Set when this runs inside another VS Code or under tsx; they would leak into the extension host.
  for (const name of ["NODE_OPTIONS", "VSCODE_IPC_HOOK_CLI", "ELECTRON_RUN_AS_NODE"]) delete environment[name];
  const child = spawn(
    workbench.node,
    [
      path.join(workbench.vscode, "out/server-main.js"),
      ...["--host", "127.0.0.1", "--port", "0", "--without-connection-token", "--accept-server-license-terms"],
      ...["--telemetry-level", "off", "--disable-workspace-trust", "--reconnection-grace-time", "5"],
      ...["--server-data-dir", path.join(temporary, "server"), "--user-data-dir", userData],
      ...["--extensions-dir", options.extensionsDirectory ?? path.join(temporary, "extensions")],
      ...(options.smokeTestDriver === true ? ["--enable-smoke-test-driver"] : []),
    ],
    { env: environment, stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    await end(child, ended);
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const port = await listening(child, options.log);
    return { host: `127.0.0.1:${port}`, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function writeSettings(userData: string, settings: Record<string, unknown>): Promise<void> {
  const folder = path.join(userData, "User");
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, "settings.json");
  if (!existsSync(file)) await writeFile(file, JSON.stringify(settings, undefined, 2));
}

function listening(child: ChildProcess, log: ((line: string) => void) | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      log?.(chunk.toString().trimEnd());
      const port = /Extension host agent listening on (\d+)/.exec(output)?.[1];
      if (port !== undefined) resolve(port);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`VS Code's server ended with code ${code}:\n${output}`)));
  });
}

/** Asks the process to end, and forces it after five seconds. */
async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 5000);
  await ended;
  clearTimeout(force);
}

/** What the address of a workbench window says. */
export interface WindowOptions {
  /** Absolute path of a folder, or of a .code-workspace file. */
  folder?: string;
  extensionDevelopmentPaths?: string[];
  /** A module with `run(): Promise<void>`, run in the extension host. */
  extensionTestsPath?: string;
}

export function windowUrl(host: string, options: WindowOptions): string {
  const remote = (file: string): string => `vscode-remote://${host}${file}`;
  const payload: [string, string][] = [
    ["skipWelcome", "true"],
    ["skipReleaseNotes", "true"],
  ];
  for (const folder of options.extensionDevelopmentPaths ?? [])
    payload.push(["extensionDevelopmentPath", remote(folder)]);
  if (options.extensionTestsPath !== undefined)
    payload.push(["extensionTestsPath", remote(options.extensionTestsPath)]);
  const url = new URL(`http://${host}/`);
  if (options.folder === undefined) url.searchParams.set("ew", "true");
  else url.searchParams.set(options.folder.endsWith(".code-workspace") ? "workspace" : "folder", options.folder);
  url.searchParams.set("payload", JSON.stringify(payload));
  return url.href;
}
