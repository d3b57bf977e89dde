/**
 * Runs small assembled programs in the core and in QEMU. A program is a flat binary of at most 64 KiB, loaded at
 * physical 0x10000 and entered in real mode at 1000:0000. It reports by text on port 0xE9 and ends with a byte on
 * port 0xF4.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { Core, type CoreHost } from "../../emulator/core/core.ts";
import { Exit, L } from "../../emulator/core/layout.ts";
import { Machine } from "../../emulator/machine/machine.ts";

const run = promisify(execFile);

export const LOAD_ADDRESS = 0x10000;
const MAX_IMAGE = 0x10000;
const MEMORY_MIB = 16;
const REPORT_PORT = 0xe9;
/** Where the include files are. */
const PROGRAMS = path.join(import.meta.dirname, "programs");
const END_PORT = 0xf4;
/** Instructions after which a program counts as endless. */
const BUDGET = 40_000_000;
const QEMU_TIMEOUT_MS = 60_000;
/** The features that the core reports, as far as QEMU's TCG has them. */
const QEMU_CPU = "qemu64,+smep,+smap,+fsgsbase,+pdpe1gb,+rdtscp,+xsave,+erms,+ssse3,+sse4.1,+sse4.2";

export interface Outcome {
  /** Text written to the report port. */
  text: string;
  /** Why it ended: "end", "shutdown", or what else happened. */
  end: string;
}

/** Assembles a program with nasm. */
export async function assemble(source: string): Promise<Uint8Array> {
  return inTemporaryFolder(async (folder) => {
    const target = path.join(folder, "image.bin");
    await run("nasm", ["-f", "bin", "-I", `${PROGRAMS}/`, "-o", target, source]);
    const image = await readFile(target);
    if (image.length > MAX_IMAGE) throw new RangeError(`${source}: ${image.length} bytes do not fit into 64 KiB.`);
    return image;
  });
}

async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), "bootscope-system-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A ROM of 64 KiB that does nothing but jump to the program. */
function resetRom(): Uint8Array {
  const rom = new Uint8Array(0x10000);
  rom.set([0xea, 0x00, 0x00, 0x00, 0x10], 0xfff0);
  return rom;
}

export async function runInQemu(image: Uint8Array): Promise<Outcome> {
  return inTemporaryFolder(async (folder) => {
    const file = (name: string): string => path.join(folder, name);
    await writeFile(file("rom.bin"), resetRom());
    await writeFile(file("image.bin"), image);
    const options = [
      [
        "-M",
        "pc",
        "-accel",
        "tcg",
        "-cpu",
        QEMU_CPU,
        "-m",
        String(MEMORY_MIB),
        "-nodefaults",
        "-display",
        "none",
        "-no-reboot",
      ],
      ["-bios", file("rom.bin"), "-device", `loader,file=${file("image.bin")},addr=${LOAD_ADDRESS},force-raw=on`],
      [
        "-chardev",
        `file,id=report,path=${file("report")}`,
        "-device",
        `isa-debugcon,chardev=report,iobase=${REPORT_PORT}`,
      ],
      ["-device", `isa-debug-exit,iobase=${END_PORT},iosize=1`],
    ].flat();
    const status = await run("qemu-system-x86_64", options, { timeout: QEMU_TIMEOUT_MS, killSignal: "SIGKILL" }).then(
      () => 0,
      (error: unknown) => (error as { code?: number | string | null }).code ?? "killed",
    );
    // isa-debug-exit makes an odd status; a triple fault resets, which -no-reboot turns into a clean exit.
    const end = status === 0 ? "shutdown" : typeof status === "number" && status % 2 === 1 ? "end" : `status ${status}`;
    return { text: await readFile(file("report"), "latin1"), end };
  });
}

/** A board with two ports. */
class Ports implements CoreHost {
  core: Core | undefined;
  text = "";
  ended = false;

  readPort(): number {
    return 0xff;
  }
  writePort(port: number, _size: number, value: number): void {
    if (port === REPORT_PORT) this.text += String.fromCharCode(value & 0xff);
    else if (port === END_PORT) {
      this.ended = true;
      this.core?.exports.attention();
    }
  }
  readMmio(): number {
    return 0xffffffff;
  }
  writeMmio(): void {
    // Nothing is there.
  }
  acknowledge(): number {
    return 256;
  }
  readApicBase(): bigint {
    return 0xfee00900n;
  }
  writeApicBase(): void {
    // There is no APIC to move.
  }
  readCr8(): number {
    return 0;
  }
  writeCr8(): void {
    // There is no APIC to tell.
  }
  codeNotify(): void {
    // Nobody wants to know.
  }
  bootEvent(): void {
    // Nor of these.
  }
  ferr(): void {
    // Not wired.
  }
}

/** Points the processor, in its power-on state otherwise, to the program's first byte. */
function startAt(core: Core): void {
  core.u64[L.SEG_CS / 8] = BigInt(LOAD_ADDRESS);
  core.u32[(L.SEG_CS + L.SEG_SELECTOR) / 4] = LOAD_ADDRESS >> 4;
  core.u64[L.RIP / 8] = 0n;
  core.exports.refreshMode();
}

/** Runs a program on nothing but the processor, memory and the two ports. */
export async function runInCore(image: Uint8Array): Promise<Outcome> {
  const ports = new Ports();
  const core = await Core.create(MEMORY_MIB, ports);
  ports.core = core;
  core.ram.set(image, LOAD_ADDRESS);
  startAt(core);
  while (!ports.ended) {
    const left = BUDGET - core.icount;
    if (left <= 0) return { text: ports.text, end: "endless" };
    const exit = core.run(left);
    if (exit === Exit.SHUTDOWN) return { text: ports.text, end: "shutdown" };
    if (exit === Exit.HALT) return { text: ports.text, end: "halted" };
    if (exit === Exit.UNEMULATED)
      return { text: ports.text, end: `unemulated at ${core.u64[L.RIP / 8]!.toString(16)}` };
  }
  return { text: ports.text, end: "end" };
}

/** The same on the whole PC, with its timers and interrupt controllers. There the program ends by HLT with interrupts off. */
export async function runOnBoard(image: Uint8Array): Promise<Outcome> {
  let text = "";
  const machine = await Machine.createRaw(
    { memoryMiB: MEMORY_MIB, writes: [{ physical: LOAD_ADDRESS, bytes: image }] },
    {
      output: (source, bytes) => {
        if (source === "debug") text += String.fromCharCode(...bytes);
      },
      phase: () => undefined,
    },
  );
  startAt(machine.core);
  const result = machine.run(BUDGET);
  return { text, end: result.reason === "halted" && !result.wakeable ? "end" : result.reason };
}
