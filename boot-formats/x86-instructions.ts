/** The instructions in some bytes, in Intel syntax, by the library iced-x86. */
import iced from "iced-x86";
import type { Formatter, Instruction } from "iced-x86";

export interface X86Instruction {
  /** Offset in the bytes, and how many it takes; 1 where no instruction can be read. */
  start: number;
  length: number;
  /** Value of RIP at it. */
  ip: bigint;
  valid: boolean;
  /** The bytes end within it. */
  cutOff: boolean;
  /** "(bad)" where no instruction can be read. */
  text: string;
  /** The library's own, to be looked at before the next one is taken. */
  instruction: Instruction;
  formatter: Formatter;
}

/**
 * One after the other; behind bytes that are no instruction it goes on at the very next one.
 * @param ip value of RIP at the first byte: what relative branches are shown against
 */
export function* x86Instructions(bytes: Uint8Array, bits: 16 | 32 | 64, ip: bigint): Generator<X86Instruction> {
  const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
  const formatter = new iced.Formatter(iced.FormatterSyntax.Intel);
  formatter.hexPrefix = "0x";
  formatter.hexSuffix = "";
  formatter.uppercaseHex = false;
  formatter.spaceAfterOperandSeparator = true;
  formatter.branchLeadingZeros = false;
  decoder.ip = BigInt.asUintN(bits, ip);
  const instruction = new iced.Instruction();
  try {
    while (decoder.canDecode) {
      const start = decoder.position;
      decoder.decodeOut(instruction);
      const cutOff = decoder.lastError === iced.DecoderError.NoMoreBytes;
      const valid = !instruction.isInvalid;
      if (!valid) {
        decoder.position = start + 1;
        decoder.ip = BigInt.asUintN(bits, ip + BigInt(start + 1));
      }
      yield {
        start,
        length: decoder.position - start,
        ip: BigInt.asUintN(bits, ip + BigInt(start)),
        valid,
        cutOff,
        text: valid ? formatter.format(instruction) : "(bad)",
        instruction,
        formatter,
      };
    }
  } finally {
    instruction.free();
    formatter.free();
    decoder.free();
  }
}
