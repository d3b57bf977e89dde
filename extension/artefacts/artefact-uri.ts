/**
 * Addresses of files within artefacts. The path begins with the artefact's own name, for people; which artefact it is
 * stands in the query: `initramfs:/initrd.img/etc/fstab?file:///boot/initrd.img`. An artefact may lie in another.
 */
import path from "node:path";
import * as vscode from "vscode";

export const INITRAMFS_SCHEME = "initramfs";
export const DISK_SCHEME = "bootdisk";
export type ContentScheme = typeof INITRAMFS_SCHEME | typeof DISK_SCHEME;

export function isContent(uri: vscode.Uri): boolean {
  return uri.scheme === INITRAMFS_SCHEME || uri.scheme === DISK_SCHEME;
}

export function baseName(uri: vscode.Uri): string {
  return path.posix.basename(uri.path);
}

/** `inner` without a leading slash. */
export function contentUri(scheme: ContentScheme, artefact: vscode.Uri, inner: string): vscode.Uri {
  const name = baseName(artefact);
  return vscode.Uri.from({ scheme, path: `/${name}${inner === "" ? "" : `/${inner}`}`, query: artefact.toString() });
}

/** @throws FileSystemError when the address names no artefact */
export function splitContentUri(uri: vscode.Uri): { artefact: vscode.Uri; inner: string } {
  if (uri.query === "") throw vscode.FileSystemError.FileNotFound(uri);
  const artefact = vscode.Uri.parse(uri.query, true);
  const inner = uri.path.replace(/^\/[^/]*\/?/, "").replace(/\/+$/, "");
  return { artefact, inner };
}
