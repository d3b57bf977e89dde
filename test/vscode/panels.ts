/**
 * The panels that look into a running machine's memory, in a real VS Code window: a disk with GRUB and Debian's cloud
 * kernel, stopped at 0x7c00, at the kernel's entry and at its first user instruction, with pictures. Run by run.ts under
 * node:test.
 */
import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import type { Frame, Locator, Page } from "playwright-core";
import { grubCloudDisk } from "../../scripts/guests/grub-disks.ts";
import { openRunView, runCommand } from "../../scripts/workbench/page.ts";
import { Window } from "./window.ts";
import { BUILD } from "./workspace.ts";

const BOOT_TIMEOUT = 240_000;
const THEMES = ["Light Modern", "Dark Modern", "Dark High Contrast", "Light High Contrast"];
const CONFIGURATION = "Boot the disk";

let window: Window;
let page: Page;

before(async () => {
  const folder = path.join(BUILD, "panels");
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, ".vscode"), { recursive: true });
  const configuration = {
    type: "bootscope",
    request: "launch",
    name: CONFIGURATION,
    disks: [await grubCloudDisk()],
    memory: 512,
    stopAt: ["bootloader", "kernel", "init"],
  };
  await writeFile(
    path.join(folder, ".vscode", "launch.json"),
    JSON.stringify({ version: "0.2.0", configurations: [configuration] }),
  );
  window = await Window.open(folder);
  page = window.page;
});

after(() => window?.close());

let ended = 0;

// What each test saw last: for those that fail.
afterEach(() => window.picture(`panels-last-${(ended += 1)}`));

/** Brings a panel up by its command, and waits for its page. */
async function show(command: string, name: string): Promise<Frame> {
  await runCommand(page, `Bootscope: ${command}`);
  return window.panel(name);
}

const title = (text: string): Locator =>
  page.locator(".debug-call-stack-title, .pane-header", { hasText: text }).first();

async function continueTo(description: string): Promise<void> {
  await page.keyboard.press("F5");
  await title(description).waitFor({ timeout: BOOT_TIMEOUT });
}

/** Enters an address expression into the panel's field. */
async function goTo(frame: Frame, expression: string): Promise<void> {
  const field = frame.locator("vscode-text-field input").first();
  await field.fill(expression);
  await field.press("Enter");
}

/** A number in the Memory panel, with this text. */
const number = (frame: Frame, address: bigint, text: string | RegExp = ""): Locator =>
  frame.locator(`#number-${address.toString(16)}`, { hasText: text });

const cursorAt = (frame: Frame, address: bigint): Promise<void> =>
  number(frame, address).and(frame.locator(".cursor")).waitFor();

/** What the debug console says to an expression. */
async function evaluated(expression: string): Promise<string> {
  await runCommand(page, "Debug Console: Focus on Debug Console View");
  const results = page.locator(".repl .evaluation-result .value");
  const before = await results.count();
  await page.keyboard.type(expression);
  await page.keyboard.press("Enter");
  const result = results.nth(before);
  await result.waitFor();
  return result.innerText();
}

test("the boot stops at the boot sector", async () => {
  await openRunView(page, CONFIGURATION);
  await continueTo("Boot loader");
  // It takes the focus when it opens, and would close the command palette.
  await page.locator(".disassembly-view .monaco-list-row, .disassembly-view .monaco-table-tr").first().waitFor();
});

test("0x7c00: the MBR's fields lie over memory, and bytes that differ from the disk say so", async () => {
  const frame = await show("Show Boot Panels", "region");
  await frame.getByText("MBR: GRUB 2 (boot.img), 1 partition.").waitFor();
  await frame.getByText("No byte differs from LBA 0 of drive 80h.").waitFor();
  await frame.locator(".code .line.next").waitFor();
  await window.picture("region-1-narrow");
  const fields = frame.getByRole("button", { name: "Fields" });
  if ((await fields.getAttribute("aria-pressed")) === "false") await fields.click();
  const row = (name: string): Locator => frame.locator(`.tree .row[data-name="${name}"]`);
  await row("partition table").locator(".twistie").click();
  await row("entry 1").click();
  await frame.locator('.hex .byte.field[data-offset="446"]').waitFor();
  // By keys alone: the byte before the table is that of the field before it.
  await frame.locator(".hex").focus();
  await page.keyboard.press("ArrowLeft");
  await frame.locator('.tree .row[data-name="copy_protected"][aria-selected=true]').waitFor();
  await evaluated("u8 phys[0x7c20] = 0x42");
  const again = await show("Show Boot Panels", "region");
  await again.getByText("1 byte differs from LBA 0 of drive 80h.").waitFor();
  await again.locator(".hex").focus();
  await page.keyboard.press("Control+Home");
  // Eight bytes in a row, and room for few rows.
  for (let turn = 0; turn < 4; turn++) await page.keyboard.press("ArrowDown");
  await again.locator('.hex .byte.differs[data-offset="32"]').waitFor();
  await window.picture("region-2-differs");
  for (const theme of ["Light Modern", "Dark High Contrast", "Dark Modern"]) {
    await window.chooseTheme(theme);
    await window.picture(`region-3-${theme.toLowerCase().replaceAll(" ", "-")}`);
  }
});

test("boot_params: before a boot loader has made one, a sentence says so", async () => {
  const frame = await show("Show boot_params", "boot-params");
  await frame.getByText("There is no boot_params below 1 MiB yet").waitFor();
  await window.picture("boot-params-1-none");
});

test("memory: the boot sector is read where the firmware put it, with its origin", async () => {
  const frame = await show("Show Guest Memory", "memory");
  await goTo(frame, "phys:0x7c00");
  await cursorAt(frame, 0x7c00n);
  await number(frame, 0x7c00n, "eb").waitFor();
  await number(frame, 0x7c01n, "63").waitFor();
  await frame.locator(".place", { hasText: /LBA 0 of drive 80h/ }).waitFor();
  await window.picture("panels-memory-1-boot-sector");
});

test("memory: a byte that is typed is there for everyone, until it is taken back", async () => {
  const frame = await show("Show Guest Memory", "memory");
  await goTo(frame, "phys:0x7c03");
  await cursorAt(frame, 0x7c03n);
  const old = await number(frame, 0x7c03n).innerText();
  const edited = number(frame, 0x7c03n, "5a").and(frame.locator(".edited"));
  await frame.locator(".grid").focus();
  await page.keyboard.type("5a");
  await edited.waitFor();
  await window.picture("panels-memory-2-edited");
  await page.keyboard.press("Control+z");
  await number(frame, 0x7c03n, old).waitFor();
  await frame.locator(".edited").first().waitFor({ state: "detached" });
  await page.keyboard.press("Control+y");
  await edited.waitFor();
  assert.equal(await evaluated("u8 phys[0x7c03]"), "0x5a (90)");
  const again = await show("Show Guest Memory", "memory");
  // Still where it was.
  await number(again, 0x7c03n, "5a").and(again.locator(".cursor")).waitFor();
  await again.locator(".grid").focus();
  await page.keyboard.type(old);
  await number(again, 0x7c03n, old).waitFor();
});

test("memory: the top of both spaces is a click away, and what cannot be read says so", async () => {
  const frame = await show("Show Guest Memory", "memory");
  await frame.getByText("RAM end", { exact: true }).click();
  await cursorAt(frame, 0x1fffffffn);
  await number(frame, 0x20000000n, "··").waitFor();
  await frame.getByText("Top", { exact: true }).click();
  await cursorAt(frame, 0xffffffffffn);
  await goTo(frame, "lin:0");
  await cursorAt(frame, 0n);
  await frame.getByText("Top", { exact: true }).click();
  await cursorAt(frame, 0xffffffffffffffffn);
  await number(frame, 0xffffffffffffffffn, /^(··|[0-9a-f]{2})$/).waitFor();
  await window.picture("panels-memory-3-top");
  await frame.locator(".grid").focus();
  await page.keyboard.press("Control+Home");
  await cursorAt(frame, 0n);
  await frame.getByText("Back", { exact: true }).click();
  await goTo(frame, "ss:rsp");
  await frame.locator(".number.cursor").waitFor();
});

test("the boot stops at the kernel's entry", async () => {
  await continueTo("Kernel");
});

test("boot_params: what GRUB has handed over is decoded, and its pointers lead to memory", async () => {
  const frame = await show("Show boot_params", "boot-params");
  await frame.locator(".where", { hasText: "Handed over to the kernel's entry" }).waitFor();
  const row = (name: string): Locator => frame.locator(`.tree .row[data-name="${name}"]`);
  await row("command line").locator(".value", { hasText: "BOOT_IMAGE=/boot/vmlinuz console=ttyS0" }).waitFor();
  await row("e820_table").locator(".twistie").click();
  await row("entry 1").click();
  await frame.locator(".hex .byte.field").first().waitFor();
  await window.picture("boot-params-2-e820");
  for (const theme of ["Light Modern", "Dark High Contrast", "Dark Modern"]) {
    await window.chooseTheme(theme);
    await window.picture(`boot-params-3-${theme.toLowerCase().replaceAll(" ", "-")}`);
  }
  // Its first row is the command line.
  await frame.locator(".tree").focus();
  await page.keyboard.press("Home");
  await frame.locator("vscode-button", { hasText: "Show in Memory" }).click();
  const memory = await window.panel("memory");
  await memory.locator(".number.cursor", { hasText: "42" }).waitFor();
  await window.picture("boot-params-4-command-line");
});

test("the memory map draws the kernel, and tells who owns an address", async () => {
  const frame = await show("Show Memory Map", "memory-map");
  const text = frame.locator('#regions .row[data-name="kernel text"]');
  await frame.locator("#regions").focus();
  await page.keyboard.press("End");
  await frame.locator("#regions [aria-selected=true]").waitFor();
  await window.picture("memory-map-kernel");
  const field = frame.locator("vscode-text-field input");
  await field.fill("rip");
  await field.press("Enter");
  await frame.locator("#details", { hasText: /belongs to .*kernel/ }).waitFor();
  await text.waitFor();
  await window.picture("memory-map-owner");
});

test("the initramfs panel lists what GRUB has loaded, and shows it in the Memory panel", async () => {
  const frame = await show("Show initramfs in Memory", "initramfs");
  await frame.locator('#entries .row[data-name="bin"]').waitFor();
  await frame.locator('input[placeholder^="Filter"]').fill("busybox");
  const busybox = frame.locator('#entries .row[data-name="bin/busybox"]');
  await busybox.waitFor();
  await busybox.click();
  await frame.locator(".found", { hasText: "decompressed data of segment 0" }).waitFor();
  await window.picture("initramfs-kernel");
  const place = (await frame.locator(".place").innerText()).split(" ")[0] ?? "";
  const field = frame.locator('input[placeholder^="What lies at"]');
  await field.fill(`${place} + 16`);
  await field.press("Enter");
  await frame.locator(".found", { hasText: "Byte 16 of the gzip data" }).waitFor();
  await frame.locator("vscode-button", { hasText: "Show in Memory" }).click();
  await window.panel("memory");
});

const stackPointer = async (): Promise<bigint> => BigInt((/0x[0-9a-f]+/.exec(await evaluated("ss:rsp")) ?? ["0"])[0]);

test("memory: the stack is where an expression says", async () => {
  const rsp = await stackPointer();
  const frame = await show("Show Guest Memory", "memory");
  await goTo(frame, "lin:0");
  await goTo(frame, "ss:rsp");
  await cursorAt(frame, rsp);
  await window.picture("panels-memory-4-stack");
});

const tableRow = (frame: Frame, selector: string): Locator => frame.locator(`.tree .row${selector}`);

test("page tables: the tree unfolds by keys down to the kernel's pages", async () => {
  const frame = await show("Show Page Tables", "page-tables");
  await frame.locator(".summary", { hasText: "4-level paging" }).waitFor();
  await frame.locator(".tree").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await tableRow(frame, "[aria-level='2']").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await tableRow(frame, "[aria-level='3'][data-kind=page]").first().waitFor();
  await frame.locator(".strip").focus();
  await page.keyboard.press("0");
  await page.keyboard.press("Home");
  await page.keyboard.press("+");
  await page.keyboard.press("+");
  await frame.locator(".readout", { hasText: "0x0" }).waitFor();
  await window.picture("page-tables-1-kernel");
  // Where the kernel runs now, from its address to its page and back.
  await goTo(frame, "rip");
  await frame.locator("[data-physical]").first().waitFor();
  await tableRow(frame, "[aria-selected=true][data-kind=page]").waitFor();
  await window.picture("page-tables-2-walk");
  await frame.locator(".chosen vscode-button", { hasText: "Page in Memory" }).click();
  await (await window.panel("memory")).locator(".number.cursor").waitFor();
});

test("the boot stops at the first user instruction, and the Memory panel follows the stack there", async () => {
  const frame = await show("Show Guest Memory", "memory");
  // Linear addresses, not where they are mapped.
  await goTo(frame, "lin:0");
  await frame.locator(".head .address", { hasText: "linear" }).waitFor();
  await goTo(frame, "ss:rsp");
  const follow = frame.locator("vscode-checkbox", { hasText: "Follow" });
  if ((await follow.getAttribute("aria-checked")) !== "true") await follow.click();
  await continueTo("Init");
  const rsp = await stackPointer();
  await cursorAt(await show("Show Guest Memory", "memory"), rsp);
});

test("the kernel has freed the initramfs, and the memory map marks what is new", async () => {
  const frame = await show("Show initramfs in Memory", "initramfs");
  await frame.locator(".notes .problem", { hasText: "with which the kernel fills memory that it frees" }).waitFor();
  await window.picture("initramfs-init");
  const map = await show("Show Memory Map", "memory-map");
  await map.locator("#details", { hasText: "new since the stop shown before" }).waitFor();
  await map.locator("#regions").focus();
  await page.keyboard.press("End");
  await map.locator("#regions [aria-selected=true]").waitFor();
  await window.picture("memory-map-init");
});

test("memory: addresses of the kernel have names, and unmapped ones bytes of dots", async () => {
  const frame = await show("Show Guest Memory", "memory");
  await goTo(frame, "msr.lstar");
  await frame.locator(".place .symbol", { hasText: "entry_SYSCALL_64" }).waitFor();
  await frame.locator("vscode-dropdown[aria-label=Numbers]").click();
  await frame.getByText("64-bit words", { exact: true }).click();
  await goTo(frame, "rsp");
  await frame.locator(".value", { hasText: "64 bit" }).waitFor();
  await window.picture("panels-memory-5-words");
  await goTo(frame, "lin:0");
  await cursorAt(frame, 0n);
  await number(frame, 0n, "················").waitFor();
  await frame.locator(".place", { hasText: "is not mapped" }).waitFor();
  await goTo(frame, "no_such_name");
  await frame.locator(".failure:not(:empty)").waitFor();
  await window.picture("panels-memory-6-unmapped");
});

test("all of these panels can be read in every kind of theme", async () => {
  for (const theme of THEMES) {
    await window.chooseTheme(theme);
    const name = theme.toLowerCase().replaceAll(" ", "-");
    const memory = await show("Show Guest Memory", "memory");
    await goTo(memory, "msr.lstar");
    await memory.locator(".place .symbol").waitFor();
    await (await window.panel("page-tables")).locator(".outcome strong").waitFor();
    await (await window.panel("memory-map")).getByRole("row").nth(1).waitFor();
    await window.picture(`panels-theme-${name}-memory`);
    await (await show("Show boot_params", "boot-params")).locator(".where:not(:empty)").waitFor();
    await window.panel("initramfs");
    await window.picture(`panels-theme-${name}-handover`);
    await (await show("Show Boot Panels", "region")).locator(".hex .byte").first().waitFor();
    await window.picture(`panels-theme-${name}-region`);
  }
});

test("no panel ran against its content security policy", () => {
  assert.deepEqual(window.refused, []);
});

test("page tables: what is new since the kernel's entry, the way back from memory, every theme", async () => {
  const frame = await show("Show Page Tables", "page-tables");
  await frame.locator(".since", { hasText: "changed since" }).waitFor();
  await goTo(frame, "rip");
  await tableRow(frame, "[aria-selected=true][data-kind=page]").waitFor();
  await window.picture("page-tables-3-init");
  const found = (await frame.locator("[data-physical]").first().getAttribute("data-physical")) ?? "";
  await goTo(frame, found);
  await frame.locator(".mappings li").first().waitFor();
  await window.picture("page-tables-4-mappings");
  await frame.locator(".toggle").click();
  await tableRow(frame, "[data-change=new]").first().waitFor();
  for (const theme of ["Light Modern", "Dark High Contrast", "Dark Modern"]) {
    await window.chooseTheme(theme);
    await window.picture(`page-tables-5-${theme.toLowerCase().replaceAll(" ", "-")}`);
  }
  await frame.locator(".toggle").click();
});
