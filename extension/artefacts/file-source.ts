/** Bytes of files, read in pieces: a disk of any size opens at once. */
import { open, type FileHandle } from "node:fs/promises";
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";

/** A file opened read-only; nothing is read before it is asked for. */
export class FileSource implements ByteSource {
  readonly size: number;
  /** Time of the last change, milliseconds. */
  readonly changed: number;
  private readonly handle: FileHandle;

  private constructor(handle: FileHandle, size: number, changed: number) {
    this.handle = handle;
    this.size = size;
    this.changed = changed;
  }

  /** @throws Error with one sentence when the file is none that can be read */
  static async open(file: string): Promise<FileSource> {
    const handle = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
      const reason = error.code === "ENOENT" ? "does not exist" : `cannot be opened (${error.code ?? error.message})`;
      throw new Error(`The file ${file} ${reason}.`);
    });
    const info = await handle.stat();
    if (!info.isFile() && !info.isBlockDevice()) {
      await handle.close();
      throw new Error(`${file} is no file: a kernel, a disk image or an initramfs was expected.`);
    }
    return new FileSource(handle, info.size, info.mtimeMs);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.handle.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
