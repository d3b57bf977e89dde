/** Boot code of real packages and of this project, told by name, with what it keeps in the sector. */
import assert from "node:assert/strict";
import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readBootCode } from "../../boot-formats/disk/boot-code.ts";
import { memorySource } from "../../boot-formats/disk/byte-source.ts";
import { readDiskLayout } from "../../boot-formats/disk/disk-layout.ts";
import { knownGptTypes } from "../../boot-formats/disk/partition-types.ts";
import { FieldReader, type Field } from "../../boot-formats/fields.ts";
import { composedDisk } from "../../emulator/disks/composed-disk.ts";
import { composeBootDisk } from "../../emulator/firmware/compose.ts";
import { loaderImages } from "../../emulator/firmware/images.ts";
import { cachedDirectory } from "../../scripts/guests/cache.ts";
import { unpackPackage } from "../../scripts/guests/debian.ts";
import { cloudKernel } from "../../scripts/guests/guests.ts";
import { ensureTools, tool } from "../../scripts/guests/tools.ts";

/** All boot sectors of the SYSLINUX packages. */
function syslinuxSectors(): Promise<string> {
  return cachedDirectory("syslinux-boot-sectors", async (target) => {
    for (const [name, files] of [
      ["syslinux-common", ["mbr/mbr.bin", "mbr/gptmbr.bin", "mbr/altmbr.bin"]],
      ["isolinux", ["isohdpfx.bin"]],
    ] as const) {
      const root = await unpackPackage(name, target);
      const folder = join(root, name === "isolinux" ? "usr/lib/ISOLINUX" : "usr/lib/syslinux");
      for (const file of files) await rename(join(folder, file), join(target, file.replace("mbr/", "")));
      await rm(root, { recursive: true });
    }
  });
}

function sector(code: Uint8Array): FieldReader {
  const bytes = new Uint8Array(512);
  bytes.set(code.subarray(0, 512));
  return new FieldReader(bytes);
}

function names(fields: readonly Field[]): string[] {
  return fields.flatMap((field) => [`${field.name}=${field.value}`, ...names(field.children ?? [])]);
}

describe("boot code", () => {
  it("of SYSLINUX and ISOLINUX", async () => {
    const folder = await syslinuxSectors();
    const told: (string | undefined)[] = [];
    for (const file of ["mbr.bin", "gptmbr.bin", "altmbr.bin", "isohdpfx.bin"]) {
      told.push(readBootCode(sector(await readFile(join(folder, file))))?.name);
    }
    const own = ["SYSLINUX (mbr.bin)", "SYSLINUX (gptmbr.bin)", "SYSLINUX (altmbr.bin)", "ISOLINUX (isohybrid)"];
    assert.deepEqual(told, own);
  });

  it("of GRUB, with the sector of its core image", async () => {
    const code = new Uint8Array(await readFile(join(await grubImages(), "boot.img")));
    new DataView(code.buffer).setBigUint64(0x5c, 0x123456789n, true);
    const found = readBootCode(sector(code));
    assert.equal(found?.id, "grub");
    const pointer = found.fields.find(({ name }) => name === "kernel_sector");
    assert.deepEqual([pointer?.offset, pointer?.length, pointer?.raw], [0x5c, 8, 0x123456789n]);
  });

  it("of this project's loader, with what it is to load", async () => {
    const kernel = new Uint8Array(1000).fill(1);
    const { size, segments } = composeBootDisk({ kernel, cmdline: "console=ttyS0" }, await loaderImages());
    const disk = composedDisk(size, segments);
    const bytes = new Uint8Array(size);
    disk.read(0, bytes);
    const layout = await readDiskLayout(memorySource(bytes));
    assert.equal(layout.bootCode?.id, "bootscope");
    const told = names([...layout.bootCode.fields, ...layout.fields.slice(1)]);
    for (const wanted of [
      "lba=sector 1",
      "sectors=24",
      "kernel_lba=sector 2048",
      "kernel_bytes=1000",
      "cmdline=console=ttyS0",
    ]) {
      assert.ok(told.includes(wanted), `${wanted} in ${told.join(", ")}`);
    }
  });

  it("of a kernel, and none", async () => {
    const kernel = await readFile((await cloudKernel()).vmlinuz);
    assert.equal(readBootCode(sector(kernel))?.id, "linux");
    assert.equal(readBootCode(sector(new Uint8Array(512))), undefined);
    assert.equal(readBootCode(sector(new Uint8Array(512).fill(0x90))), undefined);
  });
});

function grubImages(): Promise<string> {
  return cachedDirectory("grub-boot-image", async (target) => {
    const root = await unpackPackage("grub-pc-bin", target);
    await rename(join(root, "usr/lib/grub/i386-pc/boot.img"), join(target, "boot.img"));
    await rm(root, { recursive: true });
  });
}

it("the types of GPT partitions are those that sfdisk knows", async () => {
  await ensureTools("sfdisk");
  const list = (await tool("sfdisk", ["--label", "gpt", "--list-types"])).toUpperCase();
  const unknown = knownGptTypes().filter((guid) => !list.includes(guid));
  assert.deepEqual(unknown, ["00000000-0000-0000-0000-000000000000"]);
});
