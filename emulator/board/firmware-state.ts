import type { PciFunction } from "../devices/pci-function.ts";
import type { PciBus, PciDevice } from "../devices/pci.ts";
import { HOST_DEVFN, ISA_DEVFN, PIRQ_ROUTES, PM_BASE, PM_DEVFN, PM_MISC } from "./chipset.ts";
import { PAM_FIRST, PAM_LAST } from "./shadow.ts";

/** Where firmware puts the PM1 block, as QEMU's does. */
export const PM_PORTS = 0x600;
/** Interrupts that firmware routes the four PIRQs to. */
export const PIRQ_IRQS = [10, 10, 11, 11] as const;
/** Edge/level control of IRQ8 to 15 that goes with them. */
export const ELCR_HIGH = 0x0c;
const SCI = 9;

/** Ports for base address registers, from here on; memory for them, down from the I/O APIC. */
const PORTS_START = 0xc000;
const MEMORY_END = 0xfec0_0000;

const COMMAND_IO = 1;
const COMMAND_MEMORY = 2;
const COMMAND_MASTER = 4;

/**
 * What firmware sets up on the PCI bus before it hands over to a kernel: shadow RAM, PIRQ routing, the power management
 * base, an address for every base address register.
 */
export function configureAsFirmware(bus: PciBus): void {
  for (let register = PAM_FIRST; register <= PAM_LAST; register++) bus.writeConfig(HOST_DEVFN, register, 1, 0x33);
  PIRQ_IRQS.forEach((irq, pirq) => {
    bus.writeConfig(ISA_DEVFN, PIRQ_ROUTES + pirq, 1, irq);
  });
  bus.writeConfig(PM_DEVFN, PM_BASE, 4, PM_PORTS);
  bus.writeConfig(PM_DEVFN, PM_MISC, 1, 1);
  bus.writeConfig(PM_DEVFN, 0x04, 2, COMMAND_IO);
  bus.writeConfig(PM_DEVFN, 0x3c, 1, SCI);

  const functions = [...bus.plugged()];
  assignAddresses(bus, functions);
  for (const [devfn, fn, device] of functions) {
    const pin = fn.pin;
    if (pin >= 0) bus.writeConfig(devfn, 0x3c, 1, PIRQ_IRQS[((devfn >> 3) + pin + 3) & 3]!);
    let command = COMMAND_MASTER;
    if (device.fixedPorts?.length || device.bars.some((bar) => bar?.kind === "io")) command |= COMMAND_IO;
    if (device.fixedMemory?.length || device.bars.some((bar) => bar && bar.kind !== "io")) command |= COMMAND_MEMORY;
    bus.writeConfig(devfn, 0x04, 2, command);
  }
}

/** Large ranges of ports first, so that none leaves a gap; small ranges of memory at the top. */
function assignAddresses(bus: PciBus, functions: readonly (readonly [number, PciFunction, PciDevice])[]): void {
  const bars = functions.flatMap(([devfn, , device]) =>
    device.bars.flatMap((bar, index) => (bar ? [{ bar, register: 0x10 + index * 4, devfn }] : [])),
  );
  let port = PORTS_START;
  const ports = bars.filter(({ bar }) => bar.kind === "io").sort((a, b) => b.bar.bytes - a.bar.bytes);
  for (const { bar, register, devfn } of ports) {
    bus.writeConfig(devfn, register, 4, port);
    port += bar.bytes;
  }
  let end = MEMORY_END;
  const memory = bars.filter(({ bar }) => bar.kind !== "io").sort((a, b) => a.bar.bytes - b.bar.bytes);
  for (const { bar, register, devfn } of memory) {
    end = Math.floor((end - bar.bytes) / bar.bytes) * bar.bytes;
    bus.writeConfig(devfn, register, 4, end);
  }
}
