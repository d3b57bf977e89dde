/** MMX and SSE to SSE4.2. Opcodes: SDM vol. 2, appendix A. */
import { parseForms } from "./forms.ts";

/** Opcodes of 0F that exist for MMX registers without, and for XMM registers with the prefix 66. */
const PACKED = `
  60 61 62 63 64 65 66 67 68 69 6a 6b 74 75 76 d1 d2 d3 d4 d5 d8 d9 da db dc dd de df
  e0 e1 e2 e3 e4 e5 e8 e9 ea eb ec ed ee ef f1 f2 f3 f4 f5 f6 f8 f9 fa fb fc fd fe
`
  .trim()
  .split(/\s+/);
/** The same of 0F38 (SSSE3). */
const PACKED_38 = "00 01 02 03 04 05 06 07 08 09 0a 0b 1c 1d 1e".split(" ");

export const MMX = parseForms(`
  ${PACKED.map((op) => `np 0f ${op} /r`).join("\n")}
  ${PACKED_38.map((op) => `np 0f38 ${op} /r`).join("\n")}
  np 0f 6e /r w x3
  np 0f 7e /r w x3
  np 0f 6f /r x3
  np 0f 7f /r x3
  np 0f 70 /r ib x2
  np 0f 71 /2 r ib
  np 0f 71 /4 r ib
  np 0f 71 /6 r ib
  np 0f 72 /2 r ib
  np 0f 72 /4 r ib
  np 0f 72 /6 r ib
  np 0f 73 /2 r ib
  np 0f 73 /6 r ib
  np 0f 77
  np 0f c4 /r ib s2
  np 0f c5 /r r ib
  np 0f d7 /r r
  np 0f e7 /r m
  np 0f f7 /r r
  np 0f3a 0f /r ib x2
  np 0f 2a /r x2
  np 0f 2c /r x2
  np 0f 2d /r x2
  66 0f 2a /r x2
  66 0f 2c /r align s16 x2
  66 0f 2d /r align s16 x2
  f3 0f d6 /r r x2
  f2 0f d6 /r r x2
`);

export const SSE_INTEGER = parseForms(`
  ${PACKED.map((op) => `66 0f ${op} /r align s16`).join("\n")}
  ${PACKED_38.map((op) => `66 0f38 ${op} /r align s16`).join("\n")}
  66 0f 6c /r align s16
  66 0f 6d /r align s16
  66 0f 6e /r w x3
  66 0f 7e /r w x3
  66 0f 6f /r align s16 x3
  66 0f 7f /r align s16 x3
  f3 0f 6f /r s16 x2
  f3 0f 7f /r s16 x2
  f3 0f 7e /r x2
  66 0f d6 /r x2
  66 0f 70 /r ib align s16
  f3 0f 70 /r ib align s16
  f2 0f 70 /r ib align s16
  66 0f 71 /2 r ib
  66 0f 71 /4 r ib
  66 0f 71 /6 r ib
  66 0f 72 /2 r ib
  66 0f 72 /4 r ib
  66 0f 72 /6 r ib
  66 0f 73 /2 r ib
  66 0f 73 /3 r ib
  66 0f 73 /6 r ib
  66 0f 73 /7 r ib
  66 0f c4 /r ib s2
  66 0f c5 /r r ib
  66 0f d7 /r r
  66 0f e7 /r m align s16
  66 0f f7 /r r
  f2 0f f0 /r m s16
  66 0f38 10 /r align s16
  66 0f38 14 /r align s16
  66 0f38 15 /r align s16
  66 0f38 17 /r align s16 x3
  66 0f38 20..25 /r
  66 0f38 30..35 /r
  66 0f38 28 /r align s16
  66 0f38 29 /r align s16
  66 0f38 2a /r m align s16
  66 0f38 2b /r align s16
  66 0f38 37..41 /r align s16
  66 0f3a 08..0b /r ib align s16 x2
  66 0f3a 0c..0f /r ib align s16 x2
  66 0f3a 14 /r ib
  66 0f3a 15 /r ib
  66 0f3a 16 /r ib w
  66 0f3a 17 /r ib
  66 0f3a 20 /r ib
  66 0f3a 21 /r ib
  66 0f3a 22 /r ib w
  66 0f3a 40..42 /r ib align s16 x2
  66 0f3a 60..63 /r ib w s16 len x8
`);

const ARITHMETIC = ["51", "54", "55", "56", "57", "58", "59", "5c", "5d", "5e", "5f"];
const SCALAR = ["51", "58", "59", "5c", "5d", "5e", "5f"];

export const SSE_FLOAT = parseForms(`
  ${ARITHMETIC.map((op) => `np 0f ${op} /r align s16 x2\n66 0f ${op} /r align s16 x2`).join("\n")}
  ${SCALAR.map((op) => `f3 0f ${op} /r s4 x2\nf2 0f ${op} /r x2`).join("\n")}
  np 0f c2 /r ib align s16 x2
  66 0f c2 /r ib align s16 x2
  f3 0f c2 /r ib s4 x2
  f2 0f c2 /r ib x2
  np 0f c6 /r ib align s16
  66 0f c6 /r ib align s16
  np 0f 10 /r s16
  np 0f 11 /r s16
  66 0f 10 /r s16
  66 0f 11 /r s16
  f3 0f 10 /r s4
  f3 0f 11 /r s4
  f2 0f 10 /r
  f2 0f 11 /r
  np 0f 12 /r
  66 0f 12 /r m
  f2 0f 12 /r
  f3 0f 12 /r align s16
  np 0f 13 /r m
  66 0f 13 /r m
  np 0f 14 /r align s16
  66 0f 14 /r align s16
  np 0f 15 /r align s16
  66 0f 15 /r align s16
  np 0f 16 /r
  66 0f 16 /r m
  f3 0f 16 /r align s16
  np 0f 17 /r m
  66 0f 17 /r m
  np 0f 28 /r align s16
  np 0f 29 /r align s16
  66 0f 28 /r align s16
  66 0f 29 /r align s16
  np 0f 2b /r m align s16
  66 0f 2b /r m align s16
  f3 0f 2a /r w x3
  f2 0f 2a /r w x3
  f3 0f 2c /r w s4 x3
  f2 0f 2c /r w x3
  f3 0f 2d /r w s4 x3
  f2 0f 2d /r w x3
  np 0f 2e /r s4 x2
  66 0f 2e /r x2
  np 0f 2f /r s4 x2
  66 0f 2f /r x2
  np 0f 50 /r r
  66 0f 50 /r r
  np 0f 5a /r x2
  66 0f 5a /r align s16 x2
  f3 0f 5a /r s4 x2
  f2 0f 5a /r x2
  np 0f 5b /r align s16 x2
  66 0f 5b /r align s16 x2
  f3 0f 5b /r align s16 x2
  66 0f e6 /r align s16 x2
  f3 0f e6 /r x2
  f2 0f e6 /r align s16 x2
  66 0f 7c /r align s16
  66 0f 7d /r align s16
  f2 0f 7c /r align s16
  f2 0f 7d /r align s16
  66 0f d0 /r align s16
  f2 0f d0 /r align s16
  np 0f ae /3 m s4
`);

/** RCP and RSQRT give 12 good bits, which ones is the processor's choice: compared with a tolerance. */
export const SSE_APPROXIMATE = parseForms(`
  np 0f 52 /r align s16
  np 0f 53 /r align s16
  f3 0f 52 /r s4
  f3 0f 53 /r s4
`);
