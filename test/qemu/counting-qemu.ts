/** A QEMU that counts instructions (`-icount shift=0`, recording, which is what makes it tell the count). */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { GdbRemote } from "./gdb-remote.ts";

const QEMU = "qemu-system-x86_64";
/** QEMU's plain processor, with ERMS as ours has it: the kernel then copies and clears by a REP of bytes, each of which counts. */
export const QEMU_CPU = "qemu64,+erms";
/** A measurement that takes longer hangs. */
const LIMIT_MS = 900_000;
/** How often, and how many milliseconds apart, we look whether QEMU has made its sockets. */
const SOCKET_LOOKS = 200;
const SOCKET_LOOK_MS = 50;

/** First line of `--version`; undefined when QEMU is not installed. */
export function qemuVersion(): string | undefined {
  const { stdout, error } = spawnSync(QEMU, ["--version"], { encoding: "utf8" });
  return error ? undefined : stdout.split("\n")[0];
}

export interface QemuDrive {
  /** Path of a raw image; never written to. */
  path: string;
  kind: "disk" | "cdrom";
}

export class CountingQemu {
  readonly gdb: GdbRemote;
  readonly #process: ChildProcess;
  readonly #directory: string;
  readonly #control: Socket;
  #received = "";
  #answer: ((line: string) => void) | undefined;

  private constructor(process: ChildProcess, directory: string, gdb: GdbRemote, control: Socket) {
    this.gdb = gdb;
    this.#process = process;
    this.#directory = directory;
    this.#control = control;
    control.setEncoding("utf8").on("data", (text: string) => {
      this.#received += text;
      const lines = this.#received.split("\n");
      this.#received = lines.pop() ?? "";
      // Events and the greeting come in between.
      for (const line of lines) if (/^\{"(return|error)"/.test(line)) this.#answer?.(line);
    });
  }

  /** A machine stopped at its reset vector, as the tests' own machine is made: one drive on IDE, no network. */
  static async start(drive: QemuDrive, memoryMiB: number): Promise<CountingQemu> {
    const directory = await mkdtemp(join(tmpdir(), "bootscope-qemu-"));
    const gdbPath = join(directory, "gdb");
    const controlPath = join(directory, "qmp");
    const device = drive.kind === "cdrom" ? "ide-cd" : "ide-hd";
    const child = spawn(
      QEMU,
      [
        ...["-S", "-M", "pc", "-cpu", QEMU_CPU, "-accel", "tcg", "-m", String(memoryMiB)],
        ...["-nic", "none", "-display", "none", "-no-reboot", "-serial", "null", "-nodefaults", "-vga", "std"],
        ...["-icount", `shift=0,rr=record,rrfile=${join(directory, "record")}`],
        ...["-drive", `if=none,id=image,format=raw,snapshot=on,file=${drive.path}`],
        ...["-device", `${device},drive=image,bus=ide.0`],
        ...["-qmp", `unix:${controlPath},server=on,wait=off`],
        ...["-chardev", `socket,id=stub,path=${gdbPath},server=on,wait=off`, "-gdb", "chardev:stub"],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    child.once("exit", () => {
      clearTimeout(limit);
    });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    try {
      for (let look = 0; !existsSync(gdbPath) || !existsSync(controlPath); look++) {
        if (look === SOCKET_LOOKS || child.exitCode !== null) throw new Error(`QEMU did not start: ${complaint}`);
        await pause(SOCKET_LOOK_MS);
      }
      const control = connect(controlPath);
      await new Promise<void>((resolve, reject) => control.once("connect", resolve).once("error", reject));
      const qemu = new CountingQemu(child, directory, await GdbRemote.connect(gdbPath), control);
      await qemu.#command("qmp_capabilities");
      return qemu;
    } catch (error) {
      child.kill("SIGKILL");
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Instructions executed since reset. */
  async count(): Promise<number> {
    const answer = JSON.parse(await this.#command("query-replay")) as { return?: { icount?: number } };
    const count = answer.return?.icount;
    if (count === undefined) throw new Error(`QEMU did not tell its count: ${JSON.stringify(answer)}`);
    return count;
  }

  /** Ends it for good: while it records and runs, it does not heed a request to end. */
  async stop(): Promise<void> {
    this.gdb.close();
    this.#control.destroy();
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    if (this.#process.exitCode === null) {
      this.#process.kill("SIGKILL");
      await ended;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  #command(name: string): Promise<string> {
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#control.write(`${JSON.stringify({ execute: name })}\n`);
    });
  }
}
