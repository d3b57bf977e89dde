/**
 * Breakpoints on an address that no editor shows: VS Code has no kind of its own for them, so they are function
 * breakpoints whose name is the address, which also puts them into its Breakpoints view.
 */
import * as vscode from "vscode";
import { DEBUG_TYPE } from "./session-hub.ts";

const SPACE = /^(phys|lin):/i;
const NUMBER = /^(0x[0-9a-f_]{1,20}|[0-9][0-9_]{0,20})$/i;
const SEGMENT_OFFSET = /^[0-9a-f]{1,4}:[0-9a-f]{1,4}$/i;

/** What is wrong with an address typed for a physical breakpoint, or undefined. */
export function physicalAddressProblem(text: string): string | undefined {
  const address = text.trim().replace(SPACE, "");
  if (/^lin:/i.test(text.trim()))
    return "A linear address: set it in the Disassembly view, or write phys: instead of lin:.";
  if (NUMBER.test(address) || SEGMENT_OFFSET.test(address)) return undefined;
  return "Expected a physical address such as phys:0x7c00, 0x7c00 or 07c0:0000.";
}

/** The address in the one form that is shown and sent: "phys:0x7c00". */
export function physicalBreakpointName(text: string): string {
  const address = text.trim().replace(SPACE, "");
  const [segment, offset] = address.split(":");
  if (segment !== undefined && offset !== undefined) {
    return `phys:0x${(parseInt(segment, 16) * 16 + parseInt(offset, 16)).toString(16)}`;
  }
  return `phys:0x${BigInt(address.replaceAll("_", "")).toString(16)}`;
}

/** The breakpoints on addresses there are, as written. */
export function addressBreakpoints(): string[] {
  return vscode.debug.breakpoints.filter(isAddressBreakpoint).map((breakpoint) => breakpoint.functionName);
}

export function toggleAddressBreakpoint(address: string): void {
  const there = vscode.debug.breakpoints.filter(isAddressBreakpoint).filter((one) => one.functionName === address);
  if (there.length > 0) vscode.debug.removeBreakpoints(there);
  else vscode.debug.addBreakpoints([new vscode.FunctionBreakpoint(address)]);
}

function isAddressBreakpoint(breakpoint: vscode.Breakpoint): breakpoint is vscode.FunctionBreakpoint {
  return breakpoint instanceof vscode.FunctionBreakpoint;
}

/** Asks for an address and adds a breakpoint there. */
export async function promptPhysicalBreakpoint(): Promise<void> {
  const text = await vscode.window.showInputBox({
    title: "Add Physical Breakpoint",
    prompt: "Guest physical address of an instruction: stops wherever paging maps it",
    value: "phys:0x7c00",
    valueSelection: [5, 11],
    validateInput: physicalAddressProblem,
  });
  if (text === undefined) return;
  const name = physicalBreakpointName(text);
  if (!addressBreakpoints().includes(name)) toggleAddressBreakpoint(name);
  if (vscode.debug.activeDebugSession?.type !== DEBUG_TYPE) {
    vscode.window.setStatusBarMessage(`Breakpoint at ${name}: it counts in the next Bootscope session.`, 5000);
  }
}
