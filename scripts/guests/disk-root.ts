/** The busybox root that disks and live CDs carry, and the GRUB menu that starts it. */
import { chmod, copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Busybox } from "./guests.ts";

/** What /sbin/init prints on both consoles; the root's device and file system follow in parentheses. */
export const DISK_GREETING = "bootscope: disk root reached";

/**
 * Entries of the boot menus, in order, with what they tell the kernel. The first leaves it where it was linked, so that
 * its addresses are known beforehand; the second is placed at random, as Debian does.
 */
export const MENU_ENTRIES = [
  { title: "Debian GNU/Linux", cmdline: "bootscope.entry=0 nokaslr" },
  { title: "Debian GNU/Linux (second entry)", cmdline: "bootscope.entry=1" },
] as const;

/** Seconds that a menu waits for a key. */
export const MENU_SECONDS = 5;

const INIT = `#!/bin/sh
export PATH=/bin:/sbin HOME=/root TERM=vt102
# The initramfs has moved /dev, /proc, /sys and /run here.
root=$(awk '$2 == "/" { print $1, $3 }' /proc/mounts | tail -n 1)
entry=$(sed -n 's/.*bootscope.entry=\\([0-9]*\\).*/\\1/p' /proc/cmdline)
for console in /dev/tty0 /dev/console; do
  echo "${DISK_GREETING} ($root, entry $entry, Linux $(uname -r))" > $console
done
cd /
# Keep pid 1 alive when the shell is left.
while :; do
  setsid cttyhack sh
done
`;

/** What makes up the root, for recipes. */
export const DISK_ROOT_RECIPE = INIT;

/** Writes the root into an empty directory. */
export async function writeDiskRoot(root: string, busybox: Busybox): Promise<void> {
  for (const path of ["bin", "boot", "dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp"]) {
    await mkdir(join(root, path), { recursive: true });
  }
  await copyFile(busybox.binary, join(root, "bin", "busybox"));
  await chmod(join(root, "bin", "busybox"), 0o755);
  for (const applet of busybox.applets) {
    if (applet !== "busybox" && applet !== "init") await symlink("busybox", join(root, "bin", applet));
  }
  await writeFile(join(root, "sbin", "init"), INIT, { mode: 0o755 });
  await writeFile(join(root, "etc", "passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  await writeFile(join(root, "etc", "group"), "root:x:0:\n");
  await writeFile(join(root, "etc", "fstab"), "");
}

export interface GrubMenu {
  /** How GRUB finds the file system with /boot: the arguments of its search command. */
  search: string;
  /** What the kernel is told beside its consoles: root= and the like. */
  cmdline: string;
  /** Files in /boot. */
  kernel?: string;
  initrd?: string;
  /** Seconds that the menu waits; 0 starts its first entry at once. */
  seconds?: number;
}

/** A grub.cfg in the shape of what grub-mkconfig writes, with its menu on the screen and the serial line. */
export function grubConfiguration({
  search,
  cmdline,
  kernel = "vmlinuz",
  initrd = "initrd.img",
  seconds = MENU_SECONDS,
}: GrubMenu): string {
  const entries = MENU_ENTRIES.map(
    (entry) => `menuentry '${entry.title}' {
	search --no-floppy --set=root ${search}
	echo	'Loading Linux ...'
	linux	/boot/${kernel} ${cmdline} ${entry.cmdline} console=tty0 console=ttyS0,115200
	echo	'Loading initial ramdisk ...'
	initrd	/boot/${initrd}
}`,
  );
  return `serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set default=0
set timeout_style=menu
set timeout=${seconds}
${entries.join("\n")}
`;
}
