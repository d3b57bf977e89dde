/** The emulators that are compared, and how each is told to boot a kernel directly. */
import path from "node:path";

/** A kernel and what it boots with; the same files and command line for every emulator. */
export interface Guest {
  title: string;
  bits: 32 | 64;
  kernel: string;
  initrd: string;
}

export interface Contender {
  name: string;
  /** Fits 32-bit guests only. */
  only32?: boolean;
  command: (guest: Guest) => [string, ...string[]];
  /** Writes `{"icount": "<decimal>"}` to stdout when it has seen the marker, and ends by itself. */
  reportsCount: boolean;
}

export const MEMORY_MIB = 512;
export const CMDLINE = "console=ttyS0";
/** Debian's packages `seabios`: firmware for v86, whose package has none. */
const SEABIOS = "/usr/share/seabios";
const root = path.resolve(import.meta.dirname, "..");

function qemu(...extra: string[]): (guest: Guest) => [string, ...string[]] {
  return ({ kernel, initrd }) => [
    "qemu-system-x86_64",
    ...["-accel", "tcg", "-m", String(MEMORY_MIB), "-nodefaults", "-display", "none", "-serial", "stdio"],
    ...["-no-reboot", "-kernel", kernel, "-initrd", initrd, "-append", CMDLINE],
    ...extra,
  ];
}

/** v86 runs in a Node process of its own: see v86-boot.ts. */
function v86(mode: "translator" | "interpreter"): (guest: Guest) => [string, ...string[]] {
  return ({ kernel, initrd }) => [
    process.execPath,
    ...["--import", "tsx", path.join(import.meta.dirname, "run.ts"), "--v86", mode, kernel, initrd],
    ...[path.join(SEABIOS, "bios.bin"), path.join(SEABIOS, "vgabios-stdvga.bin")],
  ];
}

/** The first one is what the others are compared with. */
export function contenders(marker: string): Contender[] {
  return [
    {
      name: "Bootscope, interpreter",
      reportsCount: true,
      command: ({ bits, kernel, initrd }) => [
        process.execPath,
        path.join(root, "dist/bootscope.js"),
        ...[
          "run",
          "--boot",
          "direct",
          "--kernel",
          kernel,
          "--initrd",
          initrd,
          "--cmdline",
          CMDLINE,
          "--memory",
          String(MEMORY_MIB),
        ],
        ...(bits === 32 ? ["--entry", "32"] : []),
        ...["--until", `serial:${marker}`, "--json"],
      ],
    },
    { name: "QEMU TCG", reportsCount: false, command: qemu() },
    { name: "QEMU TCG, `-icount shift=0`", reportsCount: false, command: qemu("-icount", "shift=0") },
    { name: "v86, translator", only32: true, reportsCount: true, command: v86("translator") },
    { name: "v86, interpreter (`disable_jit`)", only32: true, reportsCount: true, command: v86("interpreter") },
  ];
}
