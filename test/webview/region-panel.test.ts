/** The 0x7c00 panel in a browser: fields, bytes and code point at each other, and tell what differs from the disk. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { bootSector } from "../../debug-adapter/panels/boot-sector.ts";
import type { WireInstruction } from "../../debug-adapter/protocol.ts";
import type { DiskOrigin, Target } from "../../debug-adapter/target.ts";
import { PanelPages, skip, type PanelPage } from "./panel-page.ts";

const START = 0x7c00;

/** An MBR with code that moves on, one partition, and the signature. */
function mbr(): Uint8Array {
  const sector = new Uint8Array(512);
  sector.set([0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0xf4, 0xeb, 0xfd]);
  sector.set([0xd5, 0xc0, 0x07, 0xb0], 440);
  sector.set([0x80, 32, 33, 0, 0x83, 40, 32, 8, 0, 8, 0, 0, 0, 0xf8, 1, 0], 446);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

const CODE: WireInstruction[] = [
  { address: "phys:0x7c00", bytes: "fa", text: "cli" },
  { address: "phys:0x7c01", bytes: "31 c0", text: "xor ax, ax" },
  { address: "phys:0x7c03", bytes: "8e d8", text: "mov ds, ax" },
  { address: "phys:0x7c05", bytes: "f4", text: "hlt" },
  { address: "phys:0x7c06", bytes: "eb fd", text: "jmp 0x7c05" },
  ...Array.from({ length: 20 }, (_, index) => ({
    address: `phys:0x${(0x7c08 + 2 * index).toString(16)}`,
    bytes: "00 00",
    text: "add byte ptr [bx+si], al",
  })),
];

const ORIGIN: DiskOrigin = {
  drive: 0,
  name: "disk.img",
  biosDrive: 0x80,
  lba: 0,
  offsetInSector: 0,
  sectorSize: 512,
  physical: BigInt(START),
  bytes: 512,
  icount: 5n,
  by: "pio",
};

let memory: Uint8Array;
let origins: DiskOrigin[];
const pages = new PanelPages("region");

before(() => (skip === false ? pages.start() : undefined));
after(() => pages.stop());

async function answer(command: string): Promise<unknown> {
  const target: Partial<Target> = {
    readMemory: () => Promise.resolve(memory),
    origins: () => Promise.resolve(origins),
    readDrive: () => Promise.resolve(mbr()),
  };
  if (command === "bootscope/bootSector") return bootSector(target as Target);
  if (command === "bootscope/memory")
    return { space: "phys", address: "0x7c00", data: "", unreadable: 0, instructions: CODE };
  if (command === "bootscope/walk") return { walk: { physical: "0x7c01" }, flags: [] };
  throw new Error(`Nothing answers ${command}.`);
}

async function open(width: number, height = 500): Promise<{ panel: PanelPage; page: Page }> {
  memory = mbr();
  origins = [ORIGIN];
  const panel = await pages.open((command) => answer(command), { width, height });
  await panel.session("stopped");
  await panel.page.locator(".code .line.next", { hasText: "xor ax, ax" }).waitFor({ state: "attached" });
  return { panel, page: panel.page };
}

const marked = (page: Page): Promise<string[]> => page.locator(".hex .byte.field").allInnerTexts();
const row = (page: Page, name: string) => page.locator(`.tree .row[data-name="${name}"]`);

test("fields, bytes and code stand side by side and choose each other", { skip }, async () => {
  const { panel, page } = await open(1200);
  await page.getByText("MBR: unknown boot code, 1 partition.").waitFor();
  await page.getByText("Loaded from LBA 0 of drive 80h, disk.img.").waitFor();
  await page.getByText("No byte differs from LBA 0 of drive 80h.").waitFor();
  await row(page, "partition table").locator(".twistie").click();
  await row(page, "entry 1").click();
  assert.equal((await marked(page)).length, 16);
  assert.equal(await page.locator(".hex .byte.field").first().getAttribute("data-offset"), "446");
  assert.match(await page.locator(".details").innerText(), /entry 1\s*Linux, 63 MiB\s*0x7dbe–0x7dcd · 16 bytes/);

  // A byte chooses the deepest field, and its instruction.
  await page.locator(".hex").press("Control+Home");
  await page.locator('.hex .byte[data-offset="2"]').click();
  await page.locator('.tree .row[data-name="code"][aria-selected="true"]').waitFor();
  assert.equal(await page.locator('.code [aria-selected="true"] .text').innerText(), "xor ax, ax");
  assert.equal(await page.locator(".hex").getAttribute("aria-activedescendant"), "byte-2");

  // An instruction marks its bytes.
  await page.locator(".code .line", { hasText: "jmp" }).click();
  assert.deepEqual(await page.locator(".hex .byte.code").allInnerTexts(), ["eb", "fd"]);
  await page.getByRole("listbox").press("F9");
  assert.deepEqual(panel.sent.at(-1), { type: "toggleBreakpoint", address: "phys:0x7c06" });
  await panel.post({ type: "breakpoints", addresses: ["phys:0x7c06"] });
  await page.locator(".code .line.breakpoint", { hasText: "jmp" }).waitFor();
  assert.equal(await page.getByText("and 19 more of the same").count(), 1);
  await page.close();
});

test("bytes that differ from the disk, and from the stop before, say so", { skip }, async () => {
  const { panel, page } = await open(1200);
  await row(page, "bootstrap code area").locator(".twistie").click();
  await row(page, "disk_signature").click();
  memory = mbr();
  memory[440] = 0xd6;
  memory[3] = 0x90;
  await panel.session("stopped");
  await page.getByText("2 bytes differ from LBA 0 of drive 80h.").waitFor();
  const changed = row(page, "disk_signature").locator(".value.changed");
  assert.equal(await changed.innerText(), "0xB007C0D6");
  assert.equal(await changed.getAttribute("title"), "was 0xB007C0D5");
  assert.equal(await row(page, "disk_signature").getAttribute("aria-selected"), "true", "what is chosen stays");
  const byte = page.locator('.hex .byte[data-offset="440"]');
  assert.equal(await byte.getAttribute("title"), "was d5, d5 on LBA 0 of drive 80h");
  assert.match((await byte.getAttribute("class")) ?? "", /\bchanged\b.*\bdiffers\b/);
  // At the stop after that it has not changed, but still differs.
  await panel.session("stopped");
  await page.locator('.hex .byte[data-offset="440"][title="d5 on LBA 0 of drive 80h"]').waitFor();
  assert.equal(await row(page, "disk_signature").locator(".value.changed").count(), 0);
  origins = [{ ...ORIGIN, physical: BigInt(START + 256), bytes: 256, offsetInSector: 256 }];
  await panel.session("stopped");
  await page.getByText("Loaded from 0x7d00: LBA 0 from byte 256 of drive 80h, disk.img.").waitFor();
  await page.close();
});

test("a narrow view shows bytes and code, and fields when they are asked for", { skip }, async () => {
  const { panel, page } = await open(360);
  assert.equal(await page.locator(".hex .line").first().locator(".byte").count(), 8);
  assert.equal(await page.locator(".tree").isVisible(), false);
  const fields = page.getByRole("button", { name: "Fields" });
  assert.equal(await fields.getAttribute("aria-pressed"), "false");
  await fields.click();
  assert.equal(await fields.getAttribute("aria-pressed"), "true");
  await row(page, "partition table").click();
  assert.ok((await marked(page)).length > 0);
  // The last pane stays.
  for (const name of ["Fields", "Bytes", "Code", "Code"]) await page.getByRole("button", { name }).click();
  assert.equal(await page.getByRole("listbox").isVisible(), true);
  memory = new Uint8Array(512);
  origins = [];
  await panel.session("stopped");
  await page.getByText("All zero: no boot sector was loaded here.").waitFor();
  await page.close();
});
