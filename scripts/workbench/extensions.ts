/** An extensions folder that holds this extension as if it had been installed. */
import { mkdir, readFile, rm, symlink } from "node:fs/promises";
import path from "node:path";

export const EXTENSION_ROOT = path.resolve(import.meta.dirname, "../..");

/** Makes `directory` anew; the extension in it is a link to the repository. */
export async function makeExtensionsFolder(directory: string): Promise<string> {
  const text = await readFile(path.join(EXTENSION_ROOT, "package.json"), "utf8");
  const { publisher, name, version } = JSON.parse(text) as { publisher: string; name: string; version: string };
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await symlink(EXTENSION_ROOT, path.join(directory, `${publisher}.${name}-${version}`));
  return directory;
}
