/**
 * Boots v86 with its serial port on stdout until the last of some texts has come, and says at which instruction each did.
 * Arguments: kernel, initrd, BIOS, VGA BIOS, MiB, command line, texts.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { V86 } from "v86";

function image(file: string): { buffer: ArrayBuffer } {
  return { buffer: new Uint8Array(readFileSync(file)).buffer };
}

function boot(args: readonly string[]): void {
  const [kernel, initrd, bios, vgaBios, memoryMiB, cmdline, ...markers] = args;
  if (!kernel || !initrd || !bios || !vgaBios || !memoryMiB || !cmdline || markers.length === 0) {
    throw new Error("Expected: a kernel, an initrd, two BIOS files, MiB of memory, a command line and texts.");
  }
  const emulator = new V86({
    wasm_path: path.join(path.dirname(createRequire(import.meta.url).resolve("v86")), "v86.wasm"),
    bios: image(bios),
    vga_bios: image(vgaBios),
    bzimage: image(kernel),
    initrd: image(initrd),
    cmdline,
    memory_size: Number(memoryMiB) * 2 ** 20,
    autostart: true,
  });
  // The emulator's counter has 32 bits: it must be looked at more often than it can come round.
  let count = 0n;
  const look = (): void => {
    count += BigInt.asUintN(32, BigInt(emulator.get_instruction_counter()) - count);
  };
  setInterval(look, 1000);
  let line = "";
  const missing = new Set(markers);
  emulator.add_listener("serial0-output-byte", (byte) => {
    const text = String.fromCharCode(byte);
    process.stdout.write(text);
    line = text === "\n" ? "" : line + text;
    for (const marker of missing) {
      if (!line.includes(marker)) continue;
      missing.delete(marker);
      look();
      process.stderr.write(`mark "${marker}" at instruction ${count}\n`);
    }
    if (missing.size === 0) process.exit(0);
  });
}

boot(process.argv.slice(2));
