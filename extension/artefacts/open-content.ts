/** Opens a file within an artefact in the editor that suits it. */
import * as vscode from "vscode";
import type { Artefacts } from "./artefacts.ts";

const HEAD_BYTES = 8192;
/** `viewType` of package.json for names that say what a file is. */
export const EDITOR = "bootscope.artefact";

/** Text in VS Code's editor, everything else with its structure and bytes. @throws Error with one sentence */
export async function openContent(artefacts: Artefacts, uri: vscode.Uri, preview = true): Promise<void> {
  const { value, close } = await artefacts.source(uri);
  let head: Uint8Array;
  try {
    head = await value.read(0, Math.min(HEAD_BYTES, value.size));
  } finally {
    await close();
  }
  if (head.includes(0)) await vscode.commands.executeCommand("vscode.openWith", uri, EDITOR, { preview });
  else await vscode.commands.executeCommand("vscode.open", uri, { preview });
}
