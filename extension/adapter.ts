/** Starts the stand-alone debug adapter with the extension host's own Node: nothing else needs to be installed. */
import * as vscode from "vscode";

export class AdapterFactory implements vscode.DebugAdapterDescriptorFactory {
  private readonly root: vscode.Uri;

  constructor(root: vscode.Uri) {
    this.root = root;
  }

  createDebugAdapterDescriptor(): vscode.DebugAdapterDescriptor {
    const script = vscode.Uri.joinPath(this.root, "dist", "debug-adapter.js").fsPath;
    // On a desktop the extension host is Electron, which is a plain Node when told so.
    return new vscode.DebugAdapterExecutable(process.execPath, [script], { env: { ELECTRON_RUN_AS_NODE: "1" } });
  }
}
