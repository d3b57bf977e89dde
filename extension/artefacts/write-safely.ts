/** Writing that is seen only when it is complete: under another name in the same folder, renamed at the end. */
import { randomBytes } from "node:crypto";
import { lstat, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";

function temporaryName(target: string): string {
  return path.join(path.dirname(target), `.${path.basename(target)}.${randomBytes(4).toString("hex")}.partial`);
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

/** Makes a file, which replaces one of that name; nothing is left behind when `write` fails. */
export async function writeFileSafely<T>(target: string, write: (temporary: string) => Promise<T>): Promise<T> {
  const temporary = temporaryName(target);
  try {
    const result = await write(temporary);
    await rename(temporary, target);
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Makes a folder that must not be there yet; nothing is left behind when `fill` fails. */
export async function makeFolderSafely<T>(target: string, fill: (temporary: string) => Promise<T>): Promise<T> {
  if (await exists(target)) throw new Error(`${target} is there already: a new name was expected.`);
  const temporary = temporaryName(target);
  await mkdir(temporary);
  try {
    const result = await fill(temporary);
    if (await exists(target)) throw new Error(`${target} was made by somebody else meanwhile.`);
    await rename(temporary, target);
    return result;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
    throw error;
  }
}

/** What is wrong with a name for a new file or folder in a folder; undefined when it can be used. */
export async function newNameProblem(folder: string, name: string): Promise<string | undefined> {
  const trimmed = name.trim();
  if (trimmed === "" || trimmed === "." || trimmed === "..") return "A name is wanted.";
  if (/[/\\\0]/.test(trimmed)) return "A name without slashes is wanted: it lies in the same folder.";
  if (await exists(path.join(folder, trimmed))) return `${trimmed} is there already.`;
  return undefined;
}
