import assert from "node:assert/strict";
import { test } from "node:test";
import { vgaBench, type VgaBench } from "../devices/vga/vga-bench.ts";
import type { Screen } from "../machine/api.ts";
import { CODE_PAGE_437 } from "./code-page.ts";
import { blinkPeriod, renderScreen } from "./render.ts";
import { screenText } from "./screen-text.ts";

const CURSOR_MS = (16 * 1000) / 70;

/** A picture with one letter a dot: "." black, "#" light grey, else the first letter of `names`. */
function golden(screen: Screen, time = 0, names: Record<number, string> = {}): string[] {
  const picture = renderScreen(screen, time);
  assert.ok(picture);
  const letters = new Map([
    [0, "."],
    [0xaaaaaa, "#"],
    ...Object.entries(names).map(([k, v]) => [Number(k), v] as const),
  ]);
  return Array.from({ length: picture.height }, (_, y) =>
    Array.from({ length: picture.width }, (_, x) => {
      const [red, green, blue, alpha] = picture.pixels.subarray((y * picture.width + x) * 4);
      assert.equal(alpha, 255);
      return letters.get(((red ?? 0) << 16) | ((green ?? 0) << 8) | (blue ?? 0)) ?? "?";
    }).join(""),
  );
}

/** The text mode with some cells at the top left, reduced to two columns and one row. */
function cells(...pairs: [character: number, attribute: number][]): { bench: VgaBench; screen: () => Screen } {
  const bench = vgaBench({ inTextMode: true });
  pairs.forEach(([character, attribute], index) => bench.poke(0xb8000 + index * 2, character | (attribute << 8), 2));
  bench.set(0x3d4, 0x11, 0);
  bench.set(0x3d4, 1, pairs.length - 1);
  bench.set(0x3d4, 0x12, 15);
  bench.set(0x3d4, 7, 0x10);
  bench.set(0x3d4, 0x0a, 0x20);
  return { bench, screen: () => bench.vga.screen() };
}

test("text with the ninth dot of frames, and a background", () => {
  const { screen } = cells([0x41, 0x07], [0xc4, 0x07], [0x41, 0x17]);
  assert.deepEqual(golden(screen(), 0, { 0x0000aa: "b" }), [
    "..................bbbbbbbbb",
    "..................bbbbbbbbb",
    "...##.............bbb##bbbb",
    "..####............bb####bbb",
    ".##..##...........b##bb##bb",
    ".##..##...........b##bb##bb",
    ".##..##...........b##bb##bb",
    ".######..#########b######bb",
    ".##..##...........b##bb##bb",
    ".##..##...........b##bb##bb",
    ".##..##...........b##bb##bb",
    ".##..##...........b##bb##bb",
    "..................bbbbbbbbb",
    "..................bbbbbbbbb",
    "..................bbbbbbbbb",
    "..................bbbbbbbbb",
  ]);
});

test("cursor and characters blink, the cursor twice as fast", () => {
  const { bench, screen } = cells([0xdb, 0x87], [0x20, 0x07]);
  bench.set(0x3d4, 0x0a, 14);
  bench.set(0x3d4, 0x0b, 15);
  bench.set(0x3d4, 0x0f, 1);
  const rows = (time: number): string[] => [0, 14, 15].map((row) => golden(screen(), time)[row] ?? "");
  const [full, empty] = ["#########", "........."];
  assert.deepEqual(rows(0), [full + empty, full + full, full + full]);
  assert.deepEqual(rows(CURSOR_MS * 1.5), [full + empty, full + empty, full + empty]);
  assert.deepEqual(rows(CURSOR_MS * 2.5), [empty + empty, empty + full, empty + full]);
  assert.equal(blinkPeriod(screen()), CURSOR_MS);
  bench.set(0x3d4, 0x0a, 0x20);
  assert.equal(blinkPeriod(screen()), CURSOR_MS, "the character still does");
  bench.poke(0xb8001, 0x07);
  assert.equal(blinkPeriod(screen()), Infinity);
});

test("attribute bit 7 is a bright background when it does not blink", () => {
  const { bench, screen } = cells([0x20, 0xf0]);
  bench.in(0x3da);
  bench.out(0x3c0, 0x30, 0x04);
  assert.equal(golden(screen(), 0, { 0xffffff: "W" })[0], "WWWWWWWWW");
});

test("forty columns double every dot", () => {
  const { bench, screen } = cells([0xb3, 0x07]);
  bench.set(0x3c4, 1, 8);
  assert.equal(golden(screen())[0], "......####........");
  bench.set(0x3c4, 1, 9);
  assert.equal(golden(screen())[0], "......####......");
});

test("a second font for characters with attribute bit 3", () => {
  const { bench, screen } = cells([0x41, 0x07], [0x41, 0x0f]);
  // The second table, 16 KiB on in plane 2.
  bench.vram[(0x4000 + 0x41 * 32) * 4 + 2] = 0x81;
  bench.set(0x3c4, 3, 0x04);
  assert.equal(golden(screen(), 0, { 0xffffff: "W" })[0], ".........W......W.");
});

test("text as Unicode, without blanks at the ends", () => {
  const bench = vgaBench({ inTextMode: true });
  const codes = [0xc9, 0xcd, 0xbb, 0x20, 0x41, 0x81, 0x00, 0x10, 0xfe, 0x20];
  codes.forEach((code, index) => bench.poke(0xb8000 + 160 + index * 2, code));
  assert.deepEqual(screenText(bench.vga.screen()), ["", "╔═╗ Aü ►■"]);
  assert.deepEqual(screenText({ kind: "off" }), ["The screen is off."]);
  assert.equal(CODE_PAGE_437.length, 256);
  assert.equal(new Set(CODE_PAGE_437).size, 254, "all but the blanks 0x00, 0x20 and 0xff differ");
  assert.ok(CODE_PAGE_437.every((character) => character?.length === 1));
});

/** First dots of a graphics screen as 0xRRGGBB. */
function dots(bench: VgaBench, count: number, row = 0): string {
  const screen = bench.vga.screen();
  assert.ok(screen.kind === "graphics");
  return Array.from({ length: count }, (_, x) =>
    Buffer.from(screen.pixels.subarray((row * screen.width + x) * 4)).toString("hex", 0, 3),
  ).join(" ");
}

test("the display interface in 4 bits: planes, through the attribute controller", () => {
  const bench = vgaBench({ inTextMode: true });
  bench.vbe(1, 800);
  bench.vbe(2, 600);
  bench.vbe(3, 4);
  bench.vbe(4, 1);
  bench.set(0x3ce, 5, 2);
  bench.set(0x3c4, 2, 15);
  bench.set(0x3ce, 8, 0x80);
  bench.poke(0xa0000, 4);
  bench.set(0x3ce, 8, 0x40);
  bench.peek(0xa0000);
  bench.poke(0xa0000, 15);
  bench.poke(0xa0000 + 100, 1);
  assert.equal(dots(bench, 3), "aa0000 ffffff 000000");
  assert.equal(dots(bench, 3, 1), "aa0000 0000aa 000000", "the first dot from the latch");
  bench.vbe(9, 1);
  assert.equal(dots(bench, 2), "aa0000 0000aa", "scrolled by a line");
});

test('256 colours in planes ("mode X"): split screen, panning, rows of one scan line', () => {
  const bench = vgaBench({ inTextMode: true });
  const { set } = bench;
  set(0x3d4, 0x11, 0);
  set(0x3c4, 1, 1);
  set(0x3c4, 4, 6);
  set(0x3ce, 5, 0x40);
  set(0x3ce, 6, 5);
  set(0x3d4, 9, 0x40);
  set(0x3d4, 0x17, 0xe3);
  for (let index = 0; index < 4; index++) {
    set(0x3c4, 2, 1 << index);
    bench.poke(0xa0000, index + 1);
    bench.poke(0xa0001, index + 5);
  }
  assert.deepEqual(bench.log.at(-1), "320×400, 256 colours");
  assert.equal(dots(bench, 4), "0000aa 0000aa 00aa00 00aa00", "dots twice as wide as high");
  bench.in(0x3da);
  bench.out(0x3c0, 0x33, 2);
  assert.equal(dots(bench, 4), "00aa00 00aa00 00aaaa 00aaaa", "panned by one pixel");
  set(0x3d4, 0x0d, 1);
  assert.equal(dots(bench, 2), "aaaa00 aaaa00", "from the next group on");
  set(0x3d4, 9, 0);
  set(0x3d4, 7, 0x0f);
  set(0x3d4, 0x18, 99);
  assert.equal(dots(bench, 2, 100), "00aa00 00aa00", "below the split the picture starts at 0");
});

test("a picture larger than a monitor is cut", () => {
  const bench = vgaBench();
  bench.vbe(1, 16000);
  bench.vbe(2, 2000);
  bench.vbe(3, 8);
  bench.vbe(4, 1);
  bench.out(0x3c0, 0x20);
  const screen = bench.vga.screen();
  assert.ok(screen.kind === "graphics");
  assert.deepEqual([screen.width, screen.height], [16000, 576]);
});
