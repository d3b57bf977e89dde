/** Debian's Bochs, set up to boot a disk with its serial port on a named pipe. */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Launch } from "./measure.ts";

/**
 * Boots a disk image; what the guest writes goes into the scratch directory. Of the display libraries
 * that Debian builds only "rfb" (a VNC server that need not have a viewer) works without a terminal or a window. Debian's
 * build has the debugger: it waits at the reset vector until it is told to go on. The guest's clock is that of a
 * processor with 100 million instructions a second, so that idle time and timer interrupts weigh little; Bochs is not
 * held back to real time.
 */
export async function launchBochs(disk: string, memoryMiB: number, scratch: string): Promise<Launch> {
  const settings = path.join(scratch, "bochsrc");
  const commands = path.join(scratch, "commands");
  // Bochs opens the port's file by its name, which Linux does not allow for the sockets that Node gives as stdout.
  const pipe = path.join(scratch, "serial");
  execFileSync("mkfifo", [pipe]);
  await writeFile(
    settings,
    `display_library: rfb, options="timeout=0"
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
megs: ${memoryMiB}
cpu: model=corei7_sandy_bridge_2600k, ips=100000000, reset_on_triple_fault=0
clock: sync=none
boot: disk
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path="${disk}", mode=volatile, journal="${path.join(scratch, "journal")}"
com1: enabled=1, mode=file, dev="${pipe}"
sound: driver=dummy
log: ${path.join(scratch, "log")}
panic: action=fatal
error: action=ignore
info: action=ignore
`,
  );
  await writeFile(commands, "c\n");
  return { command: ["bochs", "-q", "-f", settings, "-rc", commands], counts: false, pipe };
}
