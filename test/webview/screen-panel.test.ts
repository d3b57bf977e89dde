/** The Screen panel in a browser, with the test in the place of the extension: what it draws, sends and asks for. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { chromium, type Browser, type Page } from "playwright-core";
import { toWire } from "../../debug-adapter/wire.ts";
import type { Screen } from "../../emulator/machine/api.ts";
import type { FromPanel, SessionState, ToPanel } from "../../webview/messages.ts";

const CHROMIUM = "/usr/bin/chromium";
const skip = existsSync(CHROMIUM) ? false : "chromium is not installed";
const root = path.resolve(import.meta.dirname, "../..");
const ORIGIN = "http://panel.test/";

declare global {
  interface Window {
    /** Set by the test's page. */
    fromPanel(message: FromPanel): void;
  }
}

const RED = 0xff0000;

/** Two rows of four cells of 8×16: "Hi" in red on black, a cursor behind it. */
const TEXT: Screen = {
  kind: "text",
  columns: 4,
  rows: 2,
  cells: Uint8Array.from([0x48, 4, 0x69, 4, 0x20, 7, 0x20, 7, ...Array<number>(8).fill(0)]),
  font: Uint8Array.from({ length: 256 * 32 }, (_, index) => (index >> 5 === 0x48 ? 0xf0 : 0)),
  cellWidth: 8,
  cellHeight: 16,
  palette: Array.from({ length: 16 }, (_, index) => (index === 4 ? RED : 0)),
  blink: true,
  lineGraphics: true,
};

class Panel {
  readonly page: Page;
  /** Requests other than for the picture. */
  readonly requests: { command: string; arguments: unknown }[] = [];
  copied: string | undefined;
  looks = 0;
  screen: Screen = { kind: "off" };
  /** Answers wait until they are let go. */
  hold = false;
  readonly #held: ToPanel[] = [];
  #stop = 0;

  constructor(page: Page) {
    this.page = page;
  }

  async post(message: ToPanel): Promise<void> {
    await this.page.evaluate((data) => window.dispatchEvent(new MessageEvent("message", { data })), message);
  }

  async session(state: SessionState["state"], id = "one"): Promise<void> {
    if (state === "stopped") this.#stop++;
    await this.post({ type: "session", session: { id, state, stop: this.#stop, edit: 0 } });
  }

  async receive(message: FromPanel): Promise<void> {
    if (message.type === "copy") this.copied = message.text;
    if (message.type !== "request") return;
    const isLook = message.command === "bootscope/screen";
    if (isLook) this.looks++;
    else this.requests.push({ command: message.command, arguments: message.arguments });
    const body = isLook ? { screen: toWire(this.screen) } : undefined;
    const answer: ToPanel = { type: "response", id: message.id, body };
    if (this.hold) this.#held.push(answer);
    else await this.post(answer);
  }

  async letGo(): Promise<void> {
    this.hold = false;
    for (const answer of this.#held.splice(0)) await this.post(answer);
  }

  /** Codes sent to the keyboard so far; forgets them. */
  typed(): string {
    const codes = this.requests
      .splice(0)
      .flatMap(({ command, arguments: args }) =>
        command === "bootscope/keyboardInput" ? (args as { codes: number[] }).codes : [],
      );
    return codes.map((code) => code.toString(16)).join(" ");
  }

  async mode(): Promise<string> {
    return (await this.page.textContent(".mode")) ?? "";
  }

  async hint(): Promise<string> {
    return (await this.page.textContent(".hint")) ?? "";
  }
}

let browser: Browser | undefined;
let script = "";
let style = "";

before(async () => {
  if (skip) return;
  const result = await build({
    absWorkingDir: root,
    entryPoints: ["webview/screen.entry.ts"],
    bundle: true,
    write: false,
    outdir: "unused",
    format: "iife",
    target: "es2022",
  });
  for (const file of result.outputFiles) {
    if (file.path.endsWith(".js")) script = file.text;
    else style = file.text;
  }
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
});
after(async () => browser?.close());

async function open(size = { width: 700, height: 400 }): Promise<Panel> {
  assert.ok(browser);
  const page = await browser.newPage({ viewport: size });
  page.on("pageerror", (error) => assert.fail(error));
  const panel = new Panel(page);
  await page.exposeFunction("fromPanel", (message: FromPanel) => panel.receive(message));
  const html = `<!DOCTYPE html><html><head><style>${style}</style></head><body><main id="panel"></main><script>
    window.acquireVsCodeApi = () => ({ postMessage: (message) => window.fromPanel(message), getState() {}, setState() {} });
    </script><script src="panel.js"></script></body></html>`;
  await page.route(`${ORIGIN}**`, (route) => {
    const isScript = route.request().url().endsWith("panel.js");
    return route.fulfill({ contentType: isScript ? "text/javascript" : "text/html", body: isScript ? script : html });
  });
  await page.goto(ORIGIN);
  return panel;
}

/** Waits for what a message causes. */
async function until(panel: Panel, done: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let look = 0; look < 200; look++) {
    if (await done()) return;
    // One turn of the page and of its messages.
    await panel.page.evaluate(() => new Promise(requestAnimationFrame));
  }
  assert.fail(`It never came that ${what}.`);
}

const colourAt = (panel: Panel, x: number, y: number): Promise<number[]> =>
  panel.page.evaluate(
    ([left, top]) => [
      ...(document.querySelector("canvas")?.getContext("2d")?.getImageData(left, top, 1, 1).data ?? []),
    ],
    [x, y] as const,
  );

test("the panel shows text in whole dots, its mode, and copies it", { skip }, async () => {
  const panel = await open();
  panel.screen = TEXT;
  await panel.session("running");
  await until(panel, async () => (await panel.mode()) !== "", "a mode is shown");
  assert.match(await panel.mode(), /^Text 4×2 · 32×32 · ×\d+$/);
  assert.deepEqual(await colourAt(panel, 1, 1), [255, 0, 0, 255]);
  assert.deepEqual(await colourAt(panel, 6, 1), [0, 0, 0, 255]);
  const width = await panel.page.evaluate(() => document.querySelector("canvas")?.getBoundingClientRect().width ?? 0);
  assert.equal(width % 32, 0, `a width of ${width} is no multiple of the picture's`);
  assert.ok(width >= 64);
  await panel.page.getByText("Copy Text").click();
  await until(panel, () => panel.copied !== undefined, "text is copied");
  assert.equal(panel.copied, "Hi");
  await panel.page.close();
});

test("pictures that do not fit are made smaller, and fit again after a resize", { skip }, async () => {
  const panel = await open();
  const [width, height] = [1024, 768];
  panel.screen = { kind: "graphics", width, height, pixels: new Uint8Array(width * height * 4).fill(0x80) };
  await panel.session("stopped");
  await until(panel, async () => (await panel.mode()).startsWith("Graphics · 1024×768"), "the picture is there");
  assert.match(await panel.mode(), / %$/);
  await panel.page.setViewportSize({ width: 1300, height: 1000 });
  await until(panel, async () => (await panel.mode()).endsWith("×1"), "it fits");
  await panel.page.close();
});

test("the panel asks only when something changed, and once for many changes", { skip }, async () => {
  const panel = await open();
  panel.screen = TEXT;
  panel.hold = true;
  await panel.session("running");
  await until(panel, () => panel.looks === 1, "it looks");
  for (let change = 0; change < 10; change++) await panel.post({ type: "screen" });
  await panel.letGo();
  await until(panel, () => panel.looks === 2, "it looks again");
  for (let frame = 0; frame < 20; frame++) await panel.page.evaluate(() => new Promise(requestAnimationFrame));
  assert.equal(panel.looks, 2);
  await panel.page.close();
});

test("keys go to the guest until Ctrl+Alt, and none stays down", { skip }, async () => {
  const panel = await open();
  panel.screen = TEXT;
  await panel.session("running");
  const { keyboard } = panel.page;
  await keyboard.press("KeyA");
  assert.equal(panel.typed(), "", "not before the screen has the focus");
  assert.match(await panel.hint(), /^Click/);
  await panel.page.click(".monitor");
  assert.match(await panel.hint(), /Ctrl\+Alt releases/);
  await keyboard.press("KeyA");
  await keyboard.press("Tab");
  await keyboard.press("F5");
  await keyboard.press("ArrowUp");
  await until(panel, () => panel.requests.length === 8, "keys are sent");
  assert.equal(panel.typed(), "1c f0 1c d f0 d 3 f0 3 e0 75 e0 f0 75");
  await keyboard.down("ControlLeft");
  await keyboard.down("AltLeft");
  await until(panel, () => panel.requests.length === 2, "the keys are released");
  assert.equal(panel.typed(), "14 f0 14");
  await keyboard.up("AltLeft");
  await keyboard.up("ControlLeft");
  await keyboard.press("KeyB");
  assert.match(await panel.hint(), /^Click/);
  assert.equal(panel.typed(), "");
  await panel.page.getByText("Ctrl+Alt+Del").click();
  await until(panel, () => panel.requests.length === 1, "the button's keys are sent");
  assert.equal(panel.typed(), "14 11 e0 71 e0 f0 71 f0 11 f0 14");
  await panel.page.close();
});

test("at a stop the debugger keeps its keys; without a session nobody gets any", { skip }, async () => {
  const panel = await open();
  panel.screen = TEXT;
  await panel.session("stopped");
  await panel.page.click(".monitor");
  const { keyboard } = panel.page;
  await keyboard.press("F10");
  await keyboard.press("KeyA");
  await until(panel, () => panel.requests.length === 2, "a key is sent");
  assert.equal(panel.typed(), "1c f0 1c");
  await panel.session("ended");
  await keyboard.press("KeyA");
  await panel.page.evaluate(() => new Promise(requestAnimationFrame));
  assert.equal(panel.typed(), "");
  assert.match(await panel.mode(), /^Text/, "the last picture stays");
  await panel.session("starting", "two");
  assert.equal(await panel.mode(), "");
  await panel.page.close();
});
