/** A folder that is ready for F5: a kernel, an initramfs and a launch.json. */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

export interface GuestFolder {
  /** Absolute path of the folder. */
  folder: string;
  /** Names of the files within. */
  kernel: string;
  initrd: string;
}

/** Fills a folder; what lies there under the same names is replaced. */
export async function makeGuestFolder(
  folder: string,
  guest: { kernel: string; initrd: string },
  attributes: Record<string, unknown> = {},
): Promise<GuestFolder> {
  const made = { folder, kernel: path.basename(guest.kernel), initrd: path.basename(guest.initrd) };
  await mkdir(path.join(folder, ".vscode"), { recursive: true });
  await copyFile(guest.kernel, path.join(folder, made.kernel));
  await copyFile(guest.initrd, path.join(folder, made.initrd));
  const configuration = {
    type: "bootscope",
    request: "launch",
    name: "Boot the kernel",
    kernel: `\${workspaceFolder}/${made.kernel}`,
    initrd: `\${workspaceFolder}/${made.initrd}`,
    cmdline: "console=ttyS0 nokaslr",
    memory: 512,
    stopOnEntry: true,
    ...attributes,
  };
  const launch = { version: "0.2.0", configurations: [configuration] };
  await writeFile(path.join(folder, ".vscode", "launch.json"), `${JSON.stringify(launch, undefined, 2)}\n`);
  return made;
}
