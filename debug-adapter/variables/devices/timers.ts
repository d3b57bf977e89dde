/** Timers: the 8254, the HPET, and the power-management timer with its events. */
import { AcpiPm } from "../../../emulator/devices/acpi-pm.ts";
import { Hpet } from "../../../emulator/devices/hpet.ts";
import { Pit } from "../../../emulator/devices/pit.ts";
import { hex } from "../../address.ts";
import type { BitField } from "../../flags.ts";
import { counted } from "../tree.ts";
import { fact, folder, inside, numberIn, parts, register, standing, truthIn } from "./device-items.ts";
import type { DeviceTree, DeviceView } from "./device-items.ts";

const MODES = [
  "interrupt on terminal count",
  "hardware retriggerable one-shot",
  "rate generator",
  "square wave",
  "software triggered strobe",
  "hardware triggered strobe",
] as const;
const FORMATS = ["counter latch", "low byte", "high byte", "low byte, then high byte"] as const;
const CHANNEL_USES = ["IRQ0", "memory refresh", "speaker"] as const;

const CONTROL_61: readonly BitField[] = [
  { name: "timer 2 gate", bit: 0, meaning: "counter 2 counts" },
  { name: "speaker data", bit: 1, meaning: "the speaker is connected" },
  { name: "SERR# NMI off", bit: 2, meaning: "PCI parity errors raise no NMI" },
  { name: "IOCHK# NMI off", bit: 3, meaning: "ISA errors raise no NMI" },
  { name: "refresh toggle", bit: 4, meaning: "changes with each memory refresh" },
  { name: "timer 2 output", bit: 5, meaning: "output of counter 2" },
];

const STATUS: readonly BitField[] = [
  { name: "BCD", bit: 0, meaning: "counts in decimal" },
  { name: "mode", bit: 1, width: 3, meaning: "mode", values: { ...MODES } },
  { name: "format", bit: 4, width: 2, meaning: "read/write format", values: { ...FORMATS } },
  { name: "NULL COUNT", bit: 6, meaning: "the count written last is not in use yet" },
  { name: "OUT", bit: 7, meaning: "level of the output" },
];

/** A counter, latched and read by a pit of our own as the guest would do it. */
function latched(view: DeviceView, channel: number): { status: number; count: number } {
  const pit = new Pit(standing(view.cpu), () => undefined);
  const states = parts(view.state, "channels").map((one) => ({ ...one, latch: -1, status: -1, readsHigh: false }));
  pit.restore({ ...view.state, channels: states });
  const format = numberIn(states[channel] ?? {}, "format");
  pit.writePort(0x43, 1, 0xc0 | (2 << channel));
  const status = pit.readPort(0x40 + channel);
  const first = pit.readPort(0x40 + channel);
  const count = format === 3 ? first | (pit.readPort(0x40 + channel) << 8) : format === 2 ? first << 8 : first;
  return { status, count };
}

export const PIT: DeviceTree = {
  title: "8254 interval timer",
  items(view) {
    const pit = new Pit(standing(view.cpu), () => undefined);
    pit.restore(view.state);
    return [
      ...parts(view.state, "channels").map((state, channel) => {
        const name = `counter ${channel}`;
        const within = inside(view, name);
        const { status, count } = latched(view, channel);
        const mode = numberIn(state, "mode");
        const reload = numberIn(state, "reload");
        const title = reload === 0 ? "no count written" : `mode ${mode}, ${MODES[mode] ?? ""}, every ${reload} ticks`;
        return folder(view, fact(name, title, CHANNEL_USES[channel]), [
          fact("count", counted(count, view.format), "what the counter holds (ticks of 1.193182 MHz)"),
          fact("reload", reload === 0 ? "none" : counted(reload, view.format), "count register"),
          register(within, "status", status, 2, "as the read-back command gives it", STATUS),
          fact("gate", truthIn(state, "gate") ? "1" : "0", "input"),
        ]);
      }),
      register(view, "port 0x61", pit.readPort(0x61), 2, "NMI status and control", CONTROL_61),
    ];
  },
};

const HPET_CONFIG: readonly BitField[] = [
  { name: "ENABLE_CNF", bit: 0, meaning: "the counter runs" },
  { name: "LEG_RT_CNF", bit: 1, meaning: "timers 0 and 1 are IRQ0 and IRQ8" },
];
const HPET_TIMER: readonly BitField[] = [
  { name: "INT_TYPE_CNF", bit: 1, meaning: "trigger", values: { 0: "edge", 1: "level" } },
  { name: "INT_ENB_CNF", bit: 2, meaning: "interrupts enabled" },
  { name: "TYPE_CNF", bit: 3, meaning: "periodic" },
  { name: "PER_INT_CAP", bit: 4, meaning: "can be periodic" },
  { name: "SIZE_CAP", bit: 5, meaning: "64 bits" },
  { name: "VAL_SET_CNF", bit: 6, meaning: "the accumulator may be set" },
  { name: "32MODE_CNF", bit: 8, meaning: "used with 32 bits" },
  { name: "INT_ROUTE_CNF", bit: 9, width: 5, meaning: "input of the I/O APIC" },
];

export const HPET: DeviceTree = {
  title: "high precision event timer at phys:0xfed00000",
  items(view) {
    const hpet = new Hpet(standing(view.cpu), {
      legacyChanged: () => undefined,
      isaIrq: () => undefined,
      ioApicPin: () => undefined,
    });
    hpet.restore(view.state);
    const wide = (offset: number): bigint =>
      BigInt(hpet.readMmio(offset, 4)) | (BigInt(hpet.readMmio(offset + 4, 4)) << 32n);
    return [
      register(view, "capabilities", wide(0), 16, "general capabilities and id", [
        { name: "REV_ID", bit: 0, width: 8, meaning: "revision" },
        { name: "NUM_TIM_CAP", bit: 8, width: 5, meaning: "number of the last timer" },
        { name: "COUNT_SIZE_CAP", bit: 13, meaning: "64-bit counter" },
        { name: "LEG_RT_CAP", bit: 15, meaning: "can replace PIT and RTC" },
        { name: "VENDOR_ID", bit: 16, width: 16, meaning: "vendor" },
        { name: "COUNTER_CLK_PERIOD", bit: 32, width: 32, meaning: "femtoseconds of a tick" },
      ]),
      register(view, "configuration", hpet.readMmio(0x10, 4), 16, "general configuration", HPET_CONFIG),
      fact("interrupt status", hex(hpet.readMmio(0x20, 4), 8), "one bit a timer"),
      fact("main counter", counted(wide(0xf0), view.format), "ticks of 10 ns"),
      ...[0, 1, 2].map((index) => {
        const name = `timer ${index}`;
        const within = inside(view, name);
        const at = 0x100 + index * 0x20;
        const config = hpet.readMmio(at, 4);
        const title = config & 4 ? `${config & 8 ? "periodic" : "one-shot"}, interrupts on` : "interrupts off";
        return folder(view, fact(name, title), [
          register(within, "configuration", config, 8, "configuration and capabilities", HPET_TIMER),
          fact("comparator", counted(wide(at + 8), view.format), "counter at which it fires"),
        ]);
      }),
    ];
  },
};

const PM1_STATUS: readonly BitField[] = [
  { name: "TMR", bit: 0, meaning: "the timer's upper bit changed" },
  { name: "BM", bit: 4, meaning: "bus master" },
  { name: "GBL", bit: 5, meaning: "global lock" },
  { name: "PWRBTN", bit: 8, meaning: "power button" },
  { name: "SLPBTN", bit: 9, meaning: "sleep button" },
  { name: "RTC", bit: 10, meaning: "alarm of the clock" },
  { name: "WAK", bit: 15, meaning: "woken" },
];

export const ACPI_PM: DeviceTree = {
  title: "PIIX4 power management",
  items(view) {
    const pm = new AcpiPm(
      standing(view.cpu),
      () => undefined,
      () => undefined,
    );
    pm.restore(view.state);
    const events = pm.pm1.readPort(0, 4);
    const gpe = pm.gpe.readPort(0, 4);
    return [
      register(view, "PM1_STS", events & 0xffff, 4, "events that happened", PM1_STATUS),
      register(view, "PM1_EN", events >>> 16, 4, "events that raise the SCI", PM1_STATUS),
      register(view, "PM1_CNT", pm.pm1.readPort(4, 2), 4, "control", [
        { name: "SCI_EN", bit: 0, meaning: "ACPI mode" },
        { name: "BM_RLD", bit: 1, meaning: "bus masters wake the processor" },
        { name: "SLP_TYP", bit: 10, width: 3, meaning: "sleep type" },
        { name: "SLP_EN", bit: 13, meaning: "go to sleep" },
      ]),
      fact("PM_TMR", counted(pm.pm1.readPort(8, 4), view.format), "24 bits, ticks of 3.579545 MHz"),
      fact("GPE0_STS", hex(gpe & 0xffff, 4), "general-purpose events"),
      fact("GPE0_EN", hex(gpe >>> 16, 4), "general-purpose events that raise the SCI"),
    ];
  },
};
