/** The Memory panel in a browser, by keys and by mouse, on a guest that the test makes up. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Locator } from "playwright-core";
import type { FromPanel } from "../../webview/messages.ts";
import { PanelPages, skip, type Answer, type PanelPage } from "./panel-page.ts";

const RAM = 0x100000;
/** Linear addresses from here on are mapped to physical 0. */
const KERNEL = 0xffffffff81000000n;
const STACK = 0x8010n;

const pages = new PanelPages("memory");
before(() => (skip === false ? pages.start() : undefined));
after(() => pages.stop());

interface Guest {
  ram: Uint8Array;
  rsp: bigint;
  reads: number;
}

/** As the adapter answers, for numbers and "ss:rsp". */
function answerOf(guest: Guest): Answer {
  const physicalOf = (address: bigint): bigint | undefined =>
    address < BigInt(RAM) ? address : address >= KERNEL ? address - KERNEL : undefined;
  const parse = (text: string): { space: "lin" | "phys"; address: bigint } => {
    const space = text.startsWith("phys:") ? "phys" : "lin";
    const number = text.replace(/^(phys|lin):/, "").replace(/^\((.*)\)$/, "$1");
    if (number === "ss:rsp") return { space, address: guest.rsp };
    if (!/^0x[0-9a-f]+$|^[0-9]+$/.test(number)) throw new Error(`Character 1 of "${text}": there is no such symbol.`);
    return { space, address: BigInt(number) };
  };
  /** Bytes of RAM behind the address, up to a length. */
  const span = (text: string, length: number): Uint8Array => {
    const { space, address } = parse(text);
    const physical = space === "phys" ? address : physicalOf(address);
    if (physical === undefined || physical >= BigInt(RAM)) return new Uint8Array();
    return guest.ram.subarray(Number(physical), Number(physical) + length);
  };
  return (command, args) => {
    if (command === "readMemory") {
      guest.reads++;
      const { memoryReference, count = 0 } = args as { memoryReference: string; count?: number };
      const bytes = span(memoryReference, count);
      return { data: Buffer.from(bytes).toString("base64"), unreadableBytes: count - bytes.length };
    }
    if (command === "writeMemory") {
      const { memoryReference, data } = args as { memoryReference: string; data: string };
      const bytes = Buffer.from(data, "base64");
      const there = span(memoryReference, bytes.length);
      if (there.length < bytes.length) throw new Error(`There is no RAM at ${memoryReference}.`);
      there.set(bytes);
      return {};
    }
    assert.equal(command, "bootscope/place");
    const { space, address } = parse((args as { address: string }).address);
    const physical = space === "phys" ? address : physicalOf(address);
    const symbol = address === KERNEL ? { symbol: "_text" } : {};
    const found = physical === undefined ? { fault: "PML4E not present" } : { physical: `0x${physical.toString(16)}` };
    return { space, address: `0x${address.toString(16)}`, ...found, ...symbol, ram: `0x${RAM.toString(16)}` };
  };
}

interface Opened {
  guest: Guest;
  panel: PanelPage;
  grid: Locator;
  cursor: Locator;
}

async function open(size?: { width: number; height: number }): Promise<Opened> {
  const ram = Uint8Array.from({ length: RAM }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
  const guest: Guest = { ram, rsp: STACK, reads: 0 };
  const panel = await pages.open(answerOf(guest), size);
  panel.page.setDefaultTimeout(20_000);
  const grid = panel.page.locator(".grid");
  return { guest, panel, grid, cursor: panel.page.locator(".cursor") };
}

const cursorAt = (panel: PanelPage, address: bigint, column = "number"): Promise<void> =>
  panel.page.locator(`#${column}-${address.toString(16)}.cursor`).waitFor();

async function go(panel: PanelPage, expression: string): Promise<void> {
  const field = panel.page.locator("vscode-text-field input");
  await field.fill(expression);
  await field.press("Enter");
}

const failure = (panel: PanelPage, text: string | RegExp): Promise<void> =>
  panel.page.locator(".failure", { hasText: text }).waitFor();

const click = (panel: PanelPage, name: string): Promise<void> =>
  panel.page.getByRole("button", { name, exact: true }).click();

/** The numbers of the first row. */
const firstRow = async (panel: PanelPage): Promise<string> =>
  (await panel.page.locator(".line:not(.head)").first().locator(".number").allInnerTexts()).join(" ");

test("the stack is shown, followed at each stop, and what changed is marked", { skip }, async () => {
  const { guest, panel } = await open();
  await panel.session("stopped");
  await cursorAt(panel, STACK);
  await panel.page.locator(`#number-${STACK.toString(16)}`, { hasText: "f0" }).waitFor();
  assert.match(await firstRow(panel), /^f0 f7 fe 05 /);
  await panel.session("running");
  await panel.page.locator(".content.stale").waitFor();
  guest.rsp -= 8n;
  guest.ram[Number(STACK) + 1] = 0x99;
  await panel.session("stopped");
  await cursorAt(panel, STACK - 8n);
  const changed = panel.page.locator(".number.changed");
  await changed.waitFor();
  assert.equal(await changed.innerText(), "99");
  assert.equal(await changed.getAttribute("title"), "f7 at the last stop");
  await panel.page.close();
});

test("the cursor goes from address 0 to the top of both spaces, and back", { skip }, async () => {
  const { panel, grid } = await open();
  await panel.session("stopped");
  await cursorAt(panel, STACK);
  await click(panel, "Top");
  await cursorAt(panel, (1n << 64n) - 1n);
  await grid.focus();
  await panel.page.keyboard.press("ArrowRight");
  await cursorAt(panel, (1n << 64n) - 1n);
  assert.equal(await panel.page.locator(".line").last().locator(".address").innerText(), "fffffffffffffff0");
  await panel.page.keyboard.press("Control+Home");
  await cursorAt(panel, 0n);
  await panel.page.keyboard.press("ArrowLeft");
  await cursorAt(panel, 0n);
  await panel.page.keyboard.press("Control+End");
  await cursorAt(panel, (1n << 64n) - 1n);
  await click(panel, "Half");
  await cursorAt(panel, (1n << 47n) - 1n);
  assert.equal(await panel.page.locator(".line.outside .address").first().innerText(), "0000800000000000");
  await grid.focus();
  await panel.page.keyboard.press("ArrowRight");
  await panel.page.locator(".place", { hasText: "is not canonical" }).waitFor();
  await go(panel, "phys:0x7c00");
  await cursorAt(panel, 0x7c00n);
  await click(panel, "RAM end");
  await cursorAt(panel, BigInt(RAM) - 1n);
  await click(panel, "Top");
  await cursorAt(panel, (1n << 40n) - 1n);
  await grid.focus();
  await panel.page.keyboard.press("Alt+ArrowLeft");
  await cursorAt(panel, BigInt(RAM) - 1n);
  await panel.page.keyboard.press("Alt+ArrowLeft");
  await cursorAt(panel, 0x7c00n);
  await panel.page.keyboard.press("Alt+ArrowRight");
  await cursorAt(panel, BigInt(RAM) - 1n);
  await panel.page.close();
});

test("the area scrolls on where it seems to end", { skip }, async () => {
  const { panel, grid } = await open();
  await panel.session("stopped");
  await go(panel, `0x${KERNEL.toString(16)}`);
  await cursorAt(panel, KERNEL);
  const top = (): Promise<string> => panel.page.locator(".line .address").nth(1).innerText();
  const before = BigInt(`0x${await top()}`);
  const { down, height } = await grid.evaluate((area) => ({ down: area.scrollTop, height: area.scrollHeight }));
  assert.ok(down > height / 4, "there is room above");
  await grid.evaluate((area) => (area.scrollTop += 20 * 1000));
  await panel.page.waitForFunction(
    (was) => document.querySelectorAll(".address")[1]?.textContent !== was,
    before.toString(16),
  );
  const moved = BigInt(`0x${await top()}`) - before;
  const width = BigInt(await panel.page.locator(".line").nth(1).locator(".number").count());
  assert.equal(moved, 1000n * width);
  await grid.evaluate((area) => (area.scrollTop = area.scrollHeight));
  await panel.page.waitForFunction(() => {
    const area = document.querySelector(".grid");
    return area !== null && area.scrollTop + area.clientHeight < area.scrollHeight * 0.75;
  });
  assert.ok(BigInt(`0x${await top()}`) > before + 1000n * width, "and what was on the screen stays there");
  await panel.page.close();
});

test("bytes are typed over as numbers and as characters, and taken back", { skip }, async () => {
  const { guest, panel, grid } = await open();
  await panel.session("stopped");
  await go(panel, "phys:0x7c00");
  await cursorAt(panel, 0x7c00n);
  await grid.focus();
  const { keyboard } = panel.page;
  const old = guest.ram.slice(0x7c00, 0x7c08);
  await keyboard.type("e");
  await panel.page.locator(".typing").waitFor();
  await keyboard.press("Escape");
  await panel.page.locator(".typing").waitFor({ state: "detached" });
  assert.equal(guest.ram[0x7c00], old[0]);
  await keyboard.type("eb3c");
  await cursorAt(panel, 0x7c02n);
  await panel.page.locator("#number-7c01.edited", { hasText: "3c" }).waitFor();
  await keyboard.press("F2");
  await cursorAt(panel, 0x7c02n, "character");
  await keyboard.type("Hi");
  await cursorAt(panel, 0x7c04n, "character");
  await panel.page.locator("#character-7c03.edited", { hasText: "i" }).waitFor();
  await panel.page.waitForFunction(() => document.querySelectorAll(".number.edited").length === 4);
  assert.equal(Buffer.from(guest.ram.subarray(0x7c00, 0x7c04)).toString("latin1"), "\xeb<Hi");
  for (const left of [3, 2, 1, 0]) {
    await keyboard.press("Control+z");
    await panel.page.waitForFunction((count) => document.querySelectorAll(".number.edited").length === count, left);
  }
  assert.deepEqual(guest.ram.slice(0x7c00, 0x7c08), old);
  await keyboard.press("Control+y");
  await panel.page.locator("#number-7c00.edited", { hasText: "eb" }).waitFor();
  await panel.session("running");
  await keyboard.press("F2");
  await keyboard.type("00");
  await failure(panel, "The machine must be stopped to change its memory.");
  assert.equal(guest.ram[0x7c00], 0xeb);
  await panel.page.close();
});

test("words are little-endian, typed from their highest digit, and Enter ends them", { skip }, async () => {
  const { guest, panel, grid } = await open();
  guest.ram.set([0x78, 0x56, 0x34, 0x12], 0x1000);
  await panel.session("stopped");
  await go(panel, "phys:0x1000");
  await cursorAt(panel, 0x1000n);
  await panel.page.locator("vscode-dropdown[aria-label=Numbers]").click();
  await panel.page.getByText("32-bit words", { exact: true }).click();
  await panel.page.locator("#number-1000", { hasText: "12345678" }).waitFor();
  await grid.focus();
  await panel.page.keyboard.type("ab");
  await panel.page.locator("#number-1000.typing", { hasText: "ab345678" }).waitFor();
  await panel.page.keyboard.press("Enter");
  await cursorAt(panel, 0x1004n);
  await panel.page.locator("#number-1000.edited", { hasText: "ab345678" }).waitFor();
  assert.deepEqual([...guest.ram.subarray(0x1000, 0x1004)], [0x78, 0x56, 0x34, 0xab]);
  await panel.page.keyboard.press("ArrowLeft");
  const values = await panel.page.locator(".value").allInnerTexts();
  assert.ok(values.includes("32 bit 0xab345678 = 2872333944 (−1422633352)"), values.join("; "));
  await panel.page.close();
});

test("where there is no memory, dots say so, and writing fails in one sentence", { skip }, async () => {
  const { panel, grid } = await open();
  await panel.session("stopped");
  await go(panel, "phys:0xfffff");
  await cursorAt(panel, 0xfffffn);
  await panel.page.locator("#number-100000.missing", { hasText: "··" }).waitFor();
  await grid.focus();
  await panel.page.keyboard.press("ArrowRight");
  await panel.page.keyboard.type("12");
  await failure(panel, "There is no RAM at phys:0x100000.");
  await panel.page.locator("#number-100000.missing", { hasText: "··" }).waitFor();
  await go(panel, "nonsense");
  await failure(panel, 'Character 1 of "nonsense"');
  await panel.page.close();
});

test("linear addresses are translated, pointers followed, and other panels sent there", { skip }, async () => {
  const { guest, panel, grid } = await open();
  guest.ram.set(new Uint8Array(new BigUint64Array([KERNEL]).buffer), 0x2000);
  await panel.session("stopped");
  await go(panel, "0x2000");
  await cursorAt(panel, 0x2000n);
  await grid.focus();
  await panel.page.keyboard.press("F12");
  await cursorAt(panel, KERNEL);
  await panel.page.locator(".place", { hasText: "lin:0xffffffff81000000 → phys:0x0 · _text" }).waitFor();
  await click(panel, "Page Tables");
  await click(panel, "Owner");
  await grid.focus();
  await panel.page.keyboard.press("F9");
  await panel.page.waitForFunction(() => document.querySelector(".grid:focus") !== null);
  const expected: FromPanel[] = [
    { type: "show", panel: "page-tables", address: `0x${KERNEL.toString(16)}` },
    { type: "show", panel: "memory-map", address: "phys:0x0" },
    { type: "toggleBreakpoint", address: "phys:0x0" },
  ];
  assert.deepEqual(
    panel.sent.filter(({ type }) => type !== "ready"),
    expected,
  );
  await panel.post({ type: "breakpoints", addresses: ["phys:0x0"] });
  await panel.page.getByText("Remove Breakpoint").waitFor();
  await panel.page.locator(`#number-${KERNEL.toString(16)}.breakpoint`).waitFor();
  await panel.page.locator("vscode-dropdown[aria-label='Address space']").click();
  await panel.page.getByText("Physical", { exact: true }).click();
  await cursorAt(panel, 0n);
  await panel.page.locator("#number-0.breakpoint").waitFor();
  await go(panel, "0x3000");
  await cursorAt(panel, 0x3000n);
  await panel.page.locator(".place", { hasText: /^phys:0x3000/ }).waitFor();
  await panel.post({ type: "show", address: "phys:0x4000" });
  await cursorAt(panel, 0x4000n);
  assert.equal(await panel.page.getByRole("checkbox", { name: "Follow" }).isChecked(), false);
  await panel.page.close();
});

test("bytes are chosen by keys and by mouse, and copied", { skip }, async () => {
  const { guest, panel, grid } = await open();
  guest.ram.set([1, 2, 3, 4, 5], 0x1000);
  await panel.session("stopped");
  await go(panel, "phys:0x1000");
  await cursorAt(panel, 0x1000n);
  await grid.focus();
  for (let step = 0; step < 3; step++) await panel.page.keyboard.press("Shift+ArrowRight");
  await panel.page.waitForFunction(() => document.querySelectorAll(".number.selected").length === 4);
  assert.equal(await grid.getAttribute("aria-activedescendant"), "number-1003");
  const label = await panel.page.locator("#number-1003").getAttribute("aria-label");
  assert.equal(label, "04, phys:0x1003");
  await panel.page.keyboard.press("Control+c");
  const middle = async (id: string): Promise<[number, number]> => {
    const box = await panel.page.locator(id).boundingBox();
    assert.ok(box);
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  await panel.page.mouse.move(...(await middle("#number-1001")));
  await panel.page.mouse.down();
  await panel.page.mouse.move(...(await middle("#number-1004")));
  await panel.page.mouse.up();
  await panel.page.waitForFunction(() => document.querySelectorAll(".number.selected").length === 4);
  await panel.page.keyboard.press("Control+c");
  await panel.page.keyboard.press("Escape");
  await panel.page.locator(".grid .selected").first().waitFor({ state: "detached" });
  const copied = panel.sent.flatMap((message) => (message.type === "copy" ? [message.text] : []));
  assert.deepEqual(copied, ["01 02 03 04", "02 03 04 05"]);
  await panel.page.close();
});

test("rows are as wide as the view, and only those on the screen are read", { skip }, async () => {
  for (const [width, expected] of [
    [1500, 32],
    [900, 16],
    [460, 8],
  ] as const) {
    const { guest, panel } = await open({ width, height: 400 });
    await panel.session("stopped");
    await cursorAt(panel, STACK);
    assert.equal(await panel.page.locator(".line").nth(1).locator(".number").count(), expected, `${width} pixels`);
    assert.ok((await panel.page.locator(".line").count()) < 25);
    assert.ok(guest.reads <= 2, `${guest.reads} reads`);
    const wide = await panel.page.locator(".grid").evaluate((area) => area.scrollWidth > area.clientWidth);
    assert.equal(wide, false, `${width} pixels`);
    await panel.page.close();
  }
});
