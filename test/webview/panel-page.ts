/** A panel's page in a browser, with the test in the place of the extension. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { chromium, type Browser, type Page } from "playwright-core";
import type { FromPanel, PanelCommand, SessionState, ToPanel } from "../../webview/messages.ts";

const CHROMIUM = "/usr/bin/chromium";
const ORIGIN = "http://panel.test/";
const ROOT = path.resolve(import.meta.dirname, "../..");

/** Why these tests cannot run here, or false. */
export const skip = existsSync(CHROMIUM) ? false : "chromium is not installed";

declare global {
  interface Window {
    /** Set by the test's page. */
    fromPanel(message: FromPanel): void;
  }
}

/** What the session answers to a request of the panel; throws what it refuses it with. */
export type Answer = (command: PanelCommand, args: unknown) => unknown;

export class PanelPages {
  readonly #name: string;
  #browser: Browser | undefined;
  #script = "";
  #style = "";

  constructor(name: string) {
    this.#name = name;
  }

  async start(): Promise<void> {
    const { outputFiles } = await build({
      absWorkingDir: ROOT,
      entryPoints: [`webview/${this.#name}.entry.ts`],
      bundle: true,
      write: false,
      outdir: "unused",
      format: "iife",
      target: "es2022",
    });
    for (const file of outputFiles) {
      if (file.path.endsWith(".js")) this.#script = file.text;
      else this.#style = file.text;
    }
    const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
    this.#browser = await chromium.launch({ executablePath: CHROMIUM, args });
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
  }

  async open(answer: Answer, size = { width: 1000, height: 500 }): Promise<PanelPage> {
    assert.ok(this.#browser);
    const page = await this.#browser.newPage({ viewport: size });
    page.on("pageerror", (error) => assert.fail(error));
    const panel = new PanelPage(page, answer);
    await page.exposeFunction("fromPanel", (message: FromPanel) => panel.receive(message));
    const html = `<!DOCTYPE html><html><head><style>${this.#style}</style></head><body><main id="panel"></main><script>
      window.acquireVsCodeApi = () => ({
        postMessage: (message) => window.fromPanel(message), getState() {}, setState() {}
      });
      </script><script src="panel.js"></script></body></html>`;
    await page.route(`${ORIGIN}**`, (route) => {
      const isScript = route.request().url().endsWith("panel.js");
      const contentType = isScript ? "text/javascript; charset=utf-8" : "text/html; charset=utf-8";
      return route.fulfill({ contentType, body: isScript ? this.#script : html });
    });
    await page.goto(ORIGIN);
    return panel;
  }
}

export class PanelPage {
  readonly page: Page;
  /** What the panel sent, other than requests. */
  readonly sent: FromPanel[] = [];
  readonly #answer: Answer;
  #stop = 0;
  #edit = 0;

  constructor(page: Page, answer: Answer) {
    this.page = page;
    this.#answer = answer;
  }

  async post(message: ToPanel): Promise<void> {
    await this.page.evaluate((data) => window.dispatchEvent(new MessageEvent("message", { data })), message);
  }

  /** The session comes into a state; each "stopped" is another stop. */
  async session(state: SessionState["state"]): Promise<void> {
    if (state === "stopped") this.#stop++;
    await this.post({ type: "session", session: { id: "one", state, stop: this.#stop, edit: this.#edit } });
  }

  async receive(message: FromPanel): Promise<void> {
    if (message.type !== "request") {
      this.sent.push(message);
      return;
    }
    const { id, command } = message;
    try {
      await this.post({ type: "response", id, body: await this.#answer(command, message.arguments) });
    } catch (error) {
      await this.post({ type: "failure", id, message: error instanceof Error ? error.message : String(error) });
      return;
    }
    // As the extension does behind each edit.
    if (command !== "writeMemory") return;
    this.#edit++;
    await this.post({ type: "session", session: { id: "one", state: "stopped", stop: this.#stop, edit: this.#edit } });
  }
}
