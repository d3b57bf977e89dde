/** The boot_params panel in a browser: fields beside bytes, what changed, where pointers lead, and what to do without one. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Locator, Page } from "playwright-core";
import { buildBootParams, E820_RAM, E820_RESERVED } from "../../boot-formats/boot-params.ts";
import type { ExpressionContext } from "../../debug-adapter/expressions/evaluate.ts";
import { bootParams } from "../../debug-adapter/panels/boot-params.ts";
import type { BootPlaces, CpuState, Target } from "../../debug-adapter/target.ts";
import { PanelPages, skip, type PanelPage } from "./panel-page.ts";

const PLACE = 0x7000;
const RAM = 0x200000;
const E820_COUNT = 0x1e8;

let ram: Uint8Array;
let places: BootPlaces;
const asked: unknown[] = [];
const pages = new PanelPages("boot-params");

before(() => (skip === false ? pages.start() : undefined));
after(() => pages.stop());

async function answer(command: string, args: unknown): Promise<unknown> {
  assert.equal(command, "bootscope/bootParams");
  asked.push(args);
  const { address } = args as { address?: string };
  if (address !== undefined && !address.startsWith("phys:")) throw new Error(`"${address}" is no symbol.`);
  const target: Partial<Target> = {
    places: () => Promise.resolve(places),
    readMemory: (_, first, length) => Promise.resolve(ram.slice(Number(first), Number(first) + length)),
  };
  // Addresses of digits want no more of the processor.
  const cpu = { mode: "long", msrs: [] } as Partial<CpuState> as CpuState;
  const context: ExpressionContext = { cpu, readMemory: () => Promise.resolve(new Uint8Array()) };
  return bootParams(target as Target, RAM, args as Record<string, unknown>, context);
}

async function open(): Promise<{ panel: PanelPage; page: Page }> {
  ram = new Uint8Array(RAM);
  const bytes = buildBootParams({
    e820: [
      { start: 0, size: 0x9fc00, type: E820_RAM },
      { start: 0xf0000, size: 0x10000, type: E820_RESERVED },
    ],
    cmdline: 0x9000,
    initrd: { start: 0x100000, size: 0x80000 },
    acpiRsdp: 0xf0000,
  });
  ram.set(bytes, PLACE);
  ram.set(Buffer.from("console=ttyS0 <b>quiet</b>\u0007\0"), 0x9000);
  places = { bootParams: BigInt(PLACE), kernel: 0x1000000n };
  asked.length = 0;
  const panel = await pages.open(answer, { width: 1100, height: 420 });
  return { panel, page: panel.page };
}

const row = (page: Page, name: string): Locator => page.locator(`.tree .row[data-name="${name}"]`);

test("what was handed over is told field by field, beside its bytes", { skip }, async () => {
  const { panel, page } = await open();
  await panel.session("stopped");
  await page.getByText("Handed over to the kernel's entry at phys:0x1000000.").waitFor();
  // Text of the guest is text.
  assert.equal(await row(page, "command line").locator(".value").innerText(), "console=ttyS0 <b>quiet</b>\\x07");
  await row(page, "e820_table").locator(".twistie").click();
  await row(page, "entry 1").click();
  assert.equal(await row(page, "entry 1").locator(".value").innerText(), "0xF0000-0xFFFFF reserved");
  assert.equal(await page.locator(".hex .byte.field").count(), 20);
  await page.locator(".hex .line", { hasText: /^72e0/ }).waitFor();

  // A byte of the header chooses its field, which is unfolded.
  await page.locator(".hex").press("Control+Home");
  for (let turn = 0; turn < 0x1f; turn++) await page.locator(".hex").press("ArrowDown");
  await page.locator(".hex").press("ArrowRight");
  await page.locator('.tree .row[data-name="setup_sects"][aria-selected="true"]').waitFor();
  await page.locator(".details", { hasText: "0x71f1 · 1 byte" }).waitFor();

  // Pointers lead to memory: by a button, and by Enter.
  await row(page, "command line").click();
  await page.getByRole("button", { name: "Show in Memory" }).click();
  assert.deepEqual(panel.sent.at(-1), { type: "show", panel: "memory", address: "phys:0x9000" });
  await row(page, "initrd").click();
  await page.locator(".tree").press("Enter");
  assert.deepEqual(panel.sent.at(-1), { type: "show", panel: "memory", address: "phys:0x100000" });
  await row(page, "hdr").scrollIntoViewIfNeeded();
  for (let turn = 0; turn < 40; turn++) {
    if ((await row(page, "cmd_line_ptr").count()) > 0) break;
    await page.locator(".tree").press("ArrowDown");
  }
  await row(page, "cmd_line_ptr").click();
  await page.getByRole("button", { name: "Follow to 0x9000" }).click();
  assert.deepEqual(panel.sent.at(-1), { type: "show", panel: "memory", address: "phys:0x9000" });
  await page.close();
});

test("values that changed since the stop before are marked, once", { skip }, async () => {
  const { panel, page } = await open();
  await panel.session("stopped");
  await row(page, "e820_table").waitFor();
  assert.equal(await page.locator(".changed").count(), 0);
  ram[PLACE + E820_COUNT] = 1;
  await panel.session("stopped");
  const value = row(page, "e820_table").locator(".value.changed");
  await value.waitFor();
  assert.deepEqual([await value.innerText(), await value.getAttribute("title")], ["1 ranges", "was 2 ranges"]);
  await panel.session("stopped");
  await value.waitFor({ state: "detached" });
  await page.close();
});

test("without one, a sentence says so, and all memory can be searched", { skip }, async () => {
  const { panel, page } = await open();
  const far = ram.slice(PLACE, PLACE + 4096);
  ram.fill(0);
  ram.set(far, 0x180000);
  places = {};
  await panel.session("stopped");
  await page.getByText("There is no boot_params below 1 MiB yet").waitFor();
  assert.equal(await page.locator(".tree").isVisible(), false);
  await page.getByRole("button", { name: "Search All Memory" }).click();
  await page.getByText("Found in memory at phys:0x180000").waitFor();
  assert.deepEqual(asked, [{}, { everywhere: true }]);
  assert.equal(await page.getByRole("button", { name: "Search All Memory" }).isVisible(), false);
  await page.close();
});

test("another address is looked at until what was handed over is asked for again", { skip }, async () => {
  const { panel, page } = await open();
  await panel.session("stopped");
  const field = page.locator("vscode-text-field input");
  await field.fill("nonsense");
  await field.press("Enter");
  await page.locator(".failure", { hasText: '"nonsense" is no symbol.' }).waitFor();
  await field.fill("phys:0x10000");
  await field.press("Enter");
  await page.getByText("Asked for at phys:0x10000.").waitFor();
  assert.equal(await page.locator(".failure").innerText(), "");
  await row(page, "hdr").locator(".problem", { hasText: '"HdrS" is missing' }).waitFor({ state: "attached" });
  await page.getByRole("button", { name: "As Handed Over" }).click();
  await page.getByText("Handed over to the kernel's entry").waitFor();
  assert.equal(await field.inputValue(), "");
  await panel.session("running");
  await page.getByRole("button", { name: "Go" }).click();
  await page.locator(".failure", { hasText: "must be stopped" }).waitFor();
  await page.close();
});
