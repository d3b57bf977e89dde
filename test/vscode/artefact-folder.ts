/** The folder in which the tests open boot artefacts: real ones, a huge sparse disk, and files that only look like some. */
import { constants } from "node:fs";
import { copyFile, mkdir, open, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { grubCloudDisk, grubIso } from "../../scripts/guests/grub-disks.ts";
import { busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import { BUILD } from "./workspace.ts";

export interface ArtefactFolder {
  folder: string;
  /** Absolute paths. */
  kernel: string;
  initramfs: string;
  disk: string;
  cd: string;
  /** 40 GB, all zeros but its last sector. */
  huge: string;
  /** Text under the name of an image. */
  wrong: string;
}

const HUGE_BYTES = 40e9;

export async function makeArtefactFolder(name: string): Promise<ArtefactFolder> {
  const folder = path.join(BUILD, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const at = (file: string): string => path.join(folder, file);
  const copy = async (from: string): Promise<string> => {
    const to = at(path.basename(from));
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    return to;
  };
  const huge = at("huge.img");
  const handle = await open(huge, "w");
  await handle.write(Buffer.from([0xde, 0xad, 0xbe, 0xef]), 0, 4, HUGE_BYTES - 4);
  await handle.close();
  const wrong = at("holiday.img");
  await writeFile(wrong, "Not an image at all: a picture of the sea.\n".repeat(100));
  return {
    folder,
    kernel: await copy((await cloudKernel()).vmlinuz),
    initramfs: await copy(await busyboxInitramfs()),
    disk: await copy(await grubCloudDisk()),
    cd: await copy(await grubIso()),
    huge,
    wrong,
  };
}
