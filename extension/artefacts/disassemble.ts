/** Disassembly of boot code in a file by iced-x86, which is loaded when it is first asked for. */
import iced from "iced-x86";
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
  const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
  const formatter = new iced.Formatter(iced.FormatterSyntax.Intel);
  formatter.hexPrefix = "0x";
  formatter.hexSuffix = "";
  formatter.uppercaseHex = false;
  formatter.spaceAfterOperandSeparator = true;
  formatter.branchLeadingZeros = false;
  decoder.ip = BigInt.asUintN(bits, address);
  const instruction = new iced.Instruction();
  const found: CodeLine[] = [];
  try {
    while (decoder.canDecode && found.length < Math.min(lines, MAX_LINES)) {
      const start = decoder.position;
      decoder.decodeOut(instruction);
      const bad = instruction.isInvalid;
      if (decoder.lastError === iced.DecoderError.NoMoreBytes && !complete) break;
      const ip = BigInt.asUintN(bits, address + BigInt(start));
      if (bad) {
        // Goes on at the very next byte.
        decoder.position = start + 1;
        decoder.ip = BigInt.asUintN(bits, ip + 1n);
      }
      found.push({
        offset: offset + start,
        length: decoder.position - start,
        address: `0x${ip.toString(16).padStart(4, "0")}`,
        bytes: byteText(bytes.subarray(start, decoder.position)),
        text: bad ? "(bad)" : formatter.format(instruction),
      });
    }
    return found;
  } finally {
    instruction.free();
    formatter.free();
    decoder.free();
  }
}
