/** Disassembly of boot code in a file; the disassembler is loaded when it is first asked for. */
import { x86Instructions } from "../../boot-formats/x86-instructions.ts";
import type { CodeBits, CodeLine } from "../../webview/artefact/messages.ts";

/** Longest instruction. */
const MAX_INSTRUCTION = 15;
const MAX_LINES = 512;

/** Bytes that so many instructions may take. */
export function codeBytes(lines: number): number {
  return Math.max(1, Math.min(lines, MAX_LINES)) * MAX_INSTRUCTION;
}

const byteText = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

/**
 * Instructions in `bytes`, which lie at `offset` of a stream and run at `address`. One that the end of the bytes cuts off
 * is told as single bytes only if nothing follows (`complete`).
 */
export function disassemble(
  bytes: Uint8Array,
  offset: number,
  address: bigint,
  bits: CodeBits,
  lines: number,
  complete: boolean,
): CodeLine[] {
  const found: CodeLine[] = [];
  for (const { start, length, ip, text, cutOff } of x86Instructions(bytes, bits, address)) {
    if (found.length === Math.min(lines, MAX_LINES) || (cutOff && !complete)) break;
    found.push({
      offset: offset + start,
      length,
      address: `0x${ip.toString(16).padStart(4, "0")}`,
      bytes: byteText(bytes.subarray(start, start + length)),
      text,
    });
  }
  return found;
}
