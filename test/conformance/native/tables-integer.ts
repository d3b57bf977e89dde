/** Integer instructions of user mode. Opcodes: SDM vol. 2, appendix A; APM vol. 3, appendix A. */
import { parseForms } from "./forms.ts";

const arithmetic: string[] = [];
for (let op = 0; op < 8; op++) {
  const lock = op === 7 ? "" : "lock";
  const hex = (low: number): string => (op * 8 + low).toString(16).padStart(2, "0");
  arithmetic.push(
    `${hex(0)} /r ${lock}`,
    `${hex(1)} /r v ${lock} x2`,
    `${hex(2)} /r`,
    `${hex(3)} /r v x2`,
    `${hex(4)} ib`,
    `${hex(5)} iz v`,
    `80 /${op} ib ${lock}`,
    `81 /${op} iz v ${lock}`,
    `83 /${op} ib v ${lock} x2`,
    `82 /${op} ib no64`,
  );
}

export const INTEGER = parseForms(
  `
  ${arithmetic.join("\n")}
  40..4f no64 v
  63 /r v 64 s4        ; MOVSXD
  69 /r iz v x2
  6b /r ib v x2
  84 /r
  85 /r v
  86 /r lock
  87 /r v lock
  88 /r x2
  89 /r v x4
  8a /r x2
  8b /r v x4
  8d /r v m x3
  8c /r v s2           ; MOV from segment register
  90..97 +r v
  98 v
  99 v
  9e
  9f
  a0 io
  a1 io v
  a2 io
  a3 io v
  a8 ib
  a9 iz v
  b0..b7 +r ib
  b8..bf +r iv v
  c6 /0 ib x2
  c7 /0 iz v x2
  d7 bx
  f5
  f8
  f9
  fc
  f6 /0 ib
  f6 /1 ib
  f7 /0 iz v
  f7 /1 iz v
  f6 /2 lock
  f7 /2 v lock
  f6 /3 lock
  f7 /3 v lock
  f6 /4 x2
  f7 /4 v x2
  f6 /5 x2
  f7 /5 v x2
  f6 /6 div x2
  f7 /6 v div x3
  f6 /7 div x2
  f7 /7 v div x3
  fe /0 lock
  fe /1 lock
  ff /0 v lock
  ff /1 v lock
  0f 1f /0 v
  0f 18 /0 m
  0f 40..4f /r v
  0f 90..9f /0
  0f a3 /r v bit
  0f ab /r v bit lock
  0f b3 /r v bit lock
  0f bb /r v bit lock
  0f ba /4 ib v x3
  0f ba /5 ib v lock x3
  0f ba /6 ib v lock x3
  0f ba /7 ib v lock x3
  0f af /r v x3
  0f b0 /r lock x2
  0f b1 /r v lock x3
  0f c0 /r lock x2
  0f c1 /r v lock x3
  0f b6 /r v x2
  0f b7 /r v x2
  0f be /r v x2
  0f bf /r v x2
  np 0f bc /r v x3
  np 0f bd /r v x3
  np 0f c3 /r w m s8   ; MOVNTI
  0f c7 /1 m w lock x3 s16 align
  0f c8..cf +r w
  f3 0f b8 /r v x3     ; POPCNT
  f2 0f 38 f0 /r w
  f2 0f 38 f1 /r v
`.replaceAll("0f 38", "0f38"),
);

/** Shifts and rotates are many and subtle: a class of their own. */
export const SHIFT = parseForms(
  [0, 1, 2, 3, 4, 5, 6, 7]
    .flatMap((op) => [`c0 /${op} ib`, `c1 /${op} ib v`, `d0 /${op}`, `d1 /${op} v`, `d2 /${op} cl`, `d3 /${op} v cl`])
    .concat(["0f a4 /r ib v x4", "0f a5 /r v cl x4", "0f ac /r ib v x4", "0f ad /r v cl x4"])
    .join("\n"),
);

/** Decimal arithmetic, and other forms that 64-bit code does not have. */
export const LEGACY = parseForms(`
  27 no64
  2f no64
  37 no64
  3f no64
  d4 ib no64
  d5 ib no64
  d6 no64              ; SALC
  60 v sp no64
  61 v sp no64
  0e v sp no64
  1e v sp no64
  06 v sp no64
  62 /r v m no64       ; BOUND
  ce no64
`);

export const STACK = parseForms(`
  50..57 +r d64 sp
  58..5f +r d64 sp
  68 iz d64 sp x4
  6a ib d64 sp x4
  8f /0 d64 sp x4
  ff /6 d64 sp x4
  9c d64 sp x4
  9d d64 sp x2
  c8 d64 sp
  c9 d64 sp
  0f a0 d64 sp
  0f a8 d64 sp
`);

/** Storing of segment registers; ARPL. */
export const SEGMENT = parseForms(`
  8c /0 v s2
  8c /2 v s2
  8c /3 v s2
  8c /4 v s2
  8c /5 v s2
  63 /r no64 s2
`);

/** String instructions; the generator sets RSI, RDI and RCX up. */
export const STRING_OPCODES = [0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf] as const;

/**
 * What user mode may not do, or what is not there: each ends its case by an exception. INT1 is left out: under KVM on AMD
 * its trap comes with the address of the instruction itself.
 */
export const FAULTING = parseForms(`
  f4
  fa
  fb
  6c
  6f v
  e4 ib
  ef v
  cc
  ce no64
  0f 06
  0f 08
  0f 09
  0f 0b
  0f b9 /r
  0f ff
  0f 20 /r r
  0f 21 /r r
  0f 22 /r r
  0f 30
  0f 32
  0f 01 /2 m
  0f 01 /3 m
  0f 01 /6 r
  0f 01 /7 m
  0f 00 /2
  0f 00 /3
  8e /1
  06 64
  27 64
  60 64
  d4 ib 64
  d6 64
  82 /0 ib 64
  9a 64
  ea 64
  0f c7 /1 r
  c6 /3 ib
  ff /7
  fe /2
  8f /3
`);
