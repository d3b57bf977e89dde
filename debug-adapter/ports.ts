/** Names of the I/O ports of a PC (Intel 82371AB (PIIX4) data sheet; National PC16550D; VGA by IBM's PS/2 reference). */

const NAMES: Readonly<Record<number, string>> = {
  0x20: "PIC 1 command",
  0x21: "PIC 1 mask",
  0x40: "PIT counter 0",
  0x41: "PIT counter 1",
  0x42: "PIT counter 2",
  0x43: "PIT control",
  0x60: "PS/2 data",
  0x61: "system control port B",
  0x64: "PS/2 command and status",
  0x70: "CMOS index",
  0x71: "CMOS data",
  0x72: "extended CMOS index",
  0x73: "extended CMOS data",
  0x80: "POST code",
  0x92: "system control port A: A20, fast reset",
  0xa0: "PIC 2 command",
  0xa1: "PIC 2 mask",
  0xb2: "APM control: SMI",
  0xb3: "APM status",
  0xe9: "debug port",
  0xf0: "x87 busy latch",
  0x1ce: "Bochs VBE index",
  0x1cf: "Bochs VBE data",
  0x3f6: "IDE primary control",
  0x376: "IDE secondary control",
  0x402: "firmware's debug port",
  0x4d0: "PIC 1 edge or level",
  0x4d1: "PIC 2 edge or level",
  0x510: "fw_cfg selector",
  0x511: "fw_cfg data",
  0xcf8: "PCI configuration address",
  0xcf9: "reset control",
};

const UART = [
  "data",
  "interrupt enable",
  "interrupt identity and FIFO control",
  "line control",
  "modem control",
  "line status",
  "modem status",
  "scratch",
];
const IDE = [
  "data",
  "error and features",
  "sector count",
  "LBA low",
  "LBA mid",
  "LBA high",
  "drive and head",
  "status and command",
];
const PARALLEL = ["data", "status", "control"];
const DISKETTE = ["status A", "status B", "digital output", "tape drive", "main status and data rate", "data"];
const VGA: Readonly<Record<number, string>> = {
  0x3b4: "CRTC index (monochrome)",
  0x3b5: "CRTC data (monochrome)",
  0x3ba: "input status 1 (monochrome)",
  0x3c0: "attribute controller",
  0x3c1: "attribute controller data",
  0x3c2: "input status 0 and miscellaneous output",
  0x3c4: "sequencer index",
  0x3c5: "sequencer data",
  0x3c6: "DAC mask",
  0x3c7: "DAC read index and state",
  0x3c8: "DAC write index",
  0x3c9: "DAC data",
  0x3ca: "feature control",
  0x3cc: "miscellaneous output",
  0x3ce: "graphics controller index",
  0x3cf: "graphics controller data",
  0x3d4: "CRTC index",
  0x3d5: "CRTC data",
  0x3da: "input status 1 and feature control",
};

interface Range {
  first: number;
  name: string;
  registers: readonly string[];
}

const RANGES: readonly Range[] = [
  { first: 0x3f8, name: "COM1", registers: UART },
  { first: 0x2f8, name: "COM2", registers: UART },
  { first: 0x3e8, name: "COM3", registers: UART },
  { first: 0x2e8, name: "COM4", registers: UART },
  { first: 0x1f0, name: "IDE primary", registers: IDE },
  { first: 0x170, name: "IDE secondary", registers: IDE },
  { first: 0x378, name: "LPT1", registers: PARALLEL },
  { first: 0x3f0, name: "diskette", registers: DISKETTE },
];

/** "COM1 data", "PIC 1 command"; undefined for ports that are nobody's, or whose place is not fixed. */
export function portName(port: number): string | undefined {
  const name = Object.hasOwn(NAMES, port) ? NAMES[port] : undefined;
  if (name !== undefined) return name;
  if (Object.hasOwn(VGA, port)) return `VGA ${VGA[port] ?? ""}`;
  if (port >= 0xcfc && port <= 0xcff) return "PCI configuration data";
  if (port <= 0x0f || (port >= 0xc0 && port <= 0xdf)) return port <= 0x0f ? "DMA 1" : "DMA 2";
  if (port >= 0x81 && port <= 0x8f) return "DMA page";
  for (const { first, name: device, registers } of RANGES) {
    const register = registers[port - first];
    if (register !== undefined) return `${device} ${register}`;
  }
  return undefined;
}
