/** Finds kernels, initramfs files, disk and CD images in the workspace by name; nothing is read. */
import * as vscode from "vscode";

const KERNELS = "**/{vmlinuz,vmlinuz[-.]*,bzImage,bzImage[-.]*,vmlinux,vmlinux[-.]*}";
const INITRDS = "**/{initrd,initrd[-.]*,initramfs,initramfs[-.]*,rootfs.cpio,rootfs.cpio.*}";
const CDS = "**/*.iso";
const DISKS = "**/*.{img,raw}";
/** Folders that hold many files and no guests, and what build trees keep beside a kernel. */
const EXCLUDED = "**/{node_modules,.git,arch/*/boot/compressed}/**";
/** Endings of files that only name a kernel or initramfs. */
const NOT_AN_IMAGE = /\.(o|a|S|c|h|txt|md|json|map|lds|cmd|sig|sha256|asc|debug|py|ts|js|sh)$/;
const LIMIT = 50;

export interface GuestFiles {
  /** Absolute paths, most wanted first. */
  kernels: string[];
  initrds: string[];
  cds: string[];
  disks: string[];
}

/** Looks through one folder of the workspace, or through all of them. */
export async function findGuestFiles(folder: vscode.WorkspaceFolder | undefined): Promise<GuestFiles> {
  const find = async (pattern: string): Promise<string[]> => {
    const glob = folder === undefined ? pattern : new vscode.RelativePattern(folder, pattern);
    const files = await vscode.workspace.findFiles(glob, EXCLUDED, LIMIT);
    return rankGuestFiles(files.map((file) => file.fsPath));
  };
  const [kernels, initrds, cds, images] = await Promise.all([KERNELS, INITRDS, CDS, DISKS].map(find));
  const disks = (images ?? []).filter((file) => !initrds?.includes(file) && !kernels?.includes(file));
  return { kernels: kernels ?? [], initrds: initrds ?? [], cds: cds ?? [], disks };
}

/** Compressed kernels before ELF ones, shallow paths before deep ones, then by name. */
export function rankGuestFiles(files: string[]): string[] {
  const rank = (file: string): [number, number] => [/vmlinux[^/\\]*$/.test(file) ? 1 : 0, file.split(/[/\\]/).length];
  return files
    .filter((file) => !NOT_AN_IMAGE.test(file))
    .sort((a, b) => {
      const [[elfA, depthA], [elfB, depthB]] = [rank(a), rank(b)];
      return elfA - elfB || depthA - depthB || a.localeCompare(b);
    });
}

const VERSION = /(?:vmlinuz|bzImage|vmlinux|initrd\.img|initrd|initramfs)[-.]?(.*?)(?:\.img|\.gz|\.xz|\.zst|\.cpio)*$/;

/** The initramfs that goes with a kernel: of the same version, else in the same folder, else the first. */
export function matchingInitrd(kernel: string, initrds: readonly string[]): string | undefined {
  const base = (file: string): string => file.split(/[/\\]/).at(-1) ?? file;
  const folder = (file: string): string => file.slice(0, file.length - base(file).length);
  const version = (file: string): string => VERSION.exec(base(file))?.[1] ?? "";
  const wanted = version(kernel);
  return (
    (wanted === "" ? undefined : initrds.find((initrd) => version(initrd) === wanted)) ??
    initrds.find((initrd) => folder(initrd) === folder(kernel)) ??
    initrds[0]
  );
}
