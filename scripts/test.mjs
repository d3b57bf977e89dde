/** `npm test`: prepares everything that the suites need, then runs them (scripts/test-suites.ts). */
import { build, installPackages, needCommands, root, run } from "./prepare.mjs";
import path from "node:path";

installPackages();
needCommands({
  gcc: "gcc",
  gdb: "gdb",
  ld: "binutils",
  nasm: "nasm",
  cpio: "cpio",
  dpkg: "dpkg",
  "qemu-system-x86_64": "qemu-system-x86",
  iasl: "acpica-tools",
  dmidecode: "dmidecode",
  // What disks are made with: at once, since two suites that install at the same time would meet at dpkg's lock.
  debootstrap: "debootstrap",
  "grub-mkimage": "grub-common",
  mcopy: "mtools",
  "mkfs.fat": "dosfstools",
  mke2fs: "e2fsprogs",
  sfdisk: "fdisk",
  syslinux: "syslinux",
  xorriso: "xorriso",
  unmkinitramfs: "initramfs-tools-core",
  bzip2: "bzip2",
  lz4: "lz4",
  lzop: "lzop",
  xz: "xz-utils",
  zstd: "zstd",
});
build();
run(process.execPath, ["--import", "tsx", path.join(root, "scripts/test-suites.ts"), ...process.argv.slice(2)]);
