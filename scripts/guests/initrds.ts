/**
 * Initramfs archives as Debian's two makers write them, in every compression of theirs, with and without microcode: to
 * hold parsers against.
 */
import { copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedDirectory } from "./cache.ts";
import { debianSystem } from "./debian-system.ts";
import { downloadPackage, otherComponent, run, type AptOptions } from "./debian.ts";
import { recipeDigest } from "./recipe.ts";
import { ensureRoot } from "./tools.ts";

const MAKERS = ["initramfs-tools", "dracut"] as const;
type Maker = (typeof MAKERS)[number];

/** The options for each compression: mkinitramfs has none for no compression at all. */
const COMPRESSIONS: Readonly<Record<string, Readonly<Partial<Record<Maker, readonly string[]>>>>> = {
  gzip: { "initramfs-tools": ["-c", "gzip"], dracut: ["--gzip"] },
  bzip2: { "initramfs-tools": ["-c", "bzip2"], dracut: ["--bzip2"] },
  lzma: { "initramfs-tools": ["-c", "lzma"], dracut: ["--lzma"] },
  xz: { "initramfs-tools": ["-c", "xz"], dracut: ["--xz"] },
  lzo: { "initramfs-tools": ["-c", "lzop"], dracut: ["--lzo"] },
  lz4: { "initramfs-tools": ["-c", "lz4"], dracut: ["--lz4"] },
  zstd: { "initramfs-tools": ["-c", "zstd"], dracut: ["--zstd"] },
  none: { dracut: ["--no-compress"] },
};

/** On top of the Debian system: dracut and the compressors. They are unpacked, which is enough to run them. */
const PACKAGES = ["dracut-core", "lzop", "liblzo2-2", "lz4", "xz-utils", "bzip2"];

/** What puts microcode before an archive; its files come from another component of Debian's archive. */
const MICROCODE_COMPONENT = "non-free-firmware";
const MICROCODE_PACKAGES = ["amd64-microcode", "intel-microcode"];
const MICROCODE_TOOLS = ["iucode-tool"];

/** Names that the packages leave to Debian's alternatives. */
const LINKS: Readonly<Record<string, string>> = { "usr/bin/lzma": "xz" };

/** Few modules: it is the archives that matter, not what they can boot. */
const SETTINGS: Readonly<Record<string, string>> = {
  "conf.d/modules": "MODULES=list\n",
  modules: "ata_piix\nsd_mod\next4\n",
};
const DRACUT_MODULES = "base kernel-modules udev-rules rootfs-block";
const DRACUT_DRIVERS = "ata_piix sd_mod ext4";

/** Microcode for all processors, not for this machine's. */
const MICROCODE_SETTINGS: Readonly<Record<string, string>> = {
  "etc/default/amd64-microcode": "AMD64UCODE_INITRAMFS=early\n",
  "etc/default/intel-microcode": "IUCODE_TOOL_INITRAMFS=early\nIUCODE_TOOL_SCANCPUS=no\n",
};

export interface MadeInitrd {
  maker: Maker;
  compression: string;
  path: string;
}

function made(directory: string): MadeInitrd[] {
  return Object.entries(COMPRESSIONS).flatMap(([compression, options]) =>
    MAKERS.filter((maker) => options[maker]).map((maker) => ({
      maker,
      compression,
      path: join(directory, `${maker}-${compression}.img`),
    })),
  );
}

/** dpkg -x would put folders where the system has links to /usr. */
async function unpackInto(
  root: string,
  directory: string,
  packages: readonly string[],
  apt: AptOptions,
): Promise<void> {
  for (const name of packages) {
    const archive = await downloadPackage(name, directory, apt);
    await run("sh", ["-c", 'dpkg-deb --fsys-tarfile "$0" | tar -x --keep-directory-symlink -C "$1"', archive, root]);
    await rm(archive);
  }
}

async function makeAll(directory: string, microcode: boolean): Promise<void> {
  ensureRoot("These initramfs archives");
  const system = await debianSystem();
  const root = join(directory, "root");
  await run("cp", ["-a", system.root, root]);
  await unpackInto(root, directory, [...PACKAGES, ...(microcode ? MICROCODE_TOOLS : [])], []);
  if (microcode) {
    const lists = join(directory, "apt");
    await mkdir(lists);
    await unpackInto(root, directory, MICROCODE_PACKAGES, await otherComponent(MICROCODE_COMPONENT, lists));
    await rm(lists, { recursive: true });
    for (const [path, text] of Object.entries(MICROCODE_SETTINGS)) await writeFile(join(root, path), text);
  }
  for (const [path, target] of Object.entries(LINKS)) await symlink(target, join(root, path));
  const settings = join(root, "tmp", "initramfs-tools");
  await run("cp", ["-a", join(root, "etc/initramfs-tools"), settings]);
  await mkdir(join(settings, "conf.d"), { recursive: true });
  for (const [file, text] of Object.entries(SETTINGS)) await writeFile(join(settings, file), text);
  const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  const output = "/tmp/initrd.img";
  const dracut = ["dracut", "--force", "--no-hostonly", microcode ? "--early-microcode" : "--no-early-microcode"];
  const commands: Readonly<Record<Maker, (options: readonly string[]) => string[]>> = {
    "initramfs-tools": (options) => [
      ...["mkinitramfs", "-d", "/tmp/initramfs-tools", ...options],
      ...["-o", output, system.version],
    ],
    dracut: (options) => [
      ...[...dracut, ...options, "--modules", DRACUT_MODULES, "--drivers", DRACUT_DRIVERS],
      ...[output, system.version],
    ],
  };
  for (const { maker, compression, path } of made(directory)) {
    await run("chroot", [root, ...commands[maker](COMPRESSIONS[compression]![maker]!)], { environment });
    await copyFile(join(root, output), path);
    await rm(join(root, output));
  }
  await rm(root, { recursive: true });
}

/**
 * One archive for each maker and compression. Needs root the first time, and some minutes. With microcode, throws
 * GuestError where Debian's non-free firmware cannot be had.
 */
export async function madeInitrds(microcode: boolean): Promise<MadeInitrd[]> {
  const recipe = { PACKAGES, LINKS, SETTINGS, COMPRESSIONS, DRACUT_MODULES, DRACUT_DRIVERS };
  const extra = { MICROCODE_COMPONENT, MICROCODE_PACKAGES, MICROCODE_TOOLS, MICROCODE_SETTINGS };
  const digest = recipeDigest(microcode ? { ...recipe, ...extra } : recipe);
  return made(await cachedDirectory(`initrds-${digest}`, (directory) => makeAll(directory, microcode)));
}
