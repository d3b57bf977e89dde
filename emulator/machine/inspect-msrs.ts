/** All model specific registers that the processor has, by name (Intel SDM vol. 4; AMD APM vol. 2, appendix A). */
import type { Core } from "../core/core.ts";
import { MSR_NAMES } from "./msrs.ts";
import type { Msr } from "./api.ts";

const range = (count: number, make: (n: number) => readonly [number, string]): (readonly [number, string])[] =>
  Array.from({ length: count }, (_, n) => make(n));

const BANK_FIELDS = ["CTL", "STATUS", "ADDR", "MISC"] as const;

/** Beside those that are always shown: caching, machine checks, configuration. Indices as in core/assembly/system/msr.ts. */
const OTHERS: readonly (readonly [number, string])[] = [
  [0x8b, "PATCH_LEVEL"],
  [0xfe, "MTRRCAP"],
  [0x179, "MCG_CAP"],
  [0x17a, "MCG_STATUS"],
  [0x17b, "MCG_CTL"],
  [0x1d9, "DEBUGCTL"],
  [0x1db, "LAST_BRANCH_FROM"],
  [0x1dc, "LAST_BRANCH_TO"],
  [0x1dd, "LAST_EXCEPTION_FROM"],
  [0x1de, "LAST_EXCEPTION_TO"],
  ...range(16, (n) => [0x200 + n, `MTRR_PHYS${n & 1 ? "MASK" : "BASE"}${n >> 1}`]),
  [0x250, "MTRR_FIX64K_00000"],
  [0x258, "MTRR_FIX16K_80000"],
  [0x259, "MTRR_FIX16K_A0000"],
  ...range(8, (n) => [0x268 + n, `MTRR_FIX4K_${(0xc0000 + n * 0x8000).toString(16).toUpperCase()}`]),
  ...range(16, (n) => [0x400 + n, `MC${n >> 2}_${BANK_FIELDS[n & 3] ?? ""}`]),
  [0xc0010010, "SYSCFG"],
  [0xc0010015, "HWCR"],
  ...range(4, (n) => [0xc0010016 + n, `IORR${n & 1 ? "MASK" : "BASE"}${n >> 1}`]),
  [0xc001001a, "TOP_MEM"],
  [0xc001001d, "TOP_MEM2"],
  [0xc001001f, "NB_CFG"],
  [0xc0010055, "INT_PENDING"],
  [0xc0011029, "DE_CFG"],
];

/** Registers that only tell what there is: the same in every machine. */
const CONSTANT: ReadonlyMap<number, bigint> = new Map([
  [0x8b, 0x0a001173n],
  [0xfe, 0x508n],
  [0x179, 0x104n],
]);

/** In the order of their indices. */
export const ALL_MSRS: readonly (readonly [number, string])[] = [...MSR_NAMES, ...OTHERS].sort(([a], [b]) => a - b);

const EXISTING = new Set(ALL_MSRS.map(([index]) => index));

/** Value of a register; undefined when the processor has none of that index. */
export function readMsr(core: Core, index: number): bigint | undefined {
  if (!EXISTING.has(index)) return undefined;
  return CONSTANT.get(index) ?? BigInt.asUintN(64, core.exports.peekMsr(index));
}

export const readAllMsrs = (core: Core): Msr[] =>
  ALL_MSRS.map(([index, name]) => ({ name, index, value: readMsr(core, index) ?? 0n }));
