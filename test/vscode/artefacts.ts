/**
 * Boot artefacts in a real VS Code window: editors on a real kernel, initramfs, disk and CD, their files in the view Boot
 * Artefacts, with pictures in every kind of theme. Run by run.ts under node:test.
 */
import assert from "node:assert/strict";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import type { Frame, Locator, Page } from "playwright-core";
import { runCommand, webviewFrame } from "../../scripts/workbench/page.ts";
import { makeArtefactFolder, type ArtefactFolder } from "./artefact-folder.ts";
import { Window } from "./window.ts";

const THEMES = ["Light Modern", "Dark High Contrast", "Light High Contrast", "Dark Modern"];
const TIMEOUT = 120_000;

let window: Window;
let page: Page;
let files: ArtefactFolder;

before(async () => {
  files = await makeArtefactFolder("artefacts");
  window = await Window.open(files.folder);
  page = window.page;
});

after(() => window?.close());

// What a failed test saw last.
afterEach(() => window.picture("artefact-last"));

/** Opens a file by its name, as users do it by keys, and waits for its page. */
async function open(name: string): Promise<Frame> {
  await runCommand(page, "View: Close All Editors");
  await page.keyboard.press("Control+P");
  const input = page.locator(".quick-input-widget input.input");
  await input.fill(name);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first().waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".tab.active", { hasText: name }).waitFor();
  const frame = await webviewFrame(page, "body[data-panel=artefact]", TIMEOUT);
  // The page has shown what it shows by itself.
  await frame.locator(".content[data-settled], .notice .problem").first().waitFor({ timeout: TIMEOUT });
  return frame;
}

const row = (frame: Frame, name: string): Locator => frame.locator(`.row[data-name="${name}"]`).first();

async function unfold(frame: Frame, name: string): Promise<void> {
  if ((await row(frame, name).getAttribute("aria-expanded")) === "true") return;
  await row(frame, name).locator(".twistie").click();
  await frame.locator(`.row[data-name="${name}"][aria-expanded=true]`).waitFor();
}

async function marked(frame: Frame): Promise<string> {
  return (await frame.locator(".hex .byte.field").allInnerTexts()).join(" ");
}

test("a disk shows its MBR beside its bytes, marked both ways", async () => {
  const frame = await open(path.basename(files.disk));
  await frame.locator(".title", { hasText: "MBR disk" }).waitFor();
  await unfold(frame, "MBR");
  await unfold(frame, "bootstrap code area");
  await unfold(frame, "partition table");
  await row(frame, "boot_signature").click();
  await frame.locator(".hex .byte.field", { hasText: "55" }).waitFor();
  assert.equal(await marked(frame), "55 aa");
  // The other way: the first byte of the second partition entry's type.
  await frame.locator(".hex .bytes [data-offset='450']").click();
  const chosen = frame.locator(".row[aria-selected=true]");
  await chosen.and(frame.locator("[data-name=type]")).waitFor();
  assert.match(await chosen.innerText(), /Linux \(0x83\)/);
  assert.equal(await marked(frame), "83");
  await frame.locator(".disassembly .line").first().waitFor();
  await window.picture("artefact-1-disk");
});
