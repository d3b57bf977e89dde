/** Whether a breakpoint can be met as memory is now, and what its user should know about the place where it is. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { describe, plus } from "./address.ts";
import type { Address } from "./address.ts";
import type { CodeAnchor } from "./code-map.ts";
import { describePlace } from "./data-breakpoints.ts";
import type { DataPlace } from "./data-breakpoints.ts";
import { decode } from "./disassembly.ts";
import type { Decoded } from "./disassembly.ts";
import { codeBits } from "./registers.ts";
import type { Target } from "./target.ts";

/** As in DebugProtocol.Breakpoint. */
export type PlaceState = Pick<DebugProtocol.Breakpoint, "verified" | "message" | "reason">;

export type StateTarget = Pick<Target, "cpu" | "device" | "msrs" | "readMemory" | "walk">;

/** The longest x86 instruction, in bytes. */
const MAX_INSTRUCTION = 15;
/** How far behind a place that the processor stood at code is read for the instructions in between. */
const REACH = 256n;
const PAGE = 4096n;

/** The host bridge's registers that say what 0xC0000 to 0xFFFFF is (Intel data sheet 290549, section 3.2.17). */
const PAM_FIRST = 0x59;
const FLASH_START = 0xfff0_0000n;
const FLASH_END = 1n << 32n;

const VERIFIED: PlaceState = { verified: true };
const pending = (message: string): PlaceState => ({ verified: false, message, reason: "pending" });
const noted = (message: string): PlaceState => ({ verified: true, message });

/** @param seen what was seen to run from an address up to another, in order; linear */
export async function codeState(
  at: Address,
  target: StateTarget,
  seen: (from: bigint, end: bigint) => readonly CodeAnchor[],
): Promise<PlaceState> {
  const physical = await physicalOf(at, target);
  if (physical === undefined)
    return pending(`Nothing is mapped at ${describe(at)} yet: it counts once code runs there.`);
  const bytes = await target.readMemory(at.space, at.address, MAX_INSTRUCTION);
  if (bytes.length === 0) return pending(`There is no memory at ${describe(at)} now: no code can run there.`);
  const around = at.space === "lin" ? await coveringInstruction(at, target, seen) : undefined;
  if (around !== undefined) {
    return noted(
      `No instruction starts at ${describe(at)}: it is within "${around.text}" at ${describe(around.at)}, so only a jump ` +
        "into that instruction is met.",
    );
  }
  if (bytes.every((byte) => byte === 0)) {
    return noted(`There are only zeros at ${describe(at)} now: it counts once code is loaded there.`);
  }
  const { mode } = await target.cpu();
  if (decode(bytes, at, codeBits(mode), 1)[0]?.valid === false) {
    return noted(`What is at ${describe(at)} now is no instruction: it counts once there is one.`);
  }
  return (await isRom(physical, target)) ? noted(`The code at ${describe(at)} is in ROM.`) : VERIFIED;
}

export async function dataState(place: DataPlace, target: StateTarget): Promise<PlaceState> {
  if (place.kind === "port") return VERIFIED;
  if (place.kind === "register") {
    if (!place.register.startsWith("msr:")) return VERIFIED;
    const index = Number(place.register.slice(4));
    if ((await target.msrs()).some((one) => one.index === index)) return VERIFIED;
    return noted(`This processor has no ${describePlace(place)}: every access to it faults.`);
  }
  const { at, length } = place;
  const last = plus(at, length - 1);
  const physical = await physicalOf(at, target);
  if (physical === undefined) return pending(`Nothing is mapped at ${describe(at)} yet: it counts once something is.`);
  if ((await physicalOf(last, target)) === undefined) {
    return noted(`Of these bytes ${describe(last)} is not mapped yet: it counts once it is.`);
  }
  const found = await target.readMemory(at.space, at.address, 1);
  if (found.length === 0) return noted(`There is no RAM at ${describe(at)}: a device may answer there, or nothing.`);
  return (await isRom(physical, target))
    ? noted(`${describe(at)} is in ROM: it can be read, but never changes.`)
    : VERIFIED;
}

export async function physicalOf(at: Address, target: Pick<Target, "walk">): Promise<bigint | undefined> {
  return at.space === "phys" ? at.address : (await target.walk(at.address)).physical;
}

/**
 * The instruction that an address lies in the middle of, when that is certain: when it follows, one after the other, on one at
 * which the processor has stood.
 */
async function coveringInstruction(
  at: Address,
  target: StateTarget,
  seen: (from: bigint, end: bigint) => readonly CodeAnchor[],
): Promise<Decoded | undefined> {
  const from = at.address > REACH ? at.address - REACH : 0n;
  const anchor = seen(from, at.address + 1n).at(-1);
  if (anchor === undefined || anchor.address === at.address) return undefined;
  const length = Number(at.address - anchor.address) + MAX_INSTRUCTION;
  const bytes = await target.readMemory("lin", anchor.address, length);
  for (const one of decode(bytes, { space: "lin", address: anchor.address }, anchor.bits, length)) {
    const end = one.at.address + BigInt(one.bytes.length);
    if (!one.valid || one.at.address >= at.address) return undefined;
    if (end > at.address) return one;
    // Behind these there may be data.
    if (one.flow === "branch" || one.flow === "return") return undefined;
  }
  return undefined;
}

/** Whether memory there takes no writes: the firmware's flash memory, or what the host bridge protects below 1 MiB. */
async function isRom(physical: bigint, target: StateTarget): Promise<boolean> {
  if (physical >= FLASH_START && physical < FLASH_END) return true;
  if (physical < 0xc_0000n || physical >= 0x10_0000n) return false;
  const pci = await target.device("pci");
  const functions = (pci?.["functions"] ?? []) as readonly { devfn: number; config: Uint8Array }[];
  const config = functions.find(({ devfn }) => devfn === 0)?.config;
  if (config === undefined) return false;
  const segment = Number((physical - 0xc_0000n) >> 14n);
  const [register, shift] = physical >= 0xf_0000n ? [0, 4] : [1 + (segment >> 1), (segment & 1) * 4];
  const writable = (((config[PAM_FIRST + register] ?? 0) >> shift) & 2) !== 0;
  return !writable;
}

/** A place that is to be bound to a physical address, at that address if all of it is mapped in one piece. */
export async function boundPlace(place: DataPlace, target: Pick<Target, "walk">): Promise<DataPlace> {
  if (place.kind !== "memory" || place.bind !== true) return place;
  const first = await physicalOf(place.at, target);
  if (first === undefined) return place;
  const end = place.at.address + BigInt(place.length);
  for (let page = (place.at.address & ~(PAGE - 1n)) + PAGE; page < end; page += PAGE) {
    const physical = await physicalOf({ space: "lin", address: page }, target);
    if (physical === undefined) return place;
    if (physical !== first + (page - place.at.address)) {
      throw new Error(
        `The ${describePlace(place)} are not in one piece in physical memory: watch its pages one by one.`,
      );
    }
  }
  return { kind: "memory", at: { space: "phys", address: first }, length: place.length };
}
