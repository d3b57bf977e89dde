import assert from "node:assert/strict";
import { test } from "node:test";
import { screenText } from "../../display/screen-text.ts";
import { MEMORY_BYTES, vgaBench, type VgaBench } from "./vga-bench.ts";

const GRAPHICS = 0x3ce;
const SEQUENCER = 0x3c4;
const CRTC = 0x3d4;

/** Planar addressing at 0xA0000, 64 KiB, as in mode 12h. */
function planar(): VgaBench {
  const bench = vgaBench({ inTextMode: true });
  bench.set(SEQUENCER, 2, 15);
  bench.set(SEQUENCER, 4, 6);
  bench.set(GRAPHICS, 5, 0);
  bench.set(GRAPHICS, 6, 5);
  bench.vram.fill(0);
  bench.log.length = 0;
  return bench;
}

test("indexed registers keep the bits that exist", () => {
  const { set, get, out } = vgaBench();
  out(0x3c2, 0x67);
  const ones = (port: number, count: number): string =>
    Array.from({ length: count }, (_, index) => {
      set(port, index, 0xff);
      return get(port, index).toString(16);
    }).join(" ");
  assert.equal(ones(SEQUENCER, 6), "3 3d f 3f e 0");
  assert.equal(ones(GRAPHICS, 10), "f f f 1f 3 7b f f ff 0");
  assert.equal(ones(CRTC, 0x1a), `${"ff ".repeat(0x19)}0`);
  set(CRTC, 0, 0);
  assert.equal(get(CRTC, 0), 0xff, "write protected by register 11h");
  set(CRTC, 7, 0);
  assert.equal(get(CRTC, 7), 0xff & ~0x10, "but for the line compare bit");
  set(CRTC, 0x11, 0);
  set(CRTC, 0, 0);
  assert.equal(get(CRTC, 0), 0);
});

test("the CRT controller answers at 3Bx or 3Dx, the other place is empty", () => {
  const bench = vgaBench();
  bench.out(0x3c2, 0x66);
  bench.set(0x3b4, 0x0c, 0x12);
  assert.equal(bench.get(0x3b4, 0x0c), 0x12);
  assert.equal(bench.get(0x3d4, 0x0c), 0xff);
  assert.equal(bench.in(0x3da), 0xff);
  bench.out(0x3c2, 0x67);
  assert.equal(bench.get(0x3d4, 0x0c), 0x12);
});

test("the attribute controller takes index and data at one port, in turn", () => {
  const { out, get } = vgaBench();
  const bench = vgaBench();
  out(0x3c2, 0x67);
  bench.out(0x3c2, 0x67);
  bench.in(0x3da);
  bench.out(0x3c0, 0x01, 0x3f, 0x10, 0xff);
  assert.equal(bench.get(CRTC, 0x24), 0);
  bench.out(0x3c0, 0x01);
  assert.equal(bench.get(CRTC, 0x24), 0x80);
  assert.equal(bench.in(0x3c1), 0x3f);
  bench.in(0x3da);
  bench.out(0x3c0, 0x30);
  assert.equal(bench.in(0x3c1), 0xef);
  assert.equal(get(CRTC, 0x24), 0, "another adapter's is its own");
});

test("the DAC takes three components at a time and counts on, both ways", () => {
  const bench = vgaBench();
  bench.out(0x3c8, 254);
  bench.out(0x3c9, 1, 2, 0xff, 4, 5, 6, 7, 8);
  assert.equal(bench.in(0x3c7), 0);
  bench.out(0x3c7, 254);
  assert.equal(bench.in(0x3c7), 3);
  const read = Array.from({ length: 9 }, () => bench.in(0x3c9));
  assert.deepEqual(read, [1, 2, 0x3f, 4, 5, 6, 0, 0, 0], "an entry changes as a whole");
  bench.vbe(4, 0x20);
  bench.out(0x3c8, 0);
  bench.out(0x3c9, 0xff, 0xfe, 0xfd);
  bench.out(0x3c7, 0);
  assert.deepEqual([bench.in(0x3c9), bench.in(0x3c9), bench.in(0x3c9)], [0xff, 0xfe, 0xfd], "8 bits on request");
});

test("write modes 0 to 3 with set/reset, rotation, functions, bit mask and map mask", () => {
  const { poke, peek, set, vram } = planar();
  const group = (): string => [...vram.subarray(0, 4)].map((byte) => byte.toString(16)).join(" ");
  poke(0xa0000, 0x5a);
  assert.equal(group(), "5a 5a 5a 5a");
  set(SEQUENCER, 2, 5);
  poke(0xa0000, 0xff);
  assert.equal(group(), "ff 5a ff 5a");
  set(SEQUENCER, 2, 15);
  set(GRAPHICS, 3, 4);
  poke(0xa0000, 0x12);
  assert.equal(group(), "21 21 21 21", "rotated right by four");
  set(GRAPHICS, 3, 0);
  set(GRAPHICS, 0, 0b1010);
  set(GRAPHICS, 1, 0b0011);
  poke(0xa0000, 0x0f);
  assert.equal(group(), "0 ff f f", "two planes by set/reset");
  set(GRAPHICS, 1, 0);
  peek(0xa0000);
  set(GRAPHICS, 8, 0xf0);
  poke(0xa0000, 0xaa);
  assert.equal(group(), "a0 af af af", "the rest from the latches");
  set(GRAPHICS, 8, 0xff);
  peek(0xa0000);
  for (const [operation, expected] of [
    [1, "80 8f 8f 8f"],
    [2, "af af af af"],
    [3, "2f 20 20 20"],
  ] as const) {
    set(GRAPHICS, 3, operation << 3);
    poke(0xa0000, 0x8f);
    assert.equal(group(), expected, `function ${operation}`);
  }
  set(GRAPHICS, 3, 0);
  set(GRAPHICS, 5, 2);
  poke(0xa0000, 0b0110);
  assert.equal(group(), "0 ff ff 0", "write mode 2: a colour");
  set(GRAPHICS, 5, 3);
  peek(0xa0000);
  set(GRAPHICS, 0, 0b1001);
  poke(0xa0000, 0x3c);
  assert.equal(group(), "3c c3 c3 3c", "write mode 3: a mask for set/reset");
  set(GRAPHICS, 5, 1);
  poke(0xa0005, 0);
  assert.equal([...vram.subarray(20, 24)].join(" "), "0 255 255 0", "write mode 1: the latches");
});

test("read modes: one plane, or where the colour is", () => {
  const { poke, peek, set } = planar();
  set(SEQUENCER, 2, 1);
  poke(0xa0010, 0xf0);
  set(SEQUENCER, 2, 4);
  poke(0xa0010, 0xcc);
  set(GRAPHICS, 4, 2);
  assert.equal(peek(0xa0010), 0xcc);
  set(GRAPHICS, 5, 8);
  set(GRAPHICS, 2, 0b0101);
  set(GRAPHICS, 7, 0b1111);
  assert.equal(peek(0xa0010), 0xc0);
  set(GRAPHICS, 7, 0b0001);
  assert.equal(peek(0xa0010), 0xf0, "only plane 0 counts");
});

test("the window opens where graphics register 6 says", () => {
  const { poke, peek, set } = planar();
  const open = (map: number): string => {
    set(GRAPHICS, 6, (map << 2) | 1);
    return [0xa0000, 0xaffff, 0xb0000, 0xb7fff, 0xb8000, 0xbffff]
      .filter((address) => {
        poke(address, 0x55);
        return peek(address) === 0x55;
      })
      .map((address) => address.toString(16))
      .join(" ");
  };
  assert.equal(open(0), "a0000 affff b0000 b7fff b8000 bffff");
  assert.equal(open(1), "a0000 affff");
  assert.equal(open(2), "b0000 b7fff");
  assert.equal(open(3), "b8000 bffff");
  assert.equal(peek(0xa0000, 4), 0xffff_ffff);
});

test("chained memory is mapped for the processor, and unmapped again", () => {
  const bench = planar();
  const { set, log, vbe } = bench;
  const at = (offset: number): string => (MEMORY_BYTES + 0x20_0000 + offset).toString(16);
  set(SEQUENCER, 4, 0x0e);
  assert.deepEqual(log.splice(0), [`readWrite a0000+10000 ${at(0)}`]);
  bench.poke(0xa0123, 0x77);
  assert.equal(bench.vram[0x123], 0x77, "by a call, too");
  set(SEQUENCER, 2, 7);
  assert.deepEqual(log.splice(0), ["none a0000+20000 0"], "not while a plane is masked");
  set(SEQUENCER, 2, 15);
  set(SEQUENCER, 4, 6);
  log.length = 0;
  vbe(1, 640);
  vbe(2, 480);
  vbe(3, 8);
  vbe(4, 0x41);
  assert.deepEqual(log.splice(0), [`readWrite a0000+10000 ${at(0)}`, "640×480, 256 colours"]);
  vbe(5, 3);
  assert.deepEqual(log.splice(0), ["none a0000+20000 0", `readWrite a0000+10000 ${at(0x30000)}`]);
});

test("the display interface keeps its registers sensible", () => {
  const { vbe, readVbe, vram } = vgaBench();
  assert.equal(readVbe(0), 0xb0c5);
  vbe(0, 0xb0c0);
  assert.equal(readVbe(0), 0xb0c0);
  vbe(0, 0x1234);
  assert.equal(readVbe(0), 0xb0c0);
  assert.equal(readVbe(10), 256, "16 MiB");
  vbe(4, 2);
  assert.deepEqual([readVbe(1), readVbe(2), readVbe(3)], [16000, 12000, 32], "capabilities");
  vbe(4, 0);
  vbe(1, 1023);
  vbe(2, 768);
  vbe(3, 32);
  vram.fill(0xee);
  vbe(4, 1);
  assert.deepEqual([readVbe(1), readVbe(2), readVbe(6)], [1016, 768, 1016]);
  assert.equal(vram[1016 * 768 * 4 - 1], 0, "cleared");
  assert.equal(vram[1016 * 768 * 4], 0xee, "what is not shown is not");
  vbe(6, 2048);
  assert.equal(readVbe(7), 2048, "lines of that width");
  vbe(9, 2000);
  assert.equal(readVbe(9), 0, "beyond the memory");
  vbe(9, 1280);
  assert.equal(readVbe(9), 1280);
  vbe(2, 0xffff);
  assert.equal(readVbe(2), 2048);
  vbe(3, 7);
  assert.equal(readVbe(3), 8);
});

test("the register BAR shows the same registers", () => {
  const bench = vgaBench();
  const bar = bench.vga.bars[2];
  assert.ok(bar?.kind === "mmio");
  const readMmio = (offset: number, size: 1 | 2 | 4): number => bar.handler.readMmio(offset, size);
  bench.out(0x3c2, 0x67);
  assert.equal(readMmio(0x40c, 1), 0x67);
  bar.handler.writeMmio(0x500 + 2 * 2, 4, (24 << 16) | 600);
  assert.equal(bench.readVbe(2), 600);
  assert.equal(bench.readVbe(3), 24);
  assert.equal(readMmio(0x500, 2), 0xb0c5);
  assert.equal(readMmio(0x600, 4), 8);
  assert.equal(readMmio(0x604, 4), 0x1e1e1e1e);
  const edid = Array.from({ length: 128 }, (_, offset) => readMmio(offset, 1));
  assert.deepEqual(edid.slice(0, 8), [0, 255, 255, 255, 255, 255, 255, 0]);
  assert.equal(edid.reduce((sum, byte) => sum + byte, 0) % 256, 0, "its checksum");
});

test("retrace comes at its guest time, once a frame of 70 Hz", () => {
  const bench = vgaBench({ inTextMode: true });
  const edges: number[] = [];
  let before = 0;
  for (let now = 0; now < 100_000_000; now += 2000) {
    bench.clock.now = now;
    const retrace = bench.in(0x3da) & 8;
    if (retrace && !before) edges.push(now);
    before = retrace;
  }
  assert.equal(edges.length, 7);
  const period = ((edges[6] ?? 0) - (edges[0] ?? 0)) / 6;
  assert.ok(Math.abs(period - 1e9 / 70.087) < 2000, `period ${period} ns`);
  bench.clock.now = 0;
  assert.equal(bench.in(0x3da), 0, "the beam is in the picture at its start");
  bench.clock.now = 30_000;
  assert.equal(bench.in(0x3da), 1, "and beyond the line's end later");
});

test("without firmware the adapter shows text, and the guest's writes to it", () => {
  const bench = vgaBench({ inTextMode: true });
  const text = "Hello, world";
  [...text].forEach((letter, index) => bench.poke(0xb8000 + 160 + index * 2, letter.charCodeAt(0) | 0x1f00, 2));
  const screen = bench.vga.screen();
  assert.deepEqual(screenText(screen), ["", text]);
  assert.ok(screen.kind === "text");
  assert.deepEqual([screen.columns, screen.rows, screen.cellWidth, screen.cellHeight], [80, 25, 9, 16]);
  assert.deepEqual(screen.cursor, { column: 0, row: 0, start: 13, end: 14 });
  assert.equal(screen.palette[6], 0xaa5500, "brown, not dark yellow");
  assert.equal(screen.palette[15], 0xffffff);
  const glyph = screen.font.subarray(0x41 * 32, 0x41 * 32 + 16);
  assert.ok(
    glyph.some((row) => row !== 0),
    "A is drawn",
  );
  assert.deepEqual([...screen.font.subarray(0xdb * 32, 0xdb * 32 + 16)], Array(16).fill(0xff));
});

test("text: scrolled start, split screen, two fonts, cursor beyond the screen", () => {
  const bench = vgaBench({ inTextMode: true });
  for (let row = 0; row < 30; row++) bench.poke(0xb8000 + row * 160, 0x0700 | (0x41 + row), 2);
  bench.set(CRTC, 0x0c, 0);
  bench.set(CRTC, 0x0d, 160);
  let lines = screenText(bench.vga.screen());
  assert.equal(lines[0], "C");
  // The picture starts over behind scan line 319, the twentieth row.
  bench.set(CRTC, 0x11, 0);
  bench.set(CRTC, 0x09, 0x0f);
  bench.set(CRTC, 0x18, 319 & 0xff);
  bench.set(CRTC, 0x07, 0x1f);
  lines = screenText(bench.vga.screen());
  assert.deepEqual([lines[19], lines[20], lines[21]], ["V", "A", "B"]);
  bench.set(SEQUENCER, 3, 0x04);
  bench.set(CRTC, 0x0e, 0x20);
  const screen = bench.vga.screen();
  assert.ok(screen.kind === "text");
  assert.equal(screen.font.length, 512 * 32);
  assert.equal(screen.cursor, undefined);
});

test("the screen is off while it is not connected, or blanked", () => {
  const bench = vgaBench({ inTextMode: true });
  bench.in(0x3da);
  bench.out(0x3c0, 0);
  assert.equal(bench.vga.screen().kind, "off");
  bench.out(0x3c0, 0, 0x20);
  assert.equal(bench.vga.screen().kind, "text");
  bench.set(SEQUENCER, 1, 0x20);
  assert.equal(bench.vga.screen().kind, "off");
  assert.deepEqual(bench.log, [], "no other mode");
});

test("state survives save and restore", () => {
  const first = planar();
  first.vbe(1, 320);
  first.vbe(2, 200);
  first.vbe(3, 16);
  first.vbe(4, 1);
  first.out(0x3c8, 3);
  first.out(0x3c9, 1);
  const second = vgaBench();
  second.vga.restore(first.vga.save());
  second.vram.set(first.vram);
  assert.deepEqual(second.vga.save(), first.vga.save());
  assert.deepEqual(second.vga.screen(), first.vga.screen());
  assert.match(second.log.join(), /,readWrite a0000/, "mapped as before");
  for (const bench of [first, second]) bench.out(0x3c9, 2, 3);
  assert.deepEqual(second.vga.save(), first.vga.save());
});
