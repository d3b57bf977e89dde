/**
 * The guests that tests, benchmarks and `npm start` boot, made from Debian packages in the cache. Each function
 * returns paths; the first call fills the cache (network), later ones need none. All throw GuestError with one
 * sentence when a guest cannot be had.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "fflate";
import { extractVmlinux } from "../../boot-formats/bzimage.ts";
import { cachedDirectory } from "./cache.ts";
import { foreignArchitecture, GuestError, realPackage, unpackPackage } from "./debian.ts";
import { buildrootRoot, busyboxRoot } from "./initramfs.ts";
import { steadyRoot } from "./steady-root.ts";

export { GuestError } from "./debian.ts";
export { BUILDROOT_GREETING, BUSYBOX_GREETING } from "./initramfs.ts";

export interface KernelFiles {
  /** The bzImage. */
  vmlinuz: string;
  /** As uname -r says it. */
  version: string;
  config: string;
}

async function debianKernel(name: string, metaPackage: string, architecture?: string): Promise<KernelFiles> {
  const directory = await cachedDirectory(name, async (target) => {
    const apt = join(target, "apt");
    const options = architecture === undefined ? [] : await foreignArchitecture(architecture, apt);
    const root = await unpackPackage(await realPackage(metaPackage, "linux-image-", options), target, options);
    const boot = join(root, "boot");
    for (const file of await readdir(boot)) await rename(join(boot, file), join(target, file));
    // The modules are most of the package and nothing here loads them.
    await rm(root, { recursive: true });
    await rm(apt, { recursive: true, force: true });
  });
  const vmlinuz = (await readdir(directory)).find((file) => file.startsWith("vmlinuz-"));
  if (!vmlinuz) throw new GuestError(`The Debian package behind ${metaPackage} holds no kernel: see ${directory}.`);
  const version = vmlinuz.slice("vmlinuz-".length);
  return {
    vmlinuz: join(directory, vmlinuz),
    version,
    config: join(directory, `config-${version}`),
  };
}

/** Debian's kernel for virtual machines: lz4, few drivers, 8250 console built in. */
export function cloudKernel(): Promise<KernelFiles> {
  return debianKernel("cloud-kernel", "linux-image-cloud-amd64");
}

/** Debian's kernel for every machine: xz. */
export function stockKernel(): Promise<KernelFiles> {
  return debianKernel("stock-kernel", "linux-image-amd64");
}

/** Debian's kernel for every machine with the real-time scheduler. */
export function rtKernel(): Promise<KernelFiles> {
  return debianKernel("rt-kernel", "linux-image-rt-amd64");
}

/** Debian's 32-bit kernels: for processors without PAE (paging of two levels), or with it (three). */
export function i686Kernel(paging: "32-bit" | "PAE" = "32-bit"): Promise<KernelFiles> {
  return paging === "PAE"
    ? debianKernel("i686-pae-kernel", "linux-image-686-pae", "i386")
    : debianKernel("i686-kernel", "linux-image-686", "i386");
}

/** The ELF vmlinux within a bzImage, in the cache by the bzImage's content. */
export async function vmlinux(vmlinuz: string): Promise<string> {
  const image = await readFile(vmlinuz);
  const digest = createHash("sha256").update(image).digest("hex").slice(0, 12);
  const directory = await cachedDirectory(`vmlinux-${digest}`, async (target) => {
    await writeFile(join(target, "vmlinux"), await extractVmlinux(image));
  });
  return join(directory, "vmlinux");
}

/** The Debian installer's kernel and its initrd. */
export async function installer(): Promise<{ kernel: string; initrd: string }> {
  const directory = await cachedDirectory("installer", async (target) => {
    const root = await unpackPackage("debian-installer-12-netboot-amd64", target);
    const images = join(root, "usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64");
    await copyFile(join(images, "linux"), join(target, "linux"));
    await copyFile(join(images, "initrd.gz"), join(target, "initrd.gz"));
    await rm(root, { recursive: true });
  });
  return { kernel: join(directory, "linux"), initrd: join(directory, "initrd.gz") };
}

/** A static busybox binary, and the names of its applets. */
export interface Busybox {
  binary: string;
  applets: string[];
}

export async function busybox(): Promise<Busybox> {
  const directory = await cachedDirectory("busybox", async (target) => {
    const root = await unpackPackage("busybox-static", target);
    const binary = join(target, "busybox");
    await copyFile(join(root, "bin/busybox"), binary);
    const { stdout } = await promisify(execFile)(binary, ["--list"]);
    await writeFile(join(target, "applets"), stdout);
    await rm(root, { recursive: true });
  });
  const applets = (await readFile(join(directory, "applets"), "utf8")).split("\n").filter((line) => line !== "");
  return { binary: join(directory, "busybox"), applets };
}

/** The same for i386; the applets are those of the amd64 binary, made from the same source. */
async function i386Busybox(): Promise<Busybox> {
  const directory = await cachedDirectory("i386-busybox", async (target) => {
    const apt = join(target, "apt");
    const root = await unpackPackage("busybox-static", target, await foreignArchitecture("i386", apt));
    await copyFile(join(root, "bin/busybox"), join(target, "busybox"));
    await rm(root, { recursive: true });
    await rm(apt, { recursive: true });
  });
  return { binary: join(directory, "busybox"), applets: (await busybox()).applets };
}

async function initramfs(
  name: string,
  make: (busybox: Uint8Array, applets: readonly string[]) => Uint8Array,
  { binary, applets }: Busybox,
): Promise<string> {
  const archive = make(await readFile(binary), applets);
  // Named by its content, so that a changed root never meets an old file.
  const digest = createHash("sha256").update(archive).digest("hex").slice(0, 12);
  const directory = await cachedDirectory(`${name}-${digest}`, async (target) => {
    await writeFile(join(target, `${name}.cpio.gz`), gzipSync(archive, { level: 9, mtime: 0 }));
  });
  return join(directory, `${name}.cpio.gz`);
}

/** A gzip initramfs whose /init greets with BUSYBOX_GREETING and starts a shell on the serial console. */
export async function busyboxInitramfs(): Promise<string> {
  return initramfs("initramfs", busyboxRoot, await busybox());
}

/** The same root for a 32-bit kernel. */
export async function i686Initramfs(): Promise<string> {
  return initramfs("i686-initramfs", busyboxRoot, await i386Busybox());
}

/** A gzip initramfs whose /init does the work of STEADY_WORK between marker lines. */
export async function steadyInitramfs(): Promise<string> {
  return initramfs("steady", steadyRoot, await busybox());
}

/** The same for a 32-bit kernel. */
export async function i686SteadyInitramfs(): Promise<string> {
  return initramfs("i686-steady", steadyRoot, await i386Busybox());
}

/** A gzip initramfs as buildroot makes it: busybox init, inittab, rcS, a shell on ttyS0. */
export async function buildrootInitramfs(): Promise<string> {
  return initramfs("rootfs", buildrootRoot, await busybox());
}
