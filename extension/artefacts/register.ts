/** All that concerns boot artefacts as files: editors, file systems, the view of contents, commands. */
import * as vscode from "vscode";
import { Artefacts } from "./artefacts.ts";
import { registerCommands } from "./commands.ts";
import { registerFileSystems } from "./content-file-system.ts";
import { ContentsView } from "./contents-view.ts";
import { registerEditors } from "./editor.ts";

/** `root` is the extension's folder. */
export function registerArtefacts(root: vscode.Uri): vscode.Disposable {
  const artefacts = new Artefacts(root);
  const view = new ContentsView(artefacts);
  return vscode.Disposable.from(
    artefacts,
    view,
    registerEditors(root, artefacts),
    registerFileSystems(artefacts),
    registerCommands(artefacts, view),
  );
}
