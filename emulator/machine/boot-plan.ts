/** What is to be booted, by paths; and opening it. A plan is plain data, so that it can be sent to the machine's thread. */
import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isElf } from "../../boot-formats/elf.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import { checkDirectBoot } from "../direct-boot/direct-boot.ts";
import { composedDisk } from "../disks/composed-disk.ts";
import type { Drive } from "../disks/disk-image.ts";
import { driveKind } from "../disks/drive-kind.ts";
import { fileDisk } from "../disks/file-disk.ts";
import { composeBootDisk } from "../firmware/compose.ts";
import { builtinFirmware, demoDisk, loaderImages } from "../firmware/images.ts";
import type { Firmware, MachineConfig } from "./api.ts";
import {
  BootInputError,
  DEFAULT_CMDLINE,
  MEMORY_MAX_MIB,
  MEMORY_MIN_MIB,
  readBootFile,
  readBootFileHead,
} from "./boot-files.ts";

export interface DiskPlan {
  path: string;
  /** Changes are written back to the file when the machine is closed. */
  persist: boolean;
  bus: "ide" | "virtio";
}

export interface BootPlan {
  memoryMiB: number;
  /** From the reset vector on by a firmware, or straight into the kernel. */
  boot: "full" | "direct";
  /** "builtin", "seabios" (as Debian's package installs it), or the path of a BIOS image; a full boot only. */
  firmware: string;
  /** Path of a bzImage or an ELF vmlinux. A full boot puts it on a disk of its own, behind the built-in loader. */
  kernel?: string;
  initrd?: string;
  cmdline?: string;
  entry?: "64" | "32";
  disks: readonly DiskPlan[];
  cdroms: readonly string[];
  /** The built-in demonstration as first disk. */
  demo?: boolean;
  /** Seed of RDRAND and RDSEED. */
  seed?: number;
  /** Seconds since 1970 that the clock shows at power-on. */
  rtcTime?: number;
}

const SEABIOS = "/usr/share/seabios/bios-256k.bin";
const VGA_ROM = "vgabios-stdvga.bin";
const BIOS_UNIT = 0x10000;
const BIOS_MAX = 0x100000;
const IDE_DRIVES = 4;

/** How the files of a kernel and its initrd are read. */
type ReadFile = (what: string, path: string) => Promise<Uint8Array>;

/** Of a bzImage only the header says whether it can boot; of an initrd it is the size. */
const readForCheck: ReadFile = (what, path) => readBootFileHead(what, path, (head) => what === "kernel" && isElf(head));

/**
 * Checks a plan as far as it can be without running it: files, disks, firmware, and the kernel itself. Rejects with
 * BootInputError or FormatError, one sentence.
 */
export async function checkPlan(plan: BootPlan): Promise<void> {
  const config = await openPlan(plan, readForCheck);
  for (const { image } of config.drives ?? []) image.close();
  const { kernel, cmdline } = config;
  if (!kernel) return;
  try {
    // The built-in loader takes what a direct boot would, but for kernels without setup code.
    const { format } = checkDirectBoot({ ...config, kernel, cmdline: cmdline ?? "" });
    if (config.firmware && format === "elf") {
      throw new FormatError(
        'an ELF vmlinux has no setup code for a boot loader, so only "boot": "direct" can start it.',
      );
    }
  } catch (error) {
    if (error instanceof FormatError) throw new BootInputError(`Cannot boot "${plan.kernel}": ${error.message}`);
    throw error;
  }
}

/** Opens and reads what a plan names; rejects with BootInputError or FormatError, one sentence. */
export async function openPlan(plan: BootPlan, read: ReadFile = readBootFile): Promise<MachineConfig> {
  const { memoryMiB } = plan;
  if (!Number.isSafeInteger(memoryMiB) || memoryMiB < MEMORY_MIN_MIB || memoryMiB > MEMORY_MAX_MIB) {
    throw new BootInputError(
      `The memory size is ${memoryMiB} MiB: a whole number from ${MEMORY_MIN_MIB} to ${MEMORY_MAX_MIB} was expected.`,
    );
  }
  const cmdline = plan.cmdline ?? DEFAULT_CMDLINE;
  if (cmdline.includes("\0")) throw new BootInputError("The kernel command line contains a zero byte.");
  const kernel = plan.kernel === undefined ? undefined : await read("kernel", plan.kernel);
  const initrd = plan.initrd === undefined ? undefined : await read("initrd", plan.initrd);
  if (initrd?.length === 0) throw new BootInputError(`The initrd "${plan.initrd}" is empty.`);
  if (plan.boot === "direct" && !kernel) throw new BootInputError("A direct boot needs a kernel.");
  if (initrd && !kernel) throw new BootInputError("There is an initrd without the kernel that it belongs to.");
  const firmware = plan.boot === "full" ? await openFirmware(plan.firmware) : undefined;
  const drives: Drive[] = [];
  try {
    if (plan.demo) drives.push({ image: await demoDisk(), kind: "disk", bus: "ide", name: "demo" });
    if (firmware && kernel) drives.push(await kernelDisk(kernel, initrd, cmdline));
    for (const disk of plan.disks) drives.push(openDisk(disk));
    for (const path of plan.cdroms) drives.push({ image: openImage(path), kind: "cdrom", bus: "ide", name: path });
    checkDrives(plan, drives);
  } catch (error) {
    for (const { image } of drives) image.close();
    throw error;
  }
  return {
    memoryMiB,
    drives,
    cmdline,
    ...(firmware ? { firmware } : {}),
    ...(kernel ? { kernel } : {}),
    ...(initrd ? { initrd } : {}),
    ...(plan.entry ? { entry: plan.entry } : {}),
    ...(plan.seed === undefined ? {} : { seed: plan.seed }),
    ...(plan.rtcTime === undefined ? {} : { rtcTime: plan.rtcTime }),
  };
}

function checkDrives(plan: BootPlan, drives: readonly Drive[]): void {
  if (drives.length === 0 && plan.boot === "full") {
    throw new BootInputError("There is nothing to boot from: a kernel, a disk, a CD or the demo was expected.");
  }
  const onIde = drives.filter(({ bus }) => bus === "ide").length;
  if (onIde > IDE_DRIVES) {
    throw new BootInputError(`There are ${onIde} drives for the IDE bus: it has room for ${IDE_DRIVES}.`);
  }
}

function openDisk({ path, persist, bus }: DiskPlan): Drive {
  const image = openImage(path, persist);
  const kind = driveKind(image, path);
  return { image, kind, bus: kind === "cdrom" ? "ide" : bus, name: path };
}

function openImage(path: string, persist = false): Drive["image"] {
  try {
    return fileDisk(path, { persist });
  } catch (error) {
    throw new BootInputError(error instanceof Error ? error.message : String(error));
  }
}

/** The virtual disk that the built-in loader boots a kernel from. */
async function kernelDisk(kernel: Uint8Array, initrd: Uint8Array | undefined, cmdline: string): Promise<Drive> {
  const { size, segments } = composeBootDisk({ kernel, ...(initrd ? { initrd } : {}), cmdline }, await loaderImages());
  return { image: composedDisk(size, segments), kind: "disk", bus: "ide", name: "kernel and initrd" };
}

async function openFirmware(firmware: string): Promise<Firmware> {
  if (firmware === "builtin") return builtinFirmware();
  const path = firmware === "seabios" ? SEABIOS : firmware;
  if (firmware === "seabios" && !(await exists(path))) {
    throw new BootInputError(
      `SeaBIOS is not installed (${SEABIOS}): Debian's package "seabios", or the path of a BIOS image, was expected.`,
    );
  }
  const bios = await readBootFile("firmware", path);
  if (bios.length === 0 || bios.length > BIOS_MAX || bios.length % BIOS_UNIT !== 0) {
    throw new FormatError(
      `The firmware "${path}" has ${bios.length} bytes: a multiple of 64 KiB up to 1 MiB was expected.`,
    );
  }
  const vgaRom = join(dirname(path), VGA_ROM);
  return {
    name: firmware,
    bios,
    ...((await exists(vgaRom)) ? { vgaRom: await readBootFile("VGA BIOS", vgaRom) } : {}),
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
