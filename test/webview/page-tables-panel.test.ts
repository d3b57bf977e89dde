/** The Page Tables panel in a browser, by keys and by mouse, on tables that the adapter's own code reads. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Locator } from "playwright-core";
import type { ExpressionContext } from "../../debug-adapter/expressions/evaluate.ts";
import { evaluateAddress } from "../../debug-adapter/expressions/evaluate.ts";
import {
  HandMade,
  LARGE,
  NX,
  PRESENT,
  RW,
  USER_PAGE,
  every,
} from "../../debug-adapter/panels/page-tables/hand-made.ts";
import { PageTables } from "../../debug-adapter/panels/page-tables.ts";
import { walkFlags } from "../../debug-adapter/walk.ts";
import { toWire } from "../../debug-adapter/wire.ts";
import { PanelPages, skip, type Answer, type PanelPage } from "./panel-page.ts";

const pages = new PanelPages("page-tables");
before(() => (skip === false ? pages.start() : undefined));
after(() => pages.stop());

/** As the adapter answers. */
function answerOf(guest: HandMade): Answer {
  const tables = new PageTables(guest);
  return async (command, given) => {
    const args = given as Record<string, unknown>;
    const context: ExpressionContext = { cpu: await guest.cpu(), readMemory: guest.readMemory };
    const asked: string = command;
    switch (asked) {
      case "bootscope/pageTables":
        return tables.overview(args, context);
      case "bootscope/pageTableRows":
        return tables.rows(args, context);
      case "bootscope/pageMap":
        return tables.map(args, context);
      case "bootscope/mappings":
        return tables.mappings(args, context);
      default: {
        assert.equal(asked, "bootscope/walk");
        const { address } = await evaluateAddress(args["address"] as string, context);
        const walk = await tables.walk(address, args, context);
        return { walk: toWire(walk), flags: walkFlags(walk) };
      }
    }
  };
}

const row = ({ page }: PanelPage, selector: string): Locator => page.locator(`.tree .row${selector}`);

async function goTo({ page }: PanelPage, address: string): Promise<void> {
  await page.locator("vscode-text-field:not(.other-root) input").fill(address);
  await page.keyboard.press("Enter");
}

function small(): HandMade {
  const guest = new HandMade(0x20000, "4-level")
    .set(0x1000, { 0: 0x2000n | PRESENT | RW | USER_PAGE, 511: 0x3000n | PRESENT | RW })
    .set(0x2000, { 0: 0x4000n | PRESENT | RW | USER_PAGE })
    .set(0x3000, { 510: 0x5000n | PRESENT | RW | NX })
    .set(0x4000, { 1: 0x6000n | PRESENT | RW | USER_PAGE })
    .set(
      0x5000,
      every((index) => (index < 8 ? 0n : (BigInt(index) << 21n) | LARGE | PRESENT | RW)),
    )
    .set(0x6000, { 0: 0x7000n | PRESENT | USER_PAGE, 1: 0x7000n | PRESENT | RW });
  const segments = { cs: { base: 0n } };
  guest.move({ rip: 0x200000n, mode: "long", segments } as never);
  return guest;
}

test("the tree by keys: unfold, fold, go to the parent, and to the Memory panel", { skip }, async () => {
  const panel = await pages.open(answerOf(small()));
  await panel.session("stopped");
  await row(panel, "[data-linear='0x0'][aria-level='1']").waitFor();
  assert.match(await panel.page.locator(".summary").innerText(), /4-level paging · .* 6 tables .* changes not known/s);
  const tree = panel.page.locator(".tree");
  await tree.focus();
  await panel.page.keyboard.press("End");
  for (const level of [1, 2, 3]) {
    await panel.page.keyboard.press("ArrowRight");
    await row(panel, `[aria-level='${level + 1}']`)
      .first()
      .waitFor();
    await panel.page.keyboard.press("ArrowRight");
  }
  // The run of large pages unfolded into its 504 entries; only those on the screen are there.
  await row(panel, "[aria-level='4'][aria-selected=true][aria-setsize='504']").waitFor();
  assert.equal(await tree.getAttribute("aria-rowcount"), String(1 + 2 + 1 + 1 + 504));
  assert.ok((await row(panel, "").count()) < 60);
  await panel.page.keyboard.press("m");
  await panel.page.keyboard.press("e");
  assert.deepEqual(
    panel.sent.filter(({ type }) => type === "show"),
    [
      { type: "show", panel: "memory", address: "phys:0x1000000" },
      { type: "show", panel: "memory", address: "phys:0x5040" },
    ],
  );
  await panel.page.keyboard.press("ArrowLeft");
  await row(panel, "[aria-level='3'][aria-selected=true][aria-expanded=true]").waitFor();
  await panel.page.keyboard.press("ArrowLeft");
  await row(panel, "[aria-level='3'][aria-selected=true][aria-expanded=false]").waitFor();
  assert.ok(await tree.getAttribute("aria-activedescendant"));
});

test("an address is walked and found in the tree; memory leads back to all its addresses", { skip }, async () => {
  const panel = await pages.open(answerOf(small()));
  await panel.session("stopped");
  await goTo(panel, "0x201000");
  await panel.page.locator("strong[data-physical='phys:0x7000']").waitFor();
  await row(panel, "[data-linear='0x201000'][aria-selected=true]").waitFor();
  await panel.post({ type: "show", address: "phys:0x7000" });
  await panel.page.locator(".mappings li").nth(1).waitFor();
  await panel.page.locator(".mappings li[data-linear='0x201000'] button").click();
  await panel.page.locator(".result tbody tr").nth(3).waitFor();
  await goTo(panel, "phys:0x6000");
  await panel.page.locator("[data-tables=PTE]").waitFor();
  await goTo(panel, "0xffff900000000000");
  await panel.page.locator(".unmapped").waitFor();
  await goTo(panel, "no such thing");
  await panel.page.locator(".failure:not(:empty)").waitFor();
});

test("what has changed since the last stop is marked, and shown alone", { skip }, async () => {
  const guest = small();
  const panel = await pages.open(answerOf(guest));
  await panel.session("stopped");
  await row(panel, "[data-linear='0x0']").first().waitFor();
  guest.set(0x6000, { 0: 0n, 1: 0x8000n | PRESENT | RW, 9: 0x9000n | PRESENT });
  guest.move({ icount: 500n });
  await panel.session("stopped");
  await panel.page.locator(".since", { hasText: "3 changed since 1 instructions" }).waitFor();
  await panel.page.getByRole("button", { name: "Changed only" }).click();
  await row(panel, "[data-change=gone][data-linear='0x200000']").waitFor();
  await row(panel, "[data-change=changed][data-linear='0x201000']").waitFor();
  await row(panel, "[data-change=new][data-linear='0x209000']").waitFor();
  assert.equal(await row(panel, "").count(), 6, "the upper half, where nothing changed, is not shown");
});

test("the map: keys point, zoom, and lead to the tree", { skip }, async () => {
  const panel = await pages.open(answerOf(small()));
  await panel.session("stopped");
  const readout = panel.page.locator(".readout");
  await panel.page.locator(".strip").focus();
  await panel.page.keyboard.press("End");
  await readout.filter({ hasText: "– 0xffffffffffffffff" }).waitFor();
  await readout.filter({ hasText: "-rw- 0.2 %" }).waitFor();
  await panel.page.keyboard.press("Control+ArrowLeft");
  await readout.filter({ hasText: /^0x0 .*ur-x a little/ }).waitFor();
  for (let times = 0; times < 20; times++) await panel.page.keyboard.press("+");
  await readout.filter({ hasText: "0x0 – 0x3f (64 bytes)" }).waitFor();
  await goTo(panel, "0x200000");
  await readout.filter({ hasText: "ur-x all" }).waitFor();
  await panel.page.locator(".strip").focus();
  await panel.page.keyboard.press("Enter");
  await row(panel, "[data-linear='0x200000'][aria-selected=true]").waitFor();
  await panel.page.keyboard.press("0");
  await readout.filter({ hasText: "GiB" }).waitFor();
});

test("a million pages that cannot be folded stay a handful of elements", { skip }, async () => {
  const [PDPT, PD, PT, tables] = [0x2000, 0x10000, 0x100000, 2048];
  const guest = new HandMade(PT + tables * 4096, "4-level").set(0x1000, { 0: BigInt(PDPT) | 7n }).set(
    PDPT,
    every((index) => BigInt(PD + index * 4096) | 7n, tables / 512),
  );
  for (let pd = 0; pd < tables / 512; pd++) {
    guest.set(
      PD + pd * 4096,
      every((index) => BigInt(PT + (pd * 512 + index) * 4096) | 7n),
    );
  }
  const words = new Uint32Array(guest.memory.buffer);
  for (let entry = 0; entry < tables * 512; entry++)
    words[(PT + entry * 8) / 4] = ((entry * 7919) % 0x80000) * 4096 + 7;
  guest.move({ rip: 0n, mode: "long", segments: { cs: { base: 0n } } } as never);
  const panel = await pages.open(answerOf(guest));
  await panel.session("stopped");
  await panel.page.locator(".summary", { hasText: "× 4 KiB" }).waitFor();
  await goTo(panel, "0xfffff000");
  await row(panel, "[data-linear='0xfffff000'][aria-selected=true]").waitFor();
  assert.ok((await row(panel, "").count()) < 60);
});

test("without paging there is a sentence instead", { skip }, async () => {
  const guest = small();
  guest.move({ cr0: 1n });
  const panel = await pages.open(answerOf(guest));
  await panel.session("stopped");
  await panel.page.locator(".summary", { hasText: "Paging is off" }).waitFor();
  assert.equal(await panel.page.locator(".tree").isVisible(), false);
});
