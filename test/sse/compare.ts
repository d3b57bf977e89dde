/** Holds the state after an instruction in the core against the one on the processor. */
import { ARITHMETIC, SseRecord } from "./records.ts";

const RSP = 4;

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
/** Bytes of a register with the most significant first. */
function big(bytes: Uint8Array): string {
  return hex(bytes.slice().reverse());
}

/** What differs, one entry each; empty when all is equal. */
export function differences(processor: SseRecord, core: SseRecord): string[] {
  const found: string[] = [];
  const note = (name: string, expected: string | number | bigint, actual: string | number | bigint): void => {
    if (expected === actual) return;
    const text = (v: string | number | bigint): string => (typeof v === "string" ? v : v.toString(16));
    found.push(`${name}: processor ${text(expected)}, core ${text(actual)}`);
  };
  note("exception", processor.vector - 1, core.vector - 1);
  note("MXCSR", processor.mxcsr, core.mxcsr);
  for (let i = 0; i < 16; i++) {
    if (i !== RSP) note(`general register ${i}`, processor.register(i), core.register(i));
    note(`xmm${i}`, big(processor.xmm.subarray(i * 16, i * 16 + 16)), big(core.xmm.subarray(i * 16, i * 16 + 16)));
  }
  note("flags", processor.flags & ARITHMETIC, core.flags & ARITHMETIC);
  note("x87 status", processor.statusWord, core.statusWord);
  note("x87 tags", processor.tags, core.tags);
  for (let i = 0; i < 8; i++) note(`x87 physical ${i}`, big(processor.physical(i)), big(core.physical(i)));
  note("memory", hex(processor.memory), hex(core.memory));
  return found;
}

/** The instruction and the state before it. */
export function describe(before: SseRecord): string {
  const lines = [
    `code ${hex(before.code)}  mxcsr ${before.mxcsr.toString(16)}  x87 status ${before.statusWord.toString(16)}`,
  ];
  lines.push(`rbx ${before.register(3).toString(16)}  memory ${hex(before.memory)}`);
  for (let i = 0; i < 16; i++) {
    const xmm = big(before.xmm.subarray(i * 16, i * 16 + 16));
    lines.push(
      `gpr${i} ${before.register(i).toString(16).padStart(16, "0")}  xmm${i} ${xmm}  ${i < 8 ? `mm ${big(before.physical(i))}` : ""}`,
    );
  }
  return lines.join("\n");
}
