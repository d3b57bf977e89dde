/**
 * Writes assembly/handlers.gen.ts (numbers of the operations) and assembly/hot.gen.ts (the interpreter's first switch).
 * AssemblyScript has no macros, so the repetitive cases are spelled out here. Run by the build.
 */
import { writeFileSync } from "node:fs";

const TYPES = { 8: "i8", 32: "i32", 64: "i64" } as const;
type Bits = keyof typeof TYPES;
const UNSIGNED = { 8: "u8", 32: "u32", 64: "u64" } as const;
const BITS: Bits[] = [8, 32, 64];

/** Name and body of each one-slot operation; `op` is the operation. */
const narrow: [string, string][] = [];
/** Two-slot operations that do not end a block. */
const wide: [string, string][] = [];
/** Two-slot operations that end a block; the body sets `nb`, or returns. */
const terminators: [string, string][] = [];

// ---- ALU forms, in the order the decoder computes: ((operation * 5) + form) * 3 + size
const ALU = ["add", "or", "and", "sub", "xor", "cmp", "test"];
for (const name of ALU) {
  const writes = name !== "cmp" && name !== "test";
  for (const form of ["rr", "ri", "rm", "mr", "mi"]) {
    for (const bits of BITS) {
      const t = TYPES[bits];
      const value = form.endsWith("r") ? `get<${t}>(op.b)` : `<${t}>op.imm`;
      let body: string;
      if (form === "rr" || form === "ri") {
        const call = `${name}<${t}>(get<${t}>(op.a), ${value})`;
        body = writes ? `set<${t}>(op.a, ${call});` : `${call};`;
      } else if (form === "rm") {
        const call = `${name}<${t}>(get<${t}>(op.a), ld<${t}>(ea(op), op))`;
        body = writes ? `set<${t}>(op.a, ${call});` : `${call};`;
      } else {
        const source = form === "mr" ? `get<${t}>(op.a)` : `<${t}>op.imm`;
        if (!writes) body = `${name}<${t}>(ld<${t}>(ea(op), op), ${source});`;
        else body = `${name}Mem<${t}>(op, ${source});`;
      }
      narrow.push([`${name.toUpperCase()}_${form}${bits}`, body]);
    }
  }
}
for (const name of ["adc", "sbb"]) {
  for (const form of ["rr", "ri", "rm"]) {
    for (const bits of [32, 64] as const) {
      const t = TYPES[bits];
      const value = form === "rr" ? `get<${t}>(op.b)` : form === "ri" ? `<${t}>op.imm` : `ld<${t}>(ea(op), op)`;
      narrow.push([
        `${name.toUpperCase()}_${form}${bits}`,
        `set<${t}>(op.a, ${name}<${t}>(get<${t}>(op.a), ${value}));`,
      ]);
    }
  }
}

// ---- moves
for (const bits of BITS) {
  const t = TYPES[bits];
  narrow.push([`MOV_rr${bits}`, `set<${t}>(op.a, get<${t}>(op.b));`]);
  narrow.push([`MOV_ri${bits}`, `set<${t}>(op.a, <${t}>op.imm);`]);
  narrow.push([`LOAD${bits}`, `set<${t}>(op.a, ld<${t}>(ea(op), op));`]);
}
for (const [bits, u] of [
  [8, "u8"],
  [16, "u16"],
  [32, "u32"],
  [64, "u64"],
] as const) {
  narrow.push([`STORE${bits}`, `st<${u}>(ea(op), load<${u}>(op.a, L.REGS), op);`]);
  narrow.push([`STOREI${bits}`, `st<${u}>(ea(op), <${u}>op.imm, op);`]);
}
for (const [from, ft] of [
  [8, "u8"],
  [16, "u16"],
] as const) {
  narrow.push([`MOVZX_r${from}`, `W(op.a, <u64>load<${ft}>(op.b, L.REGS));`]);
  narrow.push([`MOVZX_m${from}`, `W(op.a, <u64>ld<${ft}>(ea(op), op));`]);
}
for (const [from, ft] of [
  [8, "i8"],
  [16, "i16"],
  [32, "i32"],
] as const) {
  for (const [to, tt] of [
    [32, "i32"],
    [64, "i64"],
  ] as const) {
    if (from === 32 && to === 32) continue;
    narrow.push([`MOVSX_r${from}_${to}`, `set<${tt}>(op.a, <${tt}>load<${ft}>(op.b, L.REGS));`]);
    narrow.push([`MOVSX_m${from}_${to}`, `set<${tt}>(op.a, <${tt}>ld<${ft}>(ea(op), op));`]);
  }
}
narrow.push(["LEA64", "W(op.a, ea(op));"], ["LEA32", "W32(op.a, <u32>ea(op));"]);
for (const bits of [32, 64] as const) {
  const t = TYPES[bits];
  const u = UNSIGNED[bits];
  for (const name of ["inc", "dec", "neg"]) {
    narrow.push([`${name.toUpperCase()}${bits}`, `set<${t}>(op.a, ${name}<${t}>(get<${t}>(op.a)));`]);
  }
  narrow.push([`NOT${bits}`, `set<${t}>(op.a, ~get<${t}>(op.a));`]);
  narrow.push([`SHL_i${bits}`, `set<${t}>(op.a, shl<${t}>(get<${t}>(op.a), <u32>op.imm));`]);
  narrow.push([`SHR_i${bits}`, `set<${t}>(op.a, shr<${t}>(<u64>get<${u}>(op.a), <u32>op.imm));`]);
  narrow.push([`SAR_i${bits}`, `set<${t}>(op.a, sar<${t}>(get<${t}>(op.a), <u32>op.imm));`]);
  narrow.push([`ROL_i${bits}`, `set<${t}>(op.a, rolFlags<${t}>(<${t}>rotl<${u}>(get<${u}>(op.a), <${u}>op.imm)));`]);
  narrow.push([`ROR_i${bits}`, `set<${t}>(op.a, rorFlags<${t}>(<${t}>rotr<${u}>(get<${u}>(op.a), <${u}>op.imm)));`]);
  const mask = bits - 1;
  for (const [name, arg] of [
    ["shl", `get<${t}>(op.a)`],
    ["shr", `<u64>get<${u}>(op.a)`],
    ["sar", `get<${t}>(op.a)`],
  ] as const) {
    // A count of 0 still clears the upper half of a 32-bit register.
    const zero = bits === 32 ? ` else W32(op.a, R32(op.a));` : "";
    narrow.push([
      `${name.toUpperCase()}_c${bits}`,
      `const n = R32(RCX) & ${mask}; if (n) set<${t}>(op.a, ${name}<${t}>(${arg}, n));${zero}`,
    ]);
  }
  narrow.push([`IMUL_rr${bits}`, `set<${t}>(op.a, imul${bits}(get<${t}>(op.a), get<${t}>(op.b)));`]);
  narrow.push([`IMUL_rm${bits}`, `set<${t}>(op.a, imul${bits}(get<${t}>(op.a), ld<${t}>(ea(op), op)));`]);
  narrow.push([`IMUL_rri${bits}`, `set<${t}>(op.a, imul${bits}(get<${t}>(op.b), <${t}>op.imm));`]);
  narrow.push([`MUL_r${bits}`, `mulWide${bits}(get<${u}>(op.b));`]);
  narrow.push([`MUL_m${bits}`, `mulWide${bits}(ld<${u}>(ea(op), op));`]);
  narrow.push([`XCHG_rr${bits}`, `const v = get<${t}>(op.a); set<${t}>(op.a, get<${t}>(op.b)); set<${t}>(op.b, v);`]);
  narrow.push([`BSWAP${bits}`, `set<${u}>(op.a, bswap<${u}>(get<${u}>(op.a)));`]);
  narrow.push([`BT_rr${bits}`, `setCarry(<u32>(get<${u}>(op.a) >> (get<${u}>(op.b) & ${mask})) & 1);`]);
  narrow.push([`BT_ri${bits}`, `setCarry(<u32>(get<${u}>(op.a) >> <${u}>op.imm) & 1);`]);
  for (let c = 0; c < 16; c++) {
    narrow.push([
      `CMOV${c}_rr${bits}`,
      `if (cond(${c})) set<${t}>(op.a, get<${t}>(op.b));${bits === 32 ? " else W32(op.a, R32(op.a));" : ""}`,
    ]);
  }
  narrow.push([
    `CMOV_rm${bits}`,
    `const v = ld<${t}>(ea(op), op); if (condition(op.imm)) set<${t}>(op.a, v);${bits === 32 ? " else W32(op.a, R32(op.a));" : ""}`,
  ]);
}
for (let c = 0; c < 16; c++) narrow.push([`SETCC${c}_r`, `W8(op.a, cond(${c}) ? 1 : 0);`]);
narrow.push(
  ["CDQE", "W(RAX, <i64><i32>R(RAX));"],
  ["CQO", "W(RDX, <i64>R(RAX) >> 63);"],
  ["CDQ", "W32(RDX, <i32>R32(RAX) >> 31);"],
);
narrow.push(["NOP", ""]);
narrow.push(["RDTSC", "store<u32>(L.CUR_OP, changetype<u32>(op)); execRdtsc(false);"]);

// ---- 64-bit stack
narrow.push(["PUSH_r64", "const sp = R(RSP) - 8; st<u64>(sp, R(op.a), op); W(RSP, sp);"]);
narrow.push(["PUSH_i64", "const sp = R(RSP) - 8; st<u64>(sp, <u64><i64>op.imm, op); W(RSP, sp);"]);
narrow.push(["POP_r64", "const sp = R(RSP), v = ld<u64>(sp, op); W(RSP, sp + 8); W(op.a, v);"]);

// ---- 32-bit stack in flat segments
narrow.push(["PUSH_r32", "const sp = R32(RSP) - 4; st<u32>(<u64>sp, R32(op.a), op); W32(RSP, sp);"]);
narrow.push(["PUSH_i32", "const sp = R32(RSP) - 4; st<u32>(<u64>sp, <u32>op.imm, op); W32(RSP, sp);"]);
narrow.push(["POP_r32", "const sp = R32(RSP), v = ld<u32>(<u64>sp, op); W32(RSP, sp + 4); W32(op.a, v);"]);

// ---- addresses with a segment, or of 16 or 32 bits
narrow.push(["EA_FS", "W(L.REG_TEMP, ea(op) + load<u64>(L.SEG_FS));"]);
narrow.push(["EA_GS", "W(L.REG_TEMP, ea(op) + load<u64>(L.SEG_GS));"]);
narrow.push(["EA_32", "W(L.REG_TEMP, <u64><u32>ea(op));"]);
narrow.push(["EA_SEG", "address(op);"]);

// ---- debugging
narrow.push(["STOP", "return stopHere(op);"]);
narrow.push(["BREAK", "if (breakHere(op)) return Exit.BREAKPOINT;"]);
narrow.push(["DR_BREAK", "store<u32>(L.CUR_OP, changetype<u32>(op)); debugBreak(op);"]);

// ---- wide
wide.push(["MOV_ri64w", "W(op.a, op.imm64);"]);
wide.push(["EA_ABS", "W(L.REG_TEMP, op.imm64);"]);
for (const [name, call] of [
  ["INTEGER", "execInteger"],
  ["X87", "execX87"],
  ["SSE", "execSse"],
] as const) {
  wide.push([name, `store<u32>(L.CUR_OP, changetype<u32>(op)); ${call}(op);`]);
}

// ---- terminators: imm64 is the target; link slots at 24 (taken) and 28 (not taken); disp from the block to what follows
terminators.push(["END", "nb = link(op, 28, op.imm64);"]);
terminators.push(["JMP", "nb = link(op, 24, op.imm64);"]);
for (let c = 0; c < 16; c++) {
  terminators.push([`JCC${c}`, `nb = cond(${c}) ? link(op, 24, op.imm64) : link(op, 28, follow(op));`]);
}
terminators.push([
  "CALL64",
  "const sp = R(RSP) - 8; st<u64>(sp, follow(op), op); W(RSP, sp); nb = link(op, 24, op.imm64);",
]);
terminators.push([
  "RET64",
  "const sp = R(RSP), to = ld<u64>(sp, op); checkTarget(to, op); W(RSP, sp + 8 + <u64>op.imm); nb = lookup(to);",
]);
terminators.push([
  "CALL32",
  "const sp = R32(RSP) - 4; st<u32>(<u64>sp, <u32>follow(op), op); W32(RSP, sp); nb = link(op, 24, op.imm64);",
]);
terminators.push([
  "RET32",
  "const sp = R32(RSP), to = ld<u32>(<u64>sp, op); W32(RSP, sp + 4 + <u32>op.imm); nb = lookup(<u64>to);",
]);
terminators.push([
  "CALL_r32",
  "const to = R32(op.a); const sp = R32(RSP) - 4; st<u32>(<u64>sp, <u32>(opRip(op) + <u64>op.imm), op); W32(RSP, sp); nb = lookup(<u64>to);",
]);
terminators.push(["JMP_r32", "nb = lookup(<u64>R32(op.a));"]);
terminators.push(["JMP_m32", "nb = lookup(<u64>ld<u32>(ea(op), op));"]);
terminators.push(["JMP_r64", "const to = R(op.a); checkTarget(to, op); nb = lookup(to);"]);
terminators.push(["JMP_m64", "const to = ld<u64>(ea(op), op); checkTarget(to, op); nb = lookup(to);"]);
terminators.push([
  "CALL_r64",
  "const to = R(op.a); checkTarget(to, op); const sp = R(RSP) - 8; st<u64>(sp, opRip(op) + <u64>op.imm, op); W(RSP, sp); nb = lookup(to);",
]);
terminators.push([
  "CALL_m64",
  "const to = ld<u64>(ea(op), op); checkTarget(to, op); const sp = R(RSP) - 8; pushReturn(sp, opRip(op) + <u64>op.imm, op); W(RSP, sp); nb = lookup(to);",
]);
for (const [form, bits] of [
  ["rr", 64],
  ["ri", 64],
  ["rr", 32],
  ["ri", 32],
] as const) {
  const t = TYPES[bits];
  const u = UNSIGNED[bits];
  const conditions: [number, string][] = [
    [2, `<${u}>a < <${u}>b`],
    [3, `<${u}>a >= <${u}>b`],
    [4, "a == b"],
    [5, "a != b"],
    [6, `<${u}>a <= <${u}>b`],
    [7, `<${u}>a > <${u}>b`],
    [12, "a < b"],
    [13, "a >= b"],
    [14, "a <= b"],
    [15, "a > b"],
  ];
  for (const [c, test] of conditions) {
    const b = form === "rr" ? `get<${t}>(op.b)` : `<${t}>op.imm`;
    terminators.push([
      `CMPJ_${form}${bits}_${c}`,
      `const a = get<${t}>(op.a), b = ${b}; cmp<${t}>(a, b); nb = ${test} ? link(op, 24, op.imm64) : link(op, 28, follow(op));`,
    ]);
  }
}
for (const bits of BITS) {
  const t = TYPES[bits];
  for (const [c, test] of [
    [4, "r == 0"],
    [5, "r != 0"],
    [8, "r < 0"],
    [9, "r >= 0"],
  ] as const) {
    terminators.push([
      `TESTJ_rr${bits}_${c}`,
      `const r = and<${t}>(get<${t}>(op.a), get<${t}>(op.b)); nb = ${test} ? link(op, 24, op.imm64) : link(op, 28, follow(op));`,
    ]);
  }
}
for (const [name, call] of [
  ["INTEGER_END", "execIntegerEnd"],
  ["SYSTEM", "execSystem"],
] as const) {
  terminators.push([
    name,
    `store<u32>(L.CUR_OP, changetype<u32>(op)); setRip(opRip(op) + <u64>op.len); ${call}(op); nb = lookup(rip());`,
  ]);
}

// ---- forms that leave the flags alone, for where nobody sees them (peephole.ts)
/** Handler that takes the place of another when its flags are dead. */
const quietForm = new Map<string, string>();
function quiet(name: string, body: string): void {
  narrow.push([`${name}q`, body]);
  quietForm.set(name, `${name}q`);
}
for (const bits of [32, 64] as const) {
  const t = TYPES[bits];
  const u = UNSIGNED[bits];
  const a = `get<${t}>(op.a)`;
  for (const [name, sign] of [
    ["ADD", "+"],
    ["SUB", "-"],
    ["AND", "&"],
    ["OR", "|"],
    ["XOR", "^"],
  ] as const) {
    quiet(`${name}_rr${bits}`, `set<${t}>(op.a, ${a} ${sign} get<${t}>(op.b));`);
    quiet(`${name}_ri${bits}`, `set<${t}>(op.a, ${a} ${sign} <${t}>op.imm);`);
  }
  quiet(`INC${bits}`, `set<${t}>(op.a, ${a} + 1);`);
  quiet(`DEC${bits}`, `set<${t}>(op.a, ${a} - 1);`);
  quiet(`NEG${bits}`, `set<${t}>(op.a, 0 - ${a});`);
  quiet(`SHL_i${bits}`, `set<${t}>(op.a, ${a} << <${t}>op.imm);`);
  quiet(`SHR_i${bits}`, `set<${u}>(op.a, get<${u}>(op.a) >> <${u}>op.imm);`);
  quiet(`SAR_i${bits}`, `set<${t}>(op.a, ${a} >> <${t}>op.imm);`);
  quiet(`IMUL_rr${bits}`, `set<${t}>(op.a, ${a} * get<${t}>(op.b));`);
  quiet(`IMUL_rri${bits}`, `set<${t}>(op.a, get<${t}>(op.b) * <${t}>op.imm);`);
  for (const form of ["rr", "ri"]) {
    quietForm.set(`CMP_${form}${bits}`, "NOP");
    quietForm.set(`TEST_${form}${bits}`, "NOP");
  }
}

// ---- what peephole.ts may do with an operation
const PURE = 1;
const SETS_FLAGS = 2;
const READS_FLAGS = 4;
function property(name: string): number {
  if (
    /^(ADD|OR|AND|SUB|XOR|CMP|TEST)_r[ri]\d+$|^NEG\d|^(SHL|SHR|SAR)_i\d|^IMUL_rri?\d+$|^MUL_r\d|^(CMPJ|TESTJ)_/.test(
      name,
    )
  ) {
    return PURE | SETS_FLAGS;
  }
  if (/^(ADC|SBB)_r[ri]\d|^(INC|DEC)\d+$/.test(name)) return PURE | SETS_FLAGS | READS_FLAGS;
  if (/^SETCC|^CMOV\d+_rr|^(ROL|ROR)_i|^(SHL|SHR|SAR)_c|^BT_r/.test(name)) return PURE | READS_FLAGS;
  if (/^MOV_r[ri]|^MOV[ZS]X_r|^LEA|^NOT\d|^XCHG_rr|^BSWAP|^(CDQE|CQO|CDQ|NOP|EA_FS|EA_GS|EA_32|EA_ABS)$|q$/.test(name))
    return PURE;
  return 0;
}

// ---------------------------------------------------------------- output
const header = "// Generated by emulator/core/gen/hot.ts; do not edit.\n";
const all = [...narrow, ...wide, ...terminators];
const firstWide = narrow.length;
const firstTerminator = narrow.length + wide.length;
writeFileSync(
  new URL("../assembly/handlers.gen.ts", import.meta.url),
  `${header}/** Numbers of the operations. From FIRST_WIDE on they take two slots, from FIRST_TERMINATOR on they end a block. */
export const enum H {
${all.map(([name], i) => `  ${name} = ${i},`).join("\n")}
  FIRST_WIDE = ${firstWide},
  FIRST_TERMINATOR = ${firstTerminator},
}

/** What an operation does beside its registers. */
export const enum Property {
  /** Touches general and pseudo registers only: cannot fault, stop the run, or end the block. */
  PURE = ${PURE},
  /** Sets all six arithmetic flags, whatever its operands. */
  SETS_FLAGS = ${SETS_FLAGS},
  /** Needs the flags from before, or keeps some of them. */
  READS_FLAGS = ${READS_FLAGS},
}
/** By handler: its Property bits (u8); its form without flags or 0 (u16). */
export const PROPERTIES: usize = memory.data<u8>([${all.map(([name]) => property(name)).join(",")}]);
export const QUIET_FORM: usize = memory.data<u16>([${all
    .map(([name]) => all.findIndex(([other]) => other === quietForm.get(name)))
    .map((i) => (i < 0 ? 0 : i))
    .join(",")}]);
`,
);
// The translator's view: the handlers by name.
writeFileSync(
  new URL("../../translator/handlers.gen.ts", import.meta.url),
  `${header}/** Names of the operations by number. */
export const HANDLERS: readonly string[] = ${JSON.stringify(all.map(([name]) => name))};
/** From here on operations take two slots. */
export const FIRST_WIDE = ${firstWide};
`,
);
const cases = [
  ...narrow.map(([name, body]) => `        case H.${name}: { ${body} op = narrow(op); continue; }`),
  ...wide.map(([name, body]) => `        case H.${name}: { ${body} op = wide(op); continue; }`),
  ...terminators.map(([name, body]) => `        case H.${name}: { ${body} break; }`),
].join("\n");
writeFileSync(
  new URL("../assembly/hot.gen.ts", import.meta.url),
  `${header}import { L, Exit } from "../layout";
import { H } from "./handlers.gen";
import { Op, ea } from "./op";
import { R, R32, W, W8, W32, RAX, RCX, RDX, RSP, rip, setRip, opRip } from "./state";
import { ld, st } from "./mem";
import { get, set, add, or, and, sub, xor, cmp, test, adc, sbb, inc, dec, neg, shl, shr, sar, imul32, imul64 } from "./alu";
import { cond, condition } from "./flags";
import { execRdtsc } from "./system/msr";
import { Block, lookup, requestTranslation } from "./blocks";
import { addMem, orMem, andMem, subMem, xorMem, rolFlags, rorFlags, mulWide32, mulWide64, setCarry, narrow, wide, link, follow, checkTarget, pushReturn, address, stopHere, breakHere, debugBreak } from "./hot";
import { execInteger, execIntegerEnd } from "./integer/integer";
import { execSystem } from "./system/system";
import { execX87 } from "./x87/x87";
import { execSse } from "./sse/sse";

/** Runs blocks from \`nb\` on until the budget does not hold the next one, or an operation stops; says why (Exit). */
export function interpret(nb: Block): i32 {
  while (true) {
    const left = load<i32>(L.BUDGET) - nb.n;
    if (left < 0) {
      setRip(nb.rip);
      return Exit.BUDGET;
    }
    let op = nb.ops;
    const heat = nb.heat;
    if (heat <= 0 && nb.entry >= 0) {
      const next = call_indirect<u32>(nb.code, nb.entry);
      // A block to go on with; or, odd, an operation of a block whose instructions are paid for.
      if (!(next & 1)) {
        nb = changetype<Block>(next);
        continue;
      }
      op = changetype<Op>(next - 1);
    } else if (heat <= 0) {
      requestTranslation(nb);
      continue;
    } else {
      nb.heat = heat - 1;
      store<i32>(L.BUDGET, left);
      store<u64>(L.REGS + L.REG_BLOCK_RIP, nb.rip);
    }
    while (true) {
      switch (<i32>op.h) {
${cases}
        default: unreachable();
      }
      break;
    }
  }
}
`,
);
