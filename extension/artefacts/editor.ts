/** The read-only editors of boot artefacts: structure, bytes and boot code of a file, without a debug session. */
import path from "node:path";
import * as vscode from "vscode";
import type { FromPage, ToPage } from "../../webview/artefact/messages.ts";
import { webviewPage } from "../webview-page.ts";
import type { Artefacts } from "./artefacts.ts";
import { contentUri, INITRAMFS_SCHEME } from "./artefact-uri.ts";
import { EDITOR, openContent } from "./open-content.ts";
import { ArtefactDocument } from "./document.ts";

/** `viewType` of package.json for names that may be anything. */
const EDITOR_ON_REQUEST = "bootscope.artefactOption";

const ACTIONS = {
  browse: "bootscope.browseArtefact",
  extract: "bootscope.extractArtefact",
  extractVmlinux: "bootscope.extractVmlinux",
  compare: "bootscope.compareInitramfs",
  text: "bootscope.openArtefactAsText",
} as const;

export function registerEditors(root: vscode.Uri, artefacts: Artefacts): vscode.Disposable {
  const provider = new ArtefactEditor(root, artefacts);
  const options = { supportsMultipleEditorsPerDocument: true };
  return vscode.Disposable.from(
    vscode.window.registerCustomEditorProvider(EDITOR, provider, options),
    vscode.window.registerCustomEditorProvider(EDITOR_ON_REQUEST, provider, options),
  );
}

class ArtefactEditor implements vscode.CustomReadonlyEditorProvider<ArtefactDocument> {
  private readonly root: vscode.Uri;
  private readonly artefacts: Artefacts;

  constructor(root: vscode.Uri, artefacts: Artefacts) {
    this.root = root;
    this.artefacts = artefacts;
  }

  openCustomDocument(uri: vscode.Uri): ArtefactDocument {
    return new ArtefactDocument(uri, this.artefacts);
  }

  resolveCustomEditor(document: ArtefactDocument, panel: vscode.WebviewPanel): void {
    const { webview } = panel;
    const scripts = vscode.Uri.joinPath(this.root, "dist", "webview");
    webview.options = { enableScripts: true, localResourceRoots: [scripts] };
    const post = (message: ToPage): void => void webview.postMessage(message);
    let ready = false;
    const show = async (): Promise<void> => {
      post({ type: "loading", name: document.name });
      try {
        const opened = await document.open();
        post({ type: "artefact", name: document.name, info: opened.info() });
      } catch (error) {
        post({ type: "refused", name: document.name, message: sentence(error) });
      }
    };
    const disposables = [
      webview.onDidReceiveMessage((message: FromPage) => {
        switch (message.type) {
          case "ready":
            ready = true;
            void show();
            break;
          case "request":
            void answer(document, message).then(post);
            break;
          case "open":
            void this.openNode(document, message.id);
            break;
          case "action":
            void vscode.commands.executeCommand(ACTIONS[message.id], document.uri);
            break;
          case "bytesOnly":
            document.showBytesOnly();
            void show();
            break;
          case "copy":
            void vscode.env.clipboard.writeText(message.text);
            break;
        }
      }),
      ...this.watch(document, () => {
        document.reload();
        if (ready) void show();
      }),
    ];
    panel.onDidDispose(() => {
      for (const disposable of disposables) disposable.dispose();
    });
    webview.html = webviewPage(webview, scripts, "artefact");
  }

  private watch({ uri }: ArtefactDocument, changed: () => void): vscode.Disposable[] {
    if (uri.scheme !== "file") return [];
    const folder = vscode.Uri.joinPath(uri, "..");
    // Characters that mean something in a pattern stand for themselves.
    const pattern = path.basename(uri.fsPath).replace(/[*?{}[\]]/g, "[$&]");
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, pattern));
    return [watcher, watcher.onDidChange(changed), watcher.onDidCreate(changed)];
  }

  private async openNode(document: ArtefactDocument, id: number): Promise<void> {
    try {
      const { opens } = (await document.open()).node(id);
      if (opens?.kind === "vmlinux") await vscode.commands.executeCommand(ACTIONS.extractVmlinux, document.uri);
      if (opens?.kind === "file") {
        await openContent(this.artefacts, contentUri(INITRAMFS_SCHEME, document.uri, cleanPath(opens.path)));
      }
    } catch (error) {
      void vscode.window.showErrorMessage(sentence(error));
    }
  }
}

function cleanPath(inner: string): string {
  return inner
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/");
}

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function answer(document: ArtefactDocument, message: FromPage & { type: "request" }): Promise<ToPage> {
  const { id, name, arguments: args } = message;
  try {
    const opened = await document.open();
    return { type: "answer", id, answer: await opened.answer(name, args) };
  } catch (error) {
    return { type: "failure", id, message: sentence(error) };
  }
}
