/** Entry point: what Bootscope adds to VS Code. Everything that a session shows comes from the debug adapter. */
import * as vscode from "vscode";
import { PANELS, type PanelName } from "../webview/messages.ts";
import { AdapterFactory } from "./adapter.ts";
import { promptPhysicalBreakpoint } from "./address-breakpoints.ts";
import { registerArtefacts } from "./artefacts/register.ts";
import { demoConfiguration, LaunchConfigurationProvider } from "./launch-configuration.ts";
import { PanelView, type ShowAddress } from "./panel-view.ts";
import { runToAddress, runToCount, runUntilMode } from "./run-until.ts";
import { DEBUG_TYPE, SessionHub } from "./session-hub.ts";
import { followSessionsInWindow, openDisassembly, showPanels, showView } from "./window.ts";

/** Commands that bring a view up. */
const SHOWN_BY_COMMAND: readonly (readonly [command: string, panel: PanelName])[] = [
  ["showTimeline", "timeline"],
  ["showScreen", "screen"],
  ["showMemory", "memory"],
  ["showPageTables", "page-tables"],
  ["showMemoryMap", "memory-map"],
  ["showBootParams", "boot-params"],
  ["showInitramfs", "initramfs"],
];

export function activate(context: vscode.ExtensionContext): void {
  const hub = new SessionHub();
  const configurations = new LaunchConfigurationProvider();
  const { Dynamic } = vscode.DebugConfigurationProviderTriggerKind;
  const panels = new Map<PanelName, PanelView>();
  const showAddress: ShowAddress = (panel, address) => {
    panels.get(panel)?.goTo(address);
    void showView(panel);
  };
  for (const name of PANELS) panels.set(name, new PanelView(name, context.extensionUri, hub, showAddress));
  context.subscriptions.push(
    hub,
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, configurations),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, configurations, Dynamic),
    vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, new AdapterFactory(context.extensionUri)),
    vscode.commands.registerCommand("bootscope.addPhysicalBreakpoint", promptPhysicalBreakpoint),
    vscode.commands.registerCommand("bootscope.runDemo", () =>
      vscode.debug.startDebugging(vscode.workspace.workspaceFolders?.[0], demoConfiguration()),
    ),
    vscode.commands.registerCommand("bootscope.showPanels", showPanels),
    ...SHOWN_BY_COMMAND.map(([command, name]) =>
      vscode.commands.registerCommand(`bootscope.${command}`, () => showView(name)),
    ),
    vscode.commands.registerCommand("bootscope.runTo", runToAddress),
    vscode.commands.registerCommand("bootscope.runUntilMode", runUntilMode),
    vscode.commands.registerCommand("bootscope.runToCount", runToCount),
    vscode.commands.registerCommand("bootscope.openDisassembly", openDisassembly),
    ...[...panels].map(([name, panel]) => vscode.window.registerWebviewViewProvider(`bootscope.${name}`, panel)),
    followSessionsInWindow(hub),
    registerArtefacts(context.extensionUri),
  );
}
