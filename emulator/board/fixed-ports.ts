import type { AcpiPm } from "../devices/acpi-pm.ts";
import type { PortHandler } from "../devices/device.ts";
import type { DmaController } from "../devices/dma-controller.ts";
import type { FwCfg } from "../devices/fw-cfg.ts";
import type { KeyboardController } from "../devices/i8042.ts";
import type { PciBus } from "../devices/pci.ts";
import type { PicPair } from "../devices/pic.ts";
import type { Pit } from "../devices/pit.ts";
import type { Rtc } from "../devices/rtc.ts";
import type { SystemControl } from "../devices/system-control.ts";
import type { Uart } from "../devices/uart.ts";
import type { FirstUse } from "./first-use.ts";
import type { PortMap } from "./port-map.ts";

/** Devices at ports that never move. */
export interface FixedDevices {
  pic: PicPair;
  pit: Pit;
  keyboard: KeyboardController;
  rtc: Rtc;
  uarts: readonly [Uart, Uart];
  pm: AcpiPm;
  pci: PciBus;
  dma: DmaController;
  control: SystemControl;
  fwCfg: FwCfg | undefined;
  /** A byte for the debug console. */
  debugOutput(byte: number): void;
  /** The guest clears the x87 error interrupt. */
  clearFerr(): void;
}

/** Gives each its ports (docs/devices.md). */
export function claimFixedPorts(ports: PortMap, firstUse: FirstUse, devices: FixedDevices): void {
  const { pic, pit, keyboard, rtc, uarts, pm, pci, dma, control, fwCfg } = devices;
  const claim = (
    name: string,
    handler: PortHandler,
    width: 1 | 2 | 4,
    ...ranges: (readonly [first: number, last: number])[]
  ): void => {
    const slot = name ? firstUse.ports(ports, name, handler, width) : ports.add(handler, width);
    for (const [first, last] of ranges) ports.claim(slot, first, last);
  };
  claim("pic", pic, 1, [0x20, 0x21], [0xa0, 0xa1], [0x4d0, 0x4d1]);
  claim("pit", pit, 1, [0x40, 0x43], [0x61, 0x61]);
  claim("keyboard", keyboard, 1, [0x60, 0x60], [0x64, 0x64]);
  claim("rtc", rtc, 1, [0x70, 0x71]);
  claim("com1", uarts[0], 1, [0x3f8, 0x3ff]);
  claim("com2", uarts[1], 1, [0x2f8, 0x2ff]);
  claim("acpi-pm", pm.gpe, 4, [0xafe0, 0xafe3]);
  claim("dma", dma.first, 1, [0x00, 0x0f]);
  claim("dma", dma.second, 1, [0xc0, 0xdf]);
  claim("dma", dma.pages, 1, [0x81, 0x8f]);
  claim("pci", pci.dataPort, 4, [0xcfc, 0xcff]);
  claim("pci", pciAddress(pci, control.resetPort), 4, [0xcf8, 0xcfb]);
  if (fwCfg) {
    claim("fw-cfg", fwCfg.ports, 2, [0x510, 0x511]);
    claim("fw-cfg", fwCfg.dmaPorts, 4, [0x514, 0x51b]);
  }
  claim("", control.portA, 1, [0x92, 0x92]);
  claim("", control.apmPorts, 1, [0xb2, 0xb3]);
  const debug: PortHandler = {
    readPort: () => 0xe9,
    writePort: (_port, _size, value) => {
      devices.debugOutput(value);
    },
  };
  claim("", debug, 1, [0x402, 0x402], [0xe9, 0xe9]);
  const ferr: PortHandler = {
    readPort: () => 0xff,
    writePort: () => {
      devices.clearFerr();
    },
  };
  claim("", ferr, 1, [0xf0, 0xf0]);
  // Port 0x80 shows POST codes, and its writes are what kernels delay by.
  claim("", { readPort: () => 0xff, writePort: () => undefined }, 1, [0x80, 0x80]);
}

/** 0xCF8 is the PCI address as a double word; as a byte, 0xCF9 is the PIIX3's reset control. */
function pciAddress(pci: PciBus, reset: PortHandler): PortHandler {
  return {
    readPort: (port, size) => {
      if (size === 4) return pci.addressPort.readPort(port, size);
      if (size === 1 && port === 0xcf9) return reset.readPort(port, size);
      return size === 1 ? 0xff : 0xffff;
    },
    writePort: (port, size, value) => {
      if (size === 4) pci.addressPort.writePort(port, size, value);
      else if (size === 1 && port === 0xcf9) reset.writePort(port, size, value);
    },
  };
}
