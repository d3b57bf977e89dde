/** Commands that run the machine to an address, a mode or a count: requests to the adapter, which answers when they make sense. */
import * as vscode from "vscode";
import type { CustomRequests } from "../debug-adapter/protocol.ts";
import { DEBUG_TYPE } from "./session-hub.ts";

const COUNT = /^\s*(0x[0-9a-f]{1,16}|[0-9]{1,20})\s*$/i;

/** Sends a request to the active session; what is wrong with it is shown. */
async function send<C extends "bootscope/runTo" | "bootscope/runUntil">(
  command: C,
  args: CustomRequests[C]["arguments"],
): Promise<void> {
  const session = vscode.debug.activeDebugSession;
  if (session?.type !== DEBUG_TYPE) return;
  try {
    await session.customRequest(command, args);
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
  }
}

export async function runToAddress(): Promise<void> {
  const address = await vscode.window.showInputBox({
    title: "Run to Address",
    prompt: "Address or symbol: 0x7c00, phys:0x100000, 07c0:0000, start_kernel",
  });
  if (address !== undefined && address.trim() !== "") await send("bootscope/runTo", { address });
}

export const runUntilMode = (): Promise<void> => send("bootscope/runUntil", { what: "mode" });

export async function runToCount(): Promise<void> {
  const icount = await vscode.window.showInputBox({
    title: "Run to Instruction Count",
    prompt: "Instructions retired since power-on, as $icount shows them",
    validateInput: (text) => (COUNT.test(text) ? undefined : "Expected a number such as 1000000 or 0xf4240."),
  });
  if (icount !== undefined) await send("bootscope/runUntil", { what: "icount", icount: icount.trim() });
}
