/** The cache of guests outside the repository: filled once, whole or not at all, then used offline. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** $BOOTSCOPE_CACHE, else ~/.cache/bootscope. */
export function cacheRoot(): string {
  return process.env["BOOTSCOPE_CACHE"] || join(homedir(), ".cache", "bootscope");
}

/**
 * The directory `guests/<name>` of the cache. When it is not there, `fill` makes its content in a temporary directory
 * beside it, which is then renamed: nobody ever sees half of it, and of two processes filling at once the first wins.
 * A name should change whenever what `fill` would make changes.
 */
export async function cachedDirectory(name: string, fill: (directory: string) => Promise<void>): Promise<string> {
  const parent = join(cacheRoot(), "guests");
  const final = join(parent, name);
  if (existsSync(final)) return final;
  const temporary = join(parent, `.${name}.${process.pid}.${randomUUID().slice(0, 8)}`);
  await mkdir(temporary, { recursive: true });
  try {
    await fill(temporary);
    try {
      await rename(temporary, final);
    } catch (error) {
      if (!existsSync(final)) throw error;
    }
    return final;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
