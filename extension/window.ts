/** What a session does to the window: panels come up when it starts, the Disassembly view at its first stop. */
import * as vscode from "vscode";
import type { PanelName } from "../webview/messages.ts";
import { DEBUG_TYPE, type SessionHub } from "./session-hub.ts";

export async function showPanels(): Promise<void> {
  await vscode.commands.executeCommand("workbench.view.extension.bootscope");
}

export function showView(name: PanelName): Thenable<void> {
  return vscode.commands.executeCommand(`bootscope.${name}.focus`);
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
  /** By session: whether the last stop was in a source file. */
  const inSource = new Map<string, boolean>();
  let started = "";
  return vscode.Disposable.from(
    hub.onState(({ id }) => {
      if (id === started) return;
      started = id;
      if (setting("bootscope", "showPanelsOnStart", true)) void showBeside("bootscope.registers");
    }),
    vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, { createDebugAdapterTracker: frameChooser }),
    vscode.debug.onDidChangeActiveStackItem((item) => {
      if (item?.session.type !== DEBUG_TYPE) return;
      if (!(item instanceof vscode.DebugStackFrame)) void chooseFrame();
      else void showStop(item, inSource);
    }),
    vscode.debug.onDidTerminateDebugSession((session) => inSource.delete(session.id)),
  );
}

/**
 * VS Code chooses no frame that has no source file, and then shows no variables and no program counter. So the first call
 * stack that it gets at each stop is followed by choosing one, unless it has.
 */
function frameChooser(session: vscode.DebugSession): vscode.DebugAdapterTracker {
  let waiting = false;
  return {
    onDidSendMessage(message: { type?: string; event?: string; command?: string; success?: boolean }) {
      if (message.type === "event" && message.event === "stopped") waiting = true;
      else if (message.type === "response" && message.command === "stackTrace" && message.success === true && waiting) {
        waiting = false;
        const item = vscode.debug.activeStackItem;
        if (item instanceof vscode.DebugStackFrame && item.session === session) return;
        // VS Code gets this answer behind us; when a further request has been answered, it has taken it in.
        session.customRequest("threads").then(chooseFrame, () => undefined);
      }
    },
  };
}

/** There is one frame, the bottom one; VS Code's command for the top one wants a source file, too. */
function chooseFrame(): Thenable<void> {
  return vscode.commands.executeCommand("workbench.action.debug.callStackBottom");
}

/**
 * VS Code opens source files by itself, but for code without one it does nothing: it gets the Disassembly view, at the first
 * stop and whenever the machine has left a source file.
 */
async function showStop(frame: vscode.DebugStackFrame, inSource: Map<string, boolean>): Promise<void> {
  const { id } = frame.session;
  const before = inSource.get(id);
  const now = await hasSource(frame);
  // The machine went on meanwhile.
  if (now === undefined) return;
  inSource.set(id, now);
  if (before === undefined && setting<string>("debug", "openDebug", "openOnDebugBreak") !== "neverOpen")
    await vscode.commands.executeCommand("workbench.view.debug");
  if (!now && before !== false && setting("bootscope", "openDisassemblyOnFirstStop", true)) {
    await vscode.commands.executeCommand("debug.action.openDisassemblyView");
  }
}

/** VS Code's API tells no source of a frame: the session does, while the machine stands. */
async function hasSource({ session, threadId }: vscode.DebugStackFrame): Promise<boolean | undefined> {
  try {
    const { stackFrames } = (await session.customRequest("stackTrace", { threadId })) as {
      stackFrames: { source?: object }[];
    };
    return stackFrames[0]?.source !== undefined;
  } catch {
    return undefined;
  }
}

function showBeside(view: string): Thenable<void> {
  return vscode.commands.executeCommand(`${view}.focus`, { preserveFocus: true });
}

function setting<T>(section: string, name: string, otherwise: T): T {
  return vscode.workspace.getConfiguration(section).get(name, otherwise);
}
