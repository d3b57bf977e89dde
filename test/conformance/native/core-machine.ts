/** Runs cases in the core. */
import type { Core } from "../../../emulator/core/core.ts";
import { Exit, L } from "../../../emulator/core/layout.ts";
import { Translator } from "../../../emulator/translator/translator.ts";
import { FX_SIZE, TIMEOUT, UNEMULATED, WRITABLE, CODE, finishedCode, type Outcome, type TestCase } from "./case.ts";
import { CODE_PHYSICAL, DATA_PHYSICAL, HANDLERS, STACK_TOP_PHYSICAL, createGuest, enterUser } from "./guest.ts";
import type { Machine } from "./report.ts";

/** Instructions after which a case counts as endless. */
const BUDGET = 100_000;
const HLT = 0xf4;
/** EXC_VECTOR when the core unwinds for another reason than an exception. */
const NO_EXCEPTION = 0xffffffff;

function loadFloating(core: Core, fx: Uint8Array): void {
  const view = new DataView(fx.buffer, fx.byteOffset, fx.byteLength);
  const status = view.getUint16(2, true);
  const top = (status >> 11) & 7;
  core.u32[L.FPU_CW / 4] = view.getUint16(0, true);
  core.u32[L.FPU_SW / 4] = status;
  core.u32[L.FPU_TAG / 4] = view.getUint8(4);
  core.u32[L.FPU_OPCODE / 4] = view.getUint16(6, true);
  core.u64[L.FPU_IP / 8] = view.getBigUint64(8, true);
  core.u64[L.FPU_DP / 8] = view.getBigUint64(16, true);
  core.u32[L.FPU_CS / 4] = 0;
  core.u32[L.FPU_DS / 4] = 0;
  core.u32[L.MXCSR / 4] = view.getUint32(24, true);
  for (let i = 0; i < 8; i++) {
    core.u8.set(fx.subarray(32 + i * 16, 48 + i * 16), L.FPU_REGS + ((top + i) & 7) * 16);
  }
  core.u8.set(fx.subarray(160, 416), L.XMM);
}

function saveFloating(core: Core): Uint8Array {
  const fx = new Uint8Array(FX_SIZE);
  const view = new DataView(fx.buffer);
  const status = core.u32[L.FPU_SW / 4] ?? 0;
  const top = (status >> 11) & 7;
  view.setUint16(0, core.u32[L.FPU_CW / 4] ?? 0, true);
  view.setUint16(2, status, true);
  view.setUint8(4, core.u32[L.FPU_TAG / 4] ?? 0);
  view.setUint32(24, core.u32[L.MXCSR / 4] ?? 0, true);
  for (let i = 0; i < 8; i++) {
    const at = L.FPU_REGS + ((top + i) & 7) * 16;
    fx.set(core.u8.subarray(at, at + 10), 32 + i * 16);
  }
  fx.set(core.u8.subarray(L.XMM, L.XMM + 256), 160);
  return fx;
}

function changedMemory(core: Core, image: Uint8Array): Map<number, Uint8Array> {
  const data = core.ram.subarray(DATA_PHYSICAL, DATA_PHYSICAL + WRITABLE);
  const changed = new Map<number, Uint8Array>();
  for (let page = 0; page < WRITABLE; page += 256) {
    if (Buffer.compare(data.subarray(page, page + 256), image.subarray(page, page + 256)) === 0) continue;
    for (let at = page; at < page + 256; at += 16) {
      const bytes = data.subarray(at, at + 16);
      if (Buffer.compare(bytes, image.subarray(at, at + 16)) !== 0) changed.set(at, bytes.slice());
    }
    data.set(image.subarray(page, page + 256), page);
  }
  return changed;
}

/** Tells the core that the host wrote code, page by page. */
function touched(core: Core, physical: number, length: number): void {
  for (let at = physical; at < physical + length; at = (at | 0xfff) + 1) {
    core.exports.touched(at, Math.min(physical + length, (at | 0xfff) + 1) - at);
  }
}

/** Runs a case, its code in place, up to its end. */
function execute(core: Core, image: Uint8Array, test: TestCase): Outcome {
  enterUser(core, test.mode);
  for (let i = 0; i < 16; i++) core.u64[L.REGS / 8 + i] = test.gpr[i] ?? 0n;
  core.setNumber64(L.RIP, test.rip);
  core.exports.setFlags(test.flags);
  loadFloating(core, test.fx);
  core.u32[L.HALTED / 4] = 0;
  // What delivering a fault would have done.
  core.u32[L.STACK_ACCESS / 4] = 0;
  core.exports.refreshMode();

  const limit = core.icount + BUDGET;
  // Every third case runs in slices of a few instructions, which must make no difference.
  const slice = test.rip % 3 === 0 ? 1 + (test.rip % 11) : BUDGET;
  let end = core.runToFault(slice);
  while ("exit" in end && end.exit === Exit.BUDGET && core.icount < limit)
    end = core.runToFault(Math.min(slice, limit - core.icount));
  const outcome: Outcome = {
    gpr: core.u64.slice(L.REGS / 8, L.REGS / 8 + 16),
    rip: core.u64[L.RIP / 8] ?? 0n,
    flags: core.exports.getFlags() >>> 0,
    vector: TIMEOUT,
    error: 0,
    cr2: 0n,
    fx: saveFloating(core),
    memory: changedMemory(core, image),
  };
  if (("exit" in end && end.exit === Exit.UNEMULATED) || ("vector" in end && end.vector === NO_EXCEPTION)) {
    outcome.vector = UNEMULATED;
  } else if ("vector" in end) {
    outcome.vector = end.vector;
    outcome.error = end.error;
    if (end.vector === 14) outcome.cr2 = core.u64[L.CR2 / 8] ?? 0n;
  } else if (end.exit === Exit.HALT) {
    // A trap was delivered: the handler that HLT stopped in, and the frame on the supervisor's stack.
    const frame = new DataView(core.ram.buffer, core.ram.byteOffset + STACK_TOP_PHYSICAL - 40, 40);
    outcome.vector = Number(outcome.rip - 1n - HANDLERS);
    outcome.rip = frame.getBigUint64(0, true);
    outcome.flags = frame.getUint32(16, true);
    outcome.gpr[4] = frame.getBigUint64(24, true);
  }
  return outcome;
}

/** With a translator, the third time is the translated one: before, its blocks are decoded, and linked. */
function runCase(core: Core, image: Uint8Array, test: TestCase, translator: Translator | undefined): Outcome {
  const code = finishedCode(test);
  const physical = CODE_PHYSICAL + (test.mode === 0 ? test.rip : test.rip - CODE);
  core.ram.set(code, physical);
  touched(core, physical, code.length);
  let outcome = execute(core, image, test);
  if (translator) {
    execute(core, image, test);
    translator.translate();
    outcome = execute(core, image, test);
  }
  core.ram.fill(HLT, physical, physical + code.length);
  touched(core, physical, code.length);
  return outcome;
}

/**
 * The core as a machine for cases; \`image\` is put into the data area whenever it changes.
 * @param translated whether the outcomes are those of translated code
 */
export async function createCoreMachine(translated = false): Promise<Machine> {
  const core = await createGuest();
  const translator = translated ? new Translator(core, 1) : undefined;
  core.ram.fill(HLT, CODE_PHYSICAL, CODE_PHYSICAL + 0x2000);
  let loaded: Uint8Array | undefined;
  return (image, cases) => {
    if (loaded !== image) {
      core.ram.set(image, DATA_PHYSICAL);
      loaded = image;
    }
    return cases.map((test) => runCase(core, image, test, translator));
  };
}
