/**
 * What a loader has handed to the kernel, as guest memory says it: boot_params, or before the kernel's entry the setup
 * header in front of its real-mode code (kernel Documentation/arch/x86/boot.rst and zero-page.rst).
 */
import { BOOT_PARAMS_BYTES } from "../../boot-formats/boot-params.ts";
import { hex } from "../address.ts";
import { hasHeader } from "../boot-params.ts";
import type { Target } from "../target.ts";

/** From the beginning of the kernel's image to its setup code. */
const SETUP_CODE = 0x200n;
const EXT_RAMDISK_IMAGE = 0x0c0;
const EXT_RAMDISK_SIZE = 0x0c4;
const EXT_CMD_LINE_PTR = 0x0c8;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const CMD_LINE_PTR = 0x228;

export interface HandedOver {
  kind: "boot_params" | "setup header";
  /** Guest physical address of `bytes`. */
  physical: bigint;
  /** 4096 bytes: offsets as in boot_params, which are those of a bzImage from 0x1f1 on. */
  view: DataView;
  /** Where it was found, for messages: "boot_params at phys:0x90000". */
  source: string;
}

/** Guest physical memory. */
export interface Range {
  physical: bigint;
  size: number;
}

interface Kept extends HandedOver {
  icount: bigint;
}

/** Reads it at every question; what the guest has overwritten since is remembered from the last time it was whole. */
export class HandOver {
  readonly #target: Pick<Target, "cpu" | "places" | "readMemory">;
  #kept: Kept | undefined;

  constructor(target: Pick<Target, "cpu" | "places" | "readMemory">) {
    this.#target = target;
  }

  async find(): Promise<HandedOver | undefined> {
    const { icount } = await this.#target.cpu();
    const { bootParams, setup } = await this.#target.places();
    const header = setup === undefined ? undefined : setup - SETUP_CODE;
    const physical = bootParams ?? header;
    if (physical === undefined) return undefined;
    const kind = bootParams === undefined ? "setup header" : "boot_params";
    const source = `${kind} at phys:${hex(physical)}`;
    const bytes = await this.#target.readMemory("phys", physical, BOOT_PARAMS_BYTES);
    if (hasHeader(bytes)) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#kept = { kind, physical, view, source, icount };
      return this.#kept;
    }
    const kept = this.#kept;
    if (kept?.physical !== physical || kept.icount > icount) return undefined;
    return { ...kept, source: `${source} as it was at instruction ${kept.icount} (overwritten since)` };
  }
}

/** 64 bits out of a field and its upper half, which only boot_params has. */
function wide({ kind, view }: HandedOver, field: number, upper: number): bigint {
  const high = kind === "boot_params" ? BigInt(view.getUint32(upper, true)) : 0n;
  return (high << 32n) | BigInt(view.getUint32(field, true));
}

/** Where the initramfs lies by the fields of the loader; undefined when they say that there is none. */
export function ramdiskOf(found: HandedOver): Range | undefined {
  const physical = wide(found, RAMDISK_IMAGE, EXT_RAMDISK_IMAGE);
  const size = wide(found, RAMDISK_SIZE, EXT_RAMDISK_SIZE);
  return physical === 0n || size === 0n ? undefined : { physical, size: Number(size) };
}

/** Address of the zero-terminated command line; 0 when there is none. */
export const commandLineOf = (found: HandedOver): bigint => wide(found, CMD_LINE_PTR, EXT_CMD_LINE_PTR);
