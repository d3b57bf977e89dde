/** Interrupts that come in the middle of a step: whether one was delivered, and where its handler returns to. */
import { codeBits, linearIp, linearSp } from "./registers.ts";
import { currentFrame, frameIp, frameSp, StandingMemory } from "./stack-frames.ts";
import { trapBefore } from "./stack-code.ts";
import { InterruptFrames } from "./stack-interrupts.ts";
import type { CpuState, Target } from "./target.ts";

const IF = 0x200n;
/** The longest instruction: a handler may have executed its first one already. */
const FIRST_INSTRUCTION = 15n;
/** Items that the handler's first instruction, and the processor's error code, may have put above the frame. */
const MAX_ABOVE = 9;
const NMI = 2;
/** Exceptions have lower vectors in protected mode; the BIOS gives its timer, keyboard and disks those from 8 on. */
const FIRST_INTERRUPT = 32;
const FIRST_BIOS_INTERRUPT = 8;

/** An interrupt or exception that a step ran into. */
export interface Delivered {
  /** It came from outside: the instruction has nothing to do with it. */
  external: boolean;
  /** Linear address and stack pointer with which the interrupted code goes on. */
  back: bigint;
  sp: bigint | undefined;
  /** The instruction that was stepped is not done yet. */
  pending: boolean;
}

/** What came in between, when one instruction was stepped from `before` to `after`; undefined when nothing did. */
export async function deliveredBetween(
  target: Pick<Target, "readMemory">,
  before: CpuState,
  after: CpuState,
): Promise<Delivered | undefined> {
  // Interrupts come when they are on, and their handlers begin with them off.
  if ((before.rflags & IF) === 0n || (after.rflags & IF) !== 0n) return undefined;
  if (linearSp(after) === linearSp(before)) return undefined;
  const memory = new StandingMemory(target);
  const frames = new InterruptFrames(after, memory);
  const handler = currentFrame(after);
  if (handler.sp === undefined) return undefined;
  const long = (after.efer & 0x400n) !== 0n;
  const width = long ? 8 : after.mode === "real" || codeBits(after.mode) === 16 ? 2 : 4;
  for (let above = 0; above <= MAX_ABOVE; above++) {
    const frame = await frames.popped(handler, handler.sp + BigInt(above * width), width);
    if (frame === undefined || frame.code.selector !== before.segments.cs.selector) continue;
    if (((frame.registers.get("rflags") ?? 0n) & IF) === 0n) continue;
    const back = frameIp(frame);
    const at = linearIp(before);
    const pending = back === at;
    // INT is an instruction like others, and its handler where it leads to.
    const software = !pending && back === at + 2n && (await trapBefore(memory, back)) !== undefined;
    if (software) return undefined;
    const vectors = await frames.handlersAt(linearIp(after), FIRST_INSTRUCTION);
    const first = after.mode === "real" ? FIRST_BIOS_INTERRUPT : FIRST_INTERRUPT;
    const external = vectors.length === 0 || vectors.some((vector) => vector >= first || vector === NMI);
    return { external, back, sp: frameSp(frame), pending };
  }
  return undefined;
}
