import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryDisk } from "../disks/memory-disk.ts";
import type { Drive } from "../disks/disk-image.ts";
import { Bench, RAM_BYTES } from "./test-bench.ts";

const HOST = 0x00;
const IDE = 0x09;
const VGA = 0x10;
const CONSOLE = 0x18;

const bios = Uint8Array.from({ length: 0x2_0000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
const vgaRom = Uint8Array.of(0x55, 0xaa, 0x10, 0xe9);
const firmware = { name: "test", bios, vgaRom };

function disk(bytes: number, bus: Drive["bus"] = "ide", kind: Drive["kind"] = "disk"): Drive {
  return { image: memoryDisk(new Uint8Array(bytes)), kind, bus, name: `${bytes}` };
}

test("the firmware answers below 4 GiB and below 1 MiB", () => {
  const { lines } = new Bench({ firmware });
  for (const at of [0, 1, 0xffff, 0x1_0000, 0x1_ffff]) {
    assert.equal(lines.read(2 ** 32 - 0x2_0000 + at), bios[at]);
    assert.equal(lines.read(0xe_0000 + at), bios[at]);
  }
  assert.equal(lines.write(2 ** 32 - 16, 1), false);
  assert.equal(lines.read(0xc_0000), undefined, "nothing at the place for expansion ROMs");
});

test("PAM: RAM for writes, for reads, for both, for none", () => {
  const { board, lines, config } = bind(new Bench({ firmware }));
  const at = 0xf_1234;
  const rom = bios[at - 0xe_0000];
  board.writeMmio(at, 1, 0x11);
  config(HOST, 0x59, 1, 0x20);
  assert.equal(lines.read(at), rom);
  assert.equal(lines.write(at, 0x22), false);
  board.writeMmio(at, 1, 0x22);
  assert.equal(lines.read(at), rom);
  config(HOST, 0x59, 1, 0x10);
  assert.equal(lines.read(at), 0x22, "the write reached RAM, the one before did not");
  assert.equal(lines.write(at, 0x33), false);
  board.writeMmio(at, 1, 0x33);
  assert.equal(lines.read(at), 0x22);
  config(HOST, 0x59, 1, 0x30);
  assert.equal(lines.write(at, 0x44), true);
  assert.equal(lines.read(at), 0x44);
  config(HOST, 0x59, 1, 0x00);
  assert.equal(lines.read(at), rom);
});

test("PAM: each of the other registers has two ranges of 16 KiB", () => {
  const { lines, config } = bind(new Bench({ firmware }));
  config(HOST, 0x5a, 1, 0x31);
  assert.deepEqual(
    [lines.write(0xc_3fff, 1), lines.write(0xc_4000, 5), lines.write(0xc_8000, 1)],
    [false, true, false],
  );
  assert.deepEqual([lines.read(0xc_0000), lines.read(0xc_4000), lines.read(0xc_8000)], [0, 5, undefined]);
  config(HOST, 0x5f, 1, 0x10);
  assert.equal(lines.read(0xe_c000), 0, "RAM");
  assert.equal(lines.read(0xe_8000), bios[0x8000], "still the firmware");
});

test("base address registers: sizes, places, and the enable bits", () => {
  const { board, lines, config, readConfig } = bind(new Bench({ firmware }));
  const sizes = [0x10, 0x14, 0x18, 0x30].map((register) => {
    config(VGA, register, 4, 0xffff_ffff);
    return readConfig(VGA, register);
  });
  assert.deepEqual(sizes, [0xff00_0008, 0, 0xffff_f000, 0xffff_f001]);
  config(VGA, 0x10, 4, 0xe000_0000);
  config(VGA, 0x18, 4, 0xe100_0000);
  config(VGA, 0x30, 4, 0xe200_0001);
  assert.equal(lines.read(0xe000_0000), undefined, "memory is not enabled");
  config(VGA, 0x04, 2, 2);
  assert.equal(lines.write(0xe000_0010, 0x77), true);
  assert.deepEqual([lines.read(0xe200_0000), lines.read(0xe200_0001)], [0x55, 0xaa]);
  assert.notEqual(board.readMmio(0xe100_0500, 2), 0xffff);
  config(VGA, 0x10, 4, 0xd000_0000);
  assert.equal(lines.read(0xe000_0010), undefined);
  assert.equal(lines.read(0xd000_0010), 0x77);
  config(VGA, 0x10, 4, RAM_BYTES - 0x100_0000);
  assert.equal(lines.read(RAM_BYTES - 0x100_0000 + 0x10), 0, "RAM has precedence");
});

test("of two overlapping ranges the same one answers, however they came there", () => {
  const state = (first: number, second: number): number[] => {
    const { board, config } = bind(new Bench({ firmware }));
    config(IDE, 0x04, 2, 1);
    config(CONSOLE, 0x04, 2, 1);
    for (const devfn of [first, second]) config(devfn, devfn === IDE ? 0x20 : 0x10, 4, 0xc001);
    return Array.from({ length: 8 }, (_, at) => board.readPort(0xc000 + at, 1));
  };
  assert.deepEqual(state(IDE, CONSOLE), state(CONSOLE, IDE));
});

test("without firmware the board is set up: addresses, interrupts, shadow RAM", () => {
  const { lines, readConfig } = bind(new Bench({ drives: [disk(1 << 20), disk(1 << 20, "virtio")] }));
  assert.equal(readConfig(VGA, 0x10), 0xfd00_0008);
  assert.equal(readConfig(VGA, 0x04) & 0xffff, 7);
  assert.equal(readConfig(IDE, 0x20) & 0xffff_f001, 0xc001);
  assert.equal(readConfig(0x18, 0x00), 0x1001_1af4, "the disk");
  assert.equal(readConfig(0x20, 0x00), 0x1003_1af4, "the console behind it");
  assert.equal(readConfig(0x18, 0x3c) & 0xffff, 0x010b, "INTA# of device 3: PIRQC, IRQ11");
  assert.equal(readConfig(0x20, 0x3c) & 0xffff, 0x010b);
  assert.equal(lines.write(0xf_0000, 1), true);
});

test("the first use of each device is told once, also after a saved state came back", () => {
  const used: string[] = [];
  const bench = new Bench({ firmware, deviceUsed: (name) => used.push(name) });
  bench.board.readPort(0x3cc, 1);
  bench.board.writePort(0x80, 1, 0);
  assert.deepEqual(used, [], "the adapter's ports are not enabled");
  bench.config(VGA, 0x04, 2, 1);
  const state = bench.board.save();
  bench.board.readPort(0x3cc, 1);
  bench.board.readPort(0x1ce, 2);
  bench.board.readMmio(0xfee0_0030, 4);
  assert.deepEqual(used, ["pci", "vga", "local-apic"]);
  bench.board.restore(state);
  bench.board.readPort(0x40, 1);
  bench.board.readPort(0x3cc, 1);
  bench.board.readPort(0xcf8, 4);
  assert.deepEqual(used, ["pci", "vga", "local-apic", "pit", "vga"]);
});

test("CMOS tells the memory, the century and the disks' geometry", () => {
  const bench = new Bench({ firmware, drives: [disk(516_096 * 3), disk(2048, "ide", "cdrom"), disk(600 << 20)] });
  const cmos = (index: number): number => {
    bench.out(0x70, index);
    return bench.board.readPort(0x71, 1);
  };
  assert.deepEqual([0x15, 0x16, 0x34, 0x35].map(cmos), [0x80, 0x02, 0x00, 0x03]);
  assert.equal(cmos(0x32), 0x20);
  assert.deepEqual([0x12, 0x19, 0x1a, 0x10].map(cmos), [0xff, 47, 47, 0]);
  assert.deepEqual([0x1b, 0x1c, 0x1d, 0x23].map(cmos), [3, 0, 16, 63]);
  assert.equal(cmos(0x39), 0x04, "the second disk has more than 1024 cylinders");
});

test("what firmware has too many bytes of, and drives without a place, are refused by one sentence", () => {
  const refused = (options: ConstructorParameters<typeof Bench>[0], sentence: RegExp): void => {
    assert.throws(() => new Bench(options), sentence);
  };
  refused(
    { firmware: { name: "odd", bios: new Uint8Array(1000) } },
    /has 1000 bytes: a multiple of 64 KiB up to 1024 KiB/,
  );
  refused({ firmware: { ...firmware, vgaRom: new Uint8Array(2 << 20) } }, /expansion ROMs need 2097152 bytes: at most/);
  refused({ drives: Array.from({ length: 5 }, () => disk(512)) }, /5 IDE drives; a PC has room for 4/);
  refused({ drives: Array.from({ length: 40 }, () => disk(512, "virtio")) }, /too many virtio drives: 28 fit/);
});

/** Its methods as functions. */
function bind(bench: Bench): Pick<Bench, "board" | "lines" | "config" | "readConfig"> {
  return {
    board: bench.board,
    lines: bench.lines,
    config: (...parameters) => {
      bench.config(...parameters);
    },
    readConfig: (devfn, offset) => bench.readConfig(devfn, offset),
  };
}
