/** The Memory Map panel in a browser, by keys and by mouse, on memory that the test makes up; and its model. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { MemoryRegion } from "../../debug-adapter/protocol.ts";
import { MemoryMapModel } from "../../webview/memory-map/model.ts";
import { addressTicks } from "../../webview/memory-map/ticks.ts";
import { PanelPages, skip, type PanelPage } from "./panel-page.ts";

const MIB = 2 ** 20;

const region = (layer: MemoryRegion["layer"], owner: string, first: number, end: number): MemoryRegion => ({
  layer,
  owner,
  first: `0x${first.toString(16)}`,
  end: `0x${end.toString(16)}`,
  detail: `what ${owner} is`,
  source: "the test",
});

const REGIONS: readonly MemoryRegion[] = [
  region("e820", "usable RAM", 0, 0x9fc00),
  region("e820", "usable RAM", MIB, 512 * MIB),
  region("firmware", "BIOS", 0xf0000, MIB),
  region("kernel", "kernel", 16 * MIB, 64 * MIB),
  region("kernel", "kernel text", 16 * MIB, 32 * MIB),
  region("kernel", "kernel data", 40 * MIB, 41 * MIB),
  region("processor", "stack", 0x7000, 0x8000),
  region("devices", "local APIC", 0xfee00000, 0xfee01000),
];

const pages = new PanelPages("memory-map");
before(() => (skip === false ? pages.start() : undefined));
after(() => pages.stop());

interface Guest {
  regions: readonly MemoryRegion[];
  problems: string[];
}

async function open(guest: Guest): Promise<PanelPage> {
  const panel = await pages.open((command, args) => {
    if (command === "bootscope/memoryMap") return guest;
    assert.equal(command, "bootscope/place");
    const { address } = args as { address: string };
    if (address === "nowhere") return { space: "lin", address: "0x1", ram: "0x20000000" };
    return { space: "phys", address: "0x0", physical: address.replace("phys:", ""), ram: "0x20000000" };
  });
  await panel.session("stopped");
  await panel.page.locator("#regions .row").first().waitFor();
  return panel;
}

const details = (panel: PanelPage): Promise<string> => panel.page.locator("#details").innerText();

test("the model: what lies within what, who owns an address, what is new", () => {
  const model = new MemoryMapModel();
  model.set(REGIONS, "session", 1);
  const depths = model.regions.map(({ owner, depth, isNew }) => [owner, depth, isNew]);
  assert.deepEqual(depths.slice(3, 6), [
    ["kernel", 0, false],
    ["kernel text", 1, false],
    ["kernel data", 1, false],
  ]);
  assert.deepEqual(
    model.ownersOf(20 * MIB).map(({ owner }) => owner),
    ["kernel text", "kernel", "usable RAM"],
  );
  assert.equal(model.ramEnd, 512 * MIB);
  assert.equal(model.at(4, 41 * MIB + 5, 10)?.owner, "kernel", "what holds it counts more than what is near");
  assert.equal(model.at(6, 0xfedfffff, 10)?.owner, "local APIC");
  assert.equal(model.at(6, 0xfedf0000, 10), undefined);
  const moved = [...REGIONS.slice(0, 6), region("processor", "stack", 0x9000, 0xa000)];
  model.set(moved, "session", 2);
  const fresh = (): string[] => model.regions.filter(({ isNew }) => isNew).map(({ owner }) => owner);
  assert.deepEqual(fresh(), ["stack"]);
  model.set(moved, "session", 2);
  assert.deepEqual(fresh(), ["stack"], "an edit at the same stop changes nothing of that");
  const back = new MemoryMapModel(model.shown);
  back.set(moved, "session", 2);
  assert.deepEqual(back.regions.filter(({ isNew }) => isNew).length, 1, "a panel that comes back knows it still");
  model.set(moved, "session", 3);
  assert.deepEqual(fresh(), []);
  model.set(REGIONS, "another session", 1);
  assert.deepEqual(fresh(), []);
});

test("marks on the axis are round, and as far apart as their labels need", () => {
  const ticks = addressTicks({ start: 0, span: 4 * 2 ** 30, width: 900 });
  assert.deepEqual(
    ticks.map(({ label }) => label),
    [
      "0x0",
      "512\u202fMiB",
      "1\u202fGiB",
      "1536\u202fMiB",
      "2\u202fGiB",
      "2560\u202fMiB",
      "3\u202fGiB",
      "3584\u202fMiB",
      "4\u202fGiB",
    ],
  );
  assert.deepEqual(
    addressTicks({ start: 0x7c00, span: 0x200, width: 400 }).map(({ label }) => label),
    ["0x7c00", "0x7c80", "0x7d00", "0x7d80", "0x7e00"],
  );
});

test("keys, the mouse, an address and what is new", { skip }, async () => {
  const guest: Guest = { regions: REGIONS, problems: ["Something is not known."] };
  const panel = await open(guest);
  const { page } = panel;
  assert.equal(await page.locator("#regions").getAttribute("aria-rowcount"), String(REGIONS.length + 1));
  assert.match(await page.locator(".problems").innerText(), /Something is not known/);
  const canvas = page.locator("canvas");
  await canvas.focus();
  await page.keyboard.press("Home");
  assert.match(await details(panel), /^usable RAM, 0x0–0x9fbff, 639 KiB; what usable RAM is; known from the test\.$/);
  await page.keyboard.press("ArrowRight");
  assert.match(await details(panel), /^usable RAM, 0x100000–/);
  for (let lane = 0; lane < 3; lane++) await page.keyboard.press("ArrowDown");
  assert.match(await details(panel), /^(kernel|stack)/);
  await page.keyboard.press("Enter");
  await page.keyboard.press("End");
  assert.equal(await page.locator("#regions [aria-selected=true]").count(), 1);

  // The table by keys, and from it to memory.
  await page.locator("#regions").focus();
  await page.keyboard.press("End");
  assert.match(await details(panel), /^local APIC, 0xfee00000–0xfee00fff, 4 KiB/);
  assert.equal(await page.locator("#regions").getAttribute("aria-activedescendant"), "regions-7");
  await page.getByText("Show in Memory").click();
  assert.deepEqual(panel.sent.at(-1), { type: "show", panel: "memory", address: "phys:0xfee00000" });

  await panel.post({ type: "show", address: "phys:0x1400000" });
  await page.locator("#details", { hasText: "phys:0x1400000 belongs to" }).waitFor();
  assert.match(await details(panel), /kernel text \(Kernel\), in kernel \(Kernel\), in usable RAM \(RAM \(E820\)\)\.$/);
  await panel.post({ type: "show", address: "nowhere" });
  await page.locator("[role=alert]", { hasText: "lin:0x1 is not mapped" }).waitFor();

  guest.regions = [...REGIONS.slice(0, 7), region("devices", "HPET", 0xfed00000, 0xfed00400)];
  await panel.session("running");
  await panel.session("stopped");
  await page.locator("#regions .changed").waitFor();
  assert.equal(await page.locator("#regions .changed").getAttribute("data-name"), "HPET");
  await page.close();
});

test("an address that comes while the machine runs is gone to at the next stop", { skip }, async () => {
  const panel = await open({ regions: REGIONS, problems: [] });
  await panel.session("running");
  await panel.post({ type: "show", address: "phys:0x7123" });
  await panel.session("stopped");
  await panel.page.locator("#details", { hasText: "phys:0x7123 belongs to stack" }).waitFor();
  await panel.page.close();
});

test("ten thousand regions keep the page small", { skip }, async () => {
  const many = Array.from({ length: 10_000 }, (_, index) =>
    region("processor", "page tables", index * 0x2000, index * 0x2000 + 0x1000),
  );
  const panel = await open({ regions: many, problems: [] });
  await panel.page.locator("#regions").focus();
  await panel.page.keyboard.press("End");
  await panel.page.locator('#regions-9999[aria-selected="true"]').waitFor();
  assert.ok((await panel.page.locator("#regions .row").count()) < 60);
  await panel.page.close();
});
