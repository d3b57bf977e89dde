/** Entry point: what Bootscope adds to VS Code. Everything that a session shows comes from the debug adapter. */
import * as vscode from "vscode";
import { PANELS } from "../webview/messages.ts";
import { AdapterFactory } from "./adapter.ts";
import { promptPhysicalBreakpoint } from "./address-breakpoints.ts";
import { registerArtefacts } from "./artefacts/register.ts";
import { demoConfiguration, LaunchConfigurationProvider } from "./launch-configuration.ts";
import { PanelView } from "./panel-view.ts";
import { runToAddress, runToCount, runUntilMode } from "./run-until.ts";
import { DEBUG_TYPE, SessionHub } from "./session-hub.ts";
import { followSessionsInWindow, openDisassembly, showPanels, showView } from "./window.ts";

export function activate(context: vscode.ExtensionContext): void {
  const hub = new SessionHub();
  const configurations = new LaunchConfigurationProvider();
  const { Dynamic } = vscode.DebugConfigurationProviderTriggerKind;
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
    vscode.commands.registerCommand("bootscope.showTimeline", () => showView("timeline")),
    vscode.commands.registerCommand("bootscope.showScreen", () => showView("screen")),
    vscode.commands.registerCommand("bootscope.runTo", runToAddress),
    vscode.commands.registerCommand("bootscope.runUntilMode", runUntilMode),
    vscode.commands.registerCommand("bootscope.runToCount", runToCount),
    vscode.commands.registerCommand("bootscope.openDisassembly", openDisassembly),
    ...PANELS.map((name) =>
      vscode.window.registerWebviewViewProvider(`bootscope.${name}`, new PanelView(name, context.extensionUri, hub)),
    ),
    followSessionsInWindow(hub),
    registerArtefacts(context.extensionUri),
  );
}
