/** Makes, completes and checks launch configurations of type `bootscope`. */
import path from "node:path";
import * as vscode from "vscode";
import type { LaunchArguments } from "../debug-adapter/protocol.ts";
import { findGuestFiles, matchingInitrd } from "./guest-files.ts";
import { launchProblem } from "./launch-check.ts";
import { DEBUG_TYPE } from "./session-hub.ts";

type BootConfiguration = vscode.DebugConfiguration & Partial<LaunchArguments>;

const MEMORY = { memory: 512 };
const CMDLINE = { cmdline: "console=ttyS0" };

export class LaunchConfigurationProvider implements vscode.DebugConfigurationProvider {
  /** For a new launch.json, and for the list of the Run view: one configuration per kernel found. */
  async provideDebugConfigurations(folder: vscode.WorkspaceFolder | undefined): Promise<vscode.DebugConfiguration[]> {
    const { kernels, initrds, cds, disks } = await findGuestFiles(folder);
    const name = (file: string): string => `Boot ${path.basename(file)}`;
    const found = [
      ...kernels.map((kernel) => {
        const initrd = matchingInitrd(kernel, initrds);
        return configuration(
          name(kernel),
          kernelAttributes(inFolder(folder, kernel), initrd && inFolder(folder, initrd)),
        );
      }),
      ...cds.map((cd) => configuration(name(cd), { cdrom: inFolder(folder, cd) })),
      ...disks.map((disk) => configuration(name(disk), { disks: [inFolder(folder, disk)] })),
    ];
    return found.length > 0 ? found : [demoConfiguration()];
  }

  /** F5 without a launch.json comes with an empty configuration. */
  async resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    given: BootConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    let config = given;
    if (!BOOTABLE.some((name) => config[name] !== undefined)) {
      const { kernels, initrds } = await findGuestFiles(folder);
      const kernel = kernels.length > 1 ? await chooseKernel(kernels) : kernels[0];
      if (kernel === undefined) {
        if (kernels.length > 0) return undefined;
        // Nothing of the user's to boot: the built-in demonstration shows what there is to see.
        config = { ...demoConfiguration(), ...withoutEmpty(config) };
      } else {
        const initrd = config.initrd ?? matchingInitrd(kernel, initrds);
        const found = configuration(`Boot ${path.basename(kernel)}`, kernelAttributes(kernel, initrd));
        config = { ...found, ...withoutEmpty(config), kernel };
      }
    }
    return {
      ...MEMORY,
      ...(config.kernel === undefined ? {} : CMDLINE),
      // The guest's own console is the one to see first.
      internalConsoleOptions: "neverOpen",
      ...config,
    };
  }

  /** Says what is wrong with a launch in one sentence before anything starts. */
  async resolveDebugConfigurationWithSubstitutedVariables(
    folder: vscode.WorkspaceFolder | undefined,
    config: BootConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    const resolved = withAbsolutePaths(config, folder?.uri.fsPath ?? "/");
    const problem = await launchProblem(resolved);
    if (problem === undefined) return resolved;
    void reportProblem(problem);
    return undefined;
  }
}

/** Attributes that say what is booted: with none of them something has to be found. */
const BOOTABLE = ["kernel", "disks", "cdrom", "demo"] as const;

function configuration(name: string, attributes: LaunchArguments): BootConfiguration {
  return { type: DEBUG_TYPE, request: "launch", name, ...attributes, ...MEMORY, stopOnEntry: true };
}

export const demoConfiguration = (): BootConfiguration => configuration("Bootscope: built-in demo", { demo: true });

const kernelAttributes = (kernel: string, initrd: string | undefined): LaunchArguments => ({
  kernel,
  ...(initrd !== undefined && { initrd }),
  ...CMDLINE,
});

/** Paths are relative to the folder. What is no path is left as it is, for the check to name. */
function withAbsolutePaths(config: BootConfiguration, folder: string): BootConfiguration {
  const absolute = <T>(file: T): T | string =>
    typeof file === "string" && file !== "" ? path.resolve(folder, file) : file;
  const within = (entry: unknown): unknown =>
    typeof entry === "object" && entry !== null && "file" in entry ? { ...entry, file: absolute(entry.file) } : entry;
  const each = (value: unknown): unknown =>
    Array.isArray(value) ? value.map((entry: unknown) => within(absolute(entry))) : absolute(value);
  const resolved: BootConfiguration = { ...config };
  for (const name of ["kernel", "initrd", "disks", "cdrom", "symbols"]) {
    if (resolved[name] !== undefined) resolved[name] = each(resolved[name]);
  }
  const { firmware } = config;
  if (firmware !== undefined && !["builtin", "seabios"].includes(firmware)) resolved.firmware = absolute(firmware);
  return resolved;
}

/** VS Code sends empty strings for what it has not. */
function withoutEmpty(config: BootConfiguration): BootConfiguration {
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== "" && value !== undefined),
  ) as BootConfiguration;
}

function inFolder(folder: vscode.WorkspaceFolder | undefined, file: string): string {
  if (folder === undefined) return file;
  const relative = path.relative(folder.uri.fsPath, file);
  return relative.startsWith("..") ? file : `\${workspaceFolder}/${relative.split(path.sep).join("/")}`;
}

async function chooseKernel(kernels: readonly string[]): Promise<string | undefined> {
  const items = kernels.map((kernel) => ({
    label: path.basename(kernel),
    description: vscode.workspace.asRelativePath(path.dirname(kernel)),
    kernel,
  }));
  const chosen = await vscode.window.showQuickPick(items, { title: "Bootscope", placeHolder: "Kernel to boot" });
  return chosen?.kernel;
}

async function reportProblem(problem: string): Promise<void> {
  const open = "Open launch.json";
  if ((await vscode.window.showErrorMessage(problem, open)) === open) {
    await vscode.commands.executeCommand("workbench.action.debug.configure");
  }
}
