/** A VS Code window with the extension, in a headless browser: what the tests that click and type share. */
import path from "node:path";
import type { Browser, Frame, Locator, Page } from "playwright-core";
import { makeExtensionsFolder } from "../../scripts/workbench/extensions.ts";
import { findChromium, installWorkbench } from "../../scripts/workbench/install.ts";
import { launchBrowser, runCommand, screenshot, webviewFrame, workbenchReady } from "../../scripts/workbench/page.ts";
import { startServer, windowUrl, type Server } from "../../scripts/workbench/server.ts";
import { BUILD, SCREENSHOTS } from "./workspace.ts";

const SIZE = { width: 1680, height: 1050 };

export class Window {
  readonly page: Page;
  /** What the content security policy of a panel refused. */
  readonly refused: string[] = [];
  readonly #server: Server;
  readonly #browser: Browser;

  private constructor(server: Server, browser: Browser & { page: Page }) {
    this.#server = server;
    this.#browser = browser;
    this.page = browser.page;
    this.page.setDefaultTimeout(60_000);
    this.page.on("console", (message) => {
      if (/violates the following Content Security Policy/.test(message.text())) this.refused.push(message.text());
    });
  }

  /** A window on a folder, ready for keys. */
  static async open(folder: string): Promise<Window> {
    const log = (line: string): void => console.error(line);
    const server = await startServer(await installWorkbench(log), {
      extensionsDirectory: await makeExtensionsFolder(path.join(BUILD, "extensions")),
      settings: { "workbench.colorTheme": "Default Dark Modern" },
    });
    const window = new Window(server, await launchBrowser(await findChromium(log), SIZE));
    await window.page.goto(windowUrl(server.host, { folder }));
    await workbenchReady(window.page, "Show Boot Panels");
    return window;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.stop();
  }

  picture(name: string): Promise<void> {
    return screenshot(this.page, path.join(SCREENSHOTS, `${name}.png`));
  }

  sideBar(text: string): Locator {
    return this.page.locator(".part.sidebar .monaco-list-row", { hasText: text }).first();
  }

  /**
   * A panel's page. On a busy machine the workbench now and then leaves a webview empty, and reloading it does not help:
   * its outer page has not come up. Hidden and shown again, it gets a new one, as users do it.
   */
  async panel(name: string): Promise<Frame> {
    const selector = `body[data-panel=${name}]`;
    return webviewFrame(this.page, selector).catch(async (error: Error) => {
      console.error(`The webview of ${name} stayed empty (${error.message}): hiding and showing the panels.`);
      await this.picture(`empty-${name}`);
      await runCommand(this.page, "View: Toggle Panel Visibility");
      await this.page.locator(".part.panel").waitFor({ state: "hidden" });
      await runCommand(this.page, "Bootscope: Show Boot Panels");
      return webviewFrame(this.page, selector);
    });
  }

  async chooseTheme(theme: string): Promise<void> {
    await runCommand(this.page, "Preferences: Color Theme");
    const input = this.page.locator(".quick-input-widget input.input");
    await input.fill(theme);
    await this.page.locator(".quick-input-list .monaco-list-row.focused", { hasText: theme }).waitFor();
    await this.page.keyboard.press("Enter");
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
  }
}
