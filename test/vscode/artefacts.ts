/**
 * Boot artefacts in a real VS Code window: editors on a real kernel, initramfs, disk and CD, their files in the view Boot
 * Artefacts, with pictures in every kind of theme. Run by run.ts under node:test.
 */
import assert from "node:assert/strict";
import { readdirSync, watch } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
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

let ended = 0;

// What each test saw last: for those that fail.
afterEach(() => window.picture(`artefact-last-${(ended += 1)}`));

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

test("keys alone walk the structure, and a byte is gone to by its offset", async () => {
  const frame = await webviewFrame(page, "body[data-panel=artefact]");
  await frame.locator(".tree").focus();
  const chosen = frame.locator(".row[aria-selected=true]");
  await page.keyboard.press("Home");
  await chosen.and(frame.locator("[data-name=MBR]")).waitFor();
  await page.keyboard.press("ArrowLeft");
  await frame.locator(".row[data-name=MBR][aria-expanded=false]").waitFor();
  await page.keyboard.press("ArrowRight");
  await frame.locator(".row[data-name=MBR][aria-expanded=true]").waitFor();
  await page.keyboard.press("ArrowRight");
  await chosen.and(frame.locator("[data-name='bootstrap code area']")).waitFor();
  const active = await frame.locator(".tree").getAttribute("aria-activedescendant");
  assert.equal(await chosen.getAttribute("id"), active, "a screen reader is told which row it is");
  assert.equal(await chosen.getAttribute("aria-level"), "2");
  // Enter goes to the bytes; from there the next byte, a field's or not.
  await page.keyboard.press("Enter");
  await frame.waitForFunction(() => document.activeElement?.matches(".hex") === true);
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("ArrowRight");
  await frame.locator(".hex[aria-activedescendant=byte-1]").waitFor();
  const goTo = frame.locator("vscode-text-field input");
  await goTo.fill("0x1fe");
  await goTo.press("Enter");
  await chosen.and(frame.locator("[data-name=boot_signature]")).waitFor();
  await goTo.fill("nowhere");
  await goTo.press("Enter");
  await frame.locator(".failure", { hasText: "Expected an offset from 0 to 0x3ffffff" }).waitFor();
});

test("boot code is disassembled as it runs, and its bytes are marked", async () => {
  const frame = await webviewFrame(page, "body[data-panel=artefact]");
  const first = frame.locator(".disassembly .line").first();
  assert.match(await first.innerText(), /0x7c00\s+eb 63\s+jmp short 0x7c65/);
  await first.click();
  await frame.locator(".hex .byte.code", { hasText: "eb" }).waitFor();
  assert.equal((await frame.locator(".hex .byte.code").allInnerTexts()).join(" "), "eb 63");
});

test("the editor keeps to every kind of theme", async () => {
  for (const theme of THEMES) {
    await window.chooseTheme(theme);
    await window.picture(`artefact-2-${theme.toLowerCase().replaceAll(" ", "-")}`);
  }
});

test("a kernel shows its setup header and the kernel within, decompressed", async () => {
  const frame = await open(path.basename(files.kernel));
  await frame.locator(".title", { hasText: "bzImage" }).waitFor();
  await frame.locator(".title", { hasText: "6.1.0" }).waitFor();
  await frame.locator(".disassembly .line").first().waitFor();
  const goTo = frame.locator("vscode-text-field input");
  await goTo.fill("0x202");
  await goTo.press("Enter");
  await frame.locator(".row[aria-selected=true]").and(frame.locator("[data-name=header]")).waitFor();
  assert.equal(await marked(frame), "48 64 72 53");
  await window.picture("artefact-3-kernel");
  // The last row: ELF file, decompressed when it is unfolded.
  await frame.locator(".tree").focus();
  await page.keyboard.press("End");
  await frame.locator(".row[aria-selected=true]").and(frame.locator("[data-name=vmlinux]")).waitFor();
  await page.keyboard.press("ArrowRight");
  await frame.locator(".row[aria-level='2']").waitFor({ timeout: TIMEOUT });
  await frame.locator(".hex .byte", { hasText: "7f" }).first().waitFor({ timeout: TIMEOUT });
  await window.picture("artefact-3-vmlinux");
});

test("an initramfs shows its entries in the decompressed stream", async () => {
  const frame = await open(path.basename(files.initramfs));
  await frame.locator(".title", { hasText: "initramfs" }).waitFor();
  await unfold(frame, "segment 1");
  await unfold(frame, "cpio archive 1");
  await row(frame, "dev/console").click();
  await unfold(frame, "dev/console");
  await row(frame, "c_magic").click();
  await frame.locator(".hex .byte.field").first().waitFor();
  assert.equal(await marked(frame), "30 37 30 37 30 31");
  await window.picture("artefact-4-initramfs");
});

/** Draws the view Boot Artefacts to more rows, by the border above what is folded there. */
async function enlargeView(): Promise<void> {
  const border = await page.locator(".part.sidebar .pane-header", { hasText: "Outline" }).boundingBox();
  assert.ok(border);
  const [x, y] = [border.x + border.width / 2, border.y];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x, y - 400, { steps: 5 });
  await page.mouse.up();
}

test("its files are browsed: text as text, programs with their structure", async () => {
  await runCommand(page, "Bootscope: Browse Contents");
  const item = (text: string): Locator => window.sideBar(text);
  await item("bin").waitFor({ timeout: TIMEOUT });
  await enlargeView();
  await item("dev").click();
  await item("character device 5:1").waitFor();
  await window.picture("artefact-5-browse");
  // Folders first; the only file in the root comes last.
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.locator(".tab.active", { hasText: "init" }).waitFor();
  await page.locator(".editor-instance .view-lines", { hasText: "#!/bin/sh" }).waitFor();
  await window.picture("artefact-5-text");
});

/** A file or folder in the Explorer. */
const explorer = (name: string): Locator =>
  page.locator(".explorer-folders-view").getByRole("treeitem", { name, exact: true });

async function contextMenu(name: string, command: string): Promise<void> {
  await explorer(name).click({ button: "right" });
  const item = page.locator(".monaco-menu .action-item", { hasText: command }).first();
  // By key: a menu takes no click that comes too soon after it has opened.
  await item.hover();
  await item.and(page.locator(".focused")).waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".monaco-menu").waitFor({ state: "hidden" });
}

/** Waits for a quick input that shows this text or suggests it, and takes what it suggests. */
async function accept(text: string): Promise<void> {
  await page.waitForFunction((wanted) => {
    const widget = document.querySelector<HTMLElement>(".quick-input-widget");
    const value = widget?.querySelector<HTMLInputElement>("input.input")?.value ?? "";
    return widget?.offsetParent !== null && (value.includes(wanted) || widget?.innerText.includes(wanted) === true);
  }, text);
  await page.keyboard.press("Enter");
}

const notification = (text: string | RegExp): Locator =>
  page.locator(".notification-list-item", { hasText: text }).first();

test("an initramfs is extracted beside itself, packed again, and is the same", async () => {
  const archive = path.basename(files.initramfs);
  await contextMenu(archive, "Extract Here");
  await accept("Name of a new folder");
  await notification(/\.extracted: \d+ files, \d+ folders, \d+ links/).waitFor({ timeout: TIMEOUT });
  const folder = `${files.initramfs}.extracted`;
  assert.equal(await readlink(path.join(folder, "bin/ls")), "busybox");
  assert.match(await readFile(path.join(folder, "init"), "utf8"), /^#!\/bin\/sh/);
  await runCommand(page, "Notifications: Clear All Notifications");
  await explorer(path.basename(folder)).waitFor();
  await contextMenu(path.basename(folder), "Repack Folder");
  await accept("Owners, permissions and device nodes as there");
  await accept("every kernel reads it");
  await accept("initramfs-repacked");
  await notification(/initramfs-repacked\.cpio\.gz: \d+ entries/).waitFor({ timeout: TIMEOUT });
  await runCommand(page, "Notifications: Clear All Notifications");
  await explorer("initramfs-repacked.cpio.gz").waitFor();
  assert.deepEqual(
    (await readdir(files.folder)).filter((name) => name.includes("partial")),
    [],
  );
  // Both chosen, compared by content, mode and owner.
  await explorer(archive).click();
  // Its editor, once open, has the Explorer choose this file alone.
  await page.locator(".tab.active", { hasText: archive }).waitFor();
  await explorer("initramfs-repacked.cpio.gz").click({ modifiers: ["Control"] });
  await contextMenu("initramfs-repacked.cpio.gz", "Compare initramfs");
  await window.sideBar("0 added, 0 removed, 0 changed").waitFor({ timeout: TIMEOUT });
  await window.picture("artefact-5-compare");
});

test("two archives' differences are listed, their files and listings shown side by side", async () => {
  await runCommand(page, "View: Close All Editors");
  const [archive, changed] = [files.initramfs, files.changed].map((file) => path.basename(file)) as [string, string];
  await explorer(archive).click();
  await page.locator(".tab.active", { hasText: archive }).waitFor();
  await explorer(changed).click({ modifiers: ["Control"] });
  await contextMenu(changed, "Compare initramfs");
  const comparison = window.sideBar("1 added, 1 removed, 1 changed");
  await comparison.waitFor({ timeout: TIMEOUT });
  await window.sideBar("bin/ls").waitFor();
  await window.sideBar("added").waitFor();
  const diff = page.locator(".monaco-diff-editor");
  await page.locator(".part.sidebar .monaco-list-row[aria-level='3']", { hasText: "init" }).first().click();
  await page.locator(".tab.active", { hasText: "init (" }).waitFor();
  await diff.locator(".editor.modified .view-lines", { hasText: "exec /bin/sh" }).waitFor();
  await comparison.hover();
  await comparison.locator(".action-label[aria-label*='Compare Listings']").click();
  await page.locator(".tab.active", { hasText: `${archive} ↔ ${changed}` }).waitFor();
  await diff.locator(".editor.modified .view-lines", { hasText: "added" }).waitFor();
  await window.picture("artefact-5-listings");
});

/** Waits until the names in the tests' folder are as wanted. */
function folderBecomes(wanted: (names: readonly string[]) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(files.folder, { signal: AbortSignal.timeout(TIMEOUT) });
    const look = (): void => {
      if (!wanted(readdirSync(files.folder))) return;
      watcher.close();
      resolve();
    };
    watcher.on("change", look).on("error", reject);
    look();
  });
}

test("a long task is cancelled, and leaves nothing behind", async () => {
  const large = path.basename(files.large);
  await contextMenu(large, "Repack Folder");
  await accept("Owned by root");
  await accept("every kernel reads it");
  await accept("large-repacked");
  const isPart = (name: string): boolean => name.endsWith(".partial");
  await folderBecomes((names) => names.some(isPart));
  const progress = notification(/Packing large/);
  await progress.waitFor();
  await window.picture("artefact-5-progress");
  await progress.getByRole("button", { name: "Cancel" }).click();
  await folderBecomes((names) => !names.some(isPart));
  assert.deepEqual(
    (await readdir(files.folder)).filter((name) => name.includes("large")),
    [large],
  );
  await progress.waitFor({ state: "hidden" });
  // Given up by the user: that is no error to be told of.
  assert.equal(await page.locator(".notification-list-item").count(), 0);
});

/** Unfolds a folder of the view Boot Artefacts. */
async function unfoldInView(name: string | RegExp): Promise<void> {
  const folder = page.locator(".part.sidebar .monaco-list-row[aria-expanded]", { hasText: name }).last();
  await folder.waitFor({ timeout: TIMEOUT });
  if ((await folder.getAttribute("aria-expanded")) !== "true") await folder.click();
}

test("a disk's partition is browsed to grub.cfg, which opens as text", async () => {
  await runCommand(page, "View: Close All Editors");
  await contextMenu(path.basename(files.disk), "Browse Contents");
  await unfoldInView(/partition 1 \(ext/);
  await unfoldInView(/^boot$/);
  await unfoldInView(/^grub$/);
  await window.sideBar("grub.cfg").click();
  await page.locator(".tab.active", { hasText: "grub.cfg" }).waitFor();
  await page.locator(".editor-instance .view-lines", { hasText: "menuentry" }).waitFor();
  await window.picture("artefact-5-grub");
});

test("a disk's partition is extracted", async () => {
  const disk = path.basename(files.disk);
  await contextMenu(disk, "Extract Here");
  await accept("Name of a new folder");
  await notification(/\.extracted: \d+ files, \d+ folders/).waitFor({ timeout: TIMEOUT });
  const folder = `${files.disk}.extracted`;
  assert.match(await readFile(path.join(folder, "boot/grub/grub.cfg"), "utf8"), /menuentry/);
  await runCommand(page, "Notifications: Clear All Notifications");
});

test("an old initrd, the compressed image of a file system, shows that and is browsed", async () => {
  const frame = await open(path.basename(files.block));
  await frame.locator(".title", { hasText: "initrd (block image)" }).waitFor();
  await unfold(frame, "segment 1");
  await row(frame, "file system").waitFor();
  await unfold(frame, "superblock");
  await row(frame, "s_magic").click();
  await frame.locator(".hex .byte.field").first().waitFor();
  assert.equal(await marked(frame), "53 ef");
  await runCommand(page, "Bootscope: Browse Contents");
  await unfoldInView(/^ext2/);
  await window.sideBar("linuxrc").click();
  await page.locator(".editor-instance .view-lines", { hasText: "init of an old initrd" }).waitFor();
  await window.picture("artefact-5-block");
});

test("the kernel within a bzImage is extracted to a file, which opens", async () => {
  const kernel = path.basename(files.kernel);
  await contextMenu(kernel, "Extract vmlinux");
  await accept("vmlinux-6.1");
  await page.locator(".tab.active", { hasText: "vmlinux-" }).waitFor({ timeout: TIMEOUT });
  const frame = await webviewFrame(page, "body[data-panel=artefact]", TIMEOUT);
  await frame.locator(".title", { hasText: "ELF 64-bit" }).waitFor({ timeout: TIMEOUT });
  await window.picture("artefact-3-elf");
});

test("a CD shows its volume descriptors and boot image", async () => {
  const frame = await open(path.basename(files.cd));
  await frame.locator(".title", { hasText: "CD image" }).waitFor();
  await window.picture("artefact-6-cd");
});

test("a 40 GB disk opens at once, and its last byte is a key away", async () => {
  const frame = await open(path.basename(files.huge));
  await frame.locator(".title", { hasText: "37.3 GiB" }).waitFor();
  await frame.locator(".hex").focus();
  await page.keyboard.press("Control+End");
  await frame.locator(".hex .byte.cursor", { hasText: "ef" }).waitFor();
  await window.picture("artefact-7-huge");
});

test("other content is told in one sentence, and opens as bytes all the same", async () => {
  const frame = await open(path.basename(files.wrong));
  await frame.locator(".notice .problem", { hasText: "The file begins with 4e 6f 74" }).waitFor();
  await window.picture("artefact-8-wrong");
  await frame.getByText("Open as Hex Anyway").click();
  await frame.locator(".hex .byte", { hasText: "4e" }).first().waitFor();
  await window.picture("artefact-8-bytes");
});

test("no page ran against its content security policy", () => {
  assert.deepEqual(window.refused, []);
});
