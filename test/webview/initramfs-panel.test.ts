/** The Initramfs panel in a browser, by keys and by mouse, on an archive that the test makes up. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { InitramfsArguments, InitramfsEntry, InitramfsResponse } from "../../debug-adapter/protocol.ts";
import { PanelPages, skip, type PanelPage } from "./panel-page.ts";

const BASE = 0x1000000;

const pages = new PanelPages("initramfs");
before(() => (skip === false ? pages.start() : undefined));
after(() => pages.stop());

const entry = (index: number): InitramfsEntry => ({
  index,
  segment: 0,
  path: index === 3 ? "evil\n\u202ename" : `usr/lib/file-${index}`,
  mode: "-rw-r--r--",
  size: 100,
  uid: 0,
  gid: 0,
  ...(index % 2 === 0 ? { physical: `0x${(BASE + index * 256).toString(16)}` } : {}),
});

interface Guest {
  files: number;
  /** Answers that are but progress. */
  delays: number;
  asked: InitramfsArguments[];
  problems: string[];
}

async function open(guest: Guest): Promise<PanelPage> {
  const all = Array.from({ length: guest.files }, (_, index) => entry(index));
  const panel = await pages.open((command, args) => {
    if (command === "bootscope/initramfsAt") {
      const { address } = args as { address: string };
      if (address === "?") throw new Error("Character 1: an address was expected.");
      return { physical: "0x1000200", text: "Byte 0 of the content of file 2.", segment: 0, entry: 2, part: "content" };
    }
    assert.equal(command, "bootscope/initramfs");
    const { from = 0, count = 0, filter = "", again = false } = args as InitramfsArguments;
    guest.asked.push({ from, count, filter, again });
    const place = { physical: `0x${BASE.toString(16)}`, size: 4096 };
    const none = { source: "boot_params", problems: [], segments: [], total: 0, from, entries: [] };
    if (guest.delays > 0) {
      guest.delays--;
      return { place, reading: { done: 1, total: 4 }, ...none };
    }
    const shown = all.filter(({ path }) => path.includes(filter));
    const answer: InitramfsResponse = {
      place,
      source: "boot_params",
      comparison: { text: "Memory is still byte for byte the file initrd.img.", pages: 1, differ: 0 },
      problems: guest.problems,
      segments: [{ name: "initramfs", offset: 0, size: 4096, unpackedSize: 4096, entries: guest.files }],
      total: shown.length,
      from,
      entries: shown.slice(from, from + count),
    };
    return answer;
  });
  await panel.session("stopped");
  return panel;
}

test("the list, its filter, what lies at an address, and the way to memory", { skip }, async () => {
  const guest: Guest = { files: 8, delays: 2, asked: [], problems: [] };
  const panel = await open(guest);
  const { page } = panel;
  await page.locator("#entries .row").first().waitFor();
  assert.equal(guest.asked.length, 3, "asked again while it was being read");
  assert.match(
    await page.locator(".source").innerText(),
    /^phys:0x1000000 to phys:0x1000fff, 4 KiB, by boot_params\.$/,
  );
  assert.match(await page.locator(".notes").innerText(), /byte for byte the file/);
  const hostile = page.locator("#entries-3");
  assert.match(await hostile.innerText(), /evil\\x0a\\u\{202e\}name/);

  await page.locator("#entries").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.match(await page.locator(".found").innerText(), /^usr\/lib\/file-2: content at phys:0x1000200\.$/);
  await page.keyboard.press("Enter");
  assert.deepEqual(panel.sent.at(-1), { type: "show", panel: "memory", address: "phys:0x1000200" });

  await page.getByRole("textbox", { name: "Address to look up" }).fill("rsi");
  await page.keyboard.press("Enter");
  await page.locator(".found", { hasText: "Byte 0 of the content of file 2." }).waitFor();
  await page.getByRole("textbox", { name: "Address to look up" }).fill("?");
  await page.keyboard.press("Enter");
  await page.locator("[role=alert]", { hasText: "an address was expected" }).waitFor();

  await page.getByRole("textbox", { name: "Filter the list" }).fill("file-5");
  await page.locator("#entries[aria-rowcount='2']").waitFor();
  assert.deepEqual(guest.asked.at(-1), { from: 0, count: 250, filter: "file-5", again: false });
  await page.close();
});

test("problems are told, and a hundred thousand files keep the page small", { skip }, async () => {
  const guest: Guest = { files: 100_000, delays: 0, asked: [], problems: ["3 of 10 pages of memory differ."] };
  const panel = await open(guest);
  const { page } = panel;
  await page.locator("#entries .row").first().waitFor();
  assert.match(await page.locator(".notes").innerText(), /⚠ 3 of 10 pages of memory differ/);
  await page.locator("#entries").focus();
  await page.keyboard.press("End");
  await page.locator("#entries-99999", { hasText: "file-99999" }).waitFor();
  assert.ok((await page.locator("#entries .row").count()) < 60);
  assert.deepEqual(guest.asked.at(-1)?.from, 99_750);
  await page.close();
});
