/** The same pictures, drawn by the same program through the same BIOS, on QEMU's adapter and on ours: dot by dot. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { seabios, seabiosFiles } from "../../../scripts/guests/firmware.ts";
import { memoryDisk } from "../../disks/memory-disk.ts";
import { renderScreen, type Picture } from "../../display/render.ts";
import { pressKey } from "../../display/type-text.ts";
import { Machine } from "../../machine/machine.ts";

const QEMU = "qemu-system-x86_64";
const missing = [QEMU, "as", "ld"].find((tool) => spawnSync(tool, ["--version"]).error);
const skip = missing ? `${missing} is not installed` : false;

const MEMORY_MIB = 32;
/** Bounds for hanging guests, not measures. */
const GIVE_UP_MS = 120_000;
const GIVE_UP_SLICES = 2000;
const SLICE = 1_000_000;

/** The modes of pictures.s in their order; `bits`: how exact QEMU's colours are. */
const MODES = [
  { name: "text 80×25", bits: 6 },
  { name: "320×200, 4 colours", bits: 6 },
  { name: "640×200, 2 colours", bits: 6 },
  { name: "320×200, 16 colours", bits: 6 },
  { name: "640×200, 16 colours", bits: 6 },
  { name: "640×350, 16 colours", bits: 6 },
  { name: "640×480, 16 colours", bits: 6 },
  { name: "320×200, 256 colours", bits: 6 },
  { name: "640×480, 256 colours", bits: 6 },
  { name: "640×480, 15 bits", bits: 5 },
  { name: "640×480, 16 bits", bits: 8 },
  { name: "640×480, 24 bits", bits: 8 },
  { name: "640×480, 32 bits", bits: 8 },
];

function bootSector(directory: string): Buffer {
  const object = join(directory, "pictures.o");
  const binary = join(directory, "pictures.bin");
  execFileSync("as", ["--32", "-o", object, join(import.meta.dirname, "pictures.s")]);
  execFileSync("ld", ["-m", "elf_i386", "-Ttext=0x7c00", "-e", "start", "--oformat=binary", "-o", binary, object]);
  // A disk of one mebibyte: firmware looks for a geometry.
  return Buffer.concat([readFileSync(binary)], 1 << 20);
}

/** Three bytes a dot, from a binary PPM. */
interface Dump {
  width: number;
  height: number;
  rgb: Buffer;
}

function readPpm(file: string): Dump {
  const bytes = readFileSync(file);
  const header = /^P6\s(\d+)\s(\d+)\s255\s/.exec(bytes.toString("latin1", 0, 64));
  assert.ok(header, `${file} is no binary PPM`);
  return { width: Number(header[1]), height: Number(header[2]), rgb: bytes.subarray(header[0].length) };
}

/** QEMU's machine protocol: one command, its answer. */
class Monitor {
  readonly #socket: Socket;
  #text = "";
  #answered: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8").on("data", (text: string) => {
      this.#text += text;
      const lines = this.#text.split("\n");
      this.#text = lines.pop() ?? "";
      for (const line of lines) {
        const message = JSON.parse(line) as { return?: unknown; error?: { desc: string } };
        assert.equal(message.error, undefined, message.error?.desc);
        if (message.return !== undefined) this.#answered?.();
      }
    });
  }

  async command(execute: string, args: object = {}): Promise<void> {
    const answer = new Promise<void>((resolve) => (this.#answered = resolve));
    this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    await answer;
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function qemuPictures(directory: string, disk: Buffer, count: number): Promise<Dump[]> {
  const { bios, vgaBios } = await seabiosFiles();
  const image = join(directory, "disk.img");
  const control = join(directory, "qmp");
  writeFileSync(image, disk);
  const child = spawn(
    QEMU,
    [
      ...["-M", "pc", "-accel", "tcg", "-m", String(MEMORY_MIB), "-nodefaults", "-display", "none", "-bios", bios],
      ...["-device", `VGA,romfile=${vgaBios}`, "-drive", `format=raw,if=ide,snapshot=on,file=${image}`],
      ...["-chardev", "stdio,id=marks", "-device", "isa-debugcon,chardev=marks,iobase=0xe9"],
      ...["-qmp", `unix:${control},server=on,wait=off`],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const giveUp = setTimeout(() => child.kill("SIGKILL"), GIVE_UP_MS);
  const ended = once(child, "close");
  let monitor: Monitor | undefined;
  const dumps: Dump[] = [];
  try {
    for await (const marks of child.stdout.setEncoding("latin1")) {
      for (const mark of marks as string) {
        if (mark !== "P") continue;
        if (!monitor) {
          const socket = createConnection(control);
          await once(socket, "connect");
          monitor = new Monitor(socket);
          await monitor.command("qmp_capabilities");
        }
        const file = join(directory, `picture-${dumps.length}.ppm`);
        await monitor.command("screendump", { filename: file });
        dumps.push(readPpm(file));
        if (dumps.length === count) return dumps;
        await monitor.command("send-key", { keys: [{ type: "qcode", data: "ret" }] });
      }
    }
    throw new Error(`QEMU ended after ${dumps.length} of ${count} pictures. ${complaint}`);
  } finally {
    clearTimeout(giveUp);
    monitor?.close();
    child.kill("SIGKILL");
    await ended;
  }
}

interface OwnPicture {
  picture: Picture;
  mode: string;
}

async function ownPictures(disk: Buffer, count: number): Promise<OwnPicture[]> {
  let mode = "";
  const pictures: OwnPicture[] = [];
  let marks = "";
  const machine: Machine = await Machine.create(
    {
      memoryMiB: MEMORY_MIB,
      firmware: await seabios(),
      drives: [{ image: memoryDisk(disk), kind: "disk", bus: "ide", name: "pictures" }],
    },
    {
      output: (source, bytes) => {
        if (source === "debug") marks += Buffer.from(bytes).toString("latin1");
        // SeaBIOS's log goes the same way; the program's marks come after it.
        if (/P$/.test(marks) && machine.phases.some(({ name }) => name === "bootloader")) machine.endRun();
      },
      phase: ({ name }) => {
        if (name === "bootloader") marks = "";
      },
      event: ({ kind, text }) => {
        if (kind === "screen") mode = text.replace("Screen: ", "");
      },
    },
  );
  for (let slice = 0; slice < GIVE_UP_SLICES && pictures.length < count; slice++) {
    const result = machine.run(SLICE);
    assert.equal(result.reason, "budget", `the machine ended: ${JSON.stringify(result, (_, v) => String(v))}`);
    if (!marks.endsWith("P")) continue;
    marks = "";
    const picture = renderScreen(machine.screen());
    assert.ok(picture, `picture ${pictures.length} is off`);
    pictures.push({ picture, mode });
    machine.keyboardInput(pressKey("Enter"));
  }
  return pictures;
}

/** Number of dots that differ; ours may be smaller by a whole factor. */
function differences(dump: Dump, { width, height, pixels }: Picture, bits: number): number {
  const scale = dump.width / width;
  assert.ok(Number.isInteger(scale), `QEMU's picture is ${dump.width}×${dump.height}, ours ${width}×${height}`);
  assert.equal(dump.height, height * scale);
  const shift = 8 - bits;
  let different = 0;
  for (let y = 0; y < dump.height; y++) {
    for (let x = 0; x < dump.width; x++) {
      const theirs = (y * dump.width + x) * 3;
      const ours = (Math.floor(y / scale) * width + Math.floor(x / scale)) * 4;
      const same = [0, 1, 2].every(
        (component) => (dump.rgb[theirs + component] ?? 0) >> shift === (pixels[ours + component] ?? 0) >> shift,
      );
      if (!same) different++;
    }
  }
  return different;
}

test("pictures of all kinds of modes are QEMU's, dot by dot", { skip, timeout: 2 * GIVE_UP_MS }, async (context) => {
  const directory = mkdtempSync(join(tmpdir(), "bootscope-vga-"));
  try {
    const disk = bootSector(directory);
    const theirs = await qemuPictures(directory, disk, MODES.length);
    const ours = await ownPictures(disk, MODES.length);
    assert.equal(ours.length, MODES.length);
    for (const [index, { name, bits }] of MODES.entries()) {
      await context.test(name, () => {
        const { picture, mode } = ours[index] as OwnPicture;
        assert.equal(mode, name);
        const colours = new Set(new Uint32Array(picture.pixels.buffer));
        assert.ok(colours.size > 1, "something was drawn");
        assert.equal(differences(theirs[index] as Dump, picture, bits), 0, "dots that differ");
      });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
