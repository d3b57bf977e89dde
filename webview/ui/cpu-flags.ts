/** Names of the bits of registers and page table entries (Intel SDM vol. 1, 3.4.3; vol. 3, 2.3 and 2.5; vol. 3, 2.2.1). */
import type { Wire } from "../../debug-adapter/protocol.ts";
import type { Segment } from "../../emulator/machine/api.ts";

export interface Bit {
  name: string;
  bit: number;
  meaning: string;
}

const bits = (rows: [string, number, string][]): Bit[] => rows.map(([name, bit, meaning]) => ({ name, bit, meaning }));

export const RFLAGS = bits([
  ["CF", 0, "carry"],
  ["PF", 2, "parity"],
  ["AF", 4, "auxiliary carry"],
  ["ZF", 6, "zero"],
  ["SF", 7, "sign"],
  ["TF", 8, "trap"],
  ["IF", 9, "interrupts enabled"],
  ["DF", 10, "direction"],
  ["OF", 11, "overflow"],
  ["NT", 14, "nested task"],
  ["RF", 16, "resume"],
  ["VM", 17, "virtual-8086 mode"],
  ["AC", 18, "alignment check"],
  ["VIF", 19, "virtual interrupt flag"],
  ["VIP", 20, "virtual interrupt pending"],
  ["ID", 21, "CPUID may be used"],
]);

export const CR0 = bits([
  ["PE", 0, "protected mode"],
  ["MP", 1, "monitor coprocessor"],
  ["EM", 2, "emulate x87"],
  ["TS", 3, "task switched"],
  ["ET", 4, "extension type"],
  ["NE", 5, "native x87 errors"],
  ["WP", 16, "write protect"],
  ["AM", 18, "alignment mask"],
  ["NW", 29, "not write-through"],
  ["CD", 30, "cache disable"],
  ["PG", 31, "paging"],
]);

export const CR4 = bits([
  ["VME", 0, "virtual-8086 extensions"],
  ["PVI", 1, "protected-mode virtual interrupts"],
  ["TSD", 2, "time stamp disable"],
  ["DE", 3, "debugging extensions"],
  ["PSE", 4, "page size extensions"],
  ["PAE", 5, "physical address extension"],
  ["MCE", 6, "machine check"],
  ["PGE", 7, "global pages"],
  ["PCE", 8, "performance counters"],
  ["OSFXSR", 9, "FXSAVE and SSE"],
  ["OSXMMEXCPT", 10, "SSE exceptions"],
  ["UMIP", 11, "user-mode instruction prevention"],
  ["LA57", 12, "5-level paging"],
  ["FSGSBASE", 16, "FSGSBASE instructions"],
  ["PCIDE", 17, "process-context identifiers"],
  ["OSXSAVE", 18, "XSAVE"],
  ["SMEP", 20, "supervisor execution prevention"],
  ["SMAP", 21, "supervisor access prevention"],
  ["PKE", 22, "protection keys"],
]);

export const EFER = bits([
  ["SCE", 0, "SYSCALL"],
  ["LME", 8, "long mode enabled"],
  ["LMA", 10, "long mode active"],
  ["NXE", 11, "no-execute pages"],
]);

/** "IOPL" is no single bit. */
export function ioPrivilegeLevel(rflags: bigint): number {
  return Number((rflags >> 12n) & 3n);
}

const SYSTEM_TYPES: Record<number, string> = {
  0x1: "16-bit TSS",
  0x2: "LDT",
  0x3: "16-bit TSS, busy",
  0x9: "TSS",
  0xb: "TSS, busy",
};

/** A descriptor's attributes (bits 8 to 23) in words: "code 64, DPL 0, accessed". */
export function segmentKind(segment: Wire<Segment>): string {
  if (segment.unusable) return "unusable";
  const attributes = segment.attributes;
  const bit = (number: number): boolean => ((attributes >> number) & 1) === 1;
  const words: string[] = [];
  if (!bit(4)) words.push(SYSTEM_TYPES[attributes & 15] ?? `system type ${attributes & 15}`);
  else if (bit(3)) {
    words.push(`code ${bit(13) ? 64 : bit(14) ? 32 : 16}`);
    if (bit(2)) words.push("conforming");
    if (!bit(1)) words.push("execute only");
  } else {
    words.push(bit(14) ? "data 32" : "data 16");
    if (bit(2)) words.push("expand down");
    if (!bit(1)) words.push("read only");
  }
  words.push(`DPL ${(attributes >> 5) & 3}`);
  if (!bit(7)) words.push("not present");
  return words.join(", ");
}
