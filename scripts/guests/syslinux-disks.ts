/** Guests that SYSLINUX and ISOLINUX boot. Each function returns the path of its image. */
import { copyFile, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cachedDirectory } from "./cache.ts";
import { unpackPackage } from "./debian.ts";
import { MENU_ENTRIES, MENU_SECONDS } from "./disk-root.ts";
import { MIB, partitionedDisk, SECTOR, type Partition } from "./disk-files.ts";
import { busyboxInitramfs, cloudKernel, installer } from "./guests.ts";
import { isolinuxImage } from "./iso.ts";
import { recipeDigest } from "./recipe.ts";
import { ensureTools, tool } from "./tools.ts";

/** What the installer's CD shows before the kernel starts. */
export const INSTALLER_ENTRY = "Install (text, serial console)";

/** Code of a boot sector ends here: disk signature and partition table follow. */
const MBR_CODE_BYTES = 440;
/** Parts of SYSLINUX that its text menu needs. */
const MENU_MODULES = ["menu.c32", "libutil.c32"];

interface MenuEntry {
  label: string;
  title: string;
  kernel: string;
  initrd: string;
  cmdline: string;
}

function menu(title: string, entries: readonly MenuEntry[]): string {
  const blocks = entries.map(
    ({ label, title: text, kernel, initrd, cmdline }) =>
      `LABEL ${label}\n  MENU LABEL ${text}\n  LINUX ${kernel}\n  INITRD ${initrd}\n  APPEND ${cmdline}\n`,
  );
  const wait = MENU_SECONDS * 10;
  const head = ["SERIAL 0 115200", "UI menu.c32", "PROMPT 0", `TIMEOUT ${wait}`, `MENU TITLE ${title}`];
  return `${head.join("\n")}\n\n${blocks.join("\n")}`;
}

const BUSYBOX_MENU = menu(
  "Bootscope",
  MENU_ENTRIES.map(({ title, cmdline }, index) => ({
    label: `entry${index}`,
    title,
    kernel: "/vmlinuz",
    initrd: "/initrd.gz",
    cmdline: `${cmdline} console=tty0 console=ttyS0,115200`,
  })),
);

const INSTALLER_MENU = menu("Debian installer", [
  {
    label: "install",
    title: INSTALLER_ENTRY,
    kernel: "/install.amd/vmlinuz",
    initrd: "/install.amd/initrd.gz",
    cmdline: "console=ttyS0,115200 --- console=ttyS0,115200",
  },
]);

interface Syslinux {
  /** Boot code of a disk, which starts its active partition. */
  mbr: string;
  isolinux: string;
  /** Folder of the *.c32 modules. */
  modules: string;
}

async function syslinux(): Promise<Syslinux> {
  const directory = await cachedDirectory("syslinux", async (target) => {
    const root = await unpackPackage("syslinux-common", target);
    await rename(join(root, "usr/lib/syslinux/modules/bios"), join(target, "modules"));
    await rename(join(root, "usr/lib/syslinux/mbr/mbr.bin"), join(target, "mbr.bin"));
    await rm(root, { recursive: true });
    const isolinux = await unpackPackage("isolinux", target);
    await rename(join(isolinux, "usr/lib/ISOLINUX/isolinux.bin"), join(target, "isolinux.bin"));
    await rm(isolinux, { recursive: true });
  });
  return {
    mbr: join(directory, "mbr.bin"),
    isolinux: join(directory, "isolinux.bin"),
    modules: join(directory, "modules"),
  };
}

/** A disk of 40 MiB with one active FAT16 partition. */
const FAT: Partition = { start: MIB / SECTOR, sectors: (39 * MIB) / SECTOR, type: "6", bootable: true };
const FAT_DISK = { bytes: 40 * MIB, diskId: "0xb007c0d5", serial: "b007c0d5", heads: 16, sectorsPerTrack: 63 };

/** SYSLINUX on a FAT16 partition of an MBR disk: a text menu, Debian's cloud kernel with a busybox initramfs. */
export async function syslinuxFat(): Promise<string> {
  const { vmlinuz, version } = await cloudKernel();
  const initramfs = await busyboxInitramfs();
  const digest = recipeDigest({ FAT, FAT_DISK, BUSYBOX_MENU, version, initramfs: basename(dirname(initramfs)) });
  const directory = await cachedDirectory(`syslinux-fat-${digest}`, async (target) => {
    await ensureTools("sfdisk", "mcopy", "syslinux");
    const { mbr, modules } = await syslinux();
    const disk = join(target, "syslinux.img");
    await partitionedDisk(disk, FAT_DISK.bytes, "dos", FAT_DISK.diskId, [FAT]);
    const offset = FAT.start * SECTOR;
    const volume = `${disk}@@${offset}`;
    const geometry = ["-h", String(FAT_DISK.heads), "-s", String(FAT_DISK.sectorsPerTrack)];
    const place = ["-H", String(FAT.start), "-T", String(FAT.sectors), "-N", FAT_DISK.serial];
    await tool("mformat", ["-i", volume, ...geometry, ...place, "::"]);
    const configuration = join(target, "syslinux.cfg");
    await writeFile(configuration, BUSYBOX_MENU);
    const files = [configuration, ...MENU_MODULES.map((name) => join(modules, name))];
    await tool("mcopy", ["-i", volume, ...files, "::/"]);
    await tool("mcopy", ["-i", volume, vmlinuz, "::/vmlinuz"]);
    await tool("mcopy", ["-i", volume, initramfs, "::/initrd.gz"]);
    await tool("syslinux", ["-t", String(offset), "-i", disk]);
    const code = await readFile(mbr);
    const file = await open(disk, "r+");
    try {
      await file.write(code, 0, Math.min(code.length, MBR_CODE_BYTES), 0);
    } finally {
      await file.close();
    }
    await rm(configuration);
  });
  return join(directory, "syslinux.img");
}

/** Makes a CD that ISOLINUX boots: its menu, and files by their path on the CD. */
async function isolinuxCd(
  name: string,
  label: string,
  configuration: string,
  recipe: unknown,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const directory = await cachedDirectory(`${name}-${recipeDigest({ configuration, recipe })}`, async (target) => {
    await ensureTools("xorriso");
    const { isolinux, modules } = await syslinux();
    const content = join(target, "content");
    const loader = join(content, "isolinux");
    await mkdir(loader, { recursive: true });
    await copyFile(isolinux, join(loader, "isolinux.bin"));
    for (const module of ["ldlinux.c32", "libcom32.c32", ...MENU_MODULES]) {
      await copyFile(join(modules, module), join(loader, module));
    }
    await writeFile(join(loader, "isolinux.cfg"), configuration);
    for (const [path, source] of Object.entries(files)) {
      await mkdir(dirname(join(content, path)), { recursive: true });
      await copyFile(source, join(content, path));
    }
    await isolinuxImage(join(target, `${name}.iso`), label, content);
    await rm(content, { recursive: true });
  });
  return join(directory, `${name}.iso`);
}

/** A CD with ISOLINUX: a text menu, Debian's cloud kernel with a busybox initramfs. */
export async function isolinuxIso(): Promise<string> {
  const { vmlinuz, version } = await cloudKernel();
  const initramfs = await busyboxInitramfs();
  const recipe = { version, initramfs: basename(dirname(initramfs)) };
  const files = { vmlinuz, "initrd.gz": initramfs };
  return isolinuxCd("isolinux", "BOOTSCOPE_ISOLINUX", BUSYBOX_MENU, recipe, files);
}

/** A CD with ISOLINUX and the Debian installer, whose first screen comes on the serial console. */
export async function installerIso(): Promise<string> {
  const { kernel, initrd } = await installer();
  const files = { "install.amd/vmlinuz": kernel, "install.amd/initrd.gz": initrd };
  return isolinuxCd("installer-cd", "BOOTSCOPE_INSTALL", INSTALLER_MENU, {}, files);
}
