/** x87 instructions. Opcodes: SDM vol. 2, appendix A.5. */
import { parseForms } from "./forms.ts";

const arithmetic: string[] = [];
for (let op = 0; op < 8; op++) {
  arithmetic.push(
    `d8 /${op} x2`,
    `dc /${op} ${op === 2 || op === 3 ? "m" : ""} x2`,
    `da /${op} m`,
    `de /${op} m s2`,
    `de /${op} r ${op === 2 || op === 3 ? "x0" : "x2"}`,
  );
}

export const X87 = parseForms(
  `
  ${arithmetic.filter((line) => !line.includes("x0")).join("\n")}
  d9 /0 x4
  d9 /1 r x2
  d9 /2 m x2
  d9 /3 m x2
  d9 /5 m s2           ; FLDCW
  d9 /7 m s2
  da /0..3 r
  db /0 m x2
  db /1 m x2
  db /2 m x2
  db /3 m x2
  db /5 m s10 x3
  db /7 m s10 x3
  db /0 r
  db /1 r
  db /2 r
  db /3 r
  db /5 r x2
  db /6 r x2
  dd /0 x3
  dd /1 m x2
  dd /2 x2
  dd /3 x2
  dd /4 r x2
  dd /5 r x2
  dd /7 m s2
  df /0 m s2 x2
  df /1 m s2
  df /2 m s2 x2
  df /3 m s2 x2
  df /4 m s10 x3
  df /5 m x3
  df /6 m s10 x3
  df /7 m x3
  df /5 r x2
  df /6 r x2
  9b
`.replaceAll("da /0..3 r", "da /0 r\nda /1 r\nda /2 r\nda /3 r"),
);

/** Saved environments and states; random bytes are loaded as they are. */
export const STATE = parseForms(`
  d9 /4 m s28
  d9 /6 m s28 x3
  dd /4 m s108
  dd /6 m s108 x2
`);

/** Instructions that are two fixed bytes. */
export const X87_FIXED: readonly (readonly [number, number])[] = [
  [0xd9, 0xd0],
  [0xd9, 0xe0],
  [0xd9, 0xe1],
  [0xd9, 0xe4],
  [0xd9, 0xe5],
  [0xd9, 0xe8],
  [0xd9, 0xe9],
  [0xd9, 0xea],
  [0xd9, 0xeb],
  [0xd9, 0xec],
  [0xd9, 0xed],
  [0xd9, 0xee],
  [0xd9, 0xf4],
  [0xd9, 0xf5],
  [0xd9, 0xf6],
  [0xd9, 0xf7],
  [0xd9, 0xf8],
  [0xd9, 0xfa],
  [0xd9, 0xfc],
  [0xd9, 0xfd],
  [0xda, 0xe9],
  [0xdb, 0xe2],
  [0xdb, 0xe3],
  [0xde, 0xd9],
  [0xdf, 0xe0],
];

/** F2XM1 FYL2X FPTAN FPATAN FYL2XP1 FSINCOS FSIN FCOS: within a unit in the last place, so compared with a tolerance. */
export const X87_TRANSCENDENTAL: readonly (readonly [number, number])[] = [
  [0xd9, 0xf0],
  [0xd9, 0xf1],
  [0xd9, 0xf2],
  [0xd9, 0xf3],
  [0xd9, 0xf9],
  [0xd9, 0xfb],
  [0xd9, 0xfe],
  [0xd9, 0xff],
];
