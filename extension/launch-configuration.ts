/** Makes, completes and checks launch configurations of type `bootscope`. */
import path from "node:path";
import * as vscode from "vscode";
import type { LaunchArguments } from "../debug-adapter/protocol.ts";
import { findGuestFiles, matchingInitrd } from "./guest-files.ts";
import { launchProblem } from "./launch-check.ts";
import { DEBUG_TYPE } from "./session-hub.ts";

type BootConfiguration = vscode.DebugConfiguration & Partial<LaunchArguments>;

const DEFAULTS = { cmdline: "console=ttyS0", memory: 512 };

export class LaunchConfigurationProvider implements vscode.DebugConfigurationProvider {
  /** For a new launch.json, and for the list of the Run view: one configuration per kernel found. */
  async provideDebugConfigurations(folder: vscode.WorkspaceFolder | undefined): Promise<vscode.DebugConfiguration[]> {
    const { kernels, initrds } = await findGuestFiles(folder);
    if (kernels.length === 0)
      return [configuration("Boot a kernel", "${workspaceFolder}/vmlinuz", "${workspaceFolder}/initrd.img")];
    return kernels.map((kernel) => {
      const initrd = matchingInitrd(kernel, initrds);
      return configuration(
        `Boot ${path.basename(kernel)}`,
        inFolder(folder, kernel),
        initrd && inFolder(folder, initrd),
      );
    });
  }

  /** F5 without a launch.json comes with an empty configuration. */
  async resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    given: BootConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    let config = given;
    if (config.kernel === undefined) {
      const { kernels, initrds } = await findGuestFiles(folder);
      const kernel = kernels.length > 1 ? await chooseKernel(kernels) : kernels[0];
      if (kernel === undefined) {
        if (kernels.length === 0) reportNoKernel();
        return undefined;
      }
      const initrd = config.initrd ?? matchingInitrd(kernel, initrds);
      config = { ...configuration(`Boot ${path.basename(kernel)}`, kernel, initrd), ...withoutEmpty(config), kernel };
    }
    return {
      ...DEFAULTS,
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
    const absolute = (file: string): string => path.resolve(folder?.uri.fsPath ?? "/", file);
    const resolved: BootConfiguration = {
      ...config,
      ...(typeof config.kernel === "string" && { kernel: absolute(config.kernel) }),
      ...(typeof config.initrd === "string" && config.initrd !== "" && { initrd: absolute(config.initrd) }),
    };
    if (resolved.initrd === "") delete resolved.initrd;
    const problem = await launchProblem(resolved);
    if (problem === undefined) return resolved;
    void reportProblem(problem);
    return undefined;
  }
}

function configuration(name: string, kernel: string, initrd: string | undefined): BootConfiguration {
  return {
    type: DEBUG_TYPE,
    request: "launch",
    name,
    kernel,
    ...(initrd !== undefined && { initrd }),
    ...DEFAULTS,
    stopOnEntry: true,
  };
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

function reportNoKernel(): void {
  void vscode.window.showErrorMessage(
    "Bootscope found no kernel (vmlinuz*, bzImage*, vmlinux*) in this workspace: put one there, or name it in launch.json.",
  );
}

async function reportProblem(problem: string): Promise<void> {
  const open = "Open launch.json";
  if ((await vscode.window.showErrorMessage(problem, open)) === open) {
    await vscode.commands.executeCommand("workbench.action.debug.configure");
  }
}
