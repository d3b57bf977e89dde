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

export function followSessionsInWindow(hub: SessionHub): vscode.Disposable {
  const disassembled = new Set<string>();
  let started = "";
  const enabled = (name: string): boolean => vscode.workspace.getConfiguration("bootscope").get(name, true);
  return vscode.Disposable.from(
    hub.onState(({ id }) => {
      if (id === started) return;
      started = id;
      if (enabled("showPanelsOnStart"))
        void vscode.commands.executeCommand("bootscope.registers.focus", { preserveFocus: true });
    }),
    vscode.debug.onDidChangeActiveStackItem((item) => {
      if (!(item instanceof vscode.DebugStackFrame) || item.session.type !== DEBUG_TYPE) return;
      if (disassembled.has(item.session.id) || !enabled("openDisassemblyOnFirstStop")) return;
      disassembled.add(item.session.id);
      void vscode.commands.executeCommand("debug.action.openDisassemblyView");
    }),
    vscode.debug.onDidTerminateDebugSession((session) => disassembled.delete(session.id)),
  );
}
