/** Where the registers lie whose changes a debugger may wait for. */
import type { Core } from "../core/core.ts";
import { L } from "../core/layout.ts";
import { GPR_NAMES, SEGMENT_NAMES } from "./api.ts";

export interface RegisterPlace {
  register: string;
  /** In the core's memory; 0: RFLAGS, which are put together when they are read. */
  address: number;
  /** Bytes. */
  size: 1 | 2 | 4 | 8;
}

type Row = readonly [register: string, address: number, size: RegisterPlace["size"]];

/** A general register and its parts: rax, eax, ax, al, ah; rsi, esi, si, sil; r8, r8d, r8w, r8b. */
function partsOf(name: string, index: number): Row[] {
  const at = L.REGS + index * 8;
  if (index >= 8) {
    return [
      [name, at, 8],
      [`${name}d`, at, 4],
      [`${name}w`, at, 2],
      [`${name}b`, at, 1],
    ];
  }
  const word = name.slice(1);
  const letter = word.slice(0, 1);
  const whole: Row[] = [
    [name, at, 8],
    [`e${word}`, at, 4],
    [word, at, 2],
  ];
  if (index >= 4) return [...whole, [`${word}l`, at, 1]];
  return [...whole, [`${letter}l`, at, 1], [`${letter}h`, at + 1, 1]];
}

const ROWS: readonly Row[] = [
  ...GPR_NAMES.flatMap(partsOf),
  ["rflags", 0, 8],
  ...SEGMENT_NAMES.flatMap((name, index): Row[] => {
    const at = L.SEG + index * L.SEG_SIZE;
    return [
      [`${name}.selector`, at + L.SEG_SELECTOR, 2],
      [`${name}.base`, at + L.SEG_BASE, 8],
      [`${name}.limit`, at + L.SEG_LIMIT, 4],
      [`${name}.attributes`, at + L.SEG_ATTR, 2],
    ];
  }),
  ["gdtr.base", L.GDTR_BASE, 8],
  ["gdtr.limit", L.GDTR_LIMIT, 4],
  ["idtr.base", L.IDTR_BASE, 8],
  ["idtr.limit", L.IDTR_LIMIT, 4],
  ["efer", L.EFER, 8],
  ["cpl", L.CPL, 4],
  ["mxcsr", L.MXCSR, 4],
  ...[0, 1, 2, 3, 6, 7].map((n): Row => [`dr${n}`, L.DR + n * 8, 8]),
  ...Array.from({ length: 16 }, (_, n): Row[] => [
    [`xmm${n}.low`, L.XMM + n * 16, 8],
    [`xmm${n}.high`, L.XMM + n * 16 + 8, 8],
  ]).flat(),
];

const PLACES = new Map(ROWS.map(([register, address, size]) => [register, { register, address, size }]));

/** Names of the registers whose changes can be waited for. */
export const WATCHED_REGISTERS: readonly string[] = [...PLACES.keys()];

/** Throws RangeError with one sentence. */
export function placeOfRegister(register: string): RegisterPlace {
  const place = PLACES.get(register);
  if (place === undefined) throw new RangeError(`${register}: changes of a register of that name cannot be watched.`);
  return place;
}

export function readPlace(core: Core, { address, size }: RegisterPlace): bigint {
  if (address === 0) return BigInt(core.exports.getFlags() >>> 0);
  if (size === 8) return core.u64[address / 8]!;
  if (size === 4) return BigInt(core.u32[address / 4]!);
  return BigInt(size === 2 ? core.u8[address]! | (core.u8[address + 1]! << 8) : core.u8[address]!);
}
