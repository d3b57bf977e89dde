/** What is open: the content of artefacts, shared by editors, file systems and the tree view. */
import { stat } from "node:fs/promises";
import * as vscode from "vscode";
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import {
  baseName,
  DISK_SCHEME,
  INITRAMFS_SCHEME,
  isContent,
  splitContentUri,
  type ContentScheme,
} from "./artefact-uri.ts";
import { DiskContent, InitramfsContent, type ContentTree } from "./content-tree.ts";
import { FileSource } from "./file-source.ts";
import { OpenInitramfs } from "./open-initramfs.ts";
import { recognise } from "./recognise.ts";
import { TaskWorker } from "./worker/client.ts";
import type { FileInput } from "./worker/protocol.ts";

/** Archives that are kept open; each has a thread. */
const MAX_OPEN = 6;
/** Files within artefacts beyond this size are not read as a whole. */
const MAX_WHOLE = 512 * 1024 * 1024;

export interface Opened<T> {
  value: T;
  close: () => Promise<void>;
}

interface Kept {
  /** Size and time of the file. */
  version: string;
  content: Promise<Opened<ContentTree>>;
}

export class Artefacts implements vscode.Disposable {
  private readonly workerScript: string;
  /** By address, the one used last at the end. */
  private readonly kept = new Map<string, Kept>();

  constructor(root: vscode.Uri) {
    this.workerScript = vscode.Uri.joinPath(root, "dist", "artefact-worker.js").fsPath;
  }

  newWorker(): TaskWorker {
    return new TaskWorker(this.workerScript);
  }

  /** The bytes of a file, on this machine or within an artefact. @throws Error with one sentence */
  async source(uri: vscode.Uri): Promise<Opened<ByteSource>> {
    if (uri.scheme === "file") {
      const source = await FileSource.open(uri.fsPath);
      return { value: source, close: () => source.close() };
    }
    const done = (): Promise<void> => Promise.resolve();
    if (isContent(uri)) {
      const { artefact, inner } = splitContentUri(uri);
      const source = await (await this.content(uri.scheme as ContentScheme, artefact)).source(inner);
      if (!source) throw new FormatError(`${baseName(uri)} is no file that can be read.`);
      return { value: source, close: done };
    }
    const bytes = await vscode.workspace.fs.readFile(uri);
    const read = (offset: number, length: number): Promise<Uint8Array> =>
      Promise.resolve(bytes.subarray(offset, offset + length));
    return { value: { size: bytes.length, read }, close: done };
  }

  /** What a worker thread reads. */
  async input(uri: vscode.Uri): Promise<FileInput> {
    if (uri.scheme === "file") return { path: uri.fsPath };
    const { value, close } = await this.source(uri);
    try {
      if (value.size > MAX_WHOLE) {
        throw new FormatError(
          `${baseName(uri)} has ${value.size} bytes: at most ${MAX_WHOLE} are read from within an image.`,
        );
      }
      return { bytes: await value.read(0, value.size) };
    } finally {
      await close();
    }
  }

  /** By what the file is, the file system that shows its content. @throws FormatError when it has none */
  async schemeOf(uri: vscode.Uri): Promise<ContentScheme> {
    const { value, close } = await this.source(uri);
    try {
      const kind = await recognise(value);
      if (kind === "initramfs") return (await this.isDisk(uri)) ? DISK_SCHEME : INITRAMFS_SCHEME;
      if (kind === "disk") return DISK_SCHEME;
      throw new FormatError(`${baseName(uri)} is a kernel: a disk, CD or initramfs was expected.`);
    } finally {
      await close();
    }
  }

  /** The files of an artefact, read anew when it has changed. @throws Error with one sentence */
  async content(scheme: ContentScheme, artefact: vscode.Uri): Promise<ContentTree> {
    const key = `${scheme} ${artefact.toString()}`;
    const version = await this.version(artefact);
    let kept = this.kept.get(key);
    this.kept.delete(key);
    if (kept && kept.version !== version) {
      void this.close(kept);
      kept = undefined;
    }
    kept ??= { version, content: this.open(scheme, artefact) };
    this.kept.set(key, kept);
    for (const [oldest, one] of this.kept) {
      if (this.kept.size <= MAX_OPEN) break;
      this.kept.delete(oldest);
      void this.close(one);
    }
    try {
      return (await kept.content).value;
    } catch (error) {
      if (this.kept.get(key) === kept) this.kept.delete(key);
      throw error;
    }
  }

  dispose(): void {
    for (const kept of this.kept.values()) void this.close(kept);
    this.kept.clear();
  }

  private async open(scheme: ContentScheme, artefact: vscode.Uri): Promise<Opened<ContentTree>> {
    if (scheme === INITRAMFS_SCHEME) {
      const archive = await OpenInitramfs.open(await this.input(artefact), this.newWorker());
      return {
        value: new InitramfsContent(archive),
        close: () => {
          archive.dispose();
          return Promise.resolve();
        },
      };
    }
    const { value, close } = await this.disk(artefact);
    try {
      return { value: await DiskContent.open(value), close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** Whether what looks like an initramfs is the compressed image of a file system. */
  private async isDisk(uri: vscode.Uri): Promise<boolean> {
    const content = await this.content(INITRAMFS_SCHEME, uri);
    return content instanceof InitramfsContent && content.isDisk;
  }

  /** The bytes of a disk, decompressed where they have to be. */
  private async disk(uri: vscode.Uri): Promise<Opened<ByteSource>> {
    const source = await this.source(uri);
    const kind = await recognise(source.value).catch(() => "disk");
    if (kind !== "initramfs") return source;
    await source.close();
    const archive = await OpenInitramfs.open(await this.input(uri), this.newWorker());
    const close = (): Promise<void> => {
      archive.dispose();
      return Promise.resolve();
    };
    const { disk } = archive;
    if (disk) return { value: disk, close };
    await close();
    throw new FormatError(`${baseName(uri)} is an initramfs: a disk, or the image of one, was expected.`);
  }

  private async close(kept: Kept): Promise<void> {
    // What could not be opened need not be closed.
    const opened = await kept.content.catch(() => undefined);
    await opened?.close();
  }

  /** Changes when the outermost file does. */
  private async version(uri: vscode.Uri): Promise<string> {
    if (isContent(uri)) return this.version(splitContentUri(uri).artefact);
    if (uri.scheme !== "file") return "";
    const info = await stat(uri.fsPath).catch(() => undefined);
    return info ? `${info.size} ${info.mtimeMs} ${info.ino}` : "missing";
  }
}
