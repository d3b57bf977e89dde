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
      if (item?.session.type === DEBUG_TYPE && item instanceof vscode.DebugStackFrame) void showStop(item, inSource);
    }),
    vscode.debug.onDidTerminateDebugSession((session) => inSource.delete(session.id)),
  );
}

/** Messages of the adapter, as far as they matter here. */
interface AdapterMessage {
  type?: string;
  event?: string;
  command?: string;
  success?: boolean;
  body?: { reason?: string; hasSource?: true };
}

/**
 * VS Code chooses no frame that has no source file, and then shows no variables and no program counter; but it does at the
 * stops of instruction breakpoints, so every stop in code without source becomes one on its way to the window. Steps stay
 * steps: of those by line the first call stack that VS Code gets is followed by choosing a frame, unless it has.
 */
function frameChooser(session: vscode.DebugSession): vscode.DebugAdapterTracker {
  let waiting = false;
  let hasSource = false;
  return {
    onDidSendMessage(message: AdapterMessage) {
      if (message.type === "event" && message.event === "bootscope/state") hasSource = message.body?.hasSource === true;
      if (message.type === "event" && message.event === "stopped") {
        waiting = message.body?.reason === "step";
        if (!hasSource && !waiting && message.body !== undefined) message.body.reason = "instruction breakpoint";
      } else if (
        message.type === "response" &&
        message.command === "stackTrace" &&
        message.success === true &&
        waiting
      ) {
        waiting = false;
        // VS Code gets this answer behind us; when a further request has been answered, it has taken it in.
        session.customRequest("threads").then(
          () => chooseFrame(session),
          () => undefined,
        );
      }
    },
  };
}

/** More frames than VS Code asks for at first. */
const MOST_FRAMES = 30;

/** The top frame unless one is chosen, by way of the bottom one: VS Code's command for the top wants a source file, too. */
async function chooseFrame(session: vscode.DebugSession): Promise<void> {
  const chosen = vscode.debug.activeStackItem;
  if (vscode.debug.activeDebugSession !== session || chosen instanceof vscode.DebugStackFrame) return;
  await vscode.commands.executeCommand("workbench.action.debug.callStackBottom");
  const bottom = vscode.debug.activeStackItem;
  if (!(bottom instanceof vscode.DebugStackFrame)) return;
  const top = await frameOnTop(bottom);
  for (let turn = 0; turn < MOST_FRAMES; turn++) {
    const item = vscode.debug.activeStackItem;
    if (top === undefined || !(item instanceof vscode.DebugStackFrame) || item.frameId === top.id) return;
    await vscode.commands.executeCommand("workbench.action.debug.callStackUp");
  }
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
async function hasSource(frame: vscode.DebugStackFrame): Promise<boolean | undefined> {
  const top = await frameOnTop(frame);
  return top && top.source !== undefined;
}

interface TopFrame {
  id: number;
  source?: object;
}

/** Undefined when the machine went on meanwhile. */
async function frameOnTop({ session, threadId }: vscode.DebugStackFrame): Promise<TopFrame | undefined> {
  try {
    const { stackFrames } = (await session.customRequest("stackTrace", { threadId, levels: 1 })) as {
      stackFrames: TopFrame[];
    };
    return stackFrames[0];
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
