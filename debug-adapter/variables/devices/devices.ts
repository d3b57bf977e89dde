/** The board's devices: each by its name, with its registers when it is opened. */
import type { Group, Item } from "../tree.ts";
import { DMA, SYSTEM_CONTROL } from "./chipset.ts";
import { RTC } from "./clock.ts";
import type { DeviceTree } from "./device-items.ts";
import { IDE } from "./ide.ts";
import { IO_APIC, LOCAL_APIC, PIC } from "./interrupts.ts";
import { KEYBOARD } from "./keyboard.ts";
import { PCI } from "./pci.ts";
import { PLAIN } from "./plain.ts";
import { UART } from "./serial.ts";
import { ACPI_PM, HPET, PIT } from "./timers.ts";
import { VGA } from "./vga.ts";

const TREES: ReadonlyMap<string, DeviceTree> = new Map([
  ["pic", PIC],
  ["ioapic", IO_APIC],
  ["lapic", LOCAL_APIC],
  ["hpet", HPET],
  ["pit", PIT],
  ["rtc", RTC],
  ["acpi-pm", ACPI_PM],
  ["i8042", KEYBOARD],
  ["com1", UART],
  ["com2", UART],
  ["dma", DMA],
  ["system-control", SYSTEM_CONTROL],
  ["pci", PCI],
  ["ide", IDE],
  ["vga", VGA],
  ["smbus", { ...PLAIN, title: "PIIX4 SMBus host controller" }],
  ["fw-cfg", { ...PLAIN, title: "firmware configuration (QEMU's fw_cfg)" }],
  ["virtio-console", { ...PLAIN, title: "virtio console" }],
]);
/** One for each disk, with its number behind it. */
const DISK: DeviceTree = { ...PLAIN, title: "virtio disk" };

export const DEVICES: Group = {
  id: "devices",
  named: async (machine) => (await machine.deviceNames()).map(deviceItem),
};

export function deviceItem(name: string): Item {
  const tree = TREES.get(name) ?? (name.startsWith("virtio-blk") ? DISK : PLAIN);
  return {
    name,
    value: tree.title,
    type: "device",
    evaluateName: name,
    fixed: "it is a whole device",
    group: {
      id: `device:${name}`,
      named: async (machine) => {
        const state = await machine.device(name);
        if (state === undefined) throw new Error(`This machine has no device "${name}".`);
        return tree.items({ id: `device:${name}`, state, cpu: await machine.cpu(), format: machine.format });
      },
    },
  };
}
