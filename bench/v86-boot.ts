/** Boots v86 with its serial port on stdout until the marker comes, then says how many instructions it ran. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { V86 } from "v86";
import { CMDLINE, MEMORY_MIB } from "./emulators.ts";

function image(file: string): { buffer: ArrayBuffer } {
  return { buffer: new Uint8Array(readFileSync(file)).buffer };
}

/** `args`: translator or interpreter, kernel, initrd, BIOS, VGA BIOS. */
export function bootV86(args: readonly string[], marker: string): void {
  const [mode, kernel, initrd, bios, vgaBios] = args;
  if (!kernel || !initrd || !bios || !vgaBios)
    throw new Error("v86 takes a mode, a kernel, an initrd and two BIOS files.");
  const emulator = new V86({
    wasm_path: path.join(path.dirname(createRequire(import.meta.url).resolve("v86")), "v86.wasm"),
    bios: image(bios),
    vga_bios: image(vgaBios),
    bzimage: image(kernel),
    initrd: image(initrd),
    cmdline: CMDLINE,
    memory_size: MEMORY_MIB * 2 ** 20,
    disable_jit: mode === "interpreter",
    autostart: true,
  });
  // The emulator's counter has 32 bits: it must be looked at more often than it can come round.
  let count = 0n;
  const look = (): void => {
    count += BigInt.asUintN(32, BigInt(emulator.get_instruction_counter()) - count);
  };
  setInterval(look, 1000);
  let line = "";
  let reached = false;
  emulator.add_listener("serial0-output-byte", (byte) => {
    const text = String.fromCharCode(byte);
    process.stdout.write(text);
    line = text === "\n" ? "" : line + text;
    if (reached || !line.includes(marker)) return;
    reached = true;
    look();
    process.stdout.write(`\n${JSON.stringify({ icount: String(count) })}\n`, () => process.exit(0));
  });
}
