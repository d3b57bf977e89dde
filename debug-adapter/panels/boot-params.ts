/** "bootscope/bootParams": the zero page in guest memory, field by field, and what its pointers lead to. */
import { BOOT_PARAMS_BYTES } from "../../boot-formats/boot-params.ts";
import { sizeText } from "../../boot-formats/disk/mbr.ts";
import { hex as upperHex, type Field } from "../../boot-formats/fields.ts";
import { bootParamsFields, setupDataFields } from "../../boot-formats/kernel/boot-params-fields.ts";
import { describe, hex, phys, plus } from "../address.ts";
import type { Address } from "../address.ts";
import { optionalBoolean, optionalText } from "../arguments.ts";
import type { Arguments } from "../arguments.ts";
import { findBootParams, hasHeader } from "../boot-params.ts";
import { evaluateAddress } from "../expressions/evaluate.ts";
import type { ExpressionContext } from "../expressions/evaluate.ts";
import type { BootParamsResponse } from "../protocol.ts";
import type { BootPlaces, Target } from "../target.ts";
import { wireFields } from "./wire-fields.ts";

/** Where a PC's firmware and boot loaders put it; all of RAM would be much to read at each stop. */
const LOW_MEMORY = 0x100000;
/** Bytes of a command line when the kernel does not say (protocols before 2.06), and at most. */
const OLD_COMMAND_LINE = 255;
const MAX_COMMAND_LINE = 0xffff;

/** Fields that hold a physical address, and the field with its upper half. */
const POINTERS: Readonly<Record<string, string | undefined>> = {
  code32_start: undefined,
  ramdisk_image: "ext_ramdisk_image",
  cmd_line_ptr: "ext_cmd_line_ptr",
  setup_data: undefined,
  pref_address: undefined,
  tboot_addr: undefined,
  acpi_rsdp_addr: undefined,
  cc_blob_address: undefined,
  efi_systab: "efi_systab_hi",
  efi_memmap: "efi_memmap_hi",
  lfb_base: "ext_lfb_base",
  addr: undefined,
  next: undefined,
};

interface Where {
  physical: bigint;
  bytes: Uint8Array;
  /** How it was found, and what has become of it: one sentence or two. */
  how: string;
}

export async function bootParams(
  target: Target,
  memoryBytes: number,
  args: Arguments,
  context: ExpressionContext,
): Promise<BootParamsResponse> {
  const expression = optionalText(args, "address")?.trim();
  const everywhere = optionalBoolean(args, "everywhere") === true;
  const where =
    expression === undefined || expression === ""
      ? await found(target, everywhere ? memoryBytes : Math.min(LOW_MEMORY, memoryBytes))
      : await askedFor(target, await evaluateAddress(expression, context));
  if (where === undefined) {
    const searched = everywhere ? "in memory" : "below 1 MiB";
    return {
      none: `There is no boot_params ${searched} yet: a boot loader or the kernel's setup code will fill it in.`,
    };
  }
  const { physical, bytes, how } = where;
  const fields = bootParamsFields(bytes, Number(physical));
  const numbers = numbersIn(fields);
  const behind = [
    ...(await commandLine(target, numbers)),
    ...initrd(numbers, memoryBytes),
    ...(await setupData(target, numbers)),
  ];
  const pointsTo = (field: Field): bigint | undefined => pointerIn(field, numbers);
  return {
    physical: hex(physical),
    how,
    data: Buffer.from(bytes).toString("base64"),
    fields: wireFields([...fields, ...behind], pointsTo),
  };
}

async function askedFor(target: Target, at: Address): Promise<Where> {
  const bytes = await target.readMemory(at.space, at.address, BOOT_PARAMS_BYTES);
  if (bytes.length < BOOT_PARAMS_BYTES) {
    throw new Error(
      `At ${describe(at)} only ${bytes.length} of the ${BOOT_PARAMS_BYTES} bytes of a boot_params are memory.`,
    );
  }
  const physical = await physicalOf(target, at);
  return { physical, bytes, how: `Asked for at ${describe(at)}.` };
}

/** The kernel's own copy has a linear address, but lies in one run of physical memory. */
async function physicalOf(target: Target, at: Address): Promise<bigint> {
  if (at.space === "phys") return at.address;
  const [first, last] = await Promise.all([
    target.walk(at.address),
    target.walk(plus(at, BOOT_PARAMS_BYTES - 1).address),
  ]);
  if (first.physical === undefined || last.physical !== first.physical + BigInt(BOOT_PARAMS_BYTES - 1)) {
    throw new Error(`The ${BOOT_PARAMS_BYTES} bytes at ${describe(at)} are not one run of physical memory.`);
  }
  return first.physical;
}

async function found(target: Target, searched: number): Promise<Where | undefined> {
  const one = await findBootParams(target, searched);
  if (one === undefined) return undefined;
  const { physical, bytes, by } = one;
  const how = howFound(by, physical, await target.places());
  const used = "The memory has been used for something else since; the kernel's own copy is its variable boot_params.";
  return { physical, bytes, how: hasHeader(bytes) ? how : `${how} ${used}` };
}

function howFound(by: "handed over" | "setup code" | "search", physical: bigint, places: BootPlaces): string {
  if (by === "search") return `Found in memory at ${describe(phys(physical))}; no kernel has been entered with it yet.`;
  if (by === "setup code") {
    const setup = places.setup === undefined ? "" : ` at ${describe(phys(places.setup))}`;
    return `Being filled in by the kernel's setup code${setup}; not handed over yet.`;
  }
  const entry = places.decompressor ?? places.kernel;
  return `Handed over to the kernel's entry${entry === undefined ? "" : ` at ${describe(phys(entry))}`}.`;
}

type Numbers = ReadonlyMap<string, bigint>;

/** Fields with numbers, by name; those that are in groups of their own (ranges, disks) are not told apart and left out. */
function numbersIn(fields: readonly Field[]): Numbers {
  const numbers = new Map<string, bigint>();
  const top = fields.flatMap((field) => [
    field,
    ...(field.name === "hdr" || field.name === "screen_info" ? (field.children ?? []) : []),
  ]);
  for (const { name, raw } of top) if (raw !== undefined) numbers.set(name, BigInt(raw));
  return numbers;
}

/** A number and the field with its upper half, as one of 64 bits; 0 when the protocol does not have it. */
function wide(numbers: Numbers, name: string, upper = POINTERS[name]): bigint {
  const low = numbers.get(name);
  if (low === undefined) return 0n;
  const high = upper === undefined ? 0n : (numbers.get(upper) ?? 0n);
  return (high << 32n) | low;
}

function pointerIn({ name, raw }: Field, numbers: Numbers): bigint | undefined {
  if (!Object.hasOwn(POINTERS, name) || raw === undefined) return undefined;
  const address = POINTERS[name] === undefined ? BigInt(raw) : wide(numbers, name);
  // The first range of a memory map begins at 0; else 0 stands for none.
  return address === 0n && name !== "addr" ? undefined : address;
}

async function commandLine(target: Target, numbers: Numbers): Promise<Field[]> {
  const at = wide(numbers, "cmd_line_ptr");
  if (at === 0n) return [];
  const most = Math.min(Number(numbers.get("cmdline_size") ?? 0n) || OLD_COMMAND_LINE, MAX_COMMAND_LINE);
  const bytes = Buffer.from(await target.readMemory("phys", at, most + 1));
  const end = bytes.indexOf(0);
  const text = bytes.toString("latin1", 0, end < 0 ? most : end);
  const problem =
    bytes.length === 0
      ? `The command line's address ${upperHex(at)} lies outside RAM.`
      : end < 0
        ? `No zero ends the command line within ${most} bytes.`
        : undefined;
  return [
    {
      name: "command line",
      offset: Number(at),
      length: end < 0 ? bytes.length : end + 1,
      value: text,
      note: "the text behind cmd_line_ptr",
      ...(problem !== undefined && { problem }),
    },
  ];
}

function initrd(numbers: Numbers, memoryBytes: number): Field[] {
  const at = wide(numbers, "ramdisk_image");
  const size = wide(numbers, "ramdisk_size", "ext_ramdisk_size");
  if (at === 0n || size === 0n) return [];
  const end = at + size;
  return [
    {
      name: "initrd",
      offset: Number(at),
      length: Number(size),
      value: `${sizeText(Number(size))} at ${upperHex(at)}`,
      note: "what ramdisk_image and ramdisk_size tell of",
      ...(end > BigInt(memoryBytes) && { problem: `It would end at ${upperHex(end)}: outside RAM.` }),
    },
  ];
}

function setupData(target: Target, numbers: Numbers): Promise<Field[]> {
  return setupDataFields(numbers.get("setup_data") ?? 0n, async (physical, length) => {
    if (length === 0) return new Uint8Array();
    const bytes = await target.readMemory("phys", physical, length);
    return bytes.length === 0 ? undefined : bytes;
  });
}
