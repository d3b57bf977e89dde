/** Interrupt controllers: the two 8259As, the I/O APIC and the local APIC. */
import { LocalApic } from "../../../emulator/devices/local-apic.ts";
import { PicPair } from "../../../emulator/devices/pic.ts";
import { hex } from "../../address.ts";
import type { BitField } from "../../flags.ts";
import { fieldValue } from "../../flags.ts";
import { counted } from "../tree.ts";
import type { Item } from "../tree.ts";
import {
  IRQ_USES,
  fact,
  folder,
  inside,
  lines,
  numberIn,
  parts,
  register,
  standing,
  truthIn,
  yesNo,
} from "./device-items.ts";
import type { DeviceTree, DeviceView } from "./device-items.ts";

const INITIALISATION = ["", "ICW1 (not initialised yet)", "ICW2", "ICW3", "ICW4"] as const;

export const PIC: DeviceTree = {
  title: "two 8259A interrupt controllers",
  items(view) {
    const pair = new PicPair(() => undefined);
    pair.restore(view.state);
    return [
      ...parts(view.state, "chips").map((chip, index) => {
        const name = index === 0 ? "master" : "slave";
        const within = inside(view, name);
        const irqs = IRQ_USES.slice(index * 8, index * 8 + 8).map((_, n) => `IRQ${index * 8 + n}`);
        const base = numberIn(chip, "vectorBase");
        const awaits = INITIALISATION[numberIn(chip, "awaits")] ?? "";
        return folder(view, fact(name, `vectors ${hex(base, 2)} to ${hex(base + 7, 2)}`), [
          lines(within, "IRR", numberIn(chip, "irr"), "interrupt request register", irqs),
          lines(within, "ISR", numberIn(chip, "isr"), "in-service register", irqs),
          lines(within, "IMR", numberIn(chip, "imr"), "interrupt mask register", irqs),
          lines(within, "ELCR", numberIn(chip, "elcr"), "level-triggered inputs", irqs),
          lines(within, "inputs", numberIn(chip, "lines"), "levels of the inputs", irqs),
          fact("vector base", hex(base, 2), "ICW2"),
          fact("lowest priority", `IRQ${index * 8 + numberIn(chip, "lowest")}`),
          yesNo("automatic EOI", truthIn(chip, "autoEoi"), "AEOI of ICW4"),
          yesNo("special fully nested", truthIn(chip, "fullyNested"), "SFNM of ICW4"),
          yesNo("special mask mode", truthIn(chip, "specialMask"), "OCW3"),
          fact("read register", truthIn(chip, "readsIsr") ? "ISR" : "IRR", "what OCW3 chose"),
          fact("waits for", awaits === "" ? "nothing" : awaits, "next initialisation word"),
        ]);
      }),
      fact("INTR", pair.pending ? "1" : "0", "output to the processor"),
    ];
  },
};

const DELIVERY = { 0: "fixed", 1: "lowest priority", 2: "SMI", 4: "NMI", 5: "INIT", 6: "start-up", 7: "ExtINT" };

const REDIRECTION: readonly BitField[] = [
  { name: "vector", bit: 0, width: 8, meaning: "interrupt vector" },
  { name: "DELMOD", bit: 8, width: 3, meaning: "delivery mode", values: DELIVERY },
  { name: "DESTMOD", bit: 11, meaning: "destination mode", values: { 0: "physical", 1: "logical" } },
  { name: "DELIVS", bit: 12, meaning: "delivery status", values: { 0: "idle", 1: "pending" } },
  { name: "INTPOL", bit: 13, meaning: "polarity", values: { 0: "active high", 1: "active low" } },
  { name: "Remote IRR", bit: 14, meaning: "accepted, not yet at its end (level)" },
  { name: "trigger mode", bit: 15, meaning: "trigger mode", values: { 0: "edge", 1: "level" } },
  { name: "mask", bit: 16, meaning: "interrupts held back", values: { 0: "open", 1: "masked" } },
  { name: "destination", bit: 56, width: 8, meaning: "APIC id, or set of logical ids" },
];

function redirectionText(entry: bigint): string {
  const of = (name: string): number => {
    const field = REDIRECTION.find((one) => one.name === name);
    return field === undefined ? 0 : Number(fieldValue(entry, field));
  };
  const mode = DELIVERY[of("DELMOD") as keyof typeof DELIVERY];
  const where = `${of("DESTMOD") ? "logical" : "physical"} ${hex(of("destination"), 2)}`;
  const how = `${of("trigger mode") ? "level" : "edge"}, active ${of("INTPOL") ? "low" : "high"}`;
  const state = `${of("mask") ? ", masked" : ""}${of("Remote IRR") ? ", in service" : ""}`;
  return `${hex(entry, 16)} vector ${hex(of("vector"), 2)}, ${mode}, to ${where}, ${how}${state}`;
}

export const IO_APIC: DeviceTree = {
  title: "82093AA I/O APIC at phys:0xfec00000",
  items(view) {
    const { state } = view;
    const [low, high] = [state["low"] as number[], state["high"] as number[]];
    const id = numberIn(state, "id");
    const levels = numberIn(state, "lines");
    return [
      register(view, "IOAPICID", id, 8, "identification", [{ name: "ID", bit: 24, width: 4, meaning: "APIC id" }]),
      register(view, "IOAPICVER", 0x11 | ((low.length - 1) << 16), 8, "version", [
        { name: "version", bit: 0, width: 8, meaning: "implementation" },
        { name: "maximum entry", bit: 16, width: 8, meaning: "number of the last redirection entry" },
      ]),
      fact("IOREGSEL", hex(numberIn(state, "select"), 2), "register that the window shows"),
      ...low.map((word, pin) => {
        const entry = BigInt(word >>> 0) | (BigInt((high[pin] ?? 0) >>> 0) << 32n);
        const fields = register(view, `IOREDTBL${pin}`, entry, 16, pinUse(pin), REDIRECTION);
        const asserted = (levels >>> pin) & 1 ? ", asserted" : "";
        return { ...fields, value: redirectionText(entry) + asserted };
      }),
    ];
  },
};

/** ISA interrupts keep their numbers but the timer, which is at pin 2 (docs/devices.md). */
const pinUse = (pin: number): string =>
  pin === 2
    ? "timer (IRQ0)"
    : pin === 0
      ? "not connected"
      : pin < 16
        ? `IRQ${pin}, ${IRQ_USES[pin] ?? ""}`
        : "PCI, HPET";

const LVT_STATE: readonly BitField[] = [
  { name: "vector", bit: 0, width: 8, meaning: "interrupt vector" },
  { name: "delivery status", bit: 12, meaning: "delivery status", values: { 0: "idle", 1: "pending" } },
  { name: "mask", bit: 16, meaning: "interrupts held back", values: { 0: "open", 1: "masked" } },
];
const LVT_MODE: BitField = { name: "delivery mode", bit: 8, width: 3, meaning: "delivery mode", values: DELIVERY };
const LVT_PIN: readonly BitField[] = [
  { name: "polarity", bit: 13, meaning: "polarity", values: { 0: "active high", 1: "active low" } },
  { name: "remote IRR", bit: 14, meaning: "accepted, not yet at its end (level)" },
  { name: "trigger mode", bit: 15, meaning: "trigger mode", values: { 0: "edge", 1: "level" } },
];
const LVT_TIMER: BitField = {
  name: "timer mode",
  bit: 17,
  width: 2,
  meaning: "timer mode",
  values: { 0: "one-shot", 1: "periodic", 2: "TSC deadline" },
};

/** Offset, name and fields of the local vector table (SDM vol. 3, 11.5.1). */
const LVT: readonly (readonly [offset: number, name: string, fields: readonly BitField[]])[] = [
  [0x320, "LVT timer", [...LVT_STATE, LVT_TIMER]],
  [0x330, "LVT thermal", [...LVT_STATE, LVT_MODE]],
  [0x340, "LVT performance", [...LVT_STATE, LVT_MODE]],
  [0x350, "LVT LINT0", [...LVT_STATE, LVT_MODE, ...LVT_PIN]],
  [0x360, "LVT LINT1", [...LVT_STATE, LVT_MODE, ...LVT_PIN]],
  [0x370, "LVT error", LVT_STATE],
];

const ICR: readonly BitField[] = [
  { name: "vector", bit: 0, width: 8, meaning: "interrupt vector" },
  LVT_MODE,
  { name: "destination mode", bit: 11, meaning: "destination mode", values: { 0: "physical", 1: "logical" } },
  { name: "level", bit: 14, meaning: "level", values: { 0: "de-assert", 1: "assert" } },
  { name: "trigger mode", bit: 15, meaning: "trigger mode", values: { 0: "edge", 1: "level" } },
  {
    name: "shorthand",
    bit: 18,
    width: 2,
    meaning: "destination shorthand",
    values: { 0: "none", 1: "self", 2: "all", 3: "all but self" },
  },
  { name: "destination", bit: 56, width: 8, meaning: "APIC id, or set of logical ids" },
];

const ESR: readonly BitField[] = [
  { name: "send accept error", bit: 2, meaning: "nobody accepted the message" },
  { name: "receive accept error", bit: 3, meaning: "a message was not accepted" },
  { name: "send illegal vector", bit: 5, meaning: "vector below 16 sent" },
  { name: "receive illegal vector", bit: 6, meaning: "vector below 16 received" },
  { name: "illegal register address", bit: 7, meaning: "no register lies there" },
];

export const LOCAL_APIC: DeviceTree = {
  title: "local APIC",
  items(view) {
    const apic = new LocalApic(standing(view.cpu), {
      changed: () => undefined,
      broadcastEoi: () => undefined,
      raiseNmi: () => undefined,
      init: () => undefined,
    });
    apic.restore(view.state);
    const read = (offset: number): number => apic.readMmio(offset, 4);
    const priority = (name: string, offset: number, type: string): Item => fact(name, hex(read(offset), 2), type);
    return [
      fact("base", hex(apic.base), apic.enabled ? "physical address, enabled" : "physical address, disabled"),
      register(view, "ID", read(0x20), 8, "identification", [{ name: "id", bit: 24, width: 8, meaning: "APIC id" }]),
      fact("version", hex(read(0x30), 8), "6 entries in the local vector table"),
      priority("TPR", 0x80, "task priority"),
      priority("PPR", 0xa0, "processor priority"),
      register(view, "LDR", read(0xd0), 8, "logical destination", [
        { name: "logical id", bit: 24, width: 8, meaning: "logical APIC id" },
      ]),
      fact("DFR", `${hex(read(0xe0), 8)} ${read(0xe0) >>> 28 === 15 ? "flat" : "cluster"}`, "destination format"),
      register(view, "SVR", read(0xf0), 8, "spurious interrupt vector", [
        { name: "vector", bit: 0, width: 8, meaning: "spurious vector" },
        { name: "APIC enabled", bit: 8, meaning: "enabled by software" },
        { name: "focus checking off", bit: 9, meaning: "focus processor checking" },
      ]),
      vectors(view, "ISR", (n) => read(0x100 + n * 16), "in service"),
      vectors(view, "TMR", (n) => read(0x180 + n * 16), "accepted as level-triggered"),
      vectors(view, "IRR", (n) => read(0x200 + n * 16), "requested"),
      register(view, "ESR", read(0x280), 8, "error status", ESR),
      register(view, "ICR", BigInt(read(0x300)) | (BigInt(read(0x310)) << 32n), 16, "interrupt command", ICR),
      ...LVT.map(([offset, name, fields]) => register(view, name, read(offset), 8, "local vector table", fields)),
      fact("timer initial count", counted(read(0x380), view.format), "ticks"),
      fact("timer current count", counted(read(0x390), view.format), "ticks that are left"),
      fact("timer divide", `${hex(read(0x3e0))} by ${divider(read(0x3e0))}`, "bus clock (1 GHz) divided"),
    ];
  },
};

const divider = (code: number): number => {
  const power = (code & 3) | ((code & 8) >> 1);
  return power === 7 ? 1 : 2 << power;
};

/** A register of 256 bits as the vectors that are set. */
function vectors(view: DeviceView, name: string, word: (index: number) => number, type: string): Item {
  const set: number[] = [];
  for (let vector = 0; vector < 256; vector++) if ((word(vector >> 5) >>> (vector & 31)) & 1) set.push(vector);
  const text = set.length === 0 ? "none" : set.map((vector) => hex(vector, 2)).join(" ");
  const items = set.map((vector) => fact(hex(vector, 2), `priority ${vector >> 4}`, `vector ${type}`));
  return items.length === 0 ? fact(name, text, type) : folder(view, fact(name, text, type), items);
}
