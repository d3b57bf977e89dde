/** Instructions under test: their bytes, with the memory operand at [rdi], by group. */

export interface Instruction {
  readonly name: string;
  readonly code: readonly number[];
}

const ARITHMETIC = ["add", "mul", "com", "comp", "sub", "subr", "div", "divr"];

function memoryForm(name: string, opcode: number, reg: number): Instruction {
  return { name, code: [opcode, (reg << 3) | 7] };
}
function registerForm(name: string, opcode: number, modrm: number): Instruction {
  return { name, code: [opcode, modrm] };
}
/** The instruction on each of a few registers. */
function registers(name: string, opcode: number, modrm: number): Instruction[] {
  return [0, 1, 2, 7].map((i) => registerForm(`${name} ${i}`, opcode, modrm + i));
}

export const arithmetic: Instruction[] = [
  ...[0xd8, 0xda, 0xdc, 0xde].flatMap((opcode) =>
    ARITHMETIC.map((name, reg) => memoryForm(`f${name} m (${opcode.toString(16)})`, opcode, reg)),
  ),
  ...[0xd8, 0xdc, 0xde].flatMap((opcode) =>
    ARITHMETIC.flatMap((name, reg) =>
      opcode === 0xde && reg === 3 ? [] : registers(`f${name} (${opcode.toString(16)})`, opcode, 0xc0 + reg * 8),
    ),
  ),
  registerForm("fsqrt", 0xd9, 0xfa),
  registerForm("fsqrt", 0xd9, 0xfa),
  registerForm("frndint", 0xd9, 0xfc),
  registerForm("fscale", 0xd9, 0xfd),
  registerForm("fscale", 0xd9, 0xfd),
  registerForm("fxtract", 0xd9, 0xf4),
  registerForm("fprem", 0xd9, 0xf8),
  registerForm("fprem", 0xd9, 0xf8),
  registerForm("fprem1", 0xd9, 0xf5),
  registerForm("fprem1", 0xd9, 0xf5),
];

export const moves: Instruction[] = [
  memoryForm("fld m32", 0xd9, 0),
  memoryForm("fst m32", 0xd9, 2),
  memoryForm("fstp m32", 0xd9, 3),
  memoryForm("fild m32", 0xdb, 0),
  memoryForm("fisttp m32", 0xdb, 1),
  memoryForm("fist m32", 0xdb, 2),
  memoryForm("fistp m32", 0xdb, 3),
  memoryForm("fld m80", 0xdb, 5),
  memoryForm("fstp m80", 0xdb, 7),
  memoryForm("fld m64", 0xdd, 0),
  memoryForm("fisttp m64", 0xdd, 1),
  memoryForm("fst m64", 0xdd, 2),
  memoryForm("fstp m64", 0xdd, 3),
  memoryForm("fild m16", 0xdf, 0),
  memoryForm("fisttp m16", 0xdf, 1),
  memoryForm("fist m16", 0xdf, 2),
  memoryForm("fistp m16", 0xdf, 3),
  memoryForm("fbld", 0xdf, 4),
  memoryForm("fild m64", 0xdf, 5),
  memoryForm("fbstp", 0xdf, 6),
  memoryForm("fistp m64", 0xdf, 7),
  ...registers("fld", 0xd9, 0xc0),
  ...registers("fxch", 0xd9, 0xc8),
  ...registers("fstp (d9)", 0xd9, 0xd8),
  ...registers("ffree", 0xdd, 0xc0),
  ...registers("fxch (dd)", 0xdd, 0xc8),
  ...registers("fst", 0xdd, 0xd0),
  ...registers("fstp", 0xdd, 0xd8),
  ...registers("ffreep", 0xdf, 0xc0),
  ...registers("fxch (df)", 0xdf, 0xc8),
  ...registers("fstp (df d0)", 0xdf, 0xd0),
  ...registers("fstp (df d8)", 0xdf, 0xd8),
  ...["b", "e", "be", "u"].flatMap((name, i) => registers(`fcmov${name}`, 0xda, 0xc0 + i * 8)),
  ...["nb", "ne", "nbe", "nu"].flatMap((name, i) => registers(`fcmov${name}`, 0xdb, 0xc0 + i * 8)),
  ...["1", "l2t", "l2e", "pi", "lg2", "ln2", "z"].map((name, i) => registerForm(`fld${name}`, 0xd9, 0xe8 + i)),
  registerForm("fchs", 0xd9, 0xe0),
  registerForm("fabs", 0xd9, 0xe1),
];

export const comparisons: Instruction[] = [
  ...registers("fucom", 0xdd, 0xe0),
  ...registers("fucomp", 0xdd, 0xe8),
  ...registers("fcomi", 0xdb, 0xf0),
  ...registers("fucomi", 0xdb, 0xe8),
  ...registers("fcomip", 0xdf, 0xf0),
  ...registers("fucomip", 0xdf, 0xe8),
  registerForm("fucompp", 0xda, 0xe9),
  registerForm("fcompp", 0xde, 0xd9),
  registerForm("ftst", 0xd9, 0xe4),
  registerForm("fxam", 0xd9, 0xe5),
];

export const control: Instruction[] = [
  registerForm("fnop", 0xd9, 0xd0),
  registerForm("fdecstp", 0xd9, 0xf6),
  registerForm("fincstp", 0xd9, 0xf7),
  registerForm("feni", 0xdb, 0xe0),
  registerForm("fdisi", 0xdb, 0xe1),
  registerForm("fnclex", 0xdb, 0xe2),
  registerForm("fninit", 0xdb, 0xe3),
  registerForm("fsetpm", 0xdb, 0xe4),
  registerForm("fnstsw ax", 0xdf, 0xe0),
  memoryForm("fldcw", 0xd9, 5),
  memoryForm("fnstcw", 0xd9, 7),
  memoryForm("fnstsw", 0xdd, 7),
  memoryForm("fldenv", 0xd9, 4),
  memoryForm("fnstenv", 0xd9, 6),
  memoryForm("frstor", 0xdd, 4),
  memoryForm("fnsave", 0xdd, 6),
  { name: "fldenv short", code: [0x66, 0xd9, 0x27] },
  { name: "fnstenv short", code: [0x66, 0xd9, 0x37] },
  { name: "frstor short", code: [0x66, 0xdd, 0x27] },
  { name: "fnsave short", code: [0x66, 0xdd, 0x37] },
];

export const transcendental: Instruction[] = [
  registerForm("f2xm1", 0xd9, 0xf0),
  registerForm("fyl2x", 0xd9, 0xf1),
  registerForm("fpatan", 0xd9, 0xf3),
  registerForm("fyl2xp1", 0xd9, 0xf9),
  registerForm("fsincos", 0xd9, 0xfb),
  registerForm("fsin", 0xd9, 0xfe),
  registerForm("fcos", 0xd9, 0xff),
];

/** The processor rounds it from fewer bits than the others. */
export const tangent: Instruction[] = [registerForm("fptan", 0xd9, 0xf2)];

/** All encodings, instructions or not: each memory form, each register form, and FWAIT. */
export const encodings: Instruction[] = [{ name: "fwait", code: [0x9b] }];
for (let opcode = 0xd8; opcode <= 0xdf; opcode++) {
  for (let reg = 0; reg < 8; reg++) encodings.push(memoryForm(`${opcode.toString(16)} /${reg}`, opcode, reg));
  for (let modrm = 0xc0; modrm <= 0xff; modrm++) {
    encodings.push(registerForm(`${opcode.toString(16)} ${modrm.toString(16)}`, opcode, modrm));
  }
}
