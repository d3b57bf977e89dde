import { encodeLoaderScript } from "../../boot-formats/table-loader.ts";
import type { CpuLines } from "../devices/device.ts";
import { FwCfg } from "../devices/fw-cfg.ts";
import type { Firmware } from "../machine/api.ts";
import { kernelItems } from "./kernel-items.ts";
import { buildAcpiFiles } from "./tables/acpi.ts";
import { buildSmbiosFiles } from "./tables/smbios.ts";

/** A firmware, and a kernel that is offered to it. */
export type BoardFirmware = Firmware & { kernel?: Uint8Array; initrd?: Uint8Array; cmdline?: string };

/** Keys of the firmware configuration device (QEMU's include/standard-headers/linux/qemu_fw_cfg.h). */
const enum Key {
  UUID = 0x02,
  RAM_SIZE = 0x03,
  NO_GRAPHIC = 0x04,
  CPUS = 0x05,
  BOOT_MENU = 0x0e,
  MAX_CPUS = 0x0f,
  IRQ0_OVERRIDE = 0x8002,
}

const E820_RAM = 1;
/** The sleep states S0 to S5: 0x80 when there, the low bits the type. Only working (S0) and soft-off (S5, type 0) are. */
const SLEEP_STATES = [0x80, 0, 0, 1, 2, 0x80] as const;

/** What the firmware gets to know of the machine. */
export function firmwareConfig(
  firmware: BoardFirmware,
  bootOrder: readonly string[],
  lines: CpuLines,
  ramBytes: number,
): FwCfg {
  const { kernel, initrd, cmdline = "" } = firmware;
  const items = new Map<number, Uint8Array>([
    [Key.UUID, new Uint8Array(16)],
    [Key.RAM_SIZE, littleEndian(ramBytes, 8)],
    [Key.NO_GRAPHIC, littleEndian(0, 2)],
    [Key.CPUS, littleEndian(1, 2)],
    [Key.MAX_CPUS, littleEndian(1, 2)],
    [Key.BOOT_MENU, littleEndian(0, 2)],
    [Key.IRQ0_OVERRIDE, littleEndian(1, 1)],
    ...(kernel ? kernelItems(kernel, initrd, cmdline, ramBytes) : []),
  ]);
  const acpi = buildAcpiFiles();
  const files = new Map<string, Uint8Array>([
    ["etc/e820", Uint8Array.from([...littleEndian(0, 8), ...littleEndian(ramBytes, 8), ...littleEndian(E820_RAM, 4)])],
    ["etc/system-states", Uint8Array.from(SLEEP_STATES)],
    // Without anything to boot from, firmware stays at its message.
    ["etc/boot-fail-wait", littleEndian(0xffff_ffff, 4)],
    ...(bootOrder.length > 0 ? [["bootorder", text(bootOrder.join("\n"))] as const] : []),
    ...acpi.files,
    ["etc/table-loader", encodeLoaderScript(acpi.script)],
    ...buildSmbiosFiles(firmware.name, ramBytes),
    ...(firmware.optionRoms ?? []).map(({ name, bytes }) => [`genroms/${name}`, bytes] as const),
  ]);
  return new FwCfg(lines, ramBytes, items, files);
}

/** Zero-terminated. */
function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

function littleEndian(value: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => Math.floor(value / 2 ** (8 * index)) & 0xff);
}
