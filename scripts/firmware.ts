/**
 * Assembles BIOS, boot loader and demo with GNU as into dist/firmware: images, their sources and a table of source lines.
 * `npx tsx scripts/firmware.ts` builds what is older than its sources; docs/firmware.md.
 */
import { execFileSync } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { sourceLinesOfElf, writeSourceLines, type SourceModuleData } from "../boot-formats/source-lines.ts";
import { defaultFont } from "../emulator/devices/vga/font.ts";

const root = path.resolve(import.meta.dirname, "..");
const FIRMWARE = "emulator/firmware";
const DEMO = "examples/demo";
const SECTOR = 512;

/** A program of one or more assembly files, linked at the addresses at which it runs. */
interface Program {
  /** Name of the image, and of the ELF file without ".bin". */
  image: string;
  /** Folder of the sources, from the root. */
  folder: string;
  files: (all: string[]) => string[];
  bits: 32 | 64;
  /** Arguments of ld that place the code. */
  link: string[];
  /** Bytes of the image, padded with 0xff. */
  size?: number;
  bases?: number[];
}

const only =
  (...names: string[]) =>
  (): string[] =>
    names;

/** In the order in which they need each other. */
const PROGRAMS: Program[] = [
  {
    image: "bios.bin",
    folder: `${FIRMWARE}/bios`,
    files: (all) => all,
    bits: 32,
    link: ["-T", `${FIRMWARE}/bios/bios.ld`],
    size: 0x1_0000,
    bases: [0xf_0000, 0xffff_0000],
  },
  { image: "mbr.bin", folder: `${FIRMWARE}/loader`, files: only("mbr.s"), bits: 32, link: ["-Ttext=0x7c00"] },
  { image: "stage2.bin", folder: `${FIRMWARE}/loader`, files: only("stage2.s"), bits: 32, link: ["-Ttext=0x8000"] },
  { image: "demo-boot.bin", folder: DEMO, files: only("boot.s"), bits: 32, link: ["-Ttext=0x7c00"] },
  { image: "demo-init.bin", folder: DEMO, files: only("init.s"), bits: 64, link: ["-Ttext=0x400000"] },
  {
    image: "demo-kernel.bin",
    folder: DEMO,
    files: (all) => all.filter((file) => file !== "boot.s" && file !== "init.s"),
    bits: 64,
    link: ["-T", `${DEMO}/kernel.ld`],
  },
];

/** Builds dist/firmware unless it is newer than all that it is made of. */
export async function buildFirmware(): Promise<void> {
  const target = path.join(root, "dist/firmware");
  const made = await stat(path.join(target, "lines.json")).catch(() => undefined);
  const inputs = [FIRMWARE, DEMO, "emulator/devices/vga/font.ts", "boot-formats", "scripts/firmware.ts"];
  const newest = Math.max(...(await Promise.all(inputs.map((one) => newestBelow(path.join(root, one))))));
  if (made && made.mtimeMs > newest) return;
  const work = await mkdtemp(path.join(tmpdir(), "bootscope-firmware-"));
  try {
    await assembleAll(work);
    // Beside each other first, then in place: nobody loads half of it.
    const fresh = `${target}.${process.pid}`;
    await rm(fresh, { recursive: true, force: true });
    await mkdir(path.join(fresh, "src"), { recursive: true });
    for (const name of ["bios.bin", "mbr.bin", "stage2.bin", "demo.img", "lines.json"]) {
      await copyFile(path.join(work, name), path.join(fresh, name));
    }
    const isSource = (file: string): boolean => !path.extname(file) || /\.(s|inc)$/.test(file);
    for (const [folder, name] of Object.entries(SOURCE_FOLDERS)) {
      await cp(path.join(root, folder), path.join(fresh, "src", name), { recursive: true, filter: isSource });
    }
    const old = `${fresh}.old`;
    await rename(target, old).catch(() => undefined);
    await rename(fresh, target);
    await rm(old, { recursive: true, force: true });
  } finally {
    await rm(work, { recursive: true });
  }
}

/** Where the copies of the sources lie, below dist/firmware/src. */
const SOURCE_FOLDERS: Record<string, string> = {
  [`${FIRMWARE}/bios`]: "bios",
  [`${FIRMWARE}/loader`]: "loader",
  [DEMO]: "demo",
};

async function newestBelow(place: string): Promise<number> {
  const info = await stat(place);
  if (!info.isDirectory()) return info.mtimeMs;
  const below = await Promise.all((await readdir(place)).map((name) => newestBelow(path.join(place, name))));
  return Math.max(info.mtimeMs, ...below);
}

async function assembleAll(work: string): Promise<void> {
  await writeFile(path.join(work, "font.bin"), defaultFont());
  const modules: SourceModuleData[] = [];
  for (const program of PROGRAMS) modules.push(await assemble(program, work));
  const [boot, kernel] = await Promise.all(
    ["demo-boot.bin", "demo-kernel.bin"].map((one) => readFile(path.join(work, one))),
  );
  await writeFile(path.join(work, "demo.img"), demoImage(boot!, kernel!));
  await writeFile(path.join(work, "lines.json"), writeSourceLines(modules.map(inDistribution)));
}

/** Assembles and links one program into its image; returns its lines. */
async function assemble(program: Program, work: string): Promise<SourceModuleData> {
  const { image, folder, bits, link } = program;
  const sources = (await readdir(path.join(root, folder))).filter((name) => name.endsWith(".s")).sort();
  const objects = program.files(sources).map((source) => {
    const object = path.join(work, `${image}-${source}.o`);
    run("as", [`--${bits}`, "-g", "-I", folder, "-I", work, "-o", object, `${folder}/${source}`]);
    return object;
  });
  const elf = path.join(work, image.replace(/\.bin$/, ".elf"));
  run("ld", [
    "-m",
    bits === 64 ? "elf_x86_64" : "elf_i386",
    "-z",
    "noexecstack",
    "--no-warn-rwx-segments",
    ...link,
    "-o",
    elf,
    ...objects,
  ]);
  const padding = program.size ? ["--gap-fill", "0xff", "--pad-to", `0x${program.size.toString(16)}`] : [];
  run("objcopy", ["-O", "binary", ...padding, elf, path.join(work, image)]);
  return sourceLinesOfElf(await readFile(elf), program.bases ?? [0]);
}

function run(command: string, args: string[]): void {
  try {
    execFileSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
    throw new Error(
      `The firmware is assembled by ${command}, which is not installed: Debian's package binutils has it.`,
    );
  }
}

/** File names as below dist/firmware/src. */
function inDistribution(module: SourceModuleData): SourceModuleData {
  const rename = (file: string): string => {
    const folder = path.posix.dirname(file);
    return `${SOURCE_FOLDERS[folder] ?? folder}/${path.posix.basename(file)}`;
  };
  return { ...module, files: module.files.map(rename) };
}

/** Sectors that the demo's boot sector reads (KERNEL_SECTORS of examples/demo/demo.inc). */
const DEMO_KERNEL_SECTORS = 32;

/** The demo's disk: boot sector and kernel. */
function demoImage(boot: Buffer, kernel: Buffer): Buffer {
  if (boot.length !== SECTOR || kernel.length > DEMO_KERNEL_SECTORS * SECTOR) {
    throw new Error(
      `The demo has a boot sector of ${boot.length} bytes and a kernel of ${kernel.length}: ` +
        `${SECTOR} and at most ${DEMO_KERNEL_SECTORS * SECTOR} were expected.`,
    );
  }
  const image = Buffer.alloc((1 + DEMO_KERNEL_SECTORS) * SECTOR);
  boot.copy(image);
  kernel.copy(image, SECTOR);
  return image;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await buildFirmware();
