/** What a BIOS call asks for, in words, from the registers before it. */
import { biosService, isBiosInterrupt } from "../../boot-formats/bios-services.ts";
import { L } from "../core/layout.ts";
import type { Core } from "../core/core.ts";
import type { PhysicalMemory } from "./physical.ts";

/** One line for a software interrupt in real mode, from the registers before it. */
export function describeInterrupt(core: Core, memory: PhysicalMemory, vector: number): string {
  const name = `INT ${hex(vector, 2)}`;
  if (!isBiosInterrupt(vector)) return name;
  const whole = biosService(vector, undefined);
  if (whole !== undefined) return `${name}: ${whole}`;
  const ax = register16(core, 0);
  const ah = ax >> 8;
  const service = biosService(vector, ah);
  const call = `${name} AH=${hex(ah, 2)}`;
  if (service === undefined) return call;
  return `${call}: ${service}${vector === 0x13 ? diskArguments(core, memory, ah) : details(vector, ax)}`;
}

function diskArguments(core: Core, memory: PhysicalMemory, ah: number): string {
  const dx = register16(core, 2);
  const drive = `, drive ${hex(dx & 0xff, 2)}`;
  if (ah >= 2 && ah <= 4) {
    const cx = register16(core, 1);
    const cylinder = (cx >> 8) | ((cx & 0xc0) << 2);
    const to = `${segment(core, L.SEG_ES)}:${word(register16(core, 3))}`;
    const count = core.u8[L.REGS]!;
    return `${drive}, cylinder ${cylinder}, head ${dx >> 8}, sector ${cx & 0x3f}, ${count} ${plural(count)}, ${to}`;
  }
  if (ah !== 0x42 && ah !== 0x43 && ah !== 0x44) return drive;
  const at = core.u64[(L.SEG_DS + L.SEG_BASE) / 8]! + BigInt(register16(core, 6));
  const packet = memory.read(at, 16);
  if (packet?.length !== 16) return drive;
  const view = new DataView(packet.buffer, packet.byteOffset, 16);
  const count = view.getUint16(2, true);
  const to = `${word(view.getUint16(6, true))}:${word(view.getUint16(4, true))}`;
  return `${drive}, LBA ${view.getBigUint64(8, true)}, ${count} ${plural(count)}, ${to}`;
}

function details(vector: number, ax: number): string {
  if (vector === 0x10 && ax >> 8 === 0) return ` ${hex(ax & 0x7f, 2)}`;
  if (vector === 0x15 && (ax & 0xff00) === 0xe800) return ` (AX=${hex(ax, 4)})`;
  return vector === 0x1a && ax >> 8 === 0xb1 ? ` function ${hex(ax & 0xff, 2)}` : "";
}

function register16(core: Core, index: number): number {
  return core.u32[(L.REGS + index * 8) / 4]! & 0xffff;
}
function segment(core: Core, at: number): string {
  return word(core.u32[(at + L.SEG_SELECTOR) / 4]! & 0xffff);
}
function word(value: number): string {
  return value.toString(16).padStart(4, "0");
}
/** As the field writes numbers of interrupts and drives: 13h, 80h. */
function hex(value: number, digits: number): string {
  return `${value.toString(16).toUpperCase().padStart(digits, "0")}h`;
}
function plural(count: number): string {
  return count === 1 ? "sector" : "sectors";
}
