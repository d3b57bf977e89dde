/** Guests that GRUB boots: hard disks with an MBR or a GPT, and a CD. Each function returns the path of its image. */
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cachedDirectory } from "./cache.ts";
import { run, unpackPackage } from "./debian.ts";
import { DEBIAN_ROOT_UUID, debianSystem } from "./debian-system.ts";
import { ext4Partition, MIB, partitionedDisk, SECTOR, type Partition } from "./disk-files.ts";
import { DISK_ROOT_RECIPE, grubConfiguration, writeDiskRoot } from "./disk-root.ts";
import { embedGrub, writeGrubDirectory, type GrubPlace } from "./grub.ts";
import { busybox, busyboxInitramfs, cloudKernel, stockKernel } from "./guests.ts";
import { ISO_DATE } from "./iso.ts";
import { recipeDigest } from "./recipe.ts";
import { ensureTools, tool } from "./tools.ts";

/** Where partitions start by today's custom, in sectors. */
const ALIGNMENT = MIB / SECTOR;
const BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649";
const LINUX_DATA = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
const ISO_LABEL = "BOOTSCOPE_GRUB";

interface Layout {
  name: string;
  label: "dos" | "gpt";
  diskId: string;
  bytes: number;
  /** The last one carries the root. */
  partitions: readonly [...Partition[], Partition];
  rootUuid: string;
  grub: GrubPlace;
}

/** A disk with one partition behind the gap where GRUB's core image goes. */
function mbrLayout(name: string, bytes: number, diskId: string, rootUuid: string): Layout {
  return {
    name,
    label: "dos",
    diskId,
    bytes,
    partitions: [{ start: ALIGNMENT, sectors: bytes / SECTOR - ALIGNMENT, type: "83", bootable: true }],
    rootUuid,
    grub: { coreSector: 1, coreSectors: ALIGNMENT - 1, partition: "msdos1", modules: ["part_msdos", "ext2"] },
  };
}

const MBR = mbrLayout("grub-mbr", 64 * MIB, "0xb007c0de", "b007c0de-0000-4000-8000-000000000001");
const CLOUD_DISK = mbrLayout("grub-cloud", 64 * MIB, "0xb007c0d9", "b007c0de-0000-4000-8000-000000000009");
const STOCK_DISK = mbrLayout("grub-stock", 64 * MIB, "0xb007c0da", "b007c0de-0000-4000-8000-00000000000a");
const DEBIAN = mbrLayout("debian-root", 1024 * MIB, "0xb007c0d8", DEBIAN_ROOT_UUID);
const MEMTEST = mbrLayout("memtest", 16 * MIB, "0xb007c0d6", "b007c0de-0000-4000-8000-000000000006");

/** The last MiB of a GPT disk is left to the second table. */
const GPT: Layout = {
  name: "grub-gpt",
  label: "gpt",
  diskId: "B007C0DE-0000-4000-8000-000000000020",
  bytes: 64 * MIB,
  partitions: [
    { start: ALIGNMENT, sectors: ALIGNMENT, type: BIOS_BOOT, uuid: "B007C0DE-0000-4000-8000-000000000021" },
    { start: 2 * ALIGNMENT, sectors: 61 * ALIGNMENT, type: LINUX_DATA, uuid: "B007C0DE-0000-4000-8000-000000000022" },
  ],
  rootUuid: "b007c0de-0000-4000-8000-000000000002",
  grub: { coreSector: ALIGNMENT, coreSectors: ALIGNMENT, partition: "gpt2", modules: ["part_gpt", "ext2"] },
};

/** GRUB's images and modules for BIOS: the folder i386-pc of Debian's package. */
async function grubImages(): Promise<string> {
  const directory = await cachedDirectory("grub-pc", async (target) => {
    const root = await unpackPackage("grub-pc-bin", target);
    await rename(join(root, "usr/lib/grub/i386-pc"), join(target, "i386-pc"));
    await rm(root, { recursive: true });
  });
  return join(directory, "i386-pc");
}

/** Makes the disk of a layout in the cache; `fill` writes its root, /boot included. */
async function grubDisk(
  layout: Layout,
  configuration: string,
  recipe: unknown,
  fill: (root: string) => Promise<void>,
): Promise<string> {
  const digest = recipeDigest({ layout, configuration, recipe });
  const image = `${layout.name}.img`;
  const directory = await cachedDirectory(`${layout.name}-${digest}`, async (target) => {
    await ensureTools("sfdisk", "mke2fs", "grub-mkimage");
    const images = await grubImages();
    const root = join(target, "root");
    await fill(root);
    await writeGrubDirectory(root, images, configuration);
    const disk = join(target, image);
    await partitionedDisk(disk, layout.bytes, layout.label, layout.diskId, layout.partitions);
    await ext4Partition(disk, layout.partitions.at(-1)!, layout.rootUuid, root);
    await embedGrub(disk, images, layout.grub, target);
    await rm(root, { recursive: true });
  });
  return join(directory, image);
}

/** The busybox root with Debian's stock kernel and its small initramfs. */
async function busyboxSystem(): Promise<{ recipe: unknown; fill: (root: string) => Promise<void> }> {
  const system = await debianSystem();
  const box = await busybox();
  return {
    recipe: { DISK_ROOT_RECIPE, system: basename(dirname(system.root)) },
    fill: async (root) => {
      await writeDiskRoot(root, box);
      await copyFile(system.vmlinuz, join(root, "boot", "vmlinuz"));
      await copyFile(system.smallInitrd, join(root, "boot", "initrd.img"));
    },
  };
}

export interface MenuOptions {
  /** Seconds that the menu waits for a key; 0 starts the first entry without showing it. */
  seconds?: number;
}

async function busyboxDisk(layout: Layout, options: MenuOptions): Promise<string> {
  const { recipe, fill } = await busyboxSystem();
  const configuration = grubConfiguration({
    search: `--fs-uuid ${layout.rootUuid}`,
    cmdline: `root=UUID=${layout.rootUuid} ro`,
    ...options,
  });
  return grubDisk(layout, configuration, recipe, fill);
}

/**
 * An MBR disk with one ext4 partition: GRUB with its core image in the gap, a menu, Debian's stock kernel, an initramfs
 * by initramfs-tools, a busybox root that greets with DISK_GREETING and gives a shell on the serial console.
 */
export function grubMbrDisk(options: MenuOptions = {}): Promise<string> {
  return busyboxDisk(MBR, options);
}

/** The same on a GPT disk, with GRUB's core image in a BIOS boot partition. */
export function grubGptDisk(options: MenuOptions = {}): Promise<string> {
  return busyboxDisk(GPT, options);
}

/** A disk whose GRUB starts a kernel at once, with the busybox initramfs and the serial console alone. */
async function kernelDisk(layout: Layout, kernel: string): Promise<string> {
  const initrd = await busyboxInitramfs();
  const configuration = `serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=0
menuentry 'Debian GNU/Linux' {
\tsearch --no-floppy --set=root --fs-uuid ${layout.rootUuid}
\tlinux\t/boot/vmlinuz console=ttyS0,115200
\tinitrd\t/boot/initrd.img
}
`;
  const recipe = { kernel: basename(kernel), initrd: basename(dirname(initrd)) };
  return grubDisk(layout, configuration, recipe, async (root) => {
    await mkdir(join(root, "boot"), { recursive: true });
    await copyFile(kernel, join(root, "boot", "vmlinuz"));
    await copyFile(initrd, join(root, "boot", "initrd.img"));
  });
}

/** An MBR disk: GRUB without waiting, the cloud kernel, the initramfs that greets with BUSYBOX_GREETING. */
export async function grubCloudDisk(): Promise<string> {
  return kernelDisk(CLOUD_DISK, (await cloudKernel()).vmlinuz);
}

/** The same with the stock kernel. */
export async function grubStockDisk(): Promise<string> {
  return kernelDisk(STOCK_DISK, (await stockKernel()).vmlinuz);
}

/** The busybox system of `grubMbrDisk` on a CD by grub-mkrescue: the root is the CD itself. */
export async function grubIso(): Promise<string> {
  const { recipe, fill } = await busyboxSystem();
  const configuration = grubConfiguration({
    search: `--label ${ISO_LABEL}`,
    cmdline: `root=LABEL=${ISO_LABEL} ro`,
  });
  const digest = recipeDigest({ recipe, configuration, ISO_DATE });
  const directory = await cachedDirectory(`grub-iso-${digest}`, async (target) => {
    await ensureTools("grub-mkrescue", "xorriso", "mcopy");
    const root = join(target, "root");
    await fill(root);
    await mkdir(join(root, "boot", "grub"), { recursive: true });
    await writeGrubDirectory(root, await grubImages(), configuration);
    const choices = ["--fonts=", "--locales=", "--themes=", "-d", await grubImages()];
    const iso = ["-volid", ISO_LABEL, "--", ...ISO_DATE];
    await tool("grub-mkrescue", [...choices, "-o", join(target, "grub.iso"), root, ...iso]);
    await rm(root, { recursive: true });
  });
  return join(directory, "grub.iso");
}

/** A whole Debian system made by debootstrap, systemd as pid 1, with a login prompt on the serial console. */
export async function debianRootDisk(): Promise<string> {
  const system = await debianSystem();
  const configuration = grubConfiguration({
    search: `--fs-uuid ${DEBIAN.rootUuid}`,
    cmdline: `root=UUID=${DEBIAN.rootUuid} ro`,
    kernel: `vmlinuz-${system.version}`,
    initrd: `initrd.img-${system.version}`,
  });
  return grubDisk(DEBIAN, configuration, basename(dirname(system.root)), async (root) => {
    await run("cp", ["-a", "--reflink=auto", system.root, root]);
  });
}

/** memtest86+ as Debian packs it: the program, and a CD image that boots it. */
async function memtest(): Promise<{ program: string; iso: string }> {
  const directory = await cachedDirectory("memtest86+", async (target) => {
    const root = await unpackPackage("memtest86+", target);
    await copyFile(join(root, "boot/memtest86+x64.bin"), join(target, "memtest.bin"));
    await copyFile(join(root, "usr/lib/memtest86+/memtest86+x64.iso"), join(target, "memtest.iso"));
    await rm(root, { recursive: true });
  });
  return { program: join(directory, "memtest.bin"), iso: join(directory, "memtest.iso") };
}

/** A disk whose GRUB starts memtest86+, on the screen and the serial line, as Debian's grub.d script has it. */
export async function memtestDisk(): Promise<string> {
  const { program } = await memtest();
  const configuration = `serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=5
menuentry 'Memory test (memtest86+x64)' {
\tsearch --no-floppy --set=root --fs-uuid ${MEMTEST.rootUuid}
\tlinux\t/boot/memtest86+x64.bin console=ttyS0,115200
}
`;
  return grubDisk(MEMTEST, configuration, {}, async (root) => {
    await mkdir(join(root, "boot"), { recursive: true });
    await copyFile(program, join(root, "boot", "memtest86+x64.bin"));
  });
}

/** The CD image that comes with memtest86+. */
export async function memtestIso(): Promise<string> {
  return (await memtest()).iso;
}
