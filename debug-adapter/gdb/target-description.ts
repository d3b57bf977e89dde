/** target.xml: which registers there are ("Debugging with GDB", appendix G), made of the table in registers.ts. */
import { BIT_FIELDS, fieldWidth } from "../flags.ts";
import type { BitField } from "../flags.ts";
import { GDB_REGISTERS } from "./registers.ts";
import type { Feature } from "./registers.ts";

const FEATURE_NAMES: Record<Feature, string> = {
  core: "org.gnu.gdb.i386.core",
  sse: "org.gnu.gdb.i386.sse",
  segments: "org.gnu.gdb.i386.segments",
  system: "org.bootscope.system",
};

/** XMM registers in every lane format that gdb's own description has, so that `p $xmm0` looks as ever. */
const LANES = [
  ["v4f", "ieee_single", 4],
  ["v2d", "ieee_double", 2],
  ["v16i8", "int8", 16],
  ["v8i16", "int16", 8],
  ["v4i32", "int32", 4],
  ["v2i64", "int64", 2],
] as const;
const LANE_FIELDS = [
  ["v4_float", "v4f"],
  ["v2_double", "v2d"],
  ["v16_int8", "v16i8"],
  ["v8_int16", "v8i16"],
  ["v4_int32", "v4i32"],
  ["v2_int64", "v2i64"],
  ["uint128", "uint128"],
] as const;

/** Types that the registers of a feature want, in their feature. */
const TYPES: Record<Feature, () => string[]> = {
  core: () => [flagsType("i386_eflags", 4, BIT_FIELDS["rflags"] ?? [])],
  sse: () => [
    ...LANES.map(([id, type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>`),
    `<union id="vec128">${LANE_FIELDS.map(([name, type]) => `<field name="${name}" type="${type}"/>`).join("")}</union>`,
    flagsType("i386_mxcsr", 4, BIT_FIELDS["mxcsr"] ?? []),
  ],
  segments: () => [],
  system: () => ["cr0", "cr4", "efer"].map((name) => flagsType(`${name}_flags`, 8, BIT_FIELDS[name] ?? [])),
};

/** Wider fields are left out: gdb would print them even when they are 0. */
function flagsType(id: string, bytes: number, fields: readonly BitField[]): string {
  const list = fields
    .filter((field) => fieldWidth(field) === 1)
    .map(({ name, bit }) => `<field name="${name}" start="${bit}" end="${bit}"/>`);
  return `<flags id="${id}" size="${bytes}">${list.join("")}</flags>`;
}

function featureText(feature: Feature): string {
  const registers = GDB_REGISTERS.flatMap((register, number) => {
    if (register.feature !== feature) return [];
    const group = register.group === undefined ? "" : ` group="${register.group}"`;
    return [
      `<reg name="${register.name}" bitsize="${register.bits}" type="${register.type}" regnum="${number}"${group}/>`,
    ];
  });
  const lines = [...TYPES[feature](), ...registers].map((line) => `    ${line}`);
  return `  <feature name="${FEATURE_NAMES[feature]}">\n${lines.join("\n")}\n  </feature>`;
}

/** The description of the one 64-bit architecture that stands for all modes. */
export const TARGET_DESCRIPTION = [
  '<?xml version="1.0"?>',
  '<!DOCTYPE target SYSTEM "gdb-target.dtd">',
  "<target>",
  "  <architecture>i386:x86-64</architecture>",
  ...(Object.keys(FEATURE_NAMES) as Feature[]).map(featureText),
  "</target>",
  "",
].join("\n");
