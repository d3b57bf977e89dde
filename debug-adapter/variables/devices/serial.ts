/** 16550A serial ports. */
import { Uart } from "../../../emulator/devices/uart.ts";
import { hex } from "../../address.ts";
import type { BitField } from "../../flags.ts";
import { counted } from "../tree.ts";
import { fact, numberIn, register, standing, truthIn } from "./device-items.ts";
import type { DeviceTree } from "./device-items.ts";

const IER: readonly BitField[] = [
  { name: "ERBFI", bit: 0, meaning: "interrupt when data was received" },
  { name: "ETBEI", bit: 1, meaning: "interrupt when the transmitter is empty" },
  { name: "ELSI", bit: 2, meaning: "interrupt on line status" },
  { name: "EDSSI", bit: 3, meaning: "interrupt on modem status" },
];
const CAUSES: Readonly<Record<number, string>> = {
  0: "modem status",
  1: "transmitter empty",
  2: "data received",
  3: "line status",
  6: "character timeout",
};
const LCR: readonly BitField[] = [
  {
    name: "WLS",
    bit: 0,
    width: 2,
    meaning: "data bits",
    values: { 0: "5 bits", 1: "6 bits", 2: "7 bits", 3: "8 bits" },
  },
  { name: "STB", bit: 2, meaning: "two stop bits" },
  { name: "PEN", bit: 3, meaning: "parity" },
  { name: "EPS", bit: 4, meaning: "even parity" },
  { name: "stick parity", bit: 5, meaning: "constant parity bit" },
  { name: "set break", bit: 6, meaning: "the line is held at 0" },
  { name: "DLAB", bit: 7, meaning: "the divisor is at the first two ports" },
];
const MCR: readonly BitField[] = [
  { name: "DTR", bit: 0, meaning: "data terminal ready" },
  { name: "RTS", bit: 1, meaning: "request to send" },
  { name: "OUT1", bit: 2, meaning: "output 1" },
  { name: "OUT2", bit: 3, meaning: "the interrupt reaches its line" },
  { name: "LOOP", bit: 4, meaning: "loopback" },
];
const LSR: readonly BitField[] = [
  { name: "DR", bit: 0, meaning: "data ready" },
  { name: "OE", bit: 1, meaning: "overrun" },
  { name: "PE", bit: 2, meaning: "parity error" },
  { name: "FE", bit: 3, meaning: "framing error" },
  { name: "BI", bit: 4, meaning: "break" },
  { name: "THRE", bit: 5, meaning: "transmitter holding register empty" },
  { name: "TEMT", bit: 6, meaning: "transmitter empty" },
  { name: "FIFO error", bit: 7, meaning: "an error in the FIFO" },
];
const MSR: readonly BitField[] = [
  { name: "DCTS", bit: 0, meaning: "CTS changed" },
  { name: "DDSR", bit: 1, meaning: "DSR changed" },
  { name: "TERI", bit: 2, meaning: "RI ended" },
  { name: "DDCD", bit: 3, meaning: "DCD changed" },
  { name: "CTS", bit: 4, meaning: "clear to send" },
  { name: "DSR", bit: 5, meaning: "data set ready" },
  { name: "RI", bit: 6, meaning: "ring" },
  { name: "DCD", bit: 7, meaning: "carrier" },
];

function frameText(lcr: number): string {
  const parity = lcr & 8 ? (lcr & 0x20 ? (lcr & 0x10 ? "S" : "M") : lcr & 0x10 ? "E" : "O") : "N";
  return `${5 + (lcr & 3)}${parity}${lcr & 4 ? (lcr & 3 ? "2" : "1.5") : "1"}`;
}

export const UART: DeviceTree = {
  title: "16550A serial port",
  items(view) {
    const { state } = view;
    const uart = new Uart("", standing(view.cpu), () => undefined, () => undefined); // prettier-ignore
    uart.restore(state);
    const lcr = numberIn(state, "lcr");
    const divisor = numberIn(state, "divisor");
    const baud = divisor === 0 ? "stopped" : `${Math.round((115200 / divisor) * 100) / 100} baud`;
    // Line status first: reading the cause of the interrupt may end it.
    const status = uart.readPort(5);
    const cause = uart.readPort(2);
    return [
      fact("line", `${baud}, ${frameText(lcr)}`, "speed, data bits, parity and stop bits"),
      fact("divisor", counted(divisor, view.format), "DLM and DLL; 115200 baud divided by it"),
      register(view, "IER", numberIn(state, "ier"), 2, "interrupt enable", IER),
      fact(
        "IIR",
        `${hex(cause, 2)} ${cause & 1 ? "no interrupt" : (CAUSES[(cause >> 1) & 7] ?? "reserved")}`,
        "interrupt identification",
      ),
      register(view, "LCR", lcr, 2, "line control", LCR),
      register(view, "MCR", numberIn(state, "mcr"), 2, "modem control", MCR),
      register(view, "LSR", status, 2, "line status", LSR),
      register(view, "MSR", numberIn(state, "msr"), 2, "modem status", MSR),
      fact("SCR", hex(numberIn(state, "scratch"), 2), "scratch"),
      fact("FIFO", truthIn(state, "fifoOn") ? `on, trigger level ${numberIn(state, "trigger")}` : "off", "FCR"),
      fact("received", `${counted(numberIn(state, "fifoCount"), view.format)} in the FIFO`, "characters that wait"),
    ];
  },
};
