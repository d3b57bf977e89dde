/** One webview view of the "Boot" container: its page, and the messages between it and the session. */
import * as vscode from "vscode";
import {
  PANEL_COMMANDS,
  type AddressPanel,
  type FromPanel,
  type PanelName,
  type ToPanel,
} from "../webview/messages.ts";
import { addressBreakpoints, toggleAddressBreakpoint } from "./address-breakpoints.ts";
import type { SessionHub } from "./session-hub.ts";
import { webviewPage } from "./webview-page.ts";

/** Brings a panel up at an address expression. */
export type ShowAddress = (panel: AddressPanel, address: string) => void;

export class PanelView implements vscode.WebviewViewProvider {
  private readonly name: PanelName;
  private readonly root: vscode.Uri;
  private readonly hub: SessionHub;
  private readonly show: ShowAddress;
  /** Where the page is to go once it is there. */
  private wanted: string | undefined;
  /** Posts to the page while there is one that listens. */
  private post: ((message: ToPanel) => void) | undefined;

  constructor(name: PanelName, root: vscode.Uri, hub: SessionHub, show: ShowAddress) {
    this.name = name;
    this.root = root;
    this.hub = hub;
    this.show = show;
  }

  /** Goes to an address expression: now, or as soon as the panel's page is up. */
  goTo(address: string): void {
    if (this.post === undefined) this.wanted = address;
    else this.post({ type: "show", address });
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const { webview } = view;
    const scripts = vscode.Uri.joinPath(this.root, "dist", "webview");
    webview.options = { enableScripts: true, localResourceRoots: [scripts] };
    const post = (message: ToPanel): void => void webview.postMessage(message);
    const postBreakpoints = (): void => post({ type: "breakpoints", addresses: addressBreakpoints() });
    const replay = (): void => {
      if (this.name === "serial") post({ type: "replay", outputs: this.hub.log?.contents() ?? [] });
      if (this.name === "timeline") {
        const { phases = [], events = [] } = this.hub.boot ?? {};
        post({ type: "boot", phases, events });
      }
    };
    // Nothing may be posted before the page's script listens. A hidden view has no page: it is loaded anew when shown.
    let ready = false;
    const disposables = [
      view.onDidChangeVisibility(() => {
        if (view.visible) return;
        ready = false;
        this.post = undefined;
      }),
      this.hub.onState((session) => {
        if (ready) post({ type: "session", session });
      }),
      this.hub.onReplay(() => {
        if (ready) replay();
      }),
      this.hub.onOutput((output) => {
        if (ready && this.name === "serial") post({ type: "output", ...output });
      }),
      this.hub.onPhase((phase) => {
        if (ready && this.name === "timeline") post({ type: "phase", phase });
      }),
      this.hub.onEvents((events) => {
        if (ready && this.name === "timeline") post({ type: "events", events });
      }),
      this.hub.onProgress((icount) => {
        if (ready && this.name === "timeline") post({ type: "progress", icount });
      }),
      this.hub.onScreen(() => {
        if (ready && this.name === "screen") post({ type: "screen" });
      }),
      vscode.debug.onDidChangeBreakpoints(() => {
        if (ready) postBreakpoints();
      }),
      webview.onDidReceiveMessage((message: FromPanel) => {
        switch (message.type) {
          case "ready":
            ready = true;
            replay();
            postBreakpoints();
            post({ type: "session", session: this.hub.state });
            if (this.wanted !== undefined) post({ type: "show", address: this.wanted });
            this.wanted = undefined;
            this.post = post;
            break;
          case "replay":
            replay();
            break;
          case "request":
            void this.forward(message).then(post);
            break;
          case "copy":
            void vscode.env.clipboard.writeText(message.text);
            break;
          case "toggleBreakpoint":
            toggleAddressBreakpoint(message.address);
            break;
          case "show":
            this.show(message.panel, message.address);
            break;
        }
      }),
    ];
    view.onDidDispose(() => {
      this.post = undefined;
      for (const disposable of disposables) disposable.dispose();
    });
    webview.html = webviewPage(webview, scripts, this.name);
  }

  private async forward(message: FromPanel & { type: "request" }): Promise<ToPanel> {
    const { id, command } = message;
    const session = this.hub.session;
    if (!PANEL_COMMANDS.includes(command)) return { type: "failure", id, message: `Panels may not send ${command}.` };
    if (session === undefined) return { type: "failure", id, message: "There is no debug session." };
    try {
      return { type: "response", id, body: await session.customRequest(command, message.arguments) };
    } catch (error) {
      return { type: "failure", id, message: error instanceof Error ? error.message : String(error) };
    }
  }
}
