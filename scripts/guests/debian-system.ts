/** A Debian system in a directory: the root of one guest, and where the initramfs of others is made. */
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedDirectory } from "./cache.ts";
import { downloadPackage, GuestError, mirror, realPackage, run, SUITE } from "./debian.ts";
import { recipeDigest } from "./recipe.ts";
import { ensureRoot, ensureTools, tool } from "./tools.ts";

export const DEBIAN_HOSTNAME = "bootscope";

/** What comes on top of debootstrap's minimal system. */
const PACKAGES = [
  "systemd-sysv",
  "udev",
  "initramfs-tools",
  "busybox",
  "kmod",
  "zstd",
  "linux-base",
  "login",
  "e2fsprogs",
];

/** Modules of the small initramfs: disks and CDs on IDE and virtio, the file systems of the guests. */
const SMALL_MODULES = ["ata_piix", "sd_mod", "sr_mod", "ext4", "isofs", "virtio_pci", "virtio_blk"];

/** Kept out of the image: nothing boots from it, and it would be most of the bytes. */
const REMOVED = [
  "usr/share/doc",
  "usr/share/man",
  "usr/share/locale",
  "usr/share/info",
  "var/lib/apt/lists",
  "var/cache/apt",
];

/** No file system but the root: /proc, /sys and the like come from systemd. */
export const DEBIAN_ROOT_UUID = "b007c0de-0000-4000-8000-000000000008";

const FILES: Readonly<Record<string, string>> = {
  "etc/hostname": `${DEBIAN_HOSTNAME}\n`,
  "etc/hosts": `127.0.0.1 localhost\n127.0.1.1 ${DEBIAN_HOSTNAME}\n`,
  "etc/fstab": `UUID=${DEBIAN_ROOT_UUID} / ext4 errors=remount-ro 0 1\n`,
  // A fixed one: without it the first boot is another than the later ones.
  "etc/machine-id": "b007c0deb007c0deb007c0deb007c0de\n",
};

export interface DebianSystem {
  /** The root directory, with kernel and initramfs in /boot. Not to be changed. */
  root: string;
  vmlinuz: string;
  /** As uname -r says it. */
  version: string;
  /** Made by initramfs-tools with MODULES=most, as Debian's installer leaves it. */
  initrd: string;
  /** The same with MODULES=list, for what the guests' roots lie on. */
  smallInitrd: string;
}

async function inRoot(root: string, ...command: string[]): Promise<void> {
  const environment = { DEBIAN_FRONTEND: "noninteractive", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  await run("chroot", [root, ...command], { environment });
}

/** Makes an initramfs with the small list of modules, in the system itself. */
async function makeSmallInitrd(root: string, version: string, target: string): Promise<void> {
  const settings = join(root, "tmp", "initramfs-tools");
  await run("cp", ["-a", join(root, "etc/initramfs-tools"), settings]);
  await writeFile(join(settings, "conf.d", "modules"), "MODULES=list\n");
  await writeFile(join(settings, "modules"), `${SMALL_MODULES.join("\n")}\n`);
  await inRoot(root, "mkinitramfs", "-d", "/tmp/initramfs-tools", "-o", "/tmp/initrd.img", version);
  await copyFile(join(root, "tmp", "initrd.img"), target);
  await rm(settings, { recursive: true });
  await rm(join(root, "tmp", "initrd.img"));
}

async function makeSystem(directory: string): Promise<void> {
  ensureRoot("A Debian system");
  await ensureTools("debootstrap");
  const root = join(directory, "root");
  await tool("debootstrap", ["--variant=minbase", `--include=${PACKAGES.join(",")}`, SUITE, root, await mirror()]);
  const kernelPackage = await downloadPackage(await realPackage("linux-image-amd64", "linux-image-"), directory);
  const inside = join(root, "kernel.deb");
  await copyFile(kernelPackage, inside);
  await inRoot(root, "dpkg", "-i", "/kernel.deb");
  await rm(inside);
  await rm(kernelPackage);
  for (const [path, text] of Object.entries(FILES)) await writeFile(join(root, path), text);
  await inRoot(root, "passwd", "--delete", "root");
  const version = await versionOf(root);
  await makeSmallInitrd(root, version, join(directory, "initrd-small.img"));
  for (const path of REMOVED) {
    await rm(join(root, path), { recursive: true, force: true });
    await mkdir(join(root, path));
  }
  await chmod(join(root, "boot", `vmlinuz-${version}`), 0o644);
}

async function versionOf(root: string): Promise<string> {
  const kernel = (await readdir(join(root, "boot"))).find((file) => file.startsWith("vmlinuz-"));
  if (!kernel) throw new GuestError(`The Debian system in ${root} has no kernel in /boot.`);
  return kernel.slice("vmlinuz-".length);
}

/** Debian's minimal system with systemd, udev, initramfs-tools and the stock kernel. Needs root the first time. */
export async function debianSystem(): Promise<DebianSystem> {
  const digest = recipeDigest({ SUITE, PACKAGES, SMALL_MODULES, REMOVED, FILES });
  const directory = await cachedDirectory(`debian-system-${digest}`, makeSystem);
  const root = join(directory, "root");
  const version = await versionOf(root);
  const initrd = join(root, "boot", `initrd.img-${version}`);
  if (!existsSync(initrd)) throw new GuestError(`The Debian system in ${root} has no initramfs in /boot.`);
  return {
    root,
    version,
    vmlinuz: join(root, "boot", `vmlinuz-${version}`),
    initrd,
    smallInitrd: join(directory, "initrd-small.img"),
  };
}
