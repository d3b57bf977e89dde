/** Partition tables that sfdisk makes on sparse files, compared with what `sfdisk --json` tells of them. */
import assert from "node:assert/strict";
import { open, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readDiskLayout, type DiskLayout } from "../../boot-formats/disk/disk-layout.ts";
import {
  debianRootDisk,
  grubGptDisk,
  grubIso,
  grubMbrDisk,
  memtestDisk,
  memtestIso,
} from "../../scripts/guests/grub-disks.ts";
import { syslinuxFat } from "../../scripts/guests/syslinux-disks.ts";
import { ensureTools, tool } from "../../scripts/guests/tools.ts";
import { scratch, withImage } from "./trees.ts";

const GIB = 1024 ** 3;

interface SfdiskPartition {
  node: string;
  start: number;
  size: number;
  type: string;
  bootable?: boolean;
  uuid?: string;
  name?: string;
  attrs?: string;
}

interface SfdiskTable {
  label: string;
  id: string;
  sectorsize: number;
  firstlba?: number;
  lastlba?: number;
  partitions?: SfdiskPartition[];
}

/** Names of attribute bits as sfdisk prints them. */
function attributes(bits: bigint): string {
  const names: string[] = [];
  if (bits & 1n) names.push("RequiredPartition");
  if (bits & 2n) names.push("NoBlockIOProtocol");
  if (bits & 4n) names.push("LegacyBIOSBootable");
  const guid = Array.from({ length: 16 }, (_, index) => index + 48).filter((bit) => (bits >> BigInt(bit)) & 1n);
  if (guid.length > 0) names.push(`GUID:${guid.join(",")}`);
  return names.join(" ");
}

/** Our reading in sfdisk's words. */
function asSfdisk(layout: DiskLayout, image: string): SfdiskTable {
  const gpt = layout.kind === "gpt" || layout.kind === "hybrid";
  const partitions = layout.partitions.map((partition): SfdiskPartition => {
    const said: SfdiskPartition = {
      node: `${image}${partition.number}`,
      start: partition.start,
      size: partition.sectors,
      type: partition.type,
    };
    if (!gpt) return partition.bootable ? { ...said, bootable: true } : said;
    const attrs = attributes(partition.attributes ?? 0n);
    return {
      ...said,
      uuid: partition.uuid ?? "",
      ...(partition.name ? { name: partition.name } : {}),
      ...(attrs === "" ? {} : { attrs }),
    };
  });
  return {
    label: gpt ? "gpt" : "dos",
    id: layout.diskId,
    sectorsize: layout.sectorSize,
    ...(layout.usable ? { firstlba: layout.usable.first, lastlba: layout.usable.last } : {}),
    ...(partitions.length > 0 ? { partitions } : {}),
  };
}

async function sfdiskTable(image: string): Promise<SfdiskTable> {
  const output = await tool("sfdisk", ["--json", image]);
  const { partitiontable } = JSON.parse(output) as {
    partitiontable: SfdiskTable & { device?: string; unit?: string };
  };
  const { label, id, sectorsize, firstlba, lastlba, partitions } = partitiontable;
  return {
    label,
    id,
    sectorsize,
    ...(firstlba === undefined ? {} : { firstlba }),
    ...(lastlba === undefined ? {} : { lastlba }),
    // sfdisk lists by place on the disk; numbers are compared, not the order.
    ...(partitions ? { partitions: [...partitions].sort(byNode) } : {}),
  };
}

function byNode(one: SfdiskPartition, other: SfdiskPartition): number {
  return Number(/\d+$/.exec(one.node)?.[0]) - Number(/\d+$/.exec(other.node)?.[0]);
}

async function compare(image: string): Promise<DiskLayout> {
  const layout = await withImage(image, readDiskLayout);
  assert.deepEqual(asSfdisk(layout, image), await sfdiskTable(image));
  return layout;
}

const SCRIPTS: readonly (readonly [name: string, gib: number, script: string])[] = [
  ["an empty MBR", 1, "label: dos\nlabel-id: 0x12345678\n"],
  [
    "four primary partitions in no order",
    1,
    "label: dos\nlabel-id: 0xdeadbeef\n" +
      "1: start=400000, size=1000, type=7\n2: start=2048, size=100000, type=83, bootable\n" +
      "3: start=200000, size=5, type=c\n4: start=300000, size=63, type=82\n",
  ],
  ["a gap in the table", 1, "label: dos\n3: start=2048, size=2048, type=83\n"],
  [
    "extended and logical partitions",
    4,
    "label: dos\n1: size=100M, type=83, bootable\n2: size=3G, type=5\n3: size=50M, type=ef\n" +
      Array.from({ length: 12 }, (_, index) => `size=${20 + index * 7}M, type=${["83", "82", "b"][index % 3]}\n`).join(
        "",
      ),
  ],
  ["an extended partition (LBA) with nothing in it", 1, "label: dos\n1: size=100M, type=83\n4: size=200M, type=f\n"],
  ["two terabytes", 2047, "label: dos\n1: size=1T, type=83\n2: type=83\n"],
  [
    "a GPT",
    8,
    "label: gpt\nlabel-id: B007C0DE-0000-4000-8000-000000000020\n" +
      'size=1M, type=21686148-6449-6E6F-744E-656564454649, name="BIOS boot"\n' +
      'size=100M, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="EFI — Größe", attrs="RequiredPartition"\n' +
      'size=1G, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, attrs="LegacyBIOSBootable GUID:60,63"\n' +
      '128: size=1G, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="the last"\n',
  ],
  ["a GPT with 256 entries", 8, "label: gpt\ntable-length: 256\nsize=1G\n200: size=1G\n"],
  ["a GPT of 15 TiB", 15 * 1024, "label: gpt\nsize=8T\nsize=6T\n"],
];

describe("partition tables", () => {
  const folder = scratch(before, after);
  before(() => ensureTools("sfdisk", "fdisk"));

  for (const [name, gib, script] of SCRIPTS) {
    it(`${name}: as sfdisk reads it`, async () => {
      const image = join(folder(), "disk.img");
      await writeFile(image, "");
      await truncate(image, gib * GIB);
      await tool("sfdisk", ["--quiet", image], { input: script });
      const layout = await compare(image);
      assert.deepEqual(layout.problems, []);
      await writeFile(image, "");
    });
  }

  it("the copy of a GPT stands in for a damaged one, and both are told", async () => {
    const image = join(folder(), "disk.img");
    await writeFile(image, "");
    await truncate(image, GIB);
    await tool("sfdisk", ["--quiet", image], { input: "label: gpt\nsize=100M, name=kept\n" });
    const sound = await compare(image);
    const file = await open(image, "r+");
    await file.write(Buffer.from("torn"), 0, 4, 2 * 512 + 56);
    await file.close();
    const torn = await compare(image);
    assert.equal(torn.diskId, sound.diskId);
    assert.match(torn.problems.join("\n"), /first GPT is damaged/);
    assert.match(torn.problems.join("\n"), /do not list the same/);
    const erased = await open(image, "r+");
    await erased.write(Buffer.alloc(512), 0, 512, 512);
    await erased.close();
    const lost = await compare(image);
    assert.match(lost.problems.join("\n"), /first GPT header is missing/);
    assert.equal(lost.partitions[0]?.name, "kept");
  });

  it("a GPT with sectors of 4 KiB: as fdisk reads it", async () => {
    const image = join(folder(), "disk.img");
    await writeFile(image, "");
    await truncate(image, GIB);
    await tool("fdisk", ["--sector-size", "4096", image], { input: "g\nn\n\n\n+100M\nn\n\n\n+300M\nw\n" });
    const layout = await withImage(image, readDiskLayout);
    assert.deepEqual([layout.kind, layout.sectorSize, layout.problems], ["gpt", 4096, []]);
    const columns = ["--list", "--output", "Start,Sectors,Type-UUID,UUID"];
    const listed = await tool("fdisk", ["--sector-size", "4096", ...columns, image]);
    const lines = listed.split("\n").filter((line) => /^ *\d+ +\d+ /.test(line));
    assert.deepEqual(
      layout.partitions.map(({ start, sectors, type, uuid = "" }) => [`${start}`, `${sectors}`, type, uuid]),
      lines.map((line) => line.trim().split(/ +/)),
    );
  });

  it("a hybrid MBR is told from a protective one", async () => {
    const image = join(folder(), "disk.img");
    await writeFile(image, "");
    await truncate(image, GIB);
    await tool("sfdisk", ["--quiet", image], { input: "label: gpt\nsize=100M\n" });
    assert.equal((await withImage(image, readDiskLayout)).kind, "gpt");
    const entry = Buffer.from([0x80, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 32, 3, 0]);
    const file = await open(image, "r+");
    await file.write(entry, 0, entry.length, 446 + 16);
    await file.close();
    assert.equal((await withImage(image, readDiskLayout)).kind, "hybrid");
  });

  it("real disks and hybrid CD images", async () => {
    const images = [grubMbrDisk, grubGptDisk, memtestDisk, memtestIso, grubIso, syslinuxFat, debianRootDisk];
    const codes: (string | undefined)[] = [];
    for (const make of images) {
      const image = await make();
      console.log(image);
      const layout = await compare(image);
      assert.deepEqual(layout.problems, []);
      codes.push(layout.bootCode?.id);
    }
    assert.deepEqual(codes, ["grub", "grub", "grub", "memtest86+", "grub-hybrid", "syslinux-mbr", "grub"]);
  });
});
