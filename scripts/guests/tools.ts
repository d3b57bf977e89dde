/** Programs of this system that disks and root file systems are made with, or that guests run in for comparison. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { GuestError, run, type RunOptions } from "./debian.ts";

/** Which Debian package has a program. */
const PACKAGES = {
  bochs: "bochs",
  debootstrap: "debootstrap",
  "grub-mkimage": "grub-common",
  "grub-mkrescue": "grub-common",
  "qemu-system-x86_64": "qemu-system-x86",
  debugfs: "e2fsprogs",
  e2fsck: "e2fsprogs",
  fdisk: "fdisk",
  mcopy: "mtools",
  mformat: "mtools",
  mke2fs: "e2fsprogs",
  "mkfs.fat": "dosfstools",
  sfdisk: "fdisk",
  syslinux: "syslinux",
  xorriso: "xorriso",
} as const;
export type Tool = keyof typeof PACKAGES;

/** Ordinary users have no sbin in their PATH, but may run what lies there. */
const SEARCH = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];

function find(program: string): string | undefined {
  for (const directory of SEARCH) {
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}

/** Runs one tool; see `run`. */
export function tool(program: Tool, args: string[], options: RunOptions = {}): Promise<string> {
  return run(find(program) ?? program, args, options);
}

/** Makes sure that the tools are there: installs their packages as root, or says which are missing. */
export async function ensureTools(...programs: readonly Tool[]): Promise<void> {
  const missing = programs.filter((program) => find(program) === undefined);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => PACKAGES[program]))];
  if (process.getuid?.() === 0) {
    const environment = { DEBIAN_FRONTEND: "noninteractive" };
    const install = ["install", "-y", "-q", "--no-install-recommends", ...packages];
    await run("apt-get", install, { environment }).catch(async () => {
      await run("apt-get", ["update", "-q"]);
      await run("apt-get", install, { environment });
    });
  }
  const still = missing.filter((program) => find(program) === undefined);
  if (still.length > 0) {
    throw new GuestError(
      `This needs ${still.join(", ")}: run "apt-get install ${packages.join(" ")}" as root and try again.`,
    );
  }
}

/** For what only root can do, such as owning the files of a root file system. */
export function ensureRoot(what: string): void {
  if (process.getuid?.() !== 0) throw new GuestError(`${what} can only be made as root: its files belong to root.`);
}
