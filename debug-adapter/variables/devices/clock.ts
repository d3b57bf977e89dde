/** The MC146818A clock and its CMOS RAM. */
import { Rtc } from "../../../emulator/devices/rtc.ts";
import { hex } from "../../address.ts";
import type { BitField } from "../../flags.ts";
import { bytesIn, fact, folder, register, standing, yesNo } from "./device-items.ts";
import type { DeviceTree } from "./device-items.ts";

const A: readonly BitField[] = [
  { name: "RS", bit: 0, width: 4, meaning: "rate of the periodic interrupt" },
  { name: "DV", bit: 4, width: 3, meaning: "divider", values: { 2: "32768 Hz", 6: "reset", 7: "reset" } },
  { name: "UIP", bit: 7, meaning: "an update is about to happen" },
];
const B: readonly BitField[] = [
  { name: "DSE", bit: 0, meaning: "daylight saving" },
  { name: "24/12", bit: 1, meaning: "24 hours" },
  { name: "DM", bit: 2, meaning: "binary, not BCD" },
  { name: "SQWE", bit: 3, meaning: "square wave" },
  { name: "UIE", bit: 4, meaning: "interrupt at updates" },
  { name: "AIE", bit: 5, meaning: "interrupt at the alarm" },
  { name: "PIE", bit: 6, meaning: "periodic interrupt" },
  { name: "SET", bit: 7, meaning: "the clock stands to be set" },
];
const C: readonly BitField[] = [
  { name: "UF", bit: 4, meaning: "an update happened" },
  { name: "AF", bit: 5, meaning: "the alarm went off" },
  { name: "PF", bit: 6, meaning: "a period ended" },
  { name: "IRQF", bit: 7, meaning: "interrupt requested" },
];
const D: readonly BitField[] = [{ name: "VRT", bit: 7, meaning: "the battery is good" }];

/** What firmware and DOS keep where (Ralf Brown's CMOS list). */
const NAMES: Readonly<Record<number, string>> = {
  0x00: "seconds",
  0x01: "alarm seconds",
  0x02: "minutes",
  0x03: "alarm minutes",
  0x04: "hours",
  0x05: "alarm hours",
  0x06: "day of the week",
  0x07: "day of the month",
  0x08: "month",
  0x09: "year",
  0x0a: "register A",
  0x0b: "register B",
  0x0c: "register C",
  0x0d: "register D",
  0x0e: "diagnostic status",
  0x0f: "shutdown code",
  0x10: "floppy drives",
  0x12: "hard disks",
  0x14: "equipment",
  0x15: "base memory in KiB, low byte",
  0x16: "base memory in KiB, high byte",
  0x17: "extended memory in KiB, low byte",
  0x18: "extended memory in KiB, high byte",
  0x30: "memory from 1 MiB on in KiB, low byte",
  0x31: "memory from 1 MiB on in KiB, high byte",
  0x32: "century",
  0x34: "memory from 16 MiB on in 64 KiB, low byte",
  0x35: "memory from 16 MiB on in 64 KiB, high byte",
  0x38: "boot order (3rd) and options",
  0x3d: "boot order (1st and 2nd)",
  0x5b: "memory from 4 GiB on in 64 KiB, low byte",
  0x5c: "memory from 4 GiB on in 64 KiB, middle byte",
  0x5d: "memory from 4 GiB on in 64 KiB, high byte",
};

export const RTC: DeviceTree = {
  title: "MC146818A clock and CMOS RAM",
  items(view) {
    const clock = new Rtc(
      standing(view.cpu),
      () => undefined,
      () => undefined,
      0,
      { lowBytes: 0, highBytes: 0 },
    );
    clock.restore(view.state);
    const read = (index: number): number => {
      clock.writePort(0x70, 1, index);
      return clock.readPort(0x71);
    };
    // Register C first: reading it changes it.
    const flags = read(0x0c);
    const cells = Array.from({ length: bytesIn(view.state, "cmos").length }, (_, index) =>
      index === 0x0c ? flags : read(index),
    );
    const at = (index: number): number => cells[index] ?? 0;
    const decode = (value: number): number => (at(0x0b) & 4 ? value : (value >> 4) * 10 + (value & 15));
    const two = (value: number): string => `${value}`.padStart(2, "0");
    const hour = at(0x0b) & 2 ? decode(at(4)) : (decode(at(4) & 0x7f) % 12) + (at(4) & 0x80 ? 12 : 0);
    const century = (at(0x32) >> 4) * 10 + (at(0x32) & 15);
    const date = `${two(century)}${two(decode(at(9)))}-${two(decode(at(8)))}-${two(decode(at(7)))}`;
    const alarm = [5, 3, 1].map((index) => (at(index) >= 0xc0 ? "any" : two(decode(at(index) & 0x7f)))).join(":");
    return [
      fact("time", `${date} ${two(hour)}:${two(decode(at(2)))}:${two(decode(at(0)))}`, "what the clock shows"),
      fact("alarm", alarm, "hour, minute, second"),
      register(view, "register A", at(0x0a), 2, "rate and divider", A),
      register(view, "register B", at(0x0b), 2, "format and interrupts", B),
      register(view, "register C", flags, 2, "interrupt flags", C),
      register(view, "register D", at(0x0d), 2, "battery", D),
      fact("index", hex(Number(view.state["index"]), 2), "register that port 0x71 shows"),
      yesNo("NMI masked", clock.nmiMasked, "bit 7 of port 0x70"),
      folder(
        view,
        fact("CMOS", `${cells.length} bytes`),
        cells.map((value, index) => fact(hex(index, 2), hex(value, 2), NAMES[index] ?? "CMOS RAM")),
      ),
    ];
  },
};
