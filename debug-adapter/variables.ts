/** Scopes and variables: the processor's registers, decoded. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { GPR_NAMES, SEGMENT_NAMES } from "../emulator/machine/api.ts";
import type { CpuState, Space } from "../emulator/machine/api.ts";
import { DR_NAMES } from "../emulator/machine/inspect-registers.ts";
import { hex } from "./address.ts";
import { decodeGdt, decodeIdt, decodeIvt, describeAttributes, describeSegment } from "./descriptors.ts";
import type { Descriptor } from "./descriptors.ts";
import { evaluateExpression } from "./expressions/evaluate.ts";
import { BIT_FIELDS, bitNames, fieldValue, fieldWidth, withField } from "./flags.ts";
import {
  CONTROL_NAMES,
  codeBits,
  isSegmentedMode,
  linearIp,
  linearSp,
  modeLabel,
  partOfRegister,
  readRegister,
  registerMemory,
  writableName,
} from "./registers.ts";

type Variable = DebugProtocol.Variable;

/** What a reference to a group of variables stands for. References stay valid for the whole session. */
type Group =
  | { kind: "general" | "segments" | "control" | "debug" | "tables" | "msrs" | "fpu" | "sse" | "processor" }
  | { kind: "bits"; register: string }
  | { kind: "segment"; name: (typeof SEGMENT_NAMES)[number] }
  | { kind: "gdt" | "idt" | "ivt" };

const SCOPES: readonly { name: string; group: Group; hint?: "registers"; expensive?: boolean }[] = [
  { name: "General", group: { kind: "general" }, hint: "registers" },
  { name: "Flags", group: { kind: "bits", register: "rflags" } },
  { name: "Segment", group: { kind: "segments" } },
  { name: "Control", group: { kind: "control" } },
  { name: "Processor", group: { kind: "processor" } },
  { name: "Descriptor tables", group: { kind: "tables" }, expensive: true },
  { name: "Debug", group: { kind: "debug" }, expensive: true },
  { name: "MSRs", group: { kind: "msrs" }, expensive: true },
  { name: "FPU", group: { kind: "fpu" }, expensive: true },
  { name: "SSE", group: { kind: "sse" }, expensive: true },
];

/** Bytes of a descriptor table that are shown at most (a full GDT). */
const TABLE_MAX = 65536;

export interface VariablesTarget {
  cpu(): Promise<CpuState>;
  readMemory(space: Space, address: bigint, length: number): Promise<Uint8Array>;
  writeRegister(name: string, value: bigint): Promise<void>;
}

/** Some bits of a whole register, by the names of `Readers`. */
export interface RegisterBits {
  name: string;
  shift: number;
  bits: number;
}

export class Variables {
  readonly #target: VariablesTarget;
  readonly #groups: Group[] = [];
  readonly #references = new Map<string, number>();

  constructor(target: VariablesTarget) {
    this.#target = target;
  }

  scopes(): DebugProtocol.Scope[] {
    return SCOPES.map(({ name, group, hint, expensive }) => ({
      name,
      variablesReference: this.#reference(group),
      expensive: expensive ?? false,
      ...(hint === undefined ? {} : { presentationHint: hint }),
    }));
  }

  variables(reference: number): Promise<Variable[]> {
    return this.#list(this.#group(reference));
  }

  /** Writes a register or one of its fields; resolves to the variable as it is then. */
  async setVariable(reference: number, name: string, text: string): Promise<Variable> {
    const group = this.#group(reference);
    const before = await this.#find(group, name);
    if (before === undefined) throw new Error(`There is no variable "${name}" here.`);
    if (before.presentationHint?.attributes?.includes("readOnly") === true) {
      throw new Error(`"${name}" cannot be changed.`);
    }
    if (/^xmm[0-9]+$/.test(name)) {
      // Twice as wide as what expressions compute with.
      if (!/^0x[0-9a-f]{1,32}$/i.test(text.trim()))
        throw new Error(`${name} takes 0x and up to 32 hexadecimal digits.`);
      const whole = BigInt(text.trim());
      await this.#target.writeRegister(`${name}.low`, BigInt.asUintN(64, whole));
      await this.#target.writeRegister(`${name}.high`, whole >> 64n);
      return (await this.#find(group, name)) ?? before;
    }
    const cpu = await this.#target.cpu();
    const { value } = await evaluateExpression(text, {
      cpu,
      readMemory: (space, address, length) => this.#target.readMemory(space, address, length),
    });
    if (group.kind === "bits") await this.#writeField(cpu, group.register, name, value);
    else if (group.kind === "segment") await this.#target.writeRegister(`${group.name}.${name}`, value);
    else await this.writeRegister(cpu, before.evaluateName ?? name, value);
    return (await this.#find(group, name)) ?? before;
  }

  /** Writes a register, or a part of one such as "eax" or "ah". */
  async writeRegister(cpu: CpuState, name: string, value: bigint): Promise<void> {
    const { register, shift, bits } = partOfRegister(name.toLowerCase());
    if (value >= 1n << BigInt(bits)) throw new Error(`${hex(value)} does not fit into the ${bits} bits of ${name}.`);
    await this.writePart(cpu, { name: register, shift, bits }, value);
  }

  /** Writes some bits of a whole register. The lower 32 bits of a general one zero-extend, as the processor does. */
  async writePart(cpu: CpuState, { name, shift, bits }: RegisterBits, value: bigint): Promise<void> {
    const before = readRegister(cpu, name) ?? 0n;
    const extends_ = shift === 0 && bits >= 32 && (GPR_NAMES as readonly string[]).includes(name);
    const mask = ((1n << BigInt(bits)) - 1n) << BigInt(shift);
    const whole = extends_ ? value : (before & ~mask) | ((value << BigInt(shift)) & mask);
    await this.#target.writeRegister(writableName(name), whole);
  }

  /** For a client that shows a register and wants its parts: 0 when there are none. */
  referenceOf(register: string): number {
    return BIT_FIELDS[register] === undefined ? 0 : this.#reference({ kind: "bits", register });
  }

  async #writeField(cpu: CpuState, register: string, name: string, value: bigint): Promise<void> {
    const field = BIT_FIELDS[register]?.find((one) => one.name === name);
    const whole = readRegister(cpu, register);
    if (field === undefined || whole === undefined) throw new Error(`There is no field "${name}" in ${register}.`);
    if (value >= 1n << BigInt(fieldWidth(field))) {
      throw new Error(`${hex(value)} does not fit into ${name}, which has ${fieldWidth(field)} bit(s).`);
    }
    await this.#target.writeRegister(register, withField(whole, field, value));
  }

  async #find(group: Group, name: string): Promise<Variable | undefined> {
    return (await this.#list(group)).find((variable) => variable.name === name);
  }

  #reference(group: Group): number {
    const key = JSON.stringify(group);
    let reference = this.#references.get(key);
    if (reference === undefined) {
      reference = this.#groups.push(group);
      this.#references.set(key, reference);
    }
    return reference;
  }

  #group(reference: number): Group {
    const group = this.#groups[reference - 1];
    if (group === undefined) throw new Error(`There are no variables behind reference ${reference}.`);
    return group;
  }

  async #list(group: Group): Promise<Variable[]> {
    const cpu = await this.#target.cpu();
    switch (group.kind) {
      case "general":
        return [
          ...GPR_NAMES.map((name) => this.#register(cpu, name)),
          { ...this.#register(cpu, "rip"), memoryReference: hex(linearIp(cpu)) },
          this.#register(cpu, "rflags"),
        ];
      case "bits":
        return bitVariables(group.register, readRegister(cpu, group.register) ?? 0n);
      case "segments":
        return SEGMENT_NAMES.map((name) => ({
          name,
          value: describeSegment(cpu.segments[name]),
          evaluateName: name,
          variablesReference: this.#reference({ kind: "segment", name }),
          memoryReference: hex(cpu.segments[name].base),
        }));
      case "segment": {
        const { base, limit, selector, attributes } = cpu.segments[group.name];
        const field = (name: string, value: string): Variable => plain(name, value, `${group.name}.${name}`);
        return [
          field("selector", hex(selector, 4)),
          { ...field("base", hex(base)), memoryReference: hex(base) },
          field("limit", hex(limit)),
          { ...field("attributes", hex(attributes, 4)), type: describeAttributes(attributes) },
        ];
      }
      case "control":
        return CONTROL_NAMES.map((name) => this.#register(cpu, name));
      case "debug":
        return DR_NAMES.map((name) => this.#register(cpu, name));
      case "msrs":
        return cpu.msrs.map(({ name, index, value }) => ({
          name,
          value: hex(value, 16),
          type: `MSR ${hex(index)}`,
          evaluateName: `msr:${hex(index)}`,
          variablesReference: 0,
        }));
      case "processor":
        return [
          readOnly("mode", modeLabel(cpu.mode)),
          readOnly("cpl", `${cpu.cpl}`),
          readOnly("code", hex(linearIp(cpu)), "linear address of the next instruction"),
          readOnly("stack", hex(linearSp(cpu)), "linear address of the top of the stack"),
          readOnly("halted", cpu.halted ? "yes" : "no"),
          readOnly("icount", `${cpu.icount}`, "instructions retired since power-on"),
          readOnly("time", `${cpu.time} ns`, "guest time since power-on"),
        ];
      case "tables":
        return this.#tables(cpu);
      case "gdt":
        return descriptors(decodeGdt(await this.#table(cpu.gdtr), (cpu.efer & 0x400n) !== 0n));
      case "idt":
        return descriptors(decodeIdt(await this.#table(cpu.idtr), (cpu.efer & 0x400n) !== 0n));
      case "ivt":
        return descriptors(decodeIvt(await this.#table(cpu.idtr)));
      case "fpu":
        return fpuVariables(cpu);
      case "sse":
        return [
          this.#register(cpu, "mxcsr"),
          ...cpu.xmm.map((bytes, index) => ({ name: `xmm${index}`, value: hexBytes(bytes), variablesReference: 0 })),
        ];
    }
  }

  #register(cpu: CpuState, name: string): Variable {
    const value = readRegister(cpu, name) ?? 0n;
    const fields = BIT_FIELDS[name];
    const digits = name === "mxcsr" ? 8 : codeBits(cpu.mode) === 64 || value >> 32n !== 0n ? 16 : 8;
    const text = hex(value, digits);
    return {
      name,
      value: fields === undefined ? text : `${text} ${bitNames(value, fields)}`.trimEnd(),
      evaluateName: name,
      variablesReference: fields === undefined ? 0 : this.#reference({ kind: "bits", register: name }),
      ...(fields === undefined ? { memoryReference: hex(registerMemory(cpu, name, value)) } : {}),
    };
  }

  #tables(cpu: CpuState): Variable[] {
    const table = (name: string, at: { base: bigint; limit: number }, kind: "gdt" | "idt" | "ivt"): Variable => ({
      ...readOnly(name, `base ${hex(at.base)} limit ${hex(at.limit)}`),
      variablesReference: this.#reference({ kind }),
      memoryReference: hex(at.base),
    });
    const real = isSegmentedMode(cpu.mode) && (cpu.cr0 & 1n) === 0n;
    return [
      plainRegister("gdtr.base", cpu.gdtr.base),
      plainRegister("gdtr.limit", BigInt(cpu.gdtr.limit)),
      table("GDT", cpu.gdtr, "gdt"),
      plainRegister("idtr.base", cpu.idtr.base),
      plainRegister("idtr.limit", BigInt(cpu.idtr.limit)),
      real ? table("IVT", cpu.idtr, "ivt") : table("IDT", cpu.idtr, "idt"),
      readOnly("LDT", describeSegment(cpu.segments.ldtr)),
      readOnly("TSS", describeSegment(cpu.segments.tr)),
    ];
  }

  #table(at: { base: bigint; limit: number }): Promise<Uint8Array> {
    return this.#target.readMemory("lin", at.base, Math.min(TABLE_MAX, at.limit + 1));
  }
}

const plain = (name: string, value: string, evaluateName = name): Variable => ({
  name,
  value,
  evaluateName,
  variablesReference: 0,
});

const plainRegister = (name: string, value: bigint): Variable => plain(name, hex(value));

const readOnly = (name: string, value: string, type?: string): Variable => ({
  name,
  value,
  variablesReference: 0,
  presentationHint: { attributes: ["readOnly"] },
  ...(type === undefined ? {} : { type }),
});

const bitVariables = (register: string, value: bigint): Variable[] =>
  (BIT_FIELDS[register] ?? []).map((field) => {
    const content = fieldValue(value, field);
    const text = fieldWidth(field) <= 2 ? `${content}` : hex(content);
    return { ...plain(field.name, text, `${register}.${field.name.toLowerCase()}`), type: field.meaning };
  });

const descriptors = (list: Descriptor[]): Variable[] => list.map(({ name, text }) => readOnly(name, text));

/** Sixteen bytes as one number, most significant first, as manuals write it. */
const hexBytes = (bytes: Uint8Array): string =>
  "0x" +
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .reverse()
    .join("");

function fpuVariables(cpu: CpuState): Variable[] {
  const { cw, sw, tag, opcode, ip, dp, st } = cpu.fpu;
  return [
    ...st.map(({ mantissa, signExponent }, index) =>
      readOnly(
        `st${index}`,
        `${hex(signExponent, 4)}:${mantissa.toString(16).padStart(16, "0")} (${extended(mantissa, signExponent)})`,
      ),
    ),
    readOnly("cw", hex(cw, 4), "control word"),
    readOnly("sw", hex(sw, 4), "status word"),
    readOnly("tag", hex(tag, 2), "one bit a register in use"),
    readOnly("opcode", hex(opcode, 4), "last instruction"),
    readOnly("ip", hex(ip), "address of the last instruction"),
    readOnly("dp", hex(dp), "address of the last operand"),
  ];
}

/** An 80-bit number, rounded to a double for reading. */
function extended(mantissa: bigint, signExponent: number): string {
  const sign = signExponent & 0x8000 ? -1 : 1;
  const exponent = signExponent & 0x7fff;
  if (exponent === 0x7fff) return mantissa << 1n === 1n << 64n ? (sign < 0 ? "-∞" : "∞") : "NaN";
  if (mantissa === 0n) return sign < 0 ? "-0" : "0";
  return `${sign * (Number(mantissa) / 2 ** 63) * 2 ** (exponent - 16383)}`;
}
