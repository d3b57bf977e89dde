/**
 * The debugger in depth in a real VS Code window, on Debian's kernel: symbols that come with the kernel, call stacks
 * through SYSCALL, exceptions ticked in the Breakpoints view, with pictures. Run by run.ts under node:test.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Locator, Page } from "playwright-core";
import { openRunView } from "../../scripts/workbench/page.ts";
import { Window } from "./window.ts";
import { makeWorkspace } from "./workspace.ts";

const BOOT_TIMEOUT = 240_000;
/** Rows of the Breakpoints view that are looked through for a box. */
const MOST_BOXES = 80;
/** Called by open() in user mode, and by nothing else. */
const FUNCTION = "do_sys_openat2";

let window: Window;
let page: Page;

before(async () => {
  window = await Window.open((await makeWorkspace("depth")).folder);
  page = window.page;
});

after(() => window?.close());

// What a failed test saw last.
afterEach(() => window.picture("depth-last"));

const callStack = (text: string): Locator =>
  page.locator(".debug-call-stack .monaco-list-row", { hasText: text }).first();

/** The variables of the chosen frame are there. */
const sideBarSettles = (): Promise<void> => window.sideBar("General").waitFor();

/** Ticks a box of the Breakpoints view, whose list shows only the rows in sight. */
async function tick(label: string): Promise<void> {
  const box = page.locator(".debug-breakpoints .monaco-list-row", { hasText: label }).first();
  await page.locator(".debug-breakpoints .monaco-list").first().focus();
  await page.keyboard.press("Home");
  for (let turn = 0; turn < MOST_BOXES && !(await box.isVisible()); turn++) await page.keyboard.press("ArrowDown");
  await box.locator("input[type=checkbox], .monaco-checkbox").first().click();
}

test("a function breakpoint waits for the kernel's own symbols, and its stack leads into user mode", async () => {
  await openRunView(page, "Boot the kernel");
  const header = page.locator(".pane-header", { hasText: "Breakpoints" });
  await header.hover();
  await header.locator(".action-label[aria-label*='Add Function Breakpoint']").click();
  const input = page
    .locator(".debug-breakpoints input[type=text], .debug-breakpoints .inputBoxContainer input")
    .first();
  await input.fill(FUNCTION);
  await input.press("Enter");
  await page.keyboard.press("F5");
  await page.locator(".debug-toolbar .codicon-debug-continue").waitFor();
  await page.locator(".debug-toolbar .codicon-debug-continue").click();
  await callStack(FUNCTION).waitFor({ timeout: BOOT_TIMEOUT });
  await callStack("[SYSCALL]").waitFor();
  await sideBarSettles();
  await window.picture("depth-1-symbols");
});

test("an exception ticked in the Breakpoints view stops before it is delivered", async () => {
  await tick("#PF");
  await page.locator(".debug-toolbar .codicon-debug-continue").click();
  await page.locator(".debug-call-stack-title, .pane-header", { hasText: "#PF page fault" }).first().waitFor();
  await window.picture("depth-2-exception");
  // Not delivered yet: the instruction of user mode that faults is the next one.
  await sideBarSettles();
  assert.doesNotMatch(await callStack("64-bit long mode").innerText(), /asm_exc_page_fault/);
});

test("state unfolds down to single bits", async () => {
  // Fold what is open, so that the next scopes are in sight.
  await window.sideBar("General").click();
  await page.keyboard.press("ArrowLeft");
  for (const name of ["Control", "cr0"]) {
    await window.sideBar(name).click();
    await page.keyboard.press("ArrowRight");
  }
  await window.sideBar("PG").waitFor();
  await window.picture("depth-3-state");
});
