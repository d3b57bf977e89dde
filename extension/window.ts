/** What a session does to the window: panels come up when it starts, the Disassembly view at its first stop. */
import * as vscode from "vscode";
import { DEBUG_TYPE, type SessionHub } from "./session-hub.ts";

export async function showPanels(): Promise<void> {
  await vscode.commands.executeCommand("workbench.view.extension.bootscope");
}

/** Opens VS Code's Disassembly view at the program counter. */
export async function openDisassembly(): Promise<void> {
  const item = vscode.debug.activeStackItem;
  if (!(item instanceof vscode.DebugStackFrame) || item.session.type !== DEBUG_TYPE) {
    void vscode.window.showInformationMessage("The Disassembly view needs a Bootscope session that is stopped.");
    return;
  }
  await vscode.commands.executeCommand("debug.action.openDisassemblyView");
}

/** Keeps the window on the session until the returned object is disposed. */
export function followSessionsInWindow(hub: SessionHub): vscode.Disposable {
  const stoppedOnce = new Set<string>();
  let started = "";
  return vscode.Disposable.from(
    hub.onState(({ id }) => {
      if (id === started) return;
      started = id;
      if (setting("bootscope", "showPanelsOnStart", true)) void showBeside("bootscope.registers");
    }),
    vscode.debug.onDidChangeActiveStackItem((item) => {
      if (item?.session.type !== DEBUG_TYPE) return;
      if (item instanceof vscode.DebugThread) {
        // VS Code chooses no frame without a source file and then shows no variables. There is one frame, the bottom one;
        // the command for the top one obeys the same rule.
        void vscode.commands.executeCommand("workbench.action.debug.callStackBottom");
      } else if (!stoppedOnce.has(item.session.id)) {
        stoppedOnce.add(item.session.id);
        void showFirstStop();
      }
    }),
    vscode.debug.onDidTerminateDebugSession((session) => stoppedOnce.delete(session.id)),
  );
}

/** For code without source files VS Code does neither by itself. */
async function showFirstStop(): Promise<void> {
  if (setting<string>("debug", "openDebug", "openOnDebugBreak") !== "neverOpen")
    await vscode.commands.executeCommand("workbench.view.debug");
  if (setting("bootscope", "openDisassemblyOnFirstStop", true)) {
    await vscode.commands.executeCommand("debug.action.openDisassemblyView");
  }
}

function showBeside(view: string): Thenable<void> {
  return vscode.commands.executeCommand(`${view}.focus`, { preserveFocus: true });
}

function setting<T>(section: string, name: string, otherwise: T): T {
  return vscode.workspace.getConfiguration(section).get(name, otherwise);
}
