/** Initramfs archives as Debian's two makers write them, in every compression of theirs: to hold parsers against. */
import { copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedDirectory } from "./cache.ts";
import { debianSystem } from "./debian-system.ts";
import { downloadPackage, run } from "./debian.ts";
import { recipeDigest } from "./recipe.ts";
import { ensureRoot } from "./tools.ts";

const MAKERS = ["initramfs-tools", "dracut"] as const;
type Maker = (typeof MAKERS)[number];

/** As mkinitramfs calls each compression (`-c`), and dracut (`--`). */
const COMPRESSIONS: Readonly<Record<string, Readonly<Record<Maker, string>>>> = {
  gzip: { "initramfs-tools": "gzip", dracut: "gzip" },
  bzip2: { "initramfs-tools": "bzip2", dracut: "bzip2" },
  lzma: { "initramfs-tools": "lzma", dracut: "lzma" },
  xz: { "initramfs-tools": "xz", dracut: "xz" },
  lzo: { "initramfs-tools": "lzop", dracut: "lzo" },
  lz4: { "initramfs-tools": "lz4", dracut: "lz4" },
  zstd: { "initramfs-tools": "zstd", dracut: "zstd" },
};

/** On top of the Debian system: dracut and the compressors. They are unpacked, which is enough to run them. */
const PACKAGES = ["dracut-core", "lzop", "liblzo2-2", "lz4", "xz-utils", "bzip2"];

/** Names that the packages leave to Debian's alternatives. */
const LINKS: Readonly<Record<string, string>> = { "usr/bin/lzma": "xz" };

/** Few modules: it is the archives that matter, not what they can boot. */
const SETTINGS: Readonly<Record<string, string>> = {
  "conf.d/modules": "MODULES=list\n",
  modules: "ata_piix\nsd_mod\next4\n",
};
const DRACUT_MODULES = "base kernel-modules udev-rules rootfs-block";
const DRACUT_DRIVERS = "ata_piix sd_mod ext4";

export interface MadeInitrd {
  maker: Maker;
  compression: string;
  path: string;
}

async function makeAll(directory: string): Promise<void> {
  ensureRoot("These initramfs archives");
  const system = await debianSystem();
  const root = join(directory, "root");
  await run("cp", ["-a", system.root, root]);
  for (const name of PACKAGES) {
    const archive = await downloadPackage(name, directory);
    // dpkg -x would put folders where the system has links to /usr.
    await run("sh", ["-c", 'dpkg-deb --fsys-tarfile "$0" | tar -x --keep-directory-symlink -C "$1"', archive, root]);
    await rm(archive);
  }
  for (const [path, target] of Object.entries(LINKS)) await symlink(target, join(root, path));
  const settings = join(root, "tmp", "initramfs-tools");
  await run("cp", ["-a", join(root, "etc/initramfs-tools"), settings]);
  await mkdir(join(settings, "conf.d"), { recursive: true });
  for (const [file, text] of Object.entries(SETTINGS)) await writeFile(join(settings, file), text);
  const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  const output = join(root, "tmp", "initrd.img");
  for (const [compression, names] of Object.entries(COMPRESSIONS)) {
    const commands: Readonly<Record<Maker, string[]>> = {
      "initramfs-tools": [
        ...["mkinitramfs", "-d", "/tmp/initramfs-tools", "-c", names["initramfs-tools"]],
        ...["-o", "/tmp/initrd.img", system.version],
      ],
      dracut: [
        ...["dracut", "--force", "--no-hostonly", "--no-early-microcode", `--${names.dracut}`],
        ...["--modules", DRACUT_MODULES, "--drivers", DRACUT_DRIVERS, "/tmp/initrd.img", system.version],
      ],
    };
    for (const maker of MAKERS) {
      await run("chroot", [root, ...commands[maker]], { environment });
      await copyFile(output, join(directory, `${maker}-${compression}.img`));
      await rm(output);
    }
  }
  await rm(root, { recursive: true });
}

/** One archive for each maker and compression. Needs root the first time, and some minutes. */
export async function madeInitrds(): Promise<MadeInitrd[]> {
  const digest = recipeDigest({ PACKAGES, LINKS, SETTINGS, COMPRESSIONS, DRACUT_MODULES, DRACUT_DRIVERS });
  const directory = await cachedDirectory(`initrds-${digest}`, makeAll);
  return Object.keys(COMPRESSIONS).flatMap((compression) =>
    MAKERS.map((maker) => ({ maker, compression, path: join(directory, `${maker}-${compression}.img`) })),
  );
}
