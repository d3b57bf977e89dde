/** `npx tsx scripts/guests/cli.ts GUEST…`: makes guests and prints where they lie, one `name: path` a line. */
import {
  debianRootDisk,
  grubCloudDisk,
  grubGptDisk,
  grubIso,
  grubMbrDisk,
  grubStockDisk,
  memtestDisk,
  memtestIso,
} from "./grub-disks.ts";
import {
  buildrootInitramfs,
  busybox,
  busyboxInitramfs,
  cloudKernel,
  GuestError,
  i686Initramfs,
  i686Kernel,
  i686SteadyInitramfs,
  installer,
  steadyInitramfs,
  stockKernel,
  vmlinux,
  type KernelFiles,
} from "./guests.ts";
import { installerIso, isolinuxIso, syslinuxFat } from "./syslinux-disks.ts";

async function kernel(making: Promise<KernelFiles>): Promise<Record<string, string>> {
  const files = await making;
  return { ...files, vmlinux: await vmlinux(files.vmlinuz) };
}

const GUESTS: Record<string, () => Promise<Record<string, string>>> = {
  cloud: () => kernel(cloudKernel()),
  stock: () => kernel(stockKernel()),
  i686: async () => ({ ...(await kernel(i686Kernel())), initramfs: await i686Initramfs() }),
  "i686-pae": () => kernel(i686Kernel("PAE")),
  installer: async () => ({ ...(await installer()) }),
  busybox: async () => ({ binary: (await busybox()).binary, initramfs: await busyboxInitramfs() }),
  steady: async () => ({ initramfs: await steadyInitramfs(), i686: await i686SteadyInitramfs() }),
  "grub-mbr": async () => ({ disk: await grubMbrDisk() }),
  "grub-cloud": async () => ({ disk: await grubCloudDisk() }),
  "grub-stock": async () => ({ disk: await grubStockDisk() }),
  "grub-gpt": async () => ({ disk: await grubGptDisk() }),
  "grub-iso": async () => ({ cdrom: await grubIso() }),
  isolinux: async () => ({ cdrom: await isolinuxIso() }),
  syslinux: async () => ({ disk: await syslinuxFat() }),
  memtest: async () => ({ disk: await memtestDisk(), cdrom: await memtestIso() }),
  "installer-cd": async () => ({ cdrom: await installerIso() }),
  "debian-root": async () => ({ disk: await debianRootDisk() }),
  buildroot: async () => ({ initramfs: await buildrootInitramfs() }),
};

async function main(names: string[]): Promise<number> {
  if (names.length === 0 || names.some((name) => !Object.hasOwn(GUESTS, name))) {
    console.error(`Usage: cli.ts GUEST…, where GUEST is one of ${Object.keys(GUESTS).join(", ")}.`);
    return 2;
  }
  try {
    for (const name of names) {
      for (const [what, path] of Object.entries(await GUESTS[name]!())) console.log(`${name}.${what}: ${path}`);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    console.error(error.message);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
