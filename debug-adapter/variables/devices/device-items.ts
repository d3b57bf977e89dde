/** Items of devices' registers. Devices are looked at through their saved state: nothing that is read here touches them. */
import type { DeviceState, Timebase } from "../../../emulator/devices/device.ts";
import type { CpuState } from "../../../emulator/machine/api.ts";
import { hex } from "../../address.ts";
import { fieldValue } from "../../flags.ts";
import type { BitField } from "../../flags.ts";
import { fieldItems } from "../bits.ts";
import { told } from "../tree.ts";
import type { Format, Item } from "../tree.ts";

export const FIXED = "registers of devices change by what the guest and the outside do to them";

/** What a device's tree is made of. */
export interface DeviceView {
  /** What the names of its groups begin with: one of their kind for each device. */
  id: string;
  state: DeviceState;
  cpu: CpuState;
  format: Format;
}

export interface DeviceTree {
  /** What it is, in the words of its data sheet. */
  title: string;
  items(view: DeviceView): Item[];
}

/**
 * Time that stands at a processor's time, for a second device that is given the state of the board's: what its
 * registers read as is then computed by the device's own rules.
 */
export const standing = ({ time }: CpuState): Timebase => ({
  now: () => Number(time),
  schedule: () => undefined,
  cancel: () => undefined,
  register: () => undefined,
});

/** Parts of a state; a part that is missing or another is a mistake of ours. */
export function part(state: DeviceState, name: string): DeviceState {
  const value = state[name];
  if (typeof value !== "object" || value === null) throw new Error(`The device's state has no part "${name}".`);
  return value as DeviceState;
}

export function parts(state: DeviceState, name: string): DeviceState[] {
  const value = state[name];
  if (!Array.isArray(value)) throw new Error(`The device's state has no list "${name}".`);
  return value as DeviceState[];
}

export function numberIn(state: DeviceState, name: string): number {
  const value = state[name];
  if (typeof value !== "number") throw new Error(`The device's state has no number "${name}".`);
  return value;
}

export const truthIn = (state: DeviceState, name: string): boolean => state[name] === true;

export function bytesIn(state: DeviceState, name: string): Uint8Array {
  const value = state[name];
  if (!(value instanceof Uint8Array)) throw new Error(`The device's state has no bytes "${name}".`);
  return value;
}

export const fact = (name: string, value: string, type?: string): Item => told(name, value, FIXED, type);

export const yesNo = (name: string, value: boolean, type?: string): Item => fact(name, value ? "yes" : "no", type);

/** A register with its fields. `id` is one of its kind in the device. */
export function register(
  view: DeviceView,
  name: string,
  value: number | bigint,
  digits: number,
  type: string,
  fields?: readonly BitField[],
): Item {
  const number = BigInt(value);
  if (fields === undefined) return fact(name, hex(number, digits), type);
  const item = fact(name, `${hex(number, digits)} ${words(number, fields)}`.trimEnd(), type);
  return folder(view, item, fieldItems({ value: number, fields, fixed: FIXED }));
}

/** The flags that are set and the names of contents that have some: "vector 0xec masked periodic". */
const words = (value: bigint, fields: readonly BitField[]): string =>
  fields
    .flatMap((field) => {
      const content = fieldValue(value, field);
      if (content === 0n) return [];
      const named = field.values?.[Number(content)];
      if (named !== undefined) return [named];
      if (field.width === undefined) return [field.name];
      return field.name === "vector" ? [`vector ${hex(content, 2)}`] : [];
    })
    .join(" ");

/** An item with others in it. */
export const folder = (view: DeviceView, item: Item, items: Item[]): Item => ({
  ...item,
  group: { id: `${view.id}/${item.name}`, named: () => Promise.resolve(items) },
});

/** The same device, one level deeper: for parts whose registers have the names of others. */
export const inside = (view: DeviceView, name: string): DeviceView => ({ ...view, id: `${view.id}/${name}` });

/** "0x05 IRQ0 IRQ2": a register with one bit a line. */
export const lines = (view: DeviceView, name: string, value: number, type: string, names: readonly string[]): Item =>
  register(
    view,
    name,
    value,
    Math.ceil(names.length / 4),
    type,
    names.map((line, bit) => ({ name: line, bit, meaning: type })),
  );

/** What an interrupt line of a PC is wired to. */
export const IRQ_USES: readonly string[] = [
  "timer",
  "keyboard",
  "cascade",
  "COM2",
  "COM1",
  "free",
  "floppy",
  "printer",
  "clock",
  "ACPI",
  "PCI",
  "PCI",
  "mouse",
  "coprocessor",
  "IDE 0",
  "IDE 1",
];
