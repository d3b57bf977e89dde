/** Names of the bits of flag and control registers (Intel SDM vol. 1, 3.4.3; vol. 3, 2.5, 4.5, 17.2). */

export interface BitField {
  name: string;
  /** Lowest bit. */
  bit: number;
  /** Bits; 1 unless given. */
  width?: number;
  meaning: string;
  /** Names of the contents that a wider field can have. */
  values?: Readonly<Record<number, string>>;
}

export const RFLAGS: readonly BitField[] = [
  { name: "CF", bit: 0, meaning: "carry" },
  { name: "PF", bit: 2, meaning: "parity" },
  { name: "AF", bit: 4, meaning: "auxiliary carry" },
  { name: "ZF", bit: 6, meaning: "zero" },
  { name: "SF", bit: 7, meaning: "sign" },
  { name: "TF", bit: 8, meaning: "trap after each instruction" },
  { name: "IF", bit: 9, meaning: "interrupts enabled" },
  { name: "DF", bit: 10, meaning: "direction: down" },
  { name: "OF", bit: 11, meaning: "overflow" },
  { name: "IOPL", bit: 12, width: 2, meaning: "I/O privilege level" },
  { name: "NT", bit: 14, meaning: "nested task" },
  { name: "RF", bit: 16, meaning: "resume" },
  { name: "VM", bit: 17, meaning: "virtual-8086 mode" },
  { name: "AC", bit: 18, meaning: "alignment check; SMAP override" },
  { name: "VIF", bit: 19, meaning: "virtual interrupt flag" },
  { name: "VIP", bit: 20, meaning: "virtual interrupt pending" },
  { name: "ID", bit: 21, meaning: "CPUID available" },
];

const CR0: readonly BitField[] = [
  { name: "PE", bit: 0, meaning: "protected mode" },
  { name: "MP", bit: 1, meaning: "monitor coprocessor" },
  { name: "EM", bit: 2, meaning: "emulate x87" },
  { name: "TS", bit: 3, meaning: "task switched" },
  { name: "ET", bit: 4, meaning: "extension type" },
  { name: "NE", bit: 5, meaning: "numeric error" },
  { name: "WP", bit: 16, meaning: "write protect also for the supervisor" },
  { name: "AM", bit: 18, meaning: "alignment mask" },
  { name: "NW", bit: 29, meaning: "not write-through" },
  { name: "CD", bit: 30, meaning: "cache disable" },
  { name: "PG", bit: 31, meaning: "paging" },
];

const CR3: readonly BitField[] = [
  { name: "PWT", bit: 3, meaning: "page-level write-through" },
  { name: "PCD", bit: 4, meaning: "page-level cache disable" },
  { name: "base", bit: 12, width: 40, meaning: "page number of the top-level table" },
];

const CR4: readonly BitField[] = [
  { name: "VME", bit: 0, meaning: "virtual-8086 extensions" },
  { name: "PVI", bit: 1, meaning: "protected-mode virtual interrupts" },
  { name: "TSD", bit: 2, meaning: "RDTSC for the supervisor only" },
  { name: "DE", bit: 3, meaning: "debugging extensions" },
  { name: "PSE", bit: 4, meaning: "4 MiB pages" },
  { name: "PAE", bit: 5, meaning: "physical address extension" },
  { name: "MCE", bit: 6, meaning: "machine check" },
  { name: "PGE", bit: 7, meaning: "global pages" },
  { name: "PCE", bit: 8, meaning: "RDPMC for user code" },
  { name: "OSFXSR", bit: 9, meaning: "FXSAVE and SSE in use" },
  { name: "OSXMMEXCPT", bit: 10, meaning: "SSE exceptions" },
  { name: "UMIP", bit: 11, meaning: "SGDT and its like for the supervisor only" },
  { name: "LA57", bit: 12, meaning: "5-level paging" },
  { name: "VMXE", bit: 13, meaning: "virtual machine extensions" },
  { name: "SMXE", bit: 14, meaning: "safer mode extensions" },
  { name: "FSGSBASE", bit: 16, meaning: "RDFSBASE and its like" },
  { name: "PCIDE", bit: 17, meaning: "process-context identifiers" },
  { name: "OSXSAVE", bit: 18, meaning: "XSAVE in use" },
  { name: "SMEP", bit: 20, meaning: "no execution of user pages by the supervisor" },
  { name: "SMAP", bit: 21, meaning: "no access to user pages by the supervisor" },
  { name: "PKE", bit: 22, meaning: "protection keys for user pages" },
  { name: "CET", bit: 23, meaning: "control-flow enforcement" },
  { name: "PKS", bit: 24, meaning: "protection keys for supervisor pages" },
];

const EFER: readonly BitField[] = [
  { name: "SCE", bit: 0, meaning: "SYSCALL enabled" },
  { name: "LME", bit: 8, meaning: "long mode enabled" },
  { name: "LMA", bit: 10, meaning: "long mode active" },
  { name: "NXE", bit: 11, meaning: "no-execute enabled" },
  { name: "AIBRSE", bit: 21, meaning: "automatic IBRS" },
];

const XCR0: readonly BitField[] = [
  { name: "x87", bit: 0, meaning: "x87 state" },
  { name: "SSE", bit: 1, meaning: "XMM state" },
  { name: "AVX", bit: 2, meaning: "YMM state" },
];

const DR6: readonly BitField[] = [
  { name: "B0", bit: 0, meaning: "breakpoint 0 met" },
  { name: "B1", bit: 1, meaning: "breakpoint 1 met" },
  { name: "B2", bit: 2, meaning: "breakpoint 2 met" },
  { name: "B3", bit: 3, meaning: "breakpoint 3 met" },
  { name: "BD", bit: 13, meaning: "debug register access" },
  { name: "BS", bit: 14, meaning: "single step" },
  { name: "BT", bit: 15, meaning: "task switch" },
];

const CONDITIONS = { 0: "execute", 1: "write", 2: "I/O", 3: "read or write" };
const LENGTHS = { 0: "one byte", 1: "two bytes", 2: "eight bytes", 3: "four bytes" };

const DR7: readonly BitField[] = [0, 1, 2, 3]
  .flatMap((n): BitField[] => [
    { name: `L${n}`, bit: 2 * n, meaning: `breakpoint ${n} on for this task` },
    { name: `G${n}`, bit: 2 * n + 1, meaning: `breakpoint ${n} on` },
    { name: `RW${n}`, bit: 16 + 4 * n, width: 2, meaning: `what breakpoint ${n} waits for`, values: CONDITIONS },
    { name: `LEN${n}`, bit: 18 + 4 * n, width: 2, meaning: `how much breakpoint ${n} covers`, values: LENGTHS },
  ])
  .concat([
    { name: "LE", bit: 8, meaning: "exact data breakpoints for this task (obsolete)" },
    { name: "GE", bit: 9, meaning: "exact data breakpoints (obsolete)" },
    { name: "GD", bit: 13, meaning: "general detect: moves to and from debug registers trap" },
  ]);

const ROUNDING = { 0: "to nearest", 1: "down", 2: "up", 3: "towards zero" };

const MXCSR: readonly BitField[] = [
  { name: "IE", bit: 0, meaning: "invalid operation" },
  { name: "DE", bit: 1, meaning: "denormal" },
  { name: "ZE", bit: 2, meaning: "divide by zero" },
  { name: "OE", bit: 3, meaning: "overflow" },
  { name: "UE", bit: 4, meaning: "underflow" },
  { name: "PE", bit: 5, meaning: "precision" },
  { name: "DAZ", bit: 6, meaning: "denormals are zeros" },
  { name: "IM", bit: 7, meaning: "invalid operation masked" },
  { name: "DM", bit: 8, meaning: "denormal masked" },
  { name: "ZM", bit: 9, meaning: "divide by zero masked" },
  { name: "OM", bit: 10, meaning: "overflow masked" },
  { name: "UM", bit: 11, meaning: "underflow masked" },
  { name: "PM", bit: 12, meaning: "precision masked" },
  { name: "RC", bit: 13, width: 2, meaning: "rounding", values: ROUNDING },
  { name: "FTZ", bit: 15, meaning: "flush to zero" },
];

/** Intel SDM vol. 1, 8.1.5. */
const FPU_CW: readonly BitField[] = [
  { name: "IM", bit: 0, meaning: "invalid operation masked" },
  { name: "DM", bit: 1, meaning: "denormal masked" },
  { name: "ZM", bit: 2, meaning: "divide by zero masked" },
  { name: "OM", bit: 3, meaning: "overflow masked" },
  { name: "UM", bit: 4, meaning: "underflow masked" },
  { name: "PM", bit: 5, meaning: "precision masked" },
  {
    name: "PC",
    bit: 8,
    width: 2,
    meaning: "precision",
    values: { 0: "single (24 bits)", 1: "reserved", 2: "double (53 bits)", 3: "extended (64 bits)" },
  },
  { name: "RC", bit: 10, width: 2, meaning: "rounding", values: ROUNDING },
  { name: "X", bit: 12, meaning: "infinity control (of the 287)" },
];

/** Intel SDM vol. 1, 8.1.3. */
const FPU_SW: readonly BitField[] = [
  { name: "IE", bit: 0, meaning: "invalid operation" },
  { name: "DE", bit: 1, meaning: "denormal" },
  { name: "ZE", bit: 2, meaning: "divide by zero" },
  { name: "OE", bit: 3, meaning: "overflow" },
  { name: "UE", bit: 4, meaning: "underflow" },
  { name: "PE", bit: 5, meaning: "precision" },
  { name: "SF", bit: 6, meaning: "stack fault" },
  { name: "ES", bit: 7, meaning: "an exception that is not masked waits" },
  { name: "C0", bit: 8, meaning: "condition code" },
  { name: "C1", bit: 9, meaning: "condition code" },
  { name: "C2", bit: 10, meaning: "condition code" },
  { name: "TOP", bit: 11, width: 3, meaning: "register that is st0" },
  { name: "C3", bit: 14, meaning: "condition code" },
  { name: "B", bit: 15, meaning: "busy (as ES)" },
];

/** By register name as in CpuState. */
export const BIT_FIELDS: Readonly<Record<string, readonly BitField[]>> = {
  rflags: RFLAGS,
  cr0: CR0,
  cr3: CR3,
  cr4: CR4,
  efer: EFER,
  xcr0: XCR0,
  dr6: DR6,
  dr7: DR7,
  mxcsr: MXCSR,
  "fpu.cw": FPU_CW,
  "fpu.sw": FPU_SW,
};

export const fieldWidth = (field: BitField): number => field.width ?? 1;

export const fieldValue = (value: bigint, field: BitField): bigint =>
  BigInt.asUintN(fieldWidth(field), value >> BigInt(field.bit));

/** `value` with one of its fields exchanged. */
export function withField(value: bigint, field: BitField, content: bigint): bigint {
  const mask = ((1n << BigInt(fieldWidth(field))) - 1n) << BigInt(field.bit);
  return (value & ~mask) | ((content << BigInt(field.bit)) & mask);
}

/** The single bits that are set and the wider fields that are not 0, by name: "PE PG", "IF IOPL=3". */
export function bitNames(value: bigint, fields: readonly BitField[]): string {
  return fields
    .filter((field) => fieldValue(value, field) !== 0n)
    .map((field) => (fieldWidth(field) === 1 ? field.name : `${field.name}=${fieldValue(value, field)}`))
    .join(" ");
}

/** Flags of a page table entry by name (Intel SDM vol. 3, tables 4-14 to 4-20). `leaf`: the entry maps a page. */
export function pageEntryFlags(entry: bigint, leaf: boolean, level: string): string[] {
  const names: [number, string][] = [
    [0, "P"],
    [1, "RW"],
    [2, "US"],
    [3, "PWT"],
    [4, "PCD"],
    [5, "A"],
  ];
  if (leaf) names.push([6, "D"]);
  if (level !== "PML4E" && level !== "PTE") names.push([7, "PS"]);
  if (leaf) names.push([8, "G"]);
  names.push([63, "NX"]);
  return names.filter(([bit]) => (entry >> BigInt(bit)) & 1n).map(([, name]) => name);
}
