/** The PIIX3's two IDE channels, with the task files of their drives (ATA/ATAPI-6, chapter 7). */
import { hex } from "../../address.ts";
import type { BitField } from "../../flags.ts";
import { counted } from "../tree.ts";
import type { Item } from "../tree.ts";
import { fact, folder, inside, numberIn, part, parts, register, truthIn, yesNo } from "./device-items.ts";
import type { DeviceTree, DeviceView } from "./device-items.ts";

const STATUS: readonly BitField[] = [
  { name: "ERR", bit: 0, meaning: "the command failed" },
  { name: "DRQ", bit: 3, meaning: "data request" },
  { name: "DSC", bit: 4, meaning: "seek complete" },
  { name: "DF", bit: 5, meaning: "device fault" },
  { name: "DRDY", bit: 6, meaning: "ready" },
  { name: "BSY", bit: 7, meaning: "busy" },
];
const ERROR: readonly BitField[] = [
  { name: "ABRT", bit: 2, meaning: "command aborted" },
  { name: "IDNF", bit: 4, meaning: "address not found" },
  { name: "UNC", bit: 6, meaning: "data cannot be read" },
];
const DEVICE: readonly BitField[] = [
  { name: "head", bit: 0, width: 4, meaning: "head, or bits 24 to 27 of the LBA" },
  { name: "DEV", bit: 4, meaning: "drive 1" },
  { name: "LBA", bit: 6, meaning: "LBA, not cylinder, head and sector" },
];
const CONTROL: readonly BitField[] = [
  { name: "nIEN", bit: 1, meaning: "interrupts off" },
  { name: "SRST", bit: 2, meaning: "software reset" },
  { name: "HOB", bit: 7, meaning: "the bytes written before are read" },
];

const COMMANDS: Readonly<Record<number, string>> = {
  0x08: "DEVICE RESET",
  0x20: "READ SECTORS",
  0x24: "READ SECTORS EXT",
  0x25: "READ DMA EXT",
  0x27: "READ NATIVE MAX ADDRESS EXT",
  0x29: "READ MULTIPLE EXT",
  0x30: "WRITE SECTORS",
  0x34: "WRITE SECTORS EXT",
  0x35: "WRITE DMA EXT",
  0x39: "WRITE MULTIPLE EXT",
  0x40: "READ VERIFY SECTORS",
  0x42: "READ VERIFY SECTORS EXT",
  0x90: "EXECUTE DEVICE DIAGNOSTIC",
  0x91: "INITIALIZE DEVICE PARAMETERS",
  0xa0: "PACKET",
  0xa1: "IDENTIFY PACKET DEVICE",
  0xc4: "READ MULTIPLE",
  0xc5: "WRITE MULTIPLE",
  0xc6: "SET MULTIPLE MODE",
  0xc8: "READ DMA",
  0xca: "WRITE DMA",
  0xe0: "STANDBY IMMEDIATE",
  0xe1: "IDLE IMMEDIATE",
  0xe5: "CHECK POWER MODE",
  0xe7: "FLUSH CACHE",
  0xea: "FLUSH CACHE EXT",
  0xec: "IDENTIFY DEVICE",
  0xef: "SET FEATURES",
};

export const IDE: DeviceTree = {
  title: "PIIX3 IDE controller",
  items: (view) =>
    parts(view.state, "channels").map((channel, index) => {
      const name = index === 0 ? "primary" : "secondary";
      const within = inside(view, name);
      const drives = parts(channel, "drives");
      const ports = index === 0 ? "0x01f0 to 0x01f7, 0x03f6" : "0x0170 to 0x0177, 0x0376";
      const attached = `${drives.length === 0 ? "no" : drives.length} drive${drives.length === 1 ? "" : "s"}`;
      return folder(view, fact(name, attached, `ports ${ports}, IRQ${14 + index}`), [
        fact("selected", `drive ${numberIn(channel, "selected")}`, "bit DEV of the device register"),
        register(within, "device control", numberIn(channel, "control"), 2, "device control", CONTROL),
        fact("INTRQ", truthIn(channel, "line") ? "1" : "0", "interrupt line"),
        ...drives.map((drive, position) => driveItem(within, `drive ${position}`, part(drive, "regs"), view)),
        busMasterItem(within, part(channel, "busMaster")),
      ]);
    }),
};

function driveItem(view: DeviceView, name: string, regs: DeviceView["state"], { format }: DeviceView): Item {
  const within = inside(view, name);
  const of = (register_: string): number => numberIn(regs, register_);
  const command = of("command");
  const text = COMMANDS[command] ?? (command === 0 ? "no command yet" : "another command");
  const byte = (title: string, register_: string, type: string): Item => fact(title, hex(of(register_), 2), type);
  return folder(view, fact(name, text, "last command"), [
    register(within, "status", of("status"), 2, "status", STATUS),
    register(within, "error", of("error"), 2, "error", ERROR),
    byte("features", "features", "features"),
    byte("sector count", "count", "sector count; interrupt reason of packets"),
    byte("LBA low", "lbaLow", "sector number"),
    byte("LBA mid", "lbaMid", "cylinder low; byte count low of packets"),
    byte("LBA high", "lbaHigh", "cylinder high; byte count high of packets"),
    register(within, "device", of("device"), 2, "device", DEVICE),
    fact("command", `${hex(command, 2)} ${text}`, "command"),
    fact(
      "data",
      `${counted(of("at"), format)} of ${counted(of("end"), format)} bytes ${truthIn(regs, "toHost") ? "to" : "from"} the host`,
      "buffer of a transfer",
    ),
    yesNo("interrupt", truthIn(regs, "interrupt"), "INTRQ of the drive"),
  ]);
}

const busMasterItem = (view: DeviceView, regs: DeviceView["state"]): Item =>
  folder(view, fact("bus master", numberIn(regs, "status") & 1 ? "active" : "idle"), [
    register(inside(view, "bus master"), "command", numberIn(regs, "command"), 2, "BMICX", [
      { name: "SSBM", bit: 0, meaning: "started" },
      { name: "RWCON", bit: 3, meaning: "direction", values: { 0: "from memory", 1: "into memory" } },
    ]),
    register(inside(view, "bus master"), "status", numberIn(regs, "status"), 2, "BMISX", [
      { name: "active", bit: 0, meaning: "a transfer is under way" },
      { name: "error", bit: 1, meaning: "the transfer failed" },
      { name: "interrupt", bit: 2, meaning: "the drive asked for an interrupt" },
      { name: "drive 0 DMA", bit: 5, meaning: "capable of DMA" },
      { name: "drive 1 DMA", bit: 6, meaning: "capable of DMA" },
    ]),
    {
      ...fact("table", hex(numberIn(regs, "table"), 8), "physical address of the descriptors (BMIDTPX)"),
      memoryReference: `phys:${hex(numberIn(regs, "table"))}`,
    },
  ]);
