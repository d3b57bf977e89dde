/** Reads what a boot is made of from files. Their content is checked by whoever boots it. */
import { open, readFile, stat } from "node:fs/promises";

/** Input that cannot be booted: one sentence for the user. */
export class BootInputError extends Error {}

export const DEFAULT_CMDLINE = "console=ttyS0";
export const DEFAULT_MEMORY_MIB = 512;
/** What the machine can be given: a kernel needs some, and RAM must end below the PCI hole at 3 GiB. */
export const MEMORY_MIN_MIB = 16;
export const MEMORY_MAX_MIB = 3072;
/** Larger files are refused unread. */
const MAX_FILE = 1 << 30;
const MIB = 1 << 20;

const inMiB = (bytes: number): number => Math.ceil(bytes / MIB);

/** What a check looks at of a large file: more than a kernel's setup code has (64 sectors) and its payload's magic. */
const HEAD = 1 << 18;

/** The bytes of a file; `what` names it in the sentence of the BootInputError when it cannot be read. */
export function readBootFile(what: string, path: string): Promise<Uint8Array> {
  return read(what, path, async () => {
    const { buffer, byteOffset, length } = await readFile(path);
    return new Uint8Array(buffer, byteOffset, length);
  });
}

/**
 * A file as far as a check needs it: as many bytes as it has, of which only the first are read, unless `whole` says of
 * them that it wants all. Rejects as readBootFile does.
 */
export function readBootFileHead(
  what: string,
  path: string,
  whole: (head: Uint8Array) => boolean = () => false,
): Promise<Uint8Array> {
  return read(what, path, async (size) => {
    const bytes = new Uint8Array(size);
    const file = await open(path);
    try {
      const head = bytes.subarray(0, HEAD);
      for (let done = 0; done < head.length;) {
        const { bytesRead } = await file.read(head, done, head.length - done, done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return whole(head) ? await readBootFile(what, path) : bytes;
    } finally {
      await file.close();
    }
  });
}

/** Looks at the file first, then reads it by `load`, which is told its size. */
async function read(what: string, path: string, load: (size: number) => Promise<Uint8Array>): Promise<Uint8Array> {
  if (path === "") throw new BootInputError(`The path of the ${what} is empty.`);
  try {
    // Looked at before it is opened: to open a pipe would wait for its writer.
    const found = await stat(path);
    if (found.isDirectory()) throw new BootInputError(`The ${what} "${path}" is a directory: a file was expected.`);
    if (!found.isFile()) throw new BootInputError(`The ${what} "${path}" is not a regular file.`);
    if (found.size > MAX_FILE) {
      throw new BootInputError(
        `The ${what} "${path}" has ${inMiB(found.size)} MiB: at most ${inMiB(MAX_FILE)} are read.`,
      );
    }
    return await load(found.size);
  } catch (error) {
    if (error instanceof BootInputError) throw error;
    throw new BootInputError(`The ${what} "${path}" ${whyUnreadable(error)}.`);
  }
}

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "does not exist";
    case "EACCES":
    case "EPERM":
      return "may not be read (permission denied)";
    case "EISDIR":
      return "is a directory: a file was expected";
    default:
      return `cannot be read (${code || String(error)})`;
  }
}
