/** The folder in which the tests open boot artefacts: real ones, a huge sparse disk, and files that only look like some. */
import { constants, createWriteStream } from "node:fs";
import { copyFile, mkdir, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { gzipSync } from "node:zlib";
import { streamCpio } from "../../boot-formats/cpio.ts";
import { indexInitramfs } from "../../boot-formats/initramfs/archive.ts";
import { initramfsEntries } from "../../boot-formats/initramfs/repack.ts";
import { grubCloudDisk, grubIso } from "../../scripts/guests/grub-disks.ts";
import { busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import { ensureTools, tool } from "../../scripts/guests/tools.ts";
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
  /** The initramfs with a file changed, one removed and one added. */
  changed: string;
  /** An old initrd: the compressed image of a file system. */
  block: string;
  /** A folder that takes long to pack: one file of zeros that the disk does not hold. */
  large: string;
}

const LARGE_BYTES = 3 * 2 ** 30;

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
  const large = at("large");
  await mkdir(large);
  await writeFile(path.join(large, "zeros"), "");
  await truncate(path.join(large, "zeros"), LARGE_BYTES);
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
    changed: await changedInitramfs(at("changed.cpio")),
    block: await blockImage(folder, at("block-initrd.img")),
    large,
  };
}

async function changedInitramfs(file: string): Promise<string> {
  const bytes = new Uint8Array(await readFile(await busyboxInitramfs()));
  const index = await indexInitramfs(bytes);
  const entries = initramfsEntries(bytes, index).filter((entry) => entry.path !== "bin/ls");
  const text = new TextEncoder().encode("#!/bin/sh\nexec /bin/sh\n");
  const content = { size: text.length, read: () => [text] };
  const changed = entries.map((entry) => (entry.path === "init" ? { ...entry, ...content } : entry));
  const added = { ...changed.find((entry) => entry.path === "init")!, path: "added" };
  await pipeline(Readable.from(streamCpio([...changed, added])), createWriteStream(file));
  return file;
}

/** Made from a folder by mke2fs. */
async function blockImage(folder: string, file: string): Promise<string> {
  await ensureTools("mke2fs");
  const root = path.join(folder, ".block");
  await mkdir(path.join(root, "bin"), { recursive: true });
  await writeFile(path.join(root, "linuxrc"), "#!/bin/sh\n# the init of an old initrd\n", { mode: 0o755 });
  const image = path.join(folder, ".block.ext2");
  await tool("mke2fs", ["-q", "-F", "-t", "ext2", "-d", root, image, "1M"]);
  await writeFile(file, gzipSync(await readFile(image)));
  await rm(root, { recursive: true });
  await rm(image);
  return file;
}
