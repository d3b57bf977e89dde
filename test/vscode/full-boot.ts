/**
 * F5 in a folder with a kernel and an initramfs only: the whole boot from the reset vector, in a real VS Code window,
 * with pictures of it. Run by run.ts under node:test.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Frame, Locator, Page } from "playwright-core";
import { runCommand } from "../../scripts/workbench/page.ts";
import { Window } from "./window.ts";
import { makeBareFolder } from "./workspace.ts";

const BOOT_TIMEOUT = 240_000;

let window: Window;
let page: Page;

before(async () => {
  window = await Window.open(await makeBareFolder("full-boot"));
  page = window.page;
});

after(() => window?.close());

/** The editor of a source file. */
const editor = (name: string): Locator => page.locator(".tab.active", { hasText: name });
/** The line at which the machine stands. */
const currentLine = (): Locator => page.locator(".debug-top-stack-frame-line").first();

/** Where the call stack says that the machine stands: "reset.s 91:1" among it. */
const frame = (): Locator => page.locator(".debug-call-stack .monaco-list-row .stack-frame").first();

/** Ticks a filter in the Breakpoints view, which may have to be scrolled to. */
async function tick(label: string): Promise<void> {
  const view = page.locator(".debug-breakpoints");
  const row = view.locator(".monaco-list-row", { hasText: label }).first();
  await view.locator(".monaco-list-row").first().hover();
  for (let turn = 0; turn < 40 && !(await row.isVisible()); turn++) await page.mouse.wheel(0, turn < 20 ? 60 : -60);
  await row.locator(".monaco-checkbox").click();
}

/** Walks over the phases of the timeline by keys: exactly these there are, in this order. */
async function checkPhases(timeline: Frame, names: readonly string[]): Promise<void> {
  const title = (name: string | undefined): Locator =>
    timeline.locator(".details h2").and(timeline.getByText(name ?? "", { exact: true }));
  // Keys mean nothing before the boot so far has arrived.
  await timeline.getByText(/[1-9][0-9]* events/).waitFor();
  await timeline.locator("canvas.strip").click();
  // The window moves the focus into the panel by itself, in its own time.
  await timeline.waitForFunction(() => document.hasFocus() && document.activeElement?.matches("canvas.strip"));
  await page.keyboard.press("Escape");
  await page.keyboard.press("Home");
  for (const name of names) {
    await title(name).waitFor();
    await page.keyboard.press("ArrowRight");
  }
  await page.keyboard.press("Home");
  await title(names[0]).waitFor();
  await page.keyboard.press("End");
  await title(names.at(-1)).waitFor();
  // Follows the machine again.
  await page.keyboard.press("Escape");
}

test("F5 without a launch.json stops at the reset vector, in the firmware's source", async () => {
  await page.keyboard.press("Control+Shift+D");
  await page.getByText("Run and Debug", { exact: true }).last().waitFor();
  await page.keyboard.press("F5");
  const choice = page.locator(".quick-input-list .monaco-list-row", { hasText: "Bootscope" }).first();
  await choice.click();
  await editor("reset.s").waitFor({ timeout: BOOT_TIMEOUT });
  await currentLine().waitFor();
  await window.sideBar("real mode").waitFor();
  await window.picture("full-1-reset-vector");
});

test("a step goes to the next line of the firmware", async () => {
  const lines = [await frame().innerText()];
  for (let turn = 0; turn < 3; turn++) {
    await page.keyboard.press("F10");
    await page.waitForFunction((before) => {
      const row = document.querySelector<HTMLElement>(".debug-call-stack .monaco-list-row .stack-frame");
      return row?.innerText.includes(".s") === true && row.innerText !== before;
    }, lines.at(-1));
    lines.push(await frame().innerText());
  }
  assert.equal(new Set(lines).size, 4, lines.join(", "));
});

test("the boot loader's first instruction is stopped at, and where it was loaded from is told", async () => {
  await tick("Phase: Boot loader");
  await page.keyboard.press("F5");
  await editor("mbr.s").waitFor({ timeout: BOOT_TIMEOUT });
  await currentLine().waitFor();
  const region = await window.panel("region");
  await region.getByText("LBA 0 of drive 80h, kernel and initrd").waitFor();
  await window.picture("full-2-boot-loader");
});

test("the screen shows what the firmware printed", async () => {
  await runCommand(page, "Bootscope: Show Guest Screen");
  const screen = await window.panel("screen");
  await screen.locator("canvas").waitFor();
  await screen.getByText(/80\s*×\s*25/).waitFor();
  await window.picture("full-3-screen");
});

test("the timeline fills while the machine runs, up to the first user instruction", async () => {
  await runCommand(page, "Bootscope: Show Boot Timeline");
  const timeline = await window.panel("timeline");
  await checkPhases(timeline, ["BIOS", "Boot loader"]);
  await tick("Phase: Init");
  await page.keyboard.press("F5");
  await timeline.locator(".details h2", { hasText: /^Kernel$/ }).waitFor({ timeout: BOOT_TIMEOUT });
  await window.picture("full-4-running");
  await timeline.locator(".details h2", { hasText: /^Init$/ }).waitFor({ timeout: BOOT_TIMEOUT });
  // The machine has left the loader's source: the Disassembly view opens, and takes the keys until it is there.
  await editor("Disassembly").waitFor();
  await page.locator(".disassembly-view .monaco-list-row, .disassembly-view .monaco-table-tr").first().waitFor();
  const all = ["BIOS", "Boot loader", "Kernel setup", "Decompressor", "Kernel", "Init"];
  await checkPhases(timeline, all);
  await window.picture("full-5-timeline");
});

test("the timeline is zoomed and read by keys", async () => {
  const timeline = await window.panel("timeline");
  await timeline.locator("canvas.strip").focus();
  // The BIOS, from end to end; then its calls.
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  for (let turn = 0; turn < 3; turn++) await page.keyboard.press("ArrowDown");
  await timeline.locator(".details", { hasText: "BIOS calls" }).waitFor();
  assert.match(await timeline.locator(".details h2").innerText(), /^INT /);
  await timeline.locator(".event[aria-selected=true]", { hasText: "INT " }).waitFor();
  for (const theme of ["Light Modern", "Dark High Contrast", "Dark Modern"]) {
    await window.chooseTheme(theme);
    await window.picture(`full-6-${theme.toLowerCase().replaceAll(" ", "-")}`);
  }
});

test("no panel ran against its content security policy", () => {
  assert.deepEqual(window.refused, []);
});
