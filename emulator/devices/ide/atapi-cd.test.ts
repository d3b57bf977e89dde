import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskError } from "../../disks/overlay-disk.ts";
import { cd, disk, IdeHost, pattern } from "./test-host.ts";

const SECTORS = 400;
const CONTENT = pattern(SECTORS * 2048);
/** Device register of the CD's place. */
const CD = 0xa0;

/** A host whose drive has told of its power-on already. */
function ready(content = CONTENT): IdeHost {
  const host = new IdeHost([cd(content)]);
  assert.equal(host.packet(1, CD, [0x00]), 0x51);
  assert.equal(host.packet(1, CD, [0x00]), 0x50);
  return host;
}

/** Sends a packet and reads its answer; undefined and the sense when it fails. */
function ask(host: IdeHost, packet: readonly number[], limit = 0xfffe): number[] | string {
  let status = host.packet(1, CD, packet, limit);
  const answer: number[] = [];
  while (status & 8) {
    assert.equal(host.in(0x172), 2, "interrupt reason: data to the host");
    assert.equal(host.irqs[1], true);
    host.in(0x177);
    const bytes = host.in(0x174) | (host.in(0x175) << 8);
    assert.ok(bytes > 0 && bytes <= limit);
    answer.push(...host.insw(1, Math.ceil(bytes / 2)).subarray(0, bytes));
    status = host.wait(1);
  }
  assert.equal(host.in(0x172), 3, "interrupt reason: done");
  assert.equal(host.irqs[1], true);
  if (!(status & 1)) return answer;
  const key = host.in(0x171) >> 4;
  assert.equal(host.packet(1, CD, [0x03, 0, 0, 0, 18]), 0x58);
  const sense = host.insw(1, 9);
  host.wait(1);
  assert.equal(sense[2], key);
  return [sense[2], sense[12], sense[13]].map((byte) => (byte as number).toString(16)).join("/");
}

test("power-on is told once, but not to INQUIRY", () => {
  const host = new IdeHost([cd(CONTENT)]);
  const inquiry = ask(host, [0x12, 0, 0, 0, 36]) as number[];
  assert.deepEqual(inquiry.slice(0, 2), [0x05, 0x80]);
  assert.equal(String.fromCharCode(...inquiry.slice(16, 32)), "BOOTSCOPE CD-ROM");
  assert.equal(ask(host, [0x00]), "6/29/0");
  assert.deepEqual(ask(host, [0x00]), []);
  assert.deepEqual((ask(host, [0x03, 0, 0, 0, 18]) as number[]).slice(2, 3), [0]);
});

test("IDENTIFY DEVICE is aborted with the packet signature; IDENTIFY PACKET DEVICE answers", () => {
  const host = ready();
  host.command(1, CD, 0xec);
  assert.deepEqual([host.wait(1), host.in(0x171), host.in(0x174), host.in(0x175)], [0x51, 4, 0x14, 0xeb]);
  host.command(1, CD, 0xa1);
  assert.equal(host.wait(1), 0x58);
  const words = new Uint16Array(host.insw(1, 256).buffer);
  assert.equal(words[0], 0x85c0);
  assert.equal(host.in(0x376), 0x50);
});

test("READ CAPACITY and READ (10) and (12), by blocks of any limit", () => {
  const host = ready();
  assert.deepEqual(ask(host, [0x25]), [0, 0, 1, 0x8f, 0, 0, 8, 0]);
  const wanted = Array.from(CONTENT.subarray(17 * 2048, 20 * 2048));
  for (const limit of [2048, 4096, 5000, 512, 511, 0xffff]) {
    assert.deepEqual(ask(host, [0x28, 0, 0, 0, 0, 17, 0, 0, 3], limit), wanted, `limit ${limit}`);
  }
  assert.deepEqual(ask(host, [0xa8, 0, 0, 0, 0, 17, 0, 0, 0, 3]), wanted);
  assert.deepEqual(ask(host, [0xbe, 0, 0, 0, 0, 17, 0, 0, 3, 0x10]), wanted);
  assert.deepEqual(ask(host, [0x28, 0, 0, 0, 0, 17]), []);
});

test("PIO data tells where it went", () => {
  const host = ready();
  host.packet(1, CD, [0x28, 0, 0, 0, 0, 17, 0, 0, 2], 2048);
  host.readAll(1, 2048, 0x9000);
  assert.deepEqual(host.transfers, [
    { drive: 0, offset: 17 * 2048, physical: 0x9000, bytes: 2048, by: "pio" },
    { drive: 0, offset: 18 * 2048, physical: 0x9800, bytes: 2048, by: "pio" },
  ]);
});

test("a byte count limit of 0 allows no data by PIO", () => {
  const host = ready();
  assert.equal(host.packet(1, CD, [0x25], 0), 0x51);
  assert.equal(host.in(0x171), 4);
  assert.equal(host.packet(1, CD, [0x00], 0), 0x50);
});

test("READ by DMA", () => {
  const host = ready();
  host.prepareDma(1, 0x1000, [
    [0x10000, 2048],
    [0x30000, 4096],
  ]);
  host.command(1, CD, 0xa0, 0, 0, 1);
  host.wait(1);
  host.outsw(1, Uint8Array.of(0x28, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0));
  host.startDma(1, true);
  assert.equal(host.wait(1), 0x50);
  assert.deepEqual([host.bm(10) & 7, host.irqs[1]], [4, true]);
  assert.deepEqual(host.ram.subarray(0x10000, 0x10800), CONTENT.subarray(256 * 2048, 257 * 2048));
  assert.deepEqual(host.ram.subarray(0x30000, 0x31000), CONTENT.subarray(257 * 2048, 259 * 2048));
  assert.deepEqual(host.transfers.at(-1), { drive: 0, offset: 257 * 2048, physical: 0x30000, bytes: 4096, by: "dma" });
});

test("bad requests: out of range, unknown, reserved fields", () => {
  const host = ready();
  assert.equal(ask(host, [0x28, 0, 0, 0, 1, 0x90, 0, 0, 1]), "5/21/0");
  assert.equal(ask(host, [0xa8, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), "5/21/0");
  assert.equal(ask(host, [0x2a, 0, 0, 0, 0, 0, 0, 0, 1]), "5/20/0");
  assert.equal(ask(host, [0x12, 1, 0, 0, 36]), "5/24/0");
  assert.equal(ask(host, [0x5a, 0, 0xea, 0, 0, 0, 0, 0, 64]), "5/39/0");
  assert.equal(ask(host, [0x43, 0, 0, 0, 0, 0, 5, 0, 64]), "5/24/0");
});

test("table of contents: tracks, session, raw; by LBA and by minutes", () => {
  const host = ready();
  assert.deepEqual(ask(host, [0x43, 0, 0, 0, 0, 0, 0, 0, 64]), [
    ...[0, 18, 1, 1],
    ...[0, 0x14, 1, 0, 0, 0, 0, 0],
    ...[0, 0x14, 0xaa, 0, 0, 0, 1, 0x90],
  ]);
  assert.deepEqual(
    (ask(host, [0x43, 2, 0, 0, 0, 0, 0xaa, 0, 64]) as number[]).slice(4),
    [0, 0x14, 0xaa, 0, 0, 0, 7, 25],
  );
  assert.equal((ask(host, [0x43, 0, 1, 0, 0, 0, 0, 0, 64]) as number[]).length, 12);
  assert.equal((ask(host, [0x43, 0, 0, 0, 0, 0, 0, 0, 64, 0x80]) as number[]).length, 48);
  assert.equal((ask(host, [0x43, 0, 0, 0, 0, 0, 0, 0, 12]) as number[]).length, 12);
});

test("configuration, events, mode pages, disc information", () => {
  const host = ready();
  const configuration = ask(host, [0x46, 0, 0, 0, 0, 0, 0, 0, 255]) as number[];
  assert.equal((configuration[3] as number) + 4, configuration.length);
  assert.deepEqual(configuration.slice(6, 8), [0, 8]);
  assert.equal((ask(host, [0x46, 2, 0, 3, 0, 0, 0, 0, 255]) as number[]).length, 16);
  assert.deepEqual(ask(host, [0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8]), [0, 6, 4, 0x10, 0, 2, 0, 0]);
  assert.equal(ask(host, [0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8]), "5/24/0");
  const page = ask(host, [0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 128]) as number[];
  assert.deepEqual([page[1], page[8], page.length], [28, 0x2a, 30]);
  assert.equal((ask(host, [0x51, 0, 0, 0, 0, 0, 0, 0, 34]) as number[])[2], 0x0e);
  assert.equal((ask(host, [0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8]) as number[]).length, 8);
});

test("the tray: locked, open, empty, closed again", () => {
  const host = ready();
  assert.deepEqual(ask(host, [0x1e, 0, 0, 0, 1]), []);
  assert.equal(ask(host, [0x1b, 0, 0, 0, 2]), "5/53/2");
  assert.deepEqual(ask(host, [0x1e]), []);
  assert.deepEqual(ask(host, [0x1b, 0, 0, 0, 2]), []);
  assert.equal(ask(host, [0x28, 0, 0, 0, 0, 0, 0, 0, 1]), "2/3a/2");
  assert.deepEqual(ask(host, [0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8]), [0, 6, 4, 0x10, 3, 1, 0, 0]);
  assert.deepEqual(ask(host, [0x1b, 0, 0, 0, 3]), []);
  assert.equal(ask(host, [0x00]), "6/28/0");
  assert.equal((ask(host, [0x28, 0, 0, 0, 0, 0, 0, 0, 1]) as number[]).length, 2048);
});

test("DEVICE RESET is heard in the midst of data", () => {
  const host = ready();
  host.packet(1, CD, [0x28, 0, 0, 0, 0, 0, 0, 0, 5]);
  assert.equal(host.in(0x376) & 8, 8);
  host.out(0x177, 0x08);
  assert.equal(host.wait(1), 0);
  assert.deepEqual([host.in(0x174), host.in(0x175)], [0x14, 0xeb]);
  assert.deepEqual(ask(host, [0x00]), []);
});

test("an unreadable medium gives a medium error", () => {
  const drive = cd(CONTENT);
  const image = {
    ...drive.image,
    bytes: CONTENT.length,
    read: (): never => {
      throw new DiskError("unreadable");
    },
  };
  const host = new IdeHost([{ ...drive, image }]);
  assert.equal(ask(host, [0x00]), "6/29/0");
  assert.equal(ask(host, [0x28, 0, 0, 0, 0, 0, 0, 0, 1]), "3/11/0");
});

test("drives find their places: disks from the first, the first CD at the second channel", () => {
  const host = new IdeHost([cd(CONTENT), disk(pattern(5120)), cd(CONTENT), disk(pattern(5120))]);
  const kinds = [0x1f0, 0x170].flatMap((base) =>
    [0xa0, 0xb0].map((device) => {
      host.out(base + 6, device);
      return host.in(base + 5) === 0xeb ? "cd" : "disk";
    }),
  );
  assert.deepEqual(kinds, ["disk", "cd", "cd", "disk"]);
  assert.throws(() => new IdeHost(new Array(5).fill(cd(CONTENT))), /5 IDE drives; a PC has room for 4/);
});
