/**
 * Scopes and variables. References to variables live as long as the protocol says: until the machine goes on; one of an
 * earlier stop is refused. What a reference stands for is looked at anew whenever it is asked for, so that a changed
 * register shows everywhere.
 */
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { ExpressionNode } from "../../emulator/machine/inspect-expression.ts";
import { hex } from "../address.ts";
import { optionalInteger, optionalText } from "../arguments.ts";
import type { Arguments } from "../arguments.ts";
import { evaluateExpression } from "../expressions/evaluate.ts";
import type { ExpressionContext } from "../expressions/evaluate.ts";
import { writeWhole } from "../memory.ts";
import type { CpuState, Target } from "../target.ts";
import { writePart } from "./bits.ts";
import type { RegisterBits } from "./bits.ts";
import { CONTROL, controlItem, isControl } from "./control.ts";
import { DEBUG, debugItem, isDebug } from "./debug-registers.ts";
import { DEVICES, deviceItem } from "./devices/devices.ts";
import { FPU, mmxItem, stackItem, wordItem } from "./fpu.ts";
import { FLAGS, GENERAL, PROCESSOR, generalItem, isGeneral } from "./general.ts";
import { MSRS, msrItemOf } from "./msrs.ts";
import { SEGMENTS, isSegment, segmentItem } from "./segments.ts";
import { SSE, mxcsrItem, xmmItem } from "./sse.ts";
import { TABLES, gdtItem, idtItem, ivtItem, ldtItem, taskItem } from "./tables.ts";
import type { Format, Group, Item, Machine } from "./tree.ts";

type Variable = DebugProtocol.Variable;

const SCOPES: readonly { name: string; group: Group; hint?: "registers"; expensive?: boolean }[] = [
  { name: "General", group: GENERAL, hint: "registers" },
  { name: "Flags", group: FLAGS },
  { name: "Segment", group: SEGMENTS },
  { name: "Control", group: CONTROL },
  { name: "Processor", group: PROCESSOR },
  { name: "Descriptor tables", group: TABLES, expensive: true },
  { name: "Debug", group: DEBUG, expensive: true },
  { name: "MSRs", group: MSRS, expensive: true },
  { name: "FPU", group: FPU, expensive: true },
  { name: "SSE", group: SSE, expensive: true },
  { name: "Devices", group: DEVICES, expensive: true },
];

type VariablesTarget = Pick<
  Target,
  "cpu" | "msrs" | "device" | "deviceNames" | "readMemory" | "writeMemory" | "writeRegister"
>;

/** What of the protocol the client can do with variables. */
interface ClientAbilities {
  types: boolean;
  memory: boolean;
  paging: boolean;
}

interface VariablesServices {
  /** What the user's expressions may look at. */
  context(): Promise<ExpressionContext>;
  client(): ClientAbilities;
}

/** Which of a group's variables are wanted. */
interface Wanted {
  filter?: "indexed" | "named";
  start?: number;
  count?: number;
}

const EVERYTHING: ClientAbilities = { types: true, memory: true, paging: true };
const PLAIN: Format = { hex: false };

export class Variables {
  readonly #target: VariablesTarget;
  readonly #services: VariablesServices;
  #groups = new Map<number, Group>();
  #references = new Map<string, number>();
  #last = 0;

  constructor(target: VariablesTarget, services?: VariablesServices) {
    this.#target = target;
    this.#services = services ?? {
      context: async () => ({
        cpu: await target.cpu(),
        readMemory: (space, address, length) => target.readMemory(space, address, length),
      }),
      client: () => EVERYTHING,
    };
  }

  scopes(): DebugProtocol.Scope[] {
    return SCOPES.map(({ name, group, hint, expensive }) => ({
      name,
      variablesReference: this.#reference(group),
      expensive: expensive ?? false,
      ...(hint === undefined ? {} : { presentationHint: hint }),
    }));
  }

  /** The machine goes on: what was handed out means nothing any more. */
  forget(): void {
    this.#groups = new Map();
    this.#references = new Map();
  }

  async variables(reference: number, wanted: Wanted = {}, format: Format = PLAIN): Promise<Variable[]> {
    const items = await itemsOf(this.#group(reference), this.#machine(format), wanted);
    return items.map((item) => this.#variable(item));
  }

  /** Writes a register, one of its fields, or an entry of a table; resolves to the variable as it is then. */
  async setVariable(reference: number, name: string, text: string, format: Format = PLAIN): Promise<Variable> {
    const group = this.#group(reference);
    const machine = this.#machine(format);
    const find = async (): Promise<Item | undefined> =>
      (await itemsOf(group, machine, {})).find((item) => item.name === name);
    const item = await find();
    if (item === undefined) throw new Error(`There is no variable "${name}" behind reference ${reference}.`);
    await write(item, text, machine);
    return this.#variable((await find()) ?? item);
  }

  /** Writes some bits of a whole register. */
  writePart(bits: RegisterBits, value: bigint): Promise<void> {
    return writePart(bits, value, this.#target);
  }

  /** The tree of what an expression reads, for a client that wants its parts: 0 when it has none. */
  async referenceOf(root: ExpressionNode): Promise<number> {
    const machine = this.#machine(PLAIN);
    let item: Item | undefined;
    if (root.op === "msr" && root.index.op === "number") item = await msrItemOf(Number(root.index.value), machine);
    // "cs" is read as "cs.selector"; "eax" and "cr0.pe" are parts of a register without parts of their own.
    if (root.op === "register" && root.shift === 0 && root.bits >= (root.name.includes(".") ? 8 : 32)) {
      if (root.bits === 64 || root.name === "rflags" || !isGeneral(root.name)) {
        item = await registerItem(root.name.replace(/\.selector$/, ""), machine);
      }
    }
    return item?.group === undefined ? 0 : this.#reference(item.group);
  }

  /** What a tree is called that is no number: "xmm3", "st0", "gdt", "lapic". Undefined when there is none of that name. */
  async named(name: string, format: Format = PLAIN): Promise<Variable | undefined> {
    const item = await this.#namedItem(name, format);
    return item && this.#variable(item);
  }

  /** Writes what `named` finds; false when there is none of that name. */
  async setNamed(name: string, text: string, format: Format = PLAIN): Promise<boolean> {
    const item = await this.#namedItem(name, format);
    if (item !== undefined) await write(item, text, this.#machine(format));
    return item !== undefined;
  }

  async #namedItem(name: string, format: Format): Promise<Item | undefined> {
    const machine = this.#machine(format);
    const wanted = name.trim().replace(/^[%$]/, "").toLowerCase();
    const item = await registerItem(wanted, machine);
    if (item !== undefined) return item;
    return (await machine.deviceNames()).includes(wanted) ? deviceItem(wanted) : undefined;
  }

  #machine(format: Format): Machine {
    const target = this.#target;
    return {
      format,
      cpu: () => target.cpu(),
      msrs: () => target.msrs(),
      device: (name) => target.device(name),
      deviceNames: () => target.deviceNames(),
      readMemory: (space, address, length) => target.readMemory(space, address, length),
      writeMemory: (space, address, bytes) => writeWhole(target, space, address, bytes),
      writeRegister: (name, value) => target.writeRegister(name, value),
      number: async (text, bits, name) => {
        const { value, type } = await evaluateExpression(text, await this.#services.context());
        return fitting(value, type.signed, bits, name);
      },
    };
  }

  #variable(item: Item): Variable {
    const { types, memory, paging } = this.#services.client();
    const { name, value, type, evaluateName, memoryReference, group } = item;
    return {
      name,
      value,
      variablesReference: group === undefined ? 0 : this.#reference(group),
      ...(types && type !== undefined ? { type } : {}),
      ...(evaluateName === undefined ? {} : { evaluateName }),
      ...(memory && memoryReference !== undefined ? { memoryReference } : {}),
      ...(paging && group?.indexed !== undefined
        ? { indexedVariables: group.indexed.count, ...(group.named === undefined ? { namedVariables: 0 } : {}) }
        : {}),
      ...(item.write === undefined ? { presentationHint: { attributes: ["readOnly"] } } : {}),
    };
  }

  #reference(group: Group): number {
    let reference = this.#references.get(group.id);
    if (reference === undefined) {
      reference = ++this.#last;
      this.#references.set(group.id, reference);
    }
    this.#groups.set(reference, group);
    return reference;
  }

  #group(reference: number): Group {
    const group = this.#groups.get(reference);
    if (group !== undefined) return group;
    if (reference > this.#last) throw new Error(`There are no variables behind reference ${reference}.`);
    throw new Error(
      `The variables behind reference ${reference} were those of an earlier stop: a reference of this stop was expected.`,
    );
  }
}

async function itemsOf(group: Group, machine: Machine, { filter, start = 0, count }: Wanted): Promise<Item[]> {
  const { named, indexed } = group;
  const items = filter === "indexed" || named === undefined ? [] : await named(machine);
  if (filter === "named" || indexed === undefined) return items;
  // The protocol's 0 is "all of them", as when nothing is said.
  const wanted = count === undefined || count === 0 ? indexed.count : count;
  const last = Math.min(indexed.count, start + wanted);
  return start >= last ? items : [...items, ...(await indexed.items(machine, start, last - start))];
}

async function write(item: Item, typed: string, machine: Machine): Promise<void> {
  const { name, value, fixed } = item;
  if (item.write === undefined)
    throw new Error(`"${name}" cannot be changed: ${fixed ?? "it is no state of its own"}.`);
  // Clients offer the whole value to be edited: the words behind the number may stay.
  const words = value.includes(" ") ? value.slice(value.indexOf(" ")) : undefined;
  const number = words !== undefined && typed.endsWith(words) ? typed.slice(0, -words.length) : typed;
  await item.write(number.includes(" ") ? typed : number, machine);
}

/** The bits that hold a value. */
function fitting(value: bigint, signed: boolean, bits: number, name: string): bigint {
  const number = signed ? BigInt.asIntN(64, value) : value;
  if (number < 0n ? number >= -(1n << BigInt(bits - 1)) : number < 1n << BigInt(bits))
    return BigInt.asUintN(bits, value);
  const largest = hex((1n << BigInt(bits)) - 1n);
  throw new Error(
    `${signed ? `${number}` : hex(number)} does not fit into the ${bits} bit${bits === 1 ? "" : "s"} of ${name}: at most ${largest} was expected.`,
  );
}

const NUMBERED = /^(xmm|st|mm)(1?[0-9])$/;

/** A register or a table by its name. */
async function registerItem(name: string, machine: Machine): Promise<Item | undefined> {
  const cpu = await machine.cpu();
  if (isGeneral(name)) return generalItem(cpu, name);
  if (isControl(name)) return controlItem(cpu, name);
  if (isDebug(name)) return debugItem(cpu, name);
  if (isSegment(name)) return segmentItem(cpu, name);
  switch (name) {
    case "mxcsr":
      return mxcsrItem(cpu);
    case "fpu.cw":
      return wordItem(cpu, "cw", "control word");
    case "fpu.sw":
      return wordItem(cpu, "sw", "status word");
    case "gdt":
      return gdtItem(cpu);
    case "ldt":
      return ldtItem(cpu);
    case "idt":
      return idtItem(cpu);
    case "ivt":
      return ivtItem(cpu);
    case "tss":
      return taskItem(cpu);
  }
  const [, kind = "", digits = ""] = NUMBERED.exec(name) ?? [];
  const index = Number(digits);
  if (kind === "xmm" && index < cpu.xmm.length) return xmmItem(cpu, index);
  if (kind === "st" && index < 8) return stackItem(cpu, index, machine.format.hex);
  return kind === "mm" && index < 8 ? mmxItem(cpu, index) : undefined;
}

/** Which variables a request wants. Throws one sentence. */
export function wantedOf(args: Arguments): Wanted {
  const filter = optionalText(args, "filter");
  if (filter !== undefined && filter !== "indexed" && filter !== "named") {
    throw new Error(`There is no filter "${filter}": "indexed" or "named" was expected.`);
  }
  const start = optionalInteger(args, "start", 0, Number.MAX_SAFE_INTEGER);
  const count = optionalInteger(args, "count", 0, Number.MAX_SAFE_INTEGER);
  return {
    ...(filter === undefined ? {} : { filter }),
    ...(start === undefined ? {} : { start }),
    ...(count === undefined ? {} : { count }),
  };
}

/** Whether the call stack is another one behind a change of registers. */
export const movesStack = (before: CpuState, after: CpuState): boolean =>
  before.mode !== after.mode ||
  before.rip !== after.rip ||
  before.cr3 !== after.cr3 ||
  before.gpr[4] !== after.gpr[4] ||
  before.gpr[5] !== after.gpr[5] ||
  before.segments.cs.base !== after.segments.cs.base ||
  before.segments.ss.base !== after.segments.ss.base;
