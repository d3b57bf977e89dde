/**
 * A test case (state and code) and its outcome, as the native harness and the core both take and give them; and the
 * little address space that the cases live in. The binary layouts are those of harness.c.
 */

/** Linear addresses, below 4 GiB so that 32-bit code reaches them. Same numbers in harness.c. */
export const CODE = 0x10000000;
export const CODE_SIZE = 0x2000;
/** Two pages read-write, a hole, one page read-only. */
export const DATA = 0x20000000;
export const DATA_SIZE = 0x4000;
export const WRITABLE = 0x2000;
export const READ_ONLY = 0x3000;
export const CODE_MAX = 512;
export const FS_BASE = DATA + 0x800;
export const GS_BASE = DATA + 0x1800;
/** Selectors as Linux has them (arch/x86/include/asm/segment.h), and two of a local descriptor table. */
export const CS64 = 0x33;
export const CS32 = 0x23;
export const DS = 0x2b;
export const CS16 = 0x07;
export const DS16 = 0x0f;
/** Vector of an outcome that did not come within two ticks of 20 ms (natively) or a hundred thousand instructions (core). */
export const TIMEOUT = 255;
/** "Vector" of an outcome at an instruction that the core says it does not emulate. */
export const UNEMULATED = 254;

/** Code size: 0 16-bit, 1 32-bit, 2 64-bit. */
export type Mode = 0 | 1 | 2;

export const MODE_BITS = [16, 32, 64] as const;

export interface TestCase {
  mode: Mode;
  /** Code without the final UD2. */
  code: Uint8Array;
  /** Offsets of the instructions in `code`. */
  starts: number[];
  /** RAX RCX RDX RBX RSP RBP RSI RDI R8…R15. */
  gpr: BigUint64Array;
  /** Offset in CS of the first instruction. */
  rip: number;
  flags: number;
  /** FXSAVE image (SDM vol. 1, 10.5.1). */
  fx: Uint8Array;
}

export interface Outcome {
  gpr: BigUint64Array;
  rip: bigint;
  flags: number;
  vector: number;
  error: number;
  /** Faulting address of a page fault, else 0. */
  cr2: bigint;
  /** First 416 bytes of the FXSAVE image. */
  fx: Uint8Array;
  /** Changed 16-byte pieces of the writable pages, by offset from DATA. */
  memory: Map<number, Uint8Array>;
}

/** Bytes of the FXSAVE image that a frame carries. */
export const FX_SIZE = 416;

const MAGIC = 0x43534f42;
const CASE_SIZE = 8 + 128 + 16 + 512 + CODE_MAX;
const UD2 = [0x0f, 0x0b];

/** The code as it is run: UD2 behind the last instruction ends every case that no other exception ends. */
export function finishedCode(test: TestCase): Uint8Array {
  const code = new Uint8Array(test.code.length + UD2.length);
  code.set(test.code);
  code.set(UD2, test.code.length);
  return code;
}

/** A batch as harness.c reads it. `image` is the data area's initial contents, DATA_SIZE bytes. */
export function encodeBatch(image: Uint8Array, cases: readonly TestCase[]): Uint8Array {
  const bytes = new Uint8Array(8 + DATA_SIZE + cases.length * CASE_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, cases.length, true);
  bytes.set(image, 8);
  let at = 8 + DATA_SIZE;
  for (const test of cases) {
    const code = finishedCode(test);
    view.setUint32(at, test.mode, true);
    view.setUint32(at + 4, code.length, true);
    bytes.set(new Uint8Array(test.gpr.buffer, test.gpr.byteOffset, 128), at + 8);
    view.setBigUint64(at + 136, BigInt(test.rip), true);
    view.setBigUint64(at + 144, BigInt(test.flags), true);
    bytes.set(test.fx, at + 152);
    bytes.set(code, at + 664);
    at += CASE_SIZE;
  }
  return bytes;
}

/** The outcomes as harness.c writes them. */
export function decodeOutcomes(bytes: Uint8Array, count: number): Outcome[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const outcomes: Outcome[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 584 > bytes.length) throw new Error(`the native harness gave ${i} outcomes, expected ${count}`);
    const memory = new Map<number, Uint8Array>();
    const outcome: Outcome = {
      gpr: new BigUint64Array(bytes.slice(at, at + 128).buffer),
      rip: view.getBigUint64(at + 128, true),
      flags: view.getUint32(at + 136, true),
      vector: view.getUint32(at + 144, true),
      error: view.getUint32(at + 148, true),
      cr2: view.getBigUint64(at + 152, true),
      fx: bytes.slice(at + 160, at + 160 + FX_SIZE),
      memory,
    };
    let chunks = view.getUint32(at + 576, true);
    at += 584;
    for (; chunks > 0; chunks--) {
      memory.set(view.getUint32(at, true), bytes.slice(at + 4, at + 20));
      at += 20;
    }
    outcomes.push(outcome);
  }
  if (at !== bytes.length) throw new Error("the native harness gave more than was asked for");
  return outcomes;
}
