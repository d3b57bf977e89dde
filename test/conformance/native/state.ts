/** Loads of control words, segment registers and saved states: with values that mean something, made beforehand. */
import { CS16, CS32, CS64, DS, DS16 } from "./case.ts";
import { RAX, RCX, RDI, RDX, RSP, dword, type Sequence } from "./sequence.ts";

/** LDMXCSR, FLDCW, PUSH/POPF, FS and GS bases, with fitting values. */
export function emitControl(sequence: Sequence): boolean {
  const random = sequence.random;
  const mode = sequence.mode;
  const store = (value: number): number | undefined => {
    const target = sequence.origin + (sequence.dataOffset(4, false) & 0x1ffc);
    if (mode === 0) return undefined;
    const address = mode === 2 ? [0x04, 0x25, ...dword(target)] : [0x05, ...dword(target)];
    sequence.append([0xc7, ...address, ...dword(value)]);
    return target;
  };
  const load = (prefix: number[], digit: number, target: number): boolean =>
    sequence.append([
      ...prefix,
      ...(mode === 2 ? [0x04 | (digit << 3), 0x25] : [0x05 | (digit << 3)]),
      ...dword(target),
    ]);
  const kind = random.below(4);
  if (kind === 0) {
    const masks = random.chance(0.9) ? 0x1f80 : random.below(64) << 7;
    const target = store(masks | random.below(64) | (random.below(4) << 13) | random.pick([0, 0, 0, 0x8000, 0x40]));
    return target !== undefined && load([0x0f, 0xae], 2, target);
  }
  if (kind === 1) {
    const masks = random.chance(0.9) ? 0x3f : random.below(64);
    const target = store(masks | 0x40 | (random.pick([0, 2, 3, 3]) << 8) | (random.below(4) << 10));
    return target !== undefined && load([0xd9], 5, target);
  }
  if (kind === 2) {
    sequence.pointRegister(RSP, 64);
    const value = (random.u32() & 0x8d5) | 2 | (random.chance(0.1) ? 0x400 : 0) | (random.chance(0.1) ? 0x200000 : 0);
    sequence.append(mode === 0 ? [0x68, value & 255, (value >> 8) & 255] : [0x68, ...dword(value)]);
    return sequence.append([0x9d]);
  }
  return sequence.append([0xf3, 0x90]);
}

/** Selectors that exist in the one or the other way, and that do not. */
const SELECTORS = [0, 3, DS, DS, DS, DS & ~3, DS | 1, CS64, CS32, 0x10, 0x18, 0x43, 0xfff8, CS16, DS16] as const;

/** MOV to a segment register, LAR, LSL, VERR, VERW, with a selector in AX. */
export function emitSegment(sequence: Sequence): boolean {
  const random = sequence.random;
  // The local descriptor table is there for 16-bit cases only.
  const selector = random.pick(SELECTORS.filter((value) => sequence.mode === 0 || (value & 4) === 0));
  sequence.setRegister(0, BigInt(selector) | (random.chance(0.2) ? 0x120000n : 0n));
  const size = random.chance(0.3) ? [0x66] : [];
  switch (random.below(7)) {
    case 0:
      return sequence.append([...size, 0x0f, 0x02, 0xd8]);
    case 1:
      return sequence.append([...size, 0x0f, 0x03, 0xd8]);
    case 2:
      // PUSH 0 or a selector, POP ES or FS.
      sequence.pointRegister(RSP, 64);
      sequence.append([0x6a, selector < 0x78 ? selector : 0x68]);
      return sequence.append(sequence.mode === 2 || random.chance(0.5) ? [0x0f, 0xa1] : [0x07]);
    case 3:
      return sequence.append([0x0f, 0x00, random.pick([0xe0, 0xe8])]);
    default:
      // Mostly ES and FS: without DS nothing else can be done outside 64-bit mode.
      return sequence.append([0x8e, 0xc0 | (random.pick([0, 0, 0, 4, 5, 3, 2]) << 3)]);
  }
}

/** FNSAVE, FXSAVE or XSAVE (x87 and SSE), and the restoring of what it saved. */
export function emitState(sequence: Sequence): boolean {
  const random = sequence.random;
  if (sequence.mode === 0) return false;
  // Where it is not aligned it must fail.
  const target = sequence.origin + random.below(0x1d00 / 64) * 64 + (random.chance(0.04) ? random.below(64) : 0);
  const operand = (digit: number): number[] => [
    ...(sequence.mode === 2 ? [0x04 | (digit << 3), 0x25] : [0x05 | (digit << 3)]),
    ...dword(target),
  ];
  // MXCSR_MASK has a bit here that the core does not announce (see compare.ts), which nothing should read back.
  const clearMask = (): boolean => {
    const mask = sequence.mode === 2 ? [0x04, 0x25, ...dword(target + 28)] : [0x05, ...dword(target + 28)];
    return sequence.append([0xc7, ...mask, 0, 0, 0, 0]);
  };
  const restore = random.chance(0.5);
  const wide = sequence.mode === 2 && random.chance(0.5) ? [0x48] : [];
  switch (random.below(3)) {
    case 0:
      return sequence.append([0xdd, ...operand(6)]) && (!restore || sequence.append([0xdd, ...operand(4)]));
    case 1:
      return (
        sequence.append([...wide, 0x0f, 0xae, ...operand(0)]) &&
        clearMask() &&
        (!restore || sequence.append([...wide, 0x0f, 0xae, ...operand(1)]))
      );
    default: {
      // XRSTOR wants a header of zeros; only what is saved here may be restored.
      if (restore) {
        sequence.setRegister(RAX, 0n);
        sequence.setRegister(RCX, 16n);
        sequence.setRegister(RDI, BigInt(target + 512));
        sequence.append([0xfc]);
        sequence.append([0xf3, 0xab]);
      }
      sequence.setRegister(RAX, BigInt(random.below(4)));
      sequence.setRegister(RDX, 0n);
      if (!sequence.append([...wide, 0x0f, 0xae, ...operand(4)]) || !clearMask()) return false;
      if (!restore) return true;
      sequence.setRegister(RAX, BigInt(random.below(4)));
      return sequence.append([...wide, 0x0f, 0xae, ...operand(5)]);
    }
  }
}
