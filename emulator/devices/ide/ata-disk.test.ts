import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskError } from "../../disks/overlay-disk.ts";
import { cd, disk, IdeHost, pattern } from "./test-host.ts";

const SECTORS = 5000;
const CONTENT = pattern(SECTORS * 512);
const LBA = 0xe0;

function sectors(first: number, count: number): Uint8Array {
  return CONTENT.subarray(first * 512, (first + count) * 512);
}

function identify(host: IdeHost): Uint16Array {
  host.command(0, LBA, 0xec);
  assert.equal(host.wait(), 0x58);
  return new Uint16Array(host.insw(0, 256).buffer);
}

test("absent drives read as 0; a lone drive 0 answers for drive 1", () => {
  const host = new IdeHost([disk(CONTENT)]);
  assert.equal(host.in(0x177), 0);
  assert.equal(host.in(0x376), 0);
  host.out(0x172, 0x55);
  assert.equal(host.in(0x172), 0);
  host.out(0x1f6, 0xb0);
  assert.equal(host.in(0x1f7), 0);
  host.out(0x1f7, 0xec);
  host.clock.advance(1e6);
  assert.equal(host.irqs[0], false);
  host.out(0x1f6, 0xa0);
  assert.equal(host.in(0x1f7), 0x50);
});

test("IDENTIFY: model, geometry, capacity, checksum", () => {
  const words = identify(new IdeHost([disk(CONTENT)]));
  const model = Array.from(words.subarray(27, 47), (word) => String.fromCharCode(word >> 8, word & 0xff)).join("");
  assert.equal(model.trimEnd(), "BOOTSCOPE HARDDISK");
  assert.deepEqual([words[1], words[3], words[6]], [4, 16, 63]);
  assert.equal((words[60] as number) + (words[61] as number) * 65536, SECTORS);
  assert.equal(words[100], SECTORS);
  const bytes = new Uint8Array(words.buffer);
  assert.equal(bytes.reduce((sum, byte) => sum + byte, 0) & 0xff, 0);
});

test("READ SECTORS by PIO: interrupt per sector, data, and where INS put it", () => {
  const host = new IdeHost([disk(CONTENT)]);
  host.command(0, LBA, 0x20, 3, 100);
  assert.equal(host.in(0x1f7) & 0x80, 0x80);
  for (let i = 0; i < 3; i++) {
    assert.equal(host.wait(), 0x58);
    assert.equal(host.irqs[0], true);
    assert.equal(host.in(0x1f7), 0x58);
    assert.equal(host.irqs[0], false);
    assert.deepEqual(host.insw(0, 256, 0x7c00 + i * 512), sectors(100 + i, 1));
  }
  assert.equal(host.wait(), 0x50);
  host.clock.advance(1e6);
  assert.equal(host.irqs[0], false);
  assert.deepEqual(
    host.transfers.map(({ drive, offset, physical, bytes, by }) => [drive, offset, physical, bytes, by]),
    [0, 1, 2].map((i) => [0, (100 + i) * 512, 0x7c00 + i * 512, 512, "pio"]),
  );
  // The last sector's address, no sectors left.
  assert.deepEqual([host.in(0x1f2), host.in(0x1f3)], [0, 102]);
});

test("INS in double words, into scattered memory, and into a register", () => {
  const host = new IdeHost([disk(CONTENT)]);
  host.command(0, LBA, 0x20, 1, 7);
  host.wait();
  const view = new DataView(sectors(7, 1).buffer, sectors(7, 1).byteOffset);
  for (let i = 0; i < 128; i++) {
    host.destination = i < 10 ? 0x1000 + i * 4 : i < 20 ? -1 : i < 60 ? 0x2000 + i * 4 : 0x8000 + i * 4;
    assert.equal(host.in(0x1f0, 4), view.getUint32(i * 4, true));
  }
  const base = 7 * 512;
  assert.deepEqual(
    host.transfers.map(({ offset, physical, bytes }) => [offset - base, physical, bytes]),
    [
      [0, 0x1000, 40],
      [80, 0x2050, 160],
      [240, 0x80f0, 272],
    ],
  );
});

test("INS and OUTS as blocks leave the last element of a sector, and say where the data went all the same", () => {
  const host = new IdeHost([disk(CONTENT)]);
  host.command(0, LBA, 0x20, 1, 7);
  host.wait();
  const into = new Uint8Array(600);
  host.destination = 0x3000;
  assert.equal(host.readBlock(0x1f0, 2, into.subarray(0, 100)), 50);
  host.destination = 0x3064;
  assert.equal(host.readBlock(0x1f0, 2, into.subarray(100)), 205);
  assert.deepEqual(into.subarray(0, 510), sectors(7, 1).subarray(0, 510));
  assert.equal(host.readBlock(0x1f0, 2, into), 0);
  assert.equal(host.in(0x3f6), 0x58);
  host.destination = 0x31fe;
  assert.equal(host.in(0x1f0, 2), (sectors(7, 1)[510] as number) | ((sectors(7, 1)[511] as number) << 8));
  assert.equal(host.wait(), 0x50);
  assert.deepEqual(
    host.transfers.map(({ offset, physical, bytes }) => [offset, physical, bytes]),
    [[7 * 512, 0x3000, 512]],
  );
  // Neither while nothing is to be read, nor from other registers.
  assert.deepEqual([host.readBlock(0x1f0, 2, into), host.readBlock(0x1f2, 1, into)], [0, 0]);

  host.command(0, LBA, 0x30, 1, 11);
  host.wait();
  const data = pattern(512).map((byte) => byte ^ 0x33);
  assert.equal(host.readBlock(0x1f0, 4, into), 0);
  assert.equal(host.writeBlock(0x1f0, 4, data), 127);
  host.outsw(0, data.subarray(508));
  assert.equal(host.wait(), 0x50);
  host.command(0, LBA, 0x20, 1, 11);
  host.destination = -1;
  assert.deepEqual(host.readAll(0, 512), Buffer.from(data));
});

test("READ MULTIPLE gives blocks of the set size, SET MULTIPLE takes powers of two up to 16", () => {
  const host = new IdeHost([disk(CONTENT)]);
  host.command(0, LBA, 0xc6, 4);
  assert.equal(host.wait(), 0x50);
  host.in(0x1f7);
  host.command(0, LBA, 0xc4, 10, 50);
  const sizes: number[] = [];
  while (host.wait() & 8) {
    assert.equal(host.irqs[0], true);
    host.in(0x1f7);
    let words = 0;
    while (host.in(0x3f6) & 8) {
      host.in(0x1f0, 2);
      words++;
    }
    sizes.push(words * 2);
  }
  assert.deepEqual(sizes, [2048, 2048, 1024]);
  for (const bad of [3, 32, 255]) {
    host.command(0, LBA, 0xc6, bad);
    assert.deepEqual([host.wait(), host.in(0x1f1)], [0x51, 4], `SET MULTIPLE ${bad}`);
  }
  host.command(0, LBA, 0xc6, 0);
  host.wait();
  host.command(0, LBA, 0xc4, 1, 0);
  assert.deepEqual([host.wait(), host.in(0x1f1)], [0x51, 4]);
});

test("WRITE SECTORS: DRQ without an interrupt for the first block, the image is unchanged, the changes are there", () => {
  const host = new IdeHost([disk(CONTENT)]);
  const data = pattern(1024).map((byte) => byte ^ 0x5a);
  host.command(0, LBA, 0x30, 2, 4000);
  assert.equal(host.wait(), 0x58);
  assert.equal(host.irqs[0], false);
  host.outsw(0, data.subarray(0, 512));
  assert.equal(host.wait(), 0x58);
  assert.equal(host.irqs[0], true);
  host.in(0x1f7);
  host.outsw(0, data.subarray(512));
  assert.equal(host.wait(), 0x50);
  assert.equal(host.irqs[0], true);
  host.command(0, LBA, 0x20, 2, 4000);
  assert.deepEqual(host.readAll(0, 512), Buffer.from(data));
  assert.deepEqual(CONTENT, pattern(SECTORS * 512));
});

test("DMA in both directions, with runs joined over adjacent regions", () => {
  const host = new IdeHost([disk(CONTENT)]);
  host.prepareDma(0, 0x1000, [
    [0x10000, 1024],
    [0x10400, 512],
    [0x20000, 2560],
  ]);
  host.command(0, LBA, 0xc8, 8, 200);
  host.startDma(0, true);
  assert.equal(host.bm(2) & 7, 1);
  assert.equal(host.wait(), 0x50);
  assert.equal(host.irqs[0], true);
  assert.equal(host.bm(2) & 7, 4);
  assert.deepEqual(host.ram.subarray(0x10000, 0x10600), sectors(200, 3));
  assert.deepEqual(host.ram.subarray(0x20000, 0x20a00), sectors(203, 5));
  assert.deepEqual(host.transfers, [
    { drive: 0, offset: 200 * 512, physical: 0x10000, bytes: 1536, by: "dma" },
    { drive: 0, offset: 203 * 512, physical: 0x20000, bytes: 2560, by: "dma" },
  ]);
  host.setBm(0, 0);
  host.setBm(2, 6);
  assert.equal(host.bm(2), 0);
  host.in(0x1f7);

  host.prepareDma(0, 0x1000, [[0x20000, 1024]]);
  host.startDma(0, false);
  host.commandExt(0, LBA, 0x35, 2, 300);
  assert.equal(host.wait(), 0x50);
  assert.equal(host.bm(2) & 7, 4);
  host.commandExt(0, LBA, 0x24, 2, 300);
  assert.deepEqual(host.readAll(0, 512), Buffer.from(sectors(203, 2)));
});

test("a table of regions that is too long leaves the channel active; too short, it ends without an interrupt", () => {
  const host = new IdeHost([disk(CONTENT)]);
  host.prepareDma(0, 0x1000, [[0x10000, 4096]]);
  host.command(0, LBA, 0xc8, 1, 0);
  host.startDma(0, true);
  assert.equal(host.wait(), 0x50);
  assert.equal(host.bm(2) & 7, 5);
  host.setBm(0, 0);
  assert.equal(host.bm(2) & 1, 0);
  host.in(0x1f7);
  host.prepareDma(0, 0x1000, [[0x10000, 512]]);
  host.command(0, LBA, 0xc8, 2, 0);
  host.startDma(0, true);
  assert.equal(host.wait(), 0x50);
  assert.deepEqual([host.bm(2) & 7, host.irqs[0]], [0, false]);
});

test("without the right to master the bus a transfer waits", () => {
  const host = new IdeHost([disk(CONTENT)]);
  host.busMaster = false;
  host.prepareDma(0, 0x1000, [[0x10000, 512]]);
  host.command(0, LBA, 0xc8, 1, 5);
  host.startDma(0, true);
  host.clock.advance(1e9);
  assert.equal(host.in(0x3f6) & 0x80, 0x80);
  host.busMaster = true;
  host.ide.configWritten(4);
  assert.equal(host.wait(), 0x50);
  assert.deepEqual(host.ram.subarray(0x10000, 0x10200), sectors(5, 1));
});

test("addresses beyond the end: IDNF and the first sector that is not there", () => {
  const host = new IdeHost([disk(CONTENT)]);
  for (const [command, count, lba] of [
    [0x20, 2, SECTORS - 1],
    [0x40, 1, SECTORS],
    [0xc8, 0, SECTORS - 255],
    [0x30, 1, 0xffffff],
    [0x70, 1, SECTORS],
  ] as const) {
    host.command(0, LBA, command, count, lba);
    assert.deepEqual([host.wait(), host.in(0x1f1)], [0x51, 0x10], `command ${command.toString(16)}`);
    assert.equal(host.irqs[0], true);
  }
  host.command(0, LBA, 0x20, 2, SECTORS - 1);
  host.wait();
  assert.equal(host.in(0x1f3) | (host.in(0x1f4) << 8), SECTORS);
  host.commandExt(0, LBA, 0x24, 1, 2 ** 47);
  assert.deepEqual([host.wait(), host.in(0x1f1)], [0x51, 0x10]);
  host.command(0, LBA, 0x20, 1, SECTORS - 1);
  assert.deepEqual(host.readAll(0, 512), Buffer.from(sectors(SECTORS - 1, 1)));
});

test("a count of 0 means 256 sectors, 65536 with 48 bits; HOB shows the upper half", () => {
  const host = new IdeHost([disk(CONTENT)]);
  host.command(0, LBA, 0x40, 0, 0);
  assert.equal(host.wait(), 0x50);
  assert.equal(host.in(0x1f3), 255);
  host.commandExt(0, LBA, 0x42, 0, 0);
  assert.equal(host.wait(), 0x51);
  host.commandExt(0, LBA, 0x27, 0, 0x11_2233_4455_66 % 2 ** 40);
  assert.equal(host.wait(), 0x50);
  assert.deepEqual([host.in(0x1f3), host.in(0x1f4)], [(SECTORS - 1) & 0xff, (SECTORS - 1) >> 8]);
  host.out(0x1f2, 0x12);
  host.out(0x1f2, 0x34);
  assert.equal(host.in(0x1f2), 0x34);
  host.out(0x3f6, 0x80);
  assert.equal(host.in(0x1f2), 0x12);
  // Any write to the command block ends that.
  host.out(0x1f1, 0);
  assert.equal(host.in(0x1f2), 0x34);
});

test("cylinder, head and sector by the translation in force", () => {
  const host = new IdeHost([disk(CONTENT)]);
  const read = (cylinder: number, head: number, sector: number): Buffer | number => {
    host.command(0, 0xa0 | head, 0x20, 1, sector | (cylinder << 8));
    const status = host.wait();
    return status & 1 ? host.in(0x1f1) : (host.readAll(0, 512) as Buffer);
  };
  assert.deepEqual(read(1, 2, 3), Buffer.from(sectors((1 * 16 + 2) * 63 + 2, 1)));
  assert.equal(read(0, 0, 0), 0x10);
  assert.equal(read(0, 0, 64), 0x10);
  host.command(0, 0xa3, 0x91, 17);
  assert.equal(host.wait(), 0x50);
  assert.deepEqual(read(10, 3, 17), Buffer.from(sectors((10 * 4 + 3) * 17 + 16, 1)));
  assert.equal(read(0, 4, 1), 0x10);
  assert.deepEqual(Array.from(identify(host).subarray(54, 57)), [73, 4, 17]);
  host.command(0, 0xa0, 0x91, 0);
  assert.deepEqual([host.wait(), host.in(0x1f1)], [0x51, 4]);
});

test("nIEN holds the interrupt off and gives it back", () => {
  const host = new IdeHost([disk(CONTENT)]);
  host.out(0x3f6, 2);
  host.command(0, LBA, 0xe7);
  host.wait();
  assert.equal(host.irqs[0], false);
  host.out(0x3f6, 0);
  assert.equal(host.irqs[0], true);
  host.in(0x3f6);
  assert.equal(host.irqs[0], true, "the alternate status acknowledges nothing");
  host.in(0x1f7);
  assert.equal(host.irqs[0], false);
});

test("SRST ends everything and shows the signature of both drives", () => {
  const host = new IdeHost([disk(CONTENT), disk(pattern(51200)), cd(pattern(20480))]);
  host.command(0, 0xf0, 0x20, 4, 0);
  assert.equal(host.wait(), 0x58);
  host.out(0x3f6, 4);
  assert.equal(host.in(0x1f7), 0x80);
  host.clock.advance(1e6);
  assert.equal(host.in(0x1f7), 0x80);
  host.out(0x3f6, 0);
  assert.equal(host.wait(), 0x50);
  for (const device of [0xa0, 0xb0]) {
    host.out(0x1f6, device);
    assert.deepEqual(
      [1, 2, 3, 4, 5, 7].map((register) => host.in(0x1f0 + register)),
      [1, 1, 1, 0, 0, 0x50],
    );
  }
  assert.deepEqual(
    [1, 2, 3, 4, 5, 7].map((register) => host.in(0x170 + register)),
    [1, 1, 1, 0x14, 0xeb, 0],
  );
  assert.equal(host.irqs[0], false);
});

test("EXECUTE DEVICE DIAGNOSTIC resets both drives and interrupts by drive 0", () => {
  const host = new IdeHost([disk(CONTENT), disk(pattern(51200))]);
  host.command(0, 0xf0, 0x90);
  assert.equal(host.wait(), 0x50);
  assert.equal(host.irqs[0], true);
  assert.deepEqual([host.in(0x1f1), host.in(0x1f6)], [1, 0xa0]);
});

test("commands that the drive does not have are aborted", () => {
  const host = new IdeHost([disk(CONTENT)]);
  for (const command of [
    0x00, 0x08, 0xa0, 0xa1, 0xb0, 0xb1, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf9, 0x06, 0x92, 0xff,
  ]) {
    host.command(0, LBA, command);
    assert.deepEqual([host.wait(), host.in(0x1f1)], [0x51, 4], `command ${command.toString(16)}`);
    host.in(0x1f7);
  }
});

test("features and power modes", () => {
  const host = new IdeHost([disk(CONTENT)]);
  const features = (value: number, count = 0): number => {
    host.command(0, LBA, 0xef, count, 0, value);
    return host.wait();
  };
  assert.equal(features(0x82), 0x50);
  assert.equal((identify(host)[85] as number) & 0x20, 0);
  assert.equal(features(0x02), 0x50);
  assert.equal(features(0x03, 0x22), 0x50);
  assert.deepEqual([identify(host)[63], identify(host)[88]], [0x0407, 0x003f]);
  assert.equal(features(0x03, 0x46), 0x51);
  assert.equal(features(0x99), 0x51);
  const mode = (): number => {
    host.command(0, LBA, 0xe5);
    host.wait();
    return host.in(0x1f2);
  };
  assert.equal(mode(), 0xff);
  host.command(0, LBA, 0x94);
  host.wait();
  assert.equal(mode(), 0);
  host.command(0, LBA, 0x40, 1, 0);
  host.wait();
  assert.equal(mode(), 0xff);
  host.command(0, LBA, 0xe6);
  host.wait();
  host.in(0x1f7);
  host.command(0, LBA, 0xec);
  host.clock.advance(1e6);
  assert.deepEqual([host.in(0x3f6), host.irqs[0]], [0x50, false], "asleep");
  host.out(0x3f6, 4);
  host.out(0x3f6, 0);
  host.wait();
  assert.equal(identify(host)[0], 0x40);
});

test("a busy drive takes neither registers nor commands", () => {
  const host = new IdeHost([disk(CONTENT)]);
  host.command(0, LBA, 0x20, 1, 9);
  host.out(0x1f3, 77);
  host.out(0x1f7, 0xec);
  assert.equal(host.wait(), 0x58);
  host.out(0x1f7, 0xec);
  assert.deepEqual(host.insw(0, 256), sectors(9, 1));
  assert.equal(host.wait(), 0x50);
});

test("an image that cannot be read or written gives UNC and a device fault", () => {
  const broken = disk(CONTENT);
  const host = new IdeHost([
    {
      ...broken,
      image: {
        ...broken.image,
        bytes: broken.image.bytes,
        read: () => {
          throw new DiskError("unreadable");
        },
        write: () => {
          throw new DiskError("unwritable");
        },
      },
    },
  ]);
  host.command(0, LBA, 0x20, 1, 3);
  assert.deepEqual([host.wait(), host.in(0x1f1), host.in(0x1f3)], [0x51, 0x40, 3]);
  host.prepareDma(0, 0x1000, [[0x10000, 512]]);
  host.command(0, LBA, 0xc8, 1, 3);
  host.startDma(0, true);
  assert.deepEqual([host.wait(), host.in(0x1f1)], [0x51, 0x40]);
  host.command(0, LBA, 0x30, 1, 3);
  host.wait();
  host.outsw(0, new Uint8Array(512));
  assert.deepEqual([host.wait(), host.in(0x1f1)], [0x70, 0]);
});
