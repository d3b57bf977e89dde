/** Programs for the firmware to boot, on QEMU and on our own machine. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { memoryDisk } from "../../emulator/disks/memory-disk.ts";
import { builtinFirmware } from "../../emulator/firmware/images.ts";
import type { Firmware, RunResult } from "../../emulator/machine/api.ts";
import { Machine } from "../../emulator/machine/machine.ts";

export const root = path.resolve(import.meta.dirname, "../..");
export const BUILTIN_BIOS = path.join(root, "dist/firmware/bios.bin");
const QEMU = "qemu-system-x86_64";
/** A bound for hanging guests, not a measure. */
const GIVE_UP_MS = 240_000;

/** Why tests that need these tools cannot run; false when they can. */
export function missing(...tools: string[]): string | false {
  const absent = tools.find((tool) => spawnSync(tool, ["--version"]).error);
  return absent === undefined ? false : `${absent} is not installed`;
}

export const noQemu = missing(QEMU, "as", "ld", "objcopy");

/** A source below the root, assembled by GNU as (or by NASM, for .asm) to run at 0x7C00. */
export function assemble(source: string): Uint8Array {
  const directory = mkdtempSync(path.join(tmpdir(), "bootscope-assemble-"));
  try {
    const [object, elf, image] = ["boot.o", "boot.elf", "boot.img"].map((name) => path.join(directory, name));
    const file = path.join(root, source);
    if (source.endsWith(".asm")) execFileSync("nasm", ["-f", "elf32", "-o", object!, file]);
    else execFileSync("as", ["--32", "-I", path.dirname(file), "-o", object!, file]);
    execFileSync("ld", ["-m", "elf_i386", "-Ttext=0x7c00", "--no-warn-rwx-segments", "-o", elf!, object!]);
    execFileSync("objcopy", ["-O", "binary", "-j", ".text", elf!, image!]);
    return new Uint8Array(readFileSync(image!));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A disk that begins with a program and goes on with bytes of a fixed pattern. */
export function diskOf(program: Uint8Array, sectors: number): Uint8Array {
  const disk = new Uint8Array(sectors * 512);
  let random = 1;
  for (let at = program.length; at < disk.length; at++) {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    disk[at] = random >>> 16;
  }
  disk.set(program);
  return disk;
}

export interface QemuRun {
  /** Path of the BIOS; QEMU's own SeaBIOS without. */
  bios?: string;
  disk: Uint8Array;
  bus?: "ide" | "virtio";
  memoryMiB?: number;
  /** Asked whenever the guest has sent something: what to type on the serial line, or to tell QEMU's monitor. */
  answer?: (output: string) => { serial?: string; monitor?: string } | undefined;
}

/** Boots a disk on QEMU until it switches itself off; returns what it sent on COM1. */
export async function runOnQemu(run: QemuRun): Promise<string> {
  const directory = mkdtempSync(path.join(tmpdir(), "bootscope-qemu-"));
  try {
    const disk = path.join(directory, "disk.img");
    writeFileSync(disk, run.disk);
    const monitor = path.join(directory, "monitor");
    const args = ["-accel", "tcg", "-M", "pc", "-cpu", "qemu64", "-m", String(run.memoryMiB ?? 64), "-nic", "none"];
    args.push("-display", "none", "-no-reboot", "-drive", `file=${disk},format=raw,if=${run.bus ?? "ide"}`);
    args.push("-chardev", "stdio,id=com1,signal=off", "-serial", "chardev:com1", "-serial", "null");
    // QEMU is told by a second pair of pipes, which need no waiting for a socket to appear.
    execFileSync("mkfifo", [`${monitor}.in`, `${monitor}.out`]);
    args.push("-chardev", `pipe,id=mon,path=${monitor}`, "-mon", "chardev=mon,mode=readline");
    if (run.bios !== undefined) args.push("-bios", run.bios);
    const machine = spawn(QEMU, args, { stdio: ["pipe", "pipe", "inherit"] });
    const commands = spawn("sh", ["-c", `cat "${monitor}.out" >/dev/null & exec cat > "${monitor}.in"`], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    commands.stdin.on("error", () => undefined);
    const timer = setTimeout(() => machine.kill(), GIVE_UP_MS);
    let output = "";
    machine.stdout.setEncoding("latin1").on("data", (text: string) => {
      output += text;
      const answer = run.answer?.(output);
      if (answer?.serial) machine.stdin.write(answer.serial);
      if (answer?.monitor) commands.stdin.write(answer.monitor);
    });
    await new Promise((resolve, reject) => machine.on("error", reject).on("exit", resolve));
    commands.stdin.end();
    clearTimeout(timer);
    return output;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export interface MachineRun {
  disk: Uint8Array;
  firmware?: Firmware;
  memoryMiB?: number;
  kind?: "disk" | "cdrom";
  bus?: "ide" | "virtio";
  /** Asked whenever the guest has sent something. */
  answer?: (output: string, machine: Machine) => void;
  /** Instructions after which the guest is taken to hang. */
  limit?: number;
}

export interface MachineEnd {
  output: string;
  debug: string;
  result: RunResult;
  machine: Machine;
}

/** Boots a disk on our own machine, by the built-in firmware unless another is given, until it ends by itself. */
export async function runOnMachine(run: MachineRun): Promise<MachineEnd> {
  let [output, debug, heard] = ["", "", 0];
  const machine = await Machine.create(
    {
      memoryMiB: run.memoryMiB ?? 64,
      firmware: run.firmware ?? (await builtinFirmware()),
      drives: [{ image: memoryDisk(run.disk), kind: run.kind ?? "disk", bus: run.bus ?? "ide", name: "test" }],
    },
    {
      output: (source, bytes) => {
        const text = String.fromCharCode(...bytes);
        if (source === 0) output += text;
        else if (source === "debug") debug += text;
      },
      phase: () => undefined,
    },
  );
  const limit = BigInt(run.limit ?? 400_000_000);
  for (;;) {
    const result = machine.run(1_000_000);
    if (output.length > heard) {
      heard = output.length;
      run.answer?.(output, machine);
    }
    if (result.reason !== "budget" || machine.icount > limit) return { output, debug, result, machine };
  }
}
