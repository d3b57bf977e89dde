/** A workbench window in a headless Chromium, and what tests do with it. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { chromium, type Browser, type Frame, type Page } from "playwright-core";

const CHROMIUM_ARGUMENTS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

const START_TIMEOUT = 120_000;

/** Opens a blank page; `page.goto` of a workbench's address is up to the caller. */
export async function launchBrowser(
  executable: string,
  size = { width: 1400, height: 900 },
): Promise<Browser & { page: Page }> {
  const browser = await chromium.launch({ executablePath: executable, headless: true, args: CHROMIUM_ARGUMENTS });
  const context = await browser.newContext({ viewport: size });
  return Object.assign(browser, { page: await context.newPage() });
}

/** Present in the command palette once the extension host has told which debuggers there are: F5 does nothing before. */
const START_DEBUGGING = "Debug: Start Debugging";

/** Resolves when the workbench is up, keys such as F5 work, and the extension that adds this command is registered. */
export async function workbenchReady(page: Page, command: string): Promise<void> {
  await page.waitForSelector(".monaco-workbench .statusbar", { timeout: START_TIMEOUT });
  await page.waitForFunction(() => performance.getEntriesByName("code/didLoadExtensions").length > 0, undefined, {
    timeout: START_TIMEOUT,
  });
  const end = Date.now() + START_TIMEOUT;
  for (const wanted of [command, START_DEBUGGING]) {
    while (!(await inPalette(page, wanted))) {
      if (Date.now() > end) throw new Error(`The command "${wanted}" did not appear in the workbench.`);
    }
  }
}

async function inPalette(page: Page, command: string): Promise<boolean> {
  await page.keyboard.press("F1");
  await page.locator(PALETTE_INPUT).fill(`>${command}`);
  const row = page.locator(".quick-input-list .monaco-list-row", { hasText: command }).first();
  const found = await row.waitFor({ timeout: 1000 }).then(
    () => true,
    () => false,
  );
  await page.keyboard.press("Escape");
  await page.locator(PALETTE_INPUT).waitFor({ state: "hidden" });
  return found;
}

const PALETTE_INPUT = ".quick-input-widget input.input";

/** Opens the Run view and waits for a launch configuration of the folder: from then on F5 starts it. */
export async function openRunView(page: Page, configuration: string): Promise<void> {
  await page.keyboard.press("Control+Shift+D");
  await page.locator(".start-debug-action-item", { hasText: configuration }).waitFor();
}

/** Runs a command by its title in the command palette. */
export async function runCommand(page: Page, title: string): Promise<void> {
  await page.keyboard.press("F1");
  const input = page.locator(PALETTE_INPUT);
  await input.waitFor();
  await input.fill(`>${title}`);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click();
}

/** The frame of a webview that holds an element (a webview's content is its innermost frame). */
export async function webviewFrame(page: Page, selector: string, timeout = 30_000): Promise<Frame> {
  const end = Date.now() + timeout;
  while (Date.now() < end) {
    for (const frame of page.frames()) {
      if (frame === page.mainFrame()) continue;
      // A frame may be navigated or closed while it is asked.
      const count = await frame
        .locator(selector)
        .count()
        .catch(() => 0);
      if (count > 0) return frame;
    }
    await page.waitForTimeout(50);
  }
  const frames = page.frames().map((frame) => new URL(frame.url(), "about:blank").pathname);
  throw new Error(`No webview with ${selector} among ${frames.length} frames: ${frames.join(", ")}`);
}

/** Writes a picture of the window to a PNG file. */
export async function screenshot(page: Page, file: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await page.screenshot({ path: file });
}
