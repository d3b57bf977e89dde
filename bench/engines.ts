/** The emulators that are compared, and how each is told to boot a guest. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ensureTools } from "../scripts/guests/tools.ts";
import { launchBochs } from "./bochs.ts";
import type { Launch } from "./measure.ts";

/** The same files and command line for every emulator. */
export type Guest =
  | { boot: "direct"; bits: 32 | 64; kernel: string; initrd: string }
  /** From an IDE disk, through the emulator's firmware. */
  | { boot: "disk"; disk: string };

export const MEMORY_MIB = 512;
export const CMDLINE = "console=ttyS0";

export const ENGINE_NAMES = ["bootscope", "qemu", "qemu-icount", "bochs", "v86"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface Engine {
  title: string;
  /** One line, for the results; throws when it is not installed and cannot be. */
  version(): Promise<string>;
  /** `scratch`: a directory for this run alone. */
  launch(guest: Guest, markers: readonly string[], scratch: string): Promise<Launch>;
}

const root = path.resolve(import.meta.dirname, "..");
/** Of Debian's package `seabios`: firmware for v86, whose package has none. */
const SEABIOS = "/usr/share/seabios";

function firstLine(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: "utf8" }).split("\n")[0] ?? "";
}

/** `program`: bootscope.js of the build to measure. */
function bootscope(program: string): Engine {
  return {
    title: "Bootscope",
    version: () => Promise.resolve(`Bootscope ${firstLine("git", ["-C", root, "rev-parse", "--short", "HEAD"])}`),
    launch: (guest, markers) => {
      const what =
        guest.boot === "disk"
          ? ["--disk", guest.disk, "--firmware", "seabios"]
          : [
              ...["--boot", "direct", "--kernel", guest.kernel, "--initrd", guest.initrd, "--cmdline", CMDLINE],
              ...(guest.bits === 32 ? ["--entry", "32"] : []),
            ];
      const marks = markers.flatMap((marker) => ["--mark", marker]);
      const command = [process.execPath, program, "run", ...what, "--memory", String(MEMORY_MIB), ...marks] as const;
      return Promise.resolve({ command: [...command, "--until", `serial:${markers.at(-1)}`], counts: true });
    },
  };
}

function qemu(title: string, extra: readonly string[]): Engine {
  return {
    title,
    async version() {
      await ensureTools("qemu-system-x86_64");
      return firstLine("qemu-system-x86_64", ["--version"]);
    },
    launch: (guest) => {
      const what =
        guest.boot === "disk"
          ? ["-vga", "std", "-drive", `file=${guest.disk},format=raw,if=ide,snapshot=on`]
          : ["-kernel", guest.kernel, "-initrd", guest.initrd, "-append", CMDLINE];
      const board = ["-accel", "tcg", "-m", String(MEMORY_MIB), "-nodefaults", "-display", "none"];
      const command = ["qemu-system-x86_64", ...board, "-serial", "stdio", "-no-reboot", ...what, ...extra] as const;
      return Promise.resolve({ command, counts: false });
    },
  };
}

const bochs: Engine = {
  title: "Bochs",
  async version() {
    await ensureTools("bochs");
    return `Bochs ${firstLine("dpkg-query", ["-W", "-f", "${Version}", "bochs"])} (Debian's build, with its debugger)`;
  },
  launch: async (guest, _markers, scratch) => {
    if (guest.boot !== "disk") throw new Error("Bochs boots from a disk only.");
    return launchBochs(guest.disk, MEMORY_MIB, scratch);
  },
};

/** Runs in a Node process of its own: see v86-boot.ts. */
const v86: Engine = {
  title: "v86",
  async version() {
    await ensureTools("qemu-system-x86_64");
    const library = createRequire(import.meta.url).resolve("v86");
    const manifest: unknown = JSON.parse(readFileSync(path.join(path.dirname(library), "../package.json"), "utf8"));
    const version = typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : "";
    return `v86 ${String(version)}`;
  },
  launch: (guest, markers) => {
    if (guest.boot !== "direct" || guest.bits !== 32) throw new Error("v86 is a 32-bit machine.");
    const program = [process.execPath, "--import", "tsx", fileURLToPath(import.meta.resolve("./v86-boot.ts"))] as const;
    const firmware = [path.join(SEABIOS, "bios.bin"), path.join(SEABIOS, "vgabios-stdvga.bin")];
    const machine = [String(MEMORY_MIB), CMDLINE];
    const command = [...program, guest.kernel, guest.initrd, ...firmware, ...machine, ...markers] as const;
    return Promise.resolve({ command, counts: true });
  },
};

export function engines(program: string): Record<EngineName, Engine> {
  return {
    bootscope: bootscope(program),
    qemu: qemu("QEMU TCG", []),
    "qemu-icount": qemu("QEMU TCG -icount", ["-icount", "shift=0"]),
    bochs,
    v86,
  };
}
