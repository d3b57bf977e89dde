/**
 * What only eyes and hands see: keys and clicks in a real VS Code window on a real boot, with pictures of it. Run by
 * run.ts under node:test.
 */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import type { Frame, Locator, Page } from "playwright-core";
import { BUSYBOX_GREETING } from "../../scripts/guests/guests.ts";
import { openRunView, runCommand } from "../../scripts/workbench/page.ts";
import { Window } from "./window.ts";
import { makeWorkspace } from "./workspace.ts";

const BOOT_TIMEOUT = 240_000;
const THEMES = ["Light Modern", "Dark High Contrast", "Light High Contrast", "Dark Modern"];

let window: Window;
let page: Page;
let folder = "";

const picture = (name: string): Promise<void> => window.picture(name);
const sideBar = (text: string): Locator => window.sideBar(text);
const panel = (name: string): Promise<Frame> => window.panel(name);

before(async () => {
  folder = (await makeWorkspace("clicks")).folder;
  window = await Window.open(folder);
  page = window.page;
});

after(() => window?.close());

async function register(name: string): Promise<string> {
  return (await (await panel("registers")).locator(`[data-register=${name}]`).innerText()).trim();
}

/** Waits until a register's text fulfils a pattern. */
async function registerBecomes(name: string, wanted: RegExp, timeout = 60_000): Promise<void> {
  const field = (await panel("registers")).locator(`[data-register=${name}]`, { hasText: wanted });
  await field.waitFor({ timeout }).catch(async () => assert.match(await register(name), wanted));
}

/** Rows of the terminal as they are on the screen. */
async function consoleText(): Promise<string> {
  const rows = (await panel("serial")).locator(".xterm-rows > div");
  return (await rows.allInnerTexts()).join("\n").replaceAll("\u00a0", " ");
}

async function consoleShows(wanted: RegExp, timeout: number): Promise<void> {
  const frame = await panel("serial");
  await frame
    .locator(".xterm-rows", { hasText: wanted })
    .waitFor({ timeout })
    .catch(async () => assert.match(await consoleText(), wanted));
}

test("a physical breakpoint is added by its command", async () => {
  await runCommand(page, "Bootscope: Add Physical Breakpoint");
  const input = page.locator(".quick-input-widget input.input");
  await page.locator(".quick-input-widget", { hasText: "Guest physical address" }).waitFor();
  await input.fill("phys:nonsense");
  await page.locator(".quick-input-widget", { hasText: "Expected a physical address" }).waitFor();
  await input.fill("0x1000000");
  // VS Code accepts nothing while it still shows what was wrong with the text before.
  await page.locator(".quick-input-widget", { hasText: "Expected a physical address" }).waitFor({ state: "hidden" });
  await input.press("Enter");
  await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
});

test("F5 boots the kernel and stops at its entry, with panels and disassembly", async () => {
  await openRunView(page, "Boot the kernel");
  await page.keyboard.press("F5");
  await registerBecomes("rip", /^0000000001000200$/);
  const summary = (await panel("registers")).locator(".summary");
  assert.match(await summary.innerText(), /64-bit long mode · CPL 0 · 0 instructions/);
  await page.locator(".disassembly-view .monaco-list-row, .disassembly-view .monaco-table-tr").first().waitFor();
  // Behind the filters for phases and events.
  await page.locator(".debug-breakpoints .monaco-list").first().focus();
  await page.keyboard.press("End");
  await page.locator(".breakpoint", { hasText: "phys:0x1000000" }).first().waitFor();
  await (await panel("region")).getByText("All zero: no boot sector was loaded here.").waitFor();
  await (await panel("region")).locator(".code .line").first().waitFor();
  await picture("1-entry");
});

test("a step marks what changed", async () => {
  const before = await register("rip");
  await page.keyboard.press("F11");
  const changed = (await panel("registers")).locator(".changed [data-register=rip]");
  await changed.waitFor();
  assert.notEqual(await register("rip"), before);
  await picture("2-step");
});

test("a register is edited in its panel", async () => {
  const frame = await panel("registers");
  await frame.locator("[data-register=rbx]").click();
  const field = frame.locator("vscode-text-field input");
  await field.fill("0xc0ffee");
  await field.press("Enter");
  await registerBecomes("rbx", /^0000000000c0ffee$/);
});

test("the physical breakpoint stops the decompressed kernel", async () => {
  await page.keyboard.press("F5");
  await (await panel("registers")).locator(".summary", { hasText: "Kernel" }).waitFor({ timeout: BOOT_TIMEOUT });
  await registerBecomes("rip", /1000000$/);
  await picture("3-physical-breakpoint");
  // The frame is chosen: its variables are there, and the Disassembly view is on its instruction.
  await sideBar("General").waitFor();
  await page
    .locator(".disassembly-view .monaco-table-tr, .disassembly-view .monaco-list-row", {
      hasText: "0x0000000001000000",
    })
    .first()
    .waitFor();
  await picture("3-physical-breakpoint");
});

test("page tables are walked for a typed address", async () => {
  await runCommand(page, "Bootscope: Show Page Tables");
  const frame = await panel("page-tables");
  const field = frame.locator("vscode-text-field:not(.other-root) input");
  await field.fill("0x1000000");
  await field.press("Enter");
  await frame.locator("[data-physical='phys:0x1000000']").waitFor();
  const levels = await frame.locator("tbody th").allInnerTexts();
  assert.deepEqual(levels.slice(0, 3), ["PML4E", "PDPTE", "PDE"]);
  const flags = await frame.locator("tbody tr").last().locator(".chip").allInnerTexts();
  assert.ok(flags.includes("P") && flags.includes("PS"), flags.join(" "));
  await field.fill("0xffff900000000000");
  await field.press("Enter");
  await frame.locator(".unmapped").waitFor();
  await field.fill("no such thing");
  await field.press("Enter");
  await frame.locator(".failure:not(:empty)").waitFor();
  await field.fill("rip");
  await field.press("Enter");
  await frame.locator("[data-physical='phys:0x1000000']").waitFor();
  await runCommand(page, "Bootscope: Show Boot Panels");
});

test("the console shows the boot from its first line and takes a command", async () => {
  await page.keyboard.press("F5");
  await consoleShows(new RegExp(BUSYBOX_GREETING), BOOT_TIMEOUT);
  await consoleShows(/~ # /, 60_000);
  await (await panel("serial")).locator(".xterm-screen").click();
  await page.keyboard.type("echo $((6*7))-answer\n");
  await consoleShows(/42-answer/, 60_000);
  await picture("4-shell");
});

test("Pause shows where the guest is, in every kind of theme", async () => {
  await page.locator(".debug-toolbar .codicon-debug-pause").click();
  await page.locator(".debug-toolbar .codicon-debug-continue").waitFor();
  await (await panel("registers")).locator(".stale").waitFor({ state: "detached" });
  for (const theme of THEMES) {
    await window.chooseTheme(theme);
    await picture(`5-${theme.toLowerCase().replaceAll(" ", "-")}`);
  }
});

test("the console keeps its scrollback when its panel comes back", async () => {
  await runCommand(page, "View: Toggle Panel Visibility");
  await page.locator(".part.panel").waitFor({ state: "hidden" });
  await runCommand(page, "Bootscope: Show Boot Panels");
  await consoleShows(/42-answer/, 60_000);
  const frame = await panel("serial");
  await frame.locator(".xterm-screen").click();
  for (let turn = 0; turn < 300 && !/Linux version/.test(await consoleText()); turn++) await page.mouse.wheel(0, -2000);
  await consoleShows(/Linux version/, 10_000);
});

test("the guest powers off and the session ends", async () => {
  await runCommand(page, "Debug: Continue");
  await (await panel("serial")).locator(".xterm-screen").click();
  await page.keyboard.type("poweroff -f\n");
  await page.locator(".debug-toolbar").waitFor({ state: "hidden" });
  await (await panel("serial")).getByText("Session ended.").waitFor();
});

test("a launch that cannot work is told in one sentence", async () => {
  await runCommand(page, "Debug: Select and Start Debugging");
  await page.keyboard.press("Escape");
  const file = path.join(folder, ".vscode", "launch.json");
  const { readFile, writeFile } = await import("node:fs/promises");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/"kernel": "[^"]*"/, '"kernel": "${workspaceFolder}/bad/arm64-Image"'));
  await runCommand(page, "Debug: Start Debugging");
  const notice = page.locator(".notification-list-item", { hasText: "arm64" });
  await notice.waitFor();
  assert.doesNotMatch(await notice.innerText(), /\bat .*:\d+:\d+/);
  await picture("6-wrong-kernel");
});

test("no panel ran against its content security policy", () => {
  assert.deepEqual(window.refused, []);
});
