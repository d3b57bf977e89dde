import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
  type Stats,
} from "node:fs";
import { copyFile, open, rm } from "node:fs/promises";
import type { DiskImage } from "./disk-image.ts";
import { DiskError, OverlayDisk, type DiskSource } from "./overlay-disk.ts";

const CACHE_BLOCK = 1 << 16;
const CACHE_BLOCKS = 64;
const COPY_CHUNK = 1 << 20;

/** First bytes of image formats that are not raw, so that nobody wonders why such a disk does not boot. */
const OTHER_FORMATS: readonly (readonly [magic: string, offset: number, name: string])[] = [
  ["QFI\xfb", 0, "qcow2"],
  ["KDMV", 0, "VMDK"],
  ["# Disk DescriptorFile", 0, "VMDK"],
  ["vhdxfile", 0, "VHDX"],
  ["conectix", 0, "VHD"],
  ["\x7f\x10\xda\xbe", 0x40, "VDI"],
];

/**
 * A raw image in a file. It is only ever read; writes stay in memory until `persist` (allowed by the option) puts the
 * whole new content in the file's place at once. Throws Error with one sentence when the path is no usable image.
 */
export function fileDisk(path: string, options: { persist?: boolean } = {}): DiskImage {
  const source = new FileSource(path);
  return new OverlayDisk(source, options.persist ? (changes) => source.replace(changes) : undefined);
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  switch (code) {
    case "ENOENT":
      return "there is no such file";
    case "EACCES":
    case "EPERM":
      return "access is denied";
    case "ENOSPC":
      return "there is no space left";
    default:
      return code;
  }
}

/** A file read through a small cache of blocks: a guest that reads sector by sector costs few system calls. */
class FileSource implements DiskSource {
  readonly bytes: number;
  readonly #path: string;
  #file: number;
  #opened: Stats;
  /** Blocks by number, the one used last at the end. */
  readonly #cache = new Map<number, Uint8Array>();

  constructor(path: string) {
    this.#path = path;
    const fail = (what: string): Error => new Error(`The disk image ${path} cannot be opened: ${what}.`);
    try {
      // Before opening, which would wait at a pipe.
      const kind = statSync(path);
      if (kind.isDirectory()) throw fail("it is a directory, a file was expected");
      if (!kind.isFile()) throw fail("it is not a regular file");
      this.#file = openSync(path, "r");
    } catch (error) {
      throw error instanceof Error && "code" in error ? fail(reason(error)) : error;
    }
    this.#opened = fstatSync(this.#file);
    this.bytes = this.#opened.size;
    const wrong = this.#unusable();
    if (wrong !== undefined) {
      closeSync(this.#file);
      throw fail(wrong);
    }
  }

  read(offset: number, into: Uint8Array): void {
    for (let at = 0; at < into.length;) {
      const index = Math.floor((offset + at) / CACHE_BLOCK);
      const from = (offset + at) % CACHE_BLOCK;
      const count = Math.min(CACHE_BLOCK - from, into.length - at);
      const target = into.subarray(at, at + count);
      if (count === CACHE_BLOCK && !this.#cache.has(index)) this.#readFile(offset + at, target);
      else target.set(this.#block(index).subarray(from, from + count));
      at += count;
    }
  }

  close(): void {
    if (this.#file < 0) return;
    closeSync(this.#file);
    this.#file = -1;
    this.#cache.clear();
  }

  /**
   * Writes content and changes to a new file beside the image and renames it. Refuses when somebody else changed
   * the image meanwhile: the changes belong to what was read.
   */
  async replace(changes: Iterable<readonly [number, Uint8Array]>): Promise<void> {
    const temporary = `${this.#path}.${crypto.randomUUID().slice(0, 8)}.new`;
    const fail = (what: string): Error => new Error(`The changes to ${this.#path} cannot be written: ${what}.`);
    try {
      await this.#copy(temporary);
      // From here on in one go, so that the guest cannot write in between.
      const file = openSync(temporary, "r+");
      try {
        for (const [offset, bytes] of changes) {
          for (let done = 0; done < bytes.length;)
            done += writeSync(file, bytes, done, bytes.length - done, offset + done);
        }
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      const now = statSync(this.#path);
      if (now.mtimeMs !== this.#opened.mtimeMs || now.size !== this.#opened.size || now.ino !== this.#opened.ino) {
        throw fail("the file was changed by another program since it was opened");
      }
      this.#swap(temporary);
    } catch (error) {
      throw error instanceof Error && "code" in error ? fail(reason(error)) : error;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Renames with the image closed, as Windows wants it, and opens whichever file is there then. */
  #swap(temporary: string): void {
    closeSync(this.#file);
    this.#file = -1;
    try {
      renameSync(temporary, this.#path);
    } finally {
      this.#file = openSync(this.#path, "r");
      this.#opened = fstatSync(this.#file);
      this.#cache.clear();
    }
  }

  /** A copy that shares blocks where the file system can, else one that leaves out zeros, so that holes stay holes. */
  async #copy(temporary: string): Promise<void> {
    try {
      await copyFile(this.#path, temporary, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
      return;
    } catch {
      await rm(temporary, { force: true });
    }
    const file = await open(temporary, "wx", this.#opened.mode & 0o777);
    try {
      await file.truncate(this.bytes);
      const chunk = new Uint8Array(Math.min(COPY_CHUNK, this.bytes));
      const source = await open(this.#path, "r");
      try {
        for (let offset = 0; offset < this.bytes;) {
          const { bytesRead } = await source.read(chunk, 0, chunk.length, offset);
          if (bytesRead === 0) break;
          const part = chunk.subarray(0, bytesRead);
          if (!isZero(part)) {
            for (let done = 0; done < bytesRead;) {
              done += (await file.write(part, done, bytesRead - done, offset + done)).bytesWritten;
            }
          }
          offset += bytesRead;
        }
      } finally {
        await source.close();
      }
    } finally {
      await file.close();
    }
  }

  #block(index: number): Uint8Array {
    let block = this.#cache.get(index);
    if (block) {
      this.#cache.delete(index);
    } else {
      if (this.#cache.size < CACHE_BLOCKS) {
        block = new Uint8Array(CACHE_BLOCK);
      } else {
        const [oldest, room] = this.#cache.entries().next().value as [number, Uint8Array];
        this.#cache.delete(oldest);
        block = room;
      }
      const start = index * CACHE_BLOCK;
      this.#readFile(start, block.subarray(0, Math.min(CACHE_BLOCK, this.bytes - start)));
    }
    this.#cache.set(index, block);
    return block;
  }

  #readFile(offset: number, into: Uint8Array): void {
    if (this.#file < 0) throw new DiskError(`The disk image ${this.#path} was closed.`);
    try {
      for (let done = 0; done < into.length;) {
        const count = readSync(this.#file, into, done, into.length - done, offset + done);
        if (count === 0) throw new DiskError(`The disk image ${this.#path} became shorter while it was in use.`);
        done += count;
      }
    } catch (error) {
      if (error instanceof DiskError) throw error;
      throw new DiskError(`The disk image ${this.#path} cannot be read at byte ${offset}: ${reason(error)}.`);
    }
  }

  /** What is wrong with an opened file, if anything. */
  #unusable(): string | undefined {
    if (this.bytes === 0) return "it is empty";
    const start = new Uint8Array(Math.min(this.bytes, 512));
    this.#readFile(0, start);
    const text = String.fromCharCode(...start);
    const other = OTHER_FORMATS.find(([magic, offset]) => text.startsWith(magic, offset));
    if (!other) return undefined;
    return `it is in ${other[2]} format, a raw image was expected (qemu-img convert -O raw makes one)`;
  }
}

function isZero(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).every((byte) => byte === 0);
}
