/** Fields of model specific registers (Intel SDM vol. 4; AMD APM vol. 2), by their index. */
import { BIT_FIELDS } from "../flags.ts";
import type { BitField } from "../flags.ts";
import { hex } from "../address.ts";

/** Memory types of PAT and MTRRs (Intel SDM vol. 3, table 12-10). */
const MEMORY_TYPES: Readonly<Record<number, string>> = {
  0: "UC, uncacheable",
  1: "WC, write-combining",
  4: "WT, write-through",
  5: "WP, write-protected",
  6: "WB, write-back",
  7: "UC-, uncached",
};

const CODE_AND_STACK = "selector of code; the stack's is the one behind it";

const range = (count: number, make: (n: number) => readonly [number, readonly BitField[]]) =>
  Array.from({ length: count }, (_, n) => make(n));

/** Eight ranges of equal size below 1 MiB, a byte each. */
const fixedRanges = (start: number, bytes: number): readonly BitField[] =>
  Array.from({ length: 8 }, (_, n): BitField => {
    const first = start + n * bytes;
    return {
      name: `${hex(first, 5)} to ${hex(first + bytes - 1, 5)}`,
      bit: n * 8,
      width: 8,
      meaning: "memory type of these physical addresses",
      values: MEMORY_TYPES,
    };
  });

export const MSR_FIELDS: ReadonlyMap<number, readonly BitField[]> = new Map([
  [
    0x1b,
    [
      { name: "BSP", bit: 8, meaning: "bootstrap processor" },
      { name: "EXTD", bit: 10, meaning: "x2APIC mode" },
      { name: "EN", bit: 11, meaning: "local APIC enabled" },
      { name: "base", bit: 12, width: 28, meaning: "page number of the registers" },
    ],
  ],
  [
    0xfe,
    [
      { name: "VCNT", bit: 0, width: 8, meaning: "variable ranges" },
      { name: "FIX", bit: 8, meaning: "fixed ranges supported" },
      { name: "WC", bit: 10, meaning: "write-combining supported" },
    ],
  ],
  [
    0x1d9,
    [
      { name: "LBR", bit: 0, meaning: "record last branches" },
      { name: "BTF", bit: 1, meaning: "single-step on branches" },
    ],
  ],
  [
    0x277,
    Array.from({ length: 8 }, (_, n): BitField => ({
      name: `PA${n}`,
      bit: n * 8,
      width: 3,
      meaning: `memory type of pages with PAT ${n >> 2}, PCD ${(n >> 1) & 1}, PWT ${n & 1}`,
      values: MEMORY_TYPES,
    })),
  ],
  [
    0x2ff,
    [
      { name: "type", bit: 0, width: 8, meaning: "memory type elsewhere", values: MEMORY_TYPES },
      { name: "FE", bit: 10, meaning: "fixed ranges enabled" },
      { name: "E", bit: 11, meaning: "MTRRs enabled" },
    ],
  ],
  ...range(8, (n) => [
    0x200 + 2 * n,
    [
      { name: "type", bit: 0, width: 8, meaning: "memory type of the range", values: MEMORY_TYPES },
      { name: "base", bit: 12, width: 40, meaning: "page number of its start" },
    ],
  ]),
  ...range(8, (n) => [
    0x201 + 2 * n,
    [
      { name: "V", bit: 11, meaning: "the range is valid" },
      { name: "mask", bit: 12, width: 40, meaning: "bits of a page number that must be those of the base" },
    ],
  ]),
  [0x250, fixedRanges(0, 0x10000)],
  [0x258, fixedRanges(0x80000, 0x4000)],
  [0x259, fixedRanges(0xa0000, 0x4000)],
  ...range(8, (n) => [0x268 + n, fixedRanges(0xc0000 + n * 0x8000, 0x1000)]),
  [
    0x179,
    [
      { name: "count", bit: 0, width: 8, meaning: "banks of machine-check registers" },
      { name: "MCG_CTL_P", bit: 8, meaning: "MCG_CTL is present" },
    ],
  ],
  [
    0x17a,
    [
      { name: "RIPV", bit: 0, meaning: "execution can go on at the saved address" },
      { name: "EIPV", bit: 1, meaning: "the saved address belongs to the error" },
      { name: "MCIP", bit: 2, meaning: "a machine check is in progress" },
    ],
  ],
  [0xc0000080, BIT_FIELDS["efer"] ?? []],
  [
    0xc0000081,
    [
      { name: "EIP", bit: 0, width: 32, meaning: "SYSCALL's target outside long mode" },
      { name: "SYSCALL CS", bit: 32, width: 16, meaning: CODE_AND_STACK },
      {
        name: "SYSRET CS",
        bit: 48,
        width: 16,
        meaning: "selector of 32-bit code; stack and 64-bit code are behind it",
      },
    ],
  ],
  [
    0xc0000084,
    (BIT_FIELDS["rflags"] ?? []).map((field) => ({ ...field, meaning: `SYSCALL clears: ${field.meaning}` })),
  ],
  [
    0xc0010010,
    [
      { name: "MtrrFixDramEn", bit: 18, meaning: "RdMem and WrMem of the fixed ranges count" },
      { name: "MtrrFixDramModEn", bit: 19, meaning: "they can be changed" },
      { name: "MtrrVarDramEn", bit: 20, meaning: "TOP_MEM and IORRs count" },
      { name: "MtrrTom2En", bit: 21, meaning: "TOP_MEM2 counts" },
      { name: "Tom2ForceMemTypeWB", bit: 22, meaning: "RAM from 4 GiB on is write-back" },
    ],
  ],
]);

/** Registers that hold the linear address of something. */
export const MSR_ADDRESSES: ReadonlySet<number> = new Set([
  0x175, 0x176, 0x1db, 0x1dc, 0x1dd, 0x1de, 0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101, 0xc0000102,
]);

export const MSR_MEANINGS: ReadonlyMap<number, string> = new Map([
  [0x10, "time-stamp counter"],
  [0x1b, "where the local APIC lies"],
  [0x174, "SYSENTER's code segment; the stack's is the one behind it"],
  [0x175, "SYSENTER's stack pointer"],
  [0x176, "SYSENTER's target"],
  [0x277, "page attribute table"],
  [0x2ff, "memory type where no range says otherwise"],
  [0xc0000080, "extended features"],
  [0xc0000081, "segments of SYSCALL and SYSRET"],
  [0xc0000082, "SYSCALL's target in 64-bit mode"],
  [0xc0000083, "SYSCALL's target in compatibility mode"],
  [0xc0000084, "flags that SYSCALL clears"],
  [0xc0000100, "base of FS"],
  [0xc0000101, "base of GS"],
  [0xc0000102, "base of GS behind SWAPGS"],
  [0xc0000103, "what RDTSCP gives in ECX"],
]);
