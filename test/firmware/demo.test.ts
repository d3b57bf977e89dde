/** The demo and the beginner's boot sectors: on our machine with the built-in BIOS, on QEMU with SeaBIOS and with ours. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { screenText } from "../../emulator/display/screen-text.ts";
import { readSourceLines } from "../../boot-formats/source-lines.ts";
import { builtinFirmware, demoDisk } from "../../emulator/firmware/images.ts";
import { Machine } from "../../emulator/machine/machine.ts";
import { seabios } from "../../scripts/guests/firmware.ts";
import { assemble, BUILTIN_BIOS, missing, noQemu, root, runOnMachine, runOnQemu } from "./harness.ts";

const COMMANDS = ["help", "regs", "ticks", "nonsense", "crash", "poweroff"];
const PROMPT = "\r\n> ";

/** Types the next command whenever init asks for one. */
function typist(): (output: string) => string | undefined {
  let sent = 0;
  return (output) => {
    // init asks once when it starts, then behind each command, the crash included.
    if (!output.endsWith(PROMPT) || sent >= COMMANDS.length) return undefined;
    return output.split(PROMPT).length - 1 > sent ? `${COMMANDS[sent++]}\r` : undefined;
  };
}

/** What of the output depends on the speed of the machine. */
const masked = (output: string): string => output.replace(/(ticks\r\n)\d+/, "$1TICKS");

test("the demo answers on the serial console, everywhere the same", { skip: noQemu }, async () => {
  const image = await demoDisk();
  const disk = new Uint8Array(image.bytes);
  image.read(0, disk);
  const type = typist();
  const ours = await runOnMachine({
    disk,
    answer: (output, machine) => {
      const text = type(output);
      if (text !== undefined) machine.serialInput(0, new TextEncoder().encode(text));
    },
  });
  assert.deepEqual(ours.result, { reason: "poweroff" }, ours.output);
  assert.match(ours.output, /help {6}this text/);
  assert.match(ours.output, /Exception 0{15}6\r\n/);
  assert.match(ours.output, /There is no such command/);
  assert.deepEqual(
    ours.machine.phases.map(({ name }) => name),
    ["bios", "bootloader", "kernel", "init"],
  );
  assert.ok(screenText(ours.machine.screen()).includes("> poweroff"));
  for (const bios of [undefined, BUILTIN_BIOS]) {
    const typeThere = typist();
    const there = await runOnQemu({
      disk,
      ...(bios === undefined ? {} : { bios }),
      answer: (output) => {
        const serial = typeThere(output);
        return serial === undefined ? undefined : { serial };
      },
    });
    assert.equal(masked(there), masked(ours.output));
  }
});

for (const [source, tool] of [
  ["examples/boot-sector/boot.s", "as"],
  ["examples/boot-sector/boot.asm", "nasm"],
] as const) {
  test(`${source} prints from real and from protected mode`, { skip: missing(tool, "ld") }, async () => {
    const disk = assemble(source);
    assert.equal(disk.length, 1024);
    for (const firmware of [undefined, await seabios()]) {
      const { machine, result } = await runOnMachine({ disk, ...(firmware ? { firmware } : {}) });
      assert.deepEqual(result, { reason: "halted", wakeable: false });
      const lines = screenText(machine.screen());
      assert.ok(lines.includes("Hello from the boot sector"), lines.join("\n"));
      assert.ok(lines.includes("Hello from the second sector"));
      assert.equal(lines[24], " Hello from protected mode");
      assert.equal(machine.cpu().mode, "protected32");
      const origin = machine.origins(0x7e00n, 16)[0]!;
      assert.equal(origin.lba + Number(0x7e00n - origin.physical) / 512, 1);
    }
  });
}

test("each instruction from the reset vector on has its source line", async () => {
  const folder = path.join(root, "dist/firmware");
  const modules = readSourceLines(await readFile(path.join(folder, "lines.json"), "utf8"), (file) => file);
  const machine = await Machine.create(
    {
      memoryMiB: 64,
      firmware: await builtinFirmware(),
      drives: [{ image: await demoDisk(), kind: "disk", bus: "ide", name: "demo" }],
    },
    { output: () => undefined, phase: () => undefined },
  );
  const seen = new Set<string>();
  for (const start of ["bios", "bootloader", "kernel", "init"] as const) {
    if (start !== "bios") {
      machine.stopAtPhases([start]);
      while (machine.run(10_000_000).reason === "budget");
    }
    // The BIOS first copies itself, which alone takes 16384 steps.
    for (let steps = start === "bios" ? 20_000 : 3000; steps > 0; steps--) {
      const { rip, segments, mode } = machine.cpu();
      const physical = Number(mode === "long" ? rip : segments.cs.base + rip);
      const bytes = machine.readPhysical(BigInt(physical), 3);
      const module = modules.find(
        (one) => bytes?.every((byte, index) => byte === one.bytesAt(physical, 3)?.[index]) && one.lineAt(physical),
      );
      assert.ok(module, `no line at ${physical.toString(16)} in phase ${start}, ${steps} steps left`);
      const line = module.lineAt(physical)!;
      assert.ok(module.addressesOf(line.path, line.line).length > 0);
      seen.add(line.path);
      machine.step();
    }
  }
  for (const file of ["bios/reset.s", "bios/post.s", "bios/video.s", "demo/boot.s", "demo/kernel.s", "demo/init.s"]) {
    assert.ok(seen.has(file), [...seen].join(" "));
    assert.ok((await readFile(path.join(folder, "src", file), "utf8")).length > 0);
  }
});
