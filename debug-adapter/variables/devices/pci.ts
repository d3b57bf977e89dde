/** The PCI bus, function by function, from configuration space (PCI Local Bus specification 3.0, chapter 6). */
import { hex } from "../../address.ts";
import type { BitField } from "../../flags.ts";
import { memoryAt } from "../tree.ts";
import type { Item } from "../tree.ts";
import { bytesIn, fact, folder, inside, numberIn, parts, register, truthIn, yesNo } from "./device-items.ts";
import type { DeviceTree, DeviceView } from "./device-items.ts";

const COMMAND: readonly BitField[] = [
  { name: "I/O", bit: 0, meaning: "answers at its ports" },
  { name: "memory", bit: 1, meaning: "answers in memory" },
  { name: "bus master", bit: 2, meaning: "may master the bus" },
  { name: "parity error response", bit: 6, meaning: "reports parity errors" },
  { name: "SERR#", bit: 8, meaning: "reports system errors" },
  { name: "INTx off", bit: 10, meaning: "raises no interrupt" },
];
const STATUS: readonly BitField[] = [
  { name: "interrupt", bit: 3, meaning: "wants an interrupt" },
  { name: "capabilities", bit: 4, meaning: "has a list of capabilities" },
  { name: "66 MHz", bit: 5, meaning: "capable of 66 MHz" },
  { name: "fast back-to-back", bit: 7, meaning: "capable of it" },
  { name: "DEVSEL", bit: 9, width: 2, meaning: "timing", values: { 0: "fast", 1: "medium", 2: "slow" } },
];
const CLASSES: Readonly<Record<number, string>> = {
  0x0100: "SCSI controller",
  0x0101: "IDE controller",
  0x0180: "mass storage controller",
  0x0200: "Ethernet controller",
  0x0300: "VGA controller",
  0x0600: "host bridge",
  0x0601: "ISA bridge",
  0x0680: "bridge",
  0x0780: "communication controller",
};
const CAPABILITIES: Readonly<Record<number, string>> = {
  1: "power management",
  5: "MSI",
  9: "vendor specific",
  0x11: "MSI-X",
};
/** Capabilities that a configuration space has room for. */
const MAX_CAPABILITIES = 48;

/** "00:01.1", as lspci has it. */
const placeOf = (devfn: number): string => `00:${(devfn >> 3).toString(16).padStart(2, "0")}.${devfn & 7}`;

export const PCI: DeviceTree = {
  title: "PCI bus 0",
  items(view) {
    const address = numberIn(view.state, "address");
    return [
      register(view, "CONFIG_ADDRESS", address, 8, "port 0xcf8", [
        { name: "register", bit: 0, width: 8, meaning: "offset in configuration space" },
        { name: "function", bit: 8, width: 3, meaning: "function" },
        { name: "device", bit: 11, width: 5, meaning: "device" },
        { name: "bus", bit: 16, width: 8, meaning: "bus" },
        { name: "enable", bit: 31, meaning: "port 0xcfc reaches configuration space" },
      ]),
      ...parts(view.state, "functions").map((one) =>
        functionItem(view, numberIn(one, "devfn"), bytesIn(one, "config"), truthIn(one, "wanted")),
      ),
    ];
  },
};

function functionItem(view: DeviceView, devfn: number, config: Uint8Array, wanted: boolean): Item {
  const data = new DataView(config.buffer, config.byteOffset, config.byteLength);
  const word = (offset: number): number => data.getUint16(offset, true);
  const place = placeOf(devfn);
  const within = inside(view, place);
  const ids = `${hex(word(0), 4).slice(2)}:${hex(word(2), 4).slice(2)}`;
  const kind = CLASSES[word(0x0a)] ?? `class ${hex(word(0x0a), 4)}`;
  const pin = config[0x3d] ?? 0;
  return folder(view, fact(place, `${ids} ${kind}`, `device ${devfn >> 3}, function ${devfn & 7}`), [
    fact("vendor ID", hex(word(0), 4)),
    fact("device ID", hex(word(2), 4)),
    register(within, "command", word(4), 4, "command", COMMAND),
    register(within, "status", word(6), 4, "status", STATUS),
    fact("revision", hex(config[8] ?? 0, 2)),
    fact("class", `${hex(data.getUint32(8, true) >>> 8, 6)} ${kind}`, "base class, subclass, interface"),
    fact("header type", hex(config[0x0e] ?? 0, 2), (config[0x0e] ?? 0) & 0x80 ? "several functions" : "one function"),
    ...[0, 1, 2, 3, 4, 5].flatMap((bar) => barItem(bar, data.getUint32(0x10 + bar * 4, true))),
    fact("subsystem", `${hex(word(0x2c), 4).slice(2)}:${hex(word(0x2e), 4).slice(2)}`),
    fact("expansion ROM", hex(data.getUint32(0x30, true), 8), word(0x30) & 1 ? "enabled" : "off"),
    fact("interrupt line", hex(config[0x3c] ?? 0, 2), "where software keeps its IRQ"),
    fact("interrupt pin", pin === 0 ? "none" : `INT${"ABCD".charAt(pin - 1)}#`),
    yesNo("interrupt wanted", wanted),
    ...capabilityItems(config, word(6)),
  ]);
}

function barItem(index: number, value: number): Item[] {
  if (value === 0) return [];
  const name = `BAR${index}`;
  if (value & 1) return [fact(name, `${hex(value, 8)} ports from ${hex((value & ~3) >>> 0, 4)}`, "I/O")];
  const base = (value & ~15) >>> 0;
  const type = value & 8 ? "memory, prefetchable" : "memory";
  return [
    { ...fact(name, `${hex(value, 8)} phys:${hex(base)}`, type), memoryReference: memoryAt("phys", BigInt(base)) },
  ];
}

/** The list may lead anywhere, in a circle too. */
function capabilityItems(config: Uint8Array, status: number): Item[] {
  const items: Item[] = [];
  let at = status & 0x10 ? (config[0x34] ?? 0) & 0xfc : 0;
  for (let n = 0; n < MAX_CAPABILITIES && at >= 0x40; n++) {
    const id = config[at] ?? 0;
    items.push(
      fact(`capability ${hex(at, 2)}`, `${hex(id, 2)} ${CAPABILITIES[id] ?? "other"}`, "in configuration space"),
    );
    at = (config[at + 1] ?? 0) & 0xfc;
  }
  return items;
}
