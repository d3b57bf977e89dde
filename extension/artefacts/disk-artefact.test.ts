import assert from "node:assert/strict";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { memorySource } from "../../boot-formats/disk/byte-source.ts";
import { grubCloudDisk, grubIso } from "../../scripts/guests/grub-disks.ts";
import { busyboxInitramfs, cloudKernel, vmlinux } from "../../scripts/guests/guests.ts";
import { DiskContent } from "./content-tree.ts";
import { disassemble } from "./disassemble.ts";
import { diskArtefact } from "./disk-artefact.ts";
import { FileSource } from "./file-source.ts";
import { NodeTable } from "./node-table.ts";
import { recognise } from "./recognise.ts";

let home = "";

before(async () => {
  home = await mkdtemp(path.join(tmpdir(), "bootscope-artefacts-"));
});
after(() => rm(home, { recursive: true }));

async function withFile<T>(file: string, use: (source: FileSource) => Promise<T>): Promise<T> {
  const source = await FileSource.open(file);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

test("real artefacts are told by their content", async () => {
  const { vmlinuz } = await cloudKernel();
  const kinds = [
    [vmlinuz, "kernel"],
    [await vmlinux(vmlinuz), "elf"],
    [await busyboxInitramfs(), "initramfs"],
    [await grubCloudDisk(), "disk"],
    [await grubIso(), "disk"],
  ] as const;
  for (const [file, kind] of kinds) assert.equal(await withFile(file, recognise), kind, file);
});

test("what is none of them is told in one sentence", async () => {
  await assert.rejects(recognise(memorySource(new Uint8Array(0))), /^FormatError: The file is empty\.$/);
  const text = new TextEncoder().encode("#include <stdio.h>\nint main(void) { return 0; }\n");
  await assert.rejects(recognise(memorySource(text)), /begins with 23 69 6e 63 6c 75 64 65: .* was expected\.$/);
  await assert.rejects(FileSource.open(path.join(home, "nowhere")), /nowhere does not exist\.$/);
  await assert.rejects(FileSource.open(home), /is no file/);
});

test("a disk of 40 GB is opened by reading a few of its blocks", async () => {
  const file = path.join(home, "huge.img");
  const handle = await open(file, "w");
  await handle.truncate(40e9);
  await handle.close();
  await withFile(file, async (source) => {
    let read = 0;
    const counted = {
      size: source.size,
      read: (offset: number, length: number) => {
        read += length;
        return source.read(offset, length);
      },
    };
    const artefact = await diskArtefact(counted);
    assert.equal(artefact.kind, "Disk without partition table");
    assert.ok(read < 1 << 20, `${read} bytes were read`);
    const end = await artefact.streams[0]!.read(40e9 - 16, 16);
    assert.deepEqual(end, new Uint8Array(16));
  });
});

test("a byte is found in the deepest field that has it", async () => {
  await withFile(await grubCloudDisk(), async (source) => {
    const artefact = await diskArtefact(source);
    const table = new NodeTable(artefact.nodes);
    table.rootRows();
    const names = async (offset: number): Promise<string[]> => (await table.locate(0, offset)).map(({ name }) => name);
    assert.deepEqual(await names(0x1fe), ["MBR", "boot_signature"]);
    assert.deepEqual(await names(0x1c2), ["MBR", "partition table", "entry 1", "type"]);
    const superblock = await names(0x100000 + 1024 + 56);
    assert.equal(superblock[0], "partition 1");
    assert.ok(superblock.length >= 3, superblock.join(" > "));
    assert.deepEqual(await table.locate(7, 0), [], "no stream of that number");
    assert.throws(() => table.node(1e6), /There is no row/);
  });
});

test("boot code of GRUB's MBR is disassembled as 16-bit code at 0x7c00", async () => {
  await withFile(await grubCloudDisk(), async (source) => {
    const { codes } = await diskArtefact(source);
    const [mbr, behind] = codes;
    assert.deepEqual([mbr?.label, mbr?.address, mbr?.length], ["MBR (16-bit)", "31744", 440]);
    assert.deepEqual([behind?.offset, behind?.address], [0x65, String(0x7c65)]);
    const bytes = await source.read(0, 440);
    const lines = disassemble(bytes, 0, 0x7c00n, 16, 500, true);
    assert.equal(lines[0]?.text, "jmp short 0x7c65");
    let at = 0;
    for (const { offset, length } of lines) {
      assert.equal(offset, at);
      at += length;
    }
    assert.equal(at, 440, "all bytes are shown");
  });
});

test("an instruction cut off is left to the next request, or told as bytes at the end", () => {
  const cut = Uint8Array.of(0x90, 0xe8, 0x01);
  assert.deepEqual(
    disassemble(cut, 0, 0n, 16, 10, false).map(({ text }) => text),
    ["nop"],
  );
  const told = disassemble(cut, 0, 0n, 16, 10, true);
  assert.equal(
    told.reduce((sum, { length }) => sum + length, 0),
    3,
  );
});

test("volumes of a disk and a CD are walked by path, never out of them", async () => {
  await withFile(await grubCloudDisk(), async (source) => {
    const content = await DiskContent.open(source);
    const [volume] = content.volumes;
    assert.match(volume ?? "", /^partition 1 \(ext[234], /);
    const boot = await content.list(`${volume}/boot`);
    assert.deepEqual(boot?.map(({ name }) => name).sort(), ["grub", "initrd.img", "vmlinuz"]);
    const config = await content.source(`${volume}/boot/grub/grub.cfg`);
    const text = new TextDecoder().decode(await config!.read(0, config!.size));
    assert.match(text, /menuentry 'Debian GNU\/Linux'/);
    assert.equal((await content.stat(`${volume}/../../..`))?.type, "directory", "the root is above itself");
    assert.equal(await content.stat(`${volume}/nothing`), undefined);
    assert.equal(await content.list("no such volume"), undefined);
  });
  await withFile(await grubIso(), async (source) => {
    const content = await DiskContent.open(source);
    const cd = content.volumes.find((name) => name.startsWith("ISO 9660"));
    assert.ok(cd, content.volumes.join(", "));
    const kernel = await content.source(`${cd}/boot/vmlinuz`);
    assert.ok(kernel && (await recognise(kernel)) === "kernel", "a kernel within a CD is opened as one");
  });
});

test("a disk without a file system says so", async () => {
  const file = path.join(home, "empty.img");
  await writeFile(file, Buffer.alloc(1 << 20));
  await withFile(file, (source) => assert.rejects(DiskContent.open(source), /no file system that can be read/));
});
