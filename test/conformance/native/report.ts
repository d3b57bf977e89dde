/** Reduces a failing case to what is needed, and prints it. */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax, Instruction } from "iced-x86";
import { compare, type Difference, type Tolerance } from "./compare.ts";
import { DATA, MODE_BITS, type Outcome, type TestCase } from "./case.ts";
import { undefinedBefore } from "./flow.ts";

/** Runs cases on one of the two machines. */
export type Machine = (image: Uint8Array, cases: readonly TestCase[]) => Outcome[];

export interface Failure {
  test: TestCase;
  differences: Difference[];
  native: Outcome;
  core: Outcome;
}

/** The case with the instructions of these indices replaced by NOPs, so that all addresses stay. */
function without(test: TestCase, index: number): TestCase {
  const code = test.code.slice();
  code.fill(0x90, test.starts[index] ?? 0, test.starts[index + 1] ?? code.length);
  return { ...test, code };
}

/** The case cut short behind instruction `index`. */
function upTo(test: TestCase, index: number): TestCase {
  return {
    ...test,
    code: test.code.slice(0, test.starts[index + 1] ?? test.code.length),
    starts: test.starts.slice(0, index + 1),
  };
}

/** The smallest failing case that leaving out instructions one by one finds. */
export function shrink(
  failure: Failure,
  image: Uint8Array,
  native: Machine,
  core: Machine,
  tolerance: Tolerance,
): Failure {
  let best = failure;
  for (;;) {
    const candidates: TestCase[] = [];
    for (let i = 0; i < best.test.starts.length - 1; i++) candidates.push(upTo(best.test, i));
    for (let i = 0; i < best.test.starts.length; i++) {
      const start = best.test.starts[i] ?? 0;
      const end = best.test.starts[i + 1] ?? best.test.code.length;
      if (best.test.code.subarray(start, end).some((byte) => byte !== 0x90)) candidates.push(without(best.test, i));
    }
    const usable = candidates.filter((test) => undefinedBefore(test));
    const expected = native(image, usable);
    const found = core(image, usable);
    let better: Failure | undefined;
    for (const [i, test] of usable.entries()) {
      const a = expected[i];
      const b = found[i];
      if (!a || !b) continue;
      const differences = compare(test, a, b, image, tolerance);
      if (differences.length > 0 && !better) better = { test, differences, native: a, core: b };
    }
    if (!better) return best;
    best = better;
  }
}

/** One line an instruction, NOPs left out: address, bytes, text. */
export function disassemble(test: TestCase): string[] {
  const decoder = new Decoder(MODE_BITS[test.mode], test.code, DecoderOptions.AMD);
  const formatter = new Formatter(FormatterSyntax.Intel);
  const instruction = new Instruction();
  decoder.ip = BigInt(test.rip);
  const lines: string[] = [];
  while (decoder.canDecode) {
    decoder.decodeOut(instruction);
    const at = Number(instruction.ip) - test.rip;
    const bytes = test.code.subarray(at, at + instruction.length);
    if (bytes.length === 1 && bytes[0] === 0x90) continue;
    const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    lines.push(`${(test.rip + at).toString(16)}  ${text.padEnd(46)} ${formatter.format(instruction)}`);
  }
  instruction.free();
  formatter.free();
  decoder.free();
  return lines;
}

const NAMES = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");

function initialState(test: TestCase): string[] {
  const lines: string[] = [];
  for (let i = 0; i < (test.mode === 2 ? 16 : 8); i += 4) {
    lines.push(
      NAMES.slice(i, i + 4)
        .map((name, j) => `${name.padStart(3)} ${(test.gpr[i + j] ?? 0n).toString(16).padStart(16, "0")}`)
        .join("  "),
    );
  }
  const view = new DataView(test.fx.buffer, test.fx.byteOffset);
  const word = (at: number): string => view.getUint16(at, true).toString(16).padStart(4, "0");
  lines.push(
    `eflags ${test.flags.toString(16)}  fcw ${word(0)}  fsw ${word(2)}  tags ${test.fx[4]?.toString(16)}  mxcsr ${word(24)}`,
  );
  const register = (at: number, length: number): string =>
    Array.from(test.fx.subarray(at, at + length), (byte) => byte.toString(16).padStart(2, "0"))
      .reverse()
      .join("");
  for (let i = 0; i < 8; i += 2)
    lines.push(`st${i} ${register(32 + 16 * i, 10)}  st${i + 1} ${register(48 + 16 * i, 10)}`);
  for (let i = 0; i < (test.mode === 2 ? 16 : 8); i += 2) {
    lines.push(`xmm${i} ${register(160 + 16 * i, 16)}  xmm${i + 1} ${register(176 + 16 * i, 16)}`);
  }
  return lines;
}

/** What differs, the code, and the state that it starts from. `image` gives the memory that differed. */
export function describe(failure: Failure, image: Uint8Array, full: boolean): string {
  const { test, differences } = failure;
  const lines = [`${MODE_BITS[test.mode]}-bit code, native exception ${failure.native.vector}`, ...disassemble(test)];
  for (const { what, native, core } of differences) lines.push(`  ${what}: native ${native}, core ${core}`);
  if (full) {
    lines.push(...initialState(test));
    lines.push(`data area at ${DATA.toString(16)}, ${image.length} bytes, by the seed`);
  }
  return lines.join("\n");
}
