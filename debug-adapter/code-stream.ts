/**
 * Where instructions begin in memory. x86 code can be read from any byte, so a view that is scrolled would show other
 * instructions each time if every request began where it happens to begin. Here the answer depends on memory and on what
 * was seen to run only: memory is cut into blocks, each block is read from a fixed distance before it (decoding soon falls into
 * step with the code), and where something was seen to run an instruction begins, of the size that ran.
 */
import iced from "iced-x86";
import type { Instruction } from "iced-x86";
import type { Space } from "../emulator/machine/api.ts";
import type { CodeAnchor } from "./code-map.ts";
import type { CodeBits } from "./registers.ts";

/** The longest x86 instruction, in bytes. */
export const MAX_INSTRUCTION = 15;
/** Bytes of a block: a page, so that all or nothing of it can be read. */
const BLOCK = 4096;
/** Bytes before a block from which on it is read: twice the reach of an anchor, so that a mode switch before it is seen. */
const RUN_IN = 2048;
/** How far an anchor says what size the code behind it has, in bytes. */
const ANCHOR_REACH = 1024;
/** Instructions between the write to CR0 and the far jump that together switch the mode. */
const SWITCH_DISTANCE = 8;
/** Instructions between the write to EFER and the far jump into 64-bit code. */
const LONG_DISTANCE = 40;
/** Bytes before an anchor that are read anew when the code before it runs past it. */
const REREAD = 64;

export type ReadMemory = (space: Space, address: bigint, length: number) => Promise<Uint8Array>;

/** One row of a disassembly. */
export interface Row {
  address: bigint;
  /** Its bytes; none where nothing can be read. */
  bytes: Uint8Array;
  bits: CodeBits;
  /** Whether the bytes are one instruction. */
  valid: boolean;
}

export interface StreamContext {
  space: Space;
  /** Size of code where nothing better is known. */
  bits: CodeBits;
  /** RIP minus linear address (the base of CS, negated). */
  ipMinusLinear: bigint;
  /** What was seen to run from an address up to another, in order. */
  anchors(from: bigint, end: bigint): CodeAnchor[];
  /** Where instructions are known to begin besides, from an address up to another. */
  starts(from: bigint, end: bigint): readonly bigint[];
  read: ReadMemory;
}

/** A place at which an instruction begins for certain. */
interface Fixed {
  offset: number;
  /** Unless only the place is known. */
  bits?: CodeBits;
}

interface Piece {
  offset: number;
  length: number;
  bits: CodeBits;
  valid: boolean;
}

interface Block {
  /** Instructions that begin in the block; offsets from its start. The last one may end behind it. */
  pieces: Piece[];
  /** The block's bytes and those behind it that its last instruction may need. */
  bytes: Uint8Array;
}

export class CodeStream {
  readonly #context: StreamContext;
  readonly #blocks = new Map<bigint, Promise<Block>>();

  constructor(context: StreamContext) {
    this.#context = context;
  }

  /** The rows that begin in the block with that number, without gaps. */
  async rows(number: bigint): Promise<Row[]> {
    const [block, next] = await Promise.all([this.#block(number), this.#block(number + 1n)]);
    const base = number * BigInt(BLOCK);
    const first = block.pieces[0]?.offset ?? 0;
    /** Where the next block's own rows begin. */
    const end = BLOCK + (next.pieces[0]?.offset ?? 0);
    const rows: Row[] = [];
    const add = (offset: number, length: number, bits: CodeBits, valid: boolean): void => {
      rows.push({ address: base + BigInt(offset), bytes: block.bytes.slice(offset, offset + length), bits, valid });
    };
    let at = first;
    for (const { offset, length, bits, valid } of block.pieces) {
      // The next block may have come to another opinion about what crosses the border.
      if (offset + length > end) break;
      add(offset, length, bits, valid);
      at = offset + length;
    }
    const bits = block.pieces.at(-1)?.bits ?? this.#context.bits;
    for (; at < end; at++) add(at, 1, bits, false);
    return rows;
  }

  #block(number: bigint): Promise<Block> {
    let block = this.#blocks.get(number);
    if (block === undefined) this.#blocks.set(number, (block = this.#read(number)));
    return block;
  }

  async #read(number: bigint): Promise<Block> {
    const { space, read } = this.#context;
    const start = number * BigInt(BLOCK);
    const runIn = start === 0n ? 0 : RUN_IN;
    const [before, bytes] = await Promise.all([
      runIn === 0 ? new Uint8Array() : read(space, start - BigInt(runIn), runIn),
      read(space, start, BLOCK + MAX_INSTRUCTION),
    ]);
    const whole = before.length === runIn ? runIn : 0;
    const all = new Uint8Array(whole + bytes.length);
    if (whole > 0) all.set(before);
    all.set(bytes, whole);
    const pieces = this.#pieces(all, start - BigInt(whole), whole + BLOCK)
      .filter(({ offset }) => offset >= whole && offset < whole + BLOCK)
      .map((piece) => ({ ...piece, offset: piece.offset - whole }));
    return { pieces, bytes };
  }

  /** Instructions from the first byte on, up to `end`. */
  #pieces(bytes: Uint8Array, base: bigint, end: number): Piece[] {
    const fixed = this.#fixed(base, end);
    const sweep = new Sweep(bytes);
    const pieces: Piece[] = [];
    try {
      for (let at = 0; at < end;) {
        const { bits, until } = this.#bitsAt(fixed, at);
        const next = fixed.find(({ offset }) => offset > at)?.offset ?? end;
        const run = sweep.run(at, Math.min(next, until, end), bits);
        // A mode switch changes what is known of the code behind it, so what was read of that is read anew.
        const change = this.#modeSwitch(run, base, fixed);
        if (change !== undefined) {
          fixed.push(change);
          fixed.sort((a, b) => a.offset - b.offset);
          continue;
        }
        if (next < end && run.end > next) sweep.fit(run, at, next, bits);
        pieces.push(...run.pieces);
        at = Math.max(run.end, at + 1);
      }
      return pieces;
    } finally {
      sweep.free();
    }
  }

  #fixed(base: bigint, end: number): Fixed[] {
    const from = base - BigInt(ANCHOR_REACH);
    const until = base + BigInt(end);
    const { space } = this.#context;
    const seen = space === "lin" ? this.#context.anchors(from < 0n ? 0n : from, until) : [];
    const places = new Map<number, Fixed>();
    for (const start of this.#context.starts(base, until))
      places.set(Number(start - base), { offset: Number(start - base) });
    for (const { address, bits } of seen) {
      const offset = Number(address - base);
      places.set(offset, { offset, bits });
    }
    return [...places.values()].sort((a, b) => a.offset - b.offset);
  }

  /** Size of the code at an offset, and up to where that holds. */
  #bitsAt(fixed: readonly Fixed[], at: number): { bits: CodeBits; until: number } {
    const last = fixed.findLast(({ offset, bits }) => bits !== undefined && offset <= at && offset > at - ANCHOR_REACH);
    if (last?.bits === undefined) return { bits: this.#context.bits, until: Infinity };
    return { bits: last.bits, until: last.offset + ANCHOR_REACH };
  }

  /**
   * Where the code goes on in another size, if that is not known yet: at the target of a far jump a little behind a write to
   * CR0. It must lie ahead and near; its offset is linear, as in a flat segment, or counted from the base of the running CS.
   */
  #modeSwitch({ switches }: Run, base: bigint, fixed: readonly Fixed[]): Fixed | undefined {
    for (const { behind, target, bits } of switches) {
      for (const linear of [target, target - this.#context.ipMinusLinear]) {
        const offset = Number(linear - base);
        if (offset < behind || offset - behind >= ANCHOR_REACH) continue;
        // What was seen to run there says it better.
        if (fixed.some((one) => one.bits !== undefined && one.offset === offset)) break;
        return { offset, bits };
      }
    }
    return undefined;
  }
}

/** Number of the block that an address lies in. */
export const blockOf = (address: bigint): bigint => address / BigInt(BLOCK);

interface Run {
  pieces: Piece[];
  end: number;
  switches: { behind: number; target: bigint; bits: CodeBits }[];
}

/** Decodes forwards without making text of it. */
class Sweep {
  readonly #bytes: Uint8Array;
  readonly #decoders = new Map<CodeBits, InstanceType<typeof iced.Decoder>>();
  readonly #instruction = new iced.Instruction();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  free(): void {
    this.#instruction.free();
    for (const decoder of this.#decoders.values()) decoder.free();
  }

  /** The instruction at an offset; undefined when there is none. */
  #decode(offset: number, bits: CodeBits): Instruction | undefined {
    let decoder = this.#decoders.get(bits);
    if (decoder === undefined) {
      decoder = new iced.Decoder(bits, this.#bytes, iced.DecoderOptions.None);
      this.#decoders.set(bits, decoder);
    }
    decoder.position = offset;
    decoder.decodeOut(this.#instruction);
    return this.#instruction.isInvalid ? undefined : this.#instruction;
  }

  /** Instructions from `from` on that begin before `end`. */
  run(from: number, end: number, bits: CodeBits): Run {
    const pieces: Piece[] = [];
    const switches: Run["switches"] = [];
    let [sinceCr0, sinceMsr] = [Infinity, Infinity];
    let at = from;
    while (at < end) {
      if (at >= this.#bytes.length) {
        pieces.push({ offset: at, length: 1, bits, valid: false });
        at++;
        continue;
      }
      const one = this.#decode(at, bits);
      const length = one?.length ?? 1;
      pieces.push({ offset: at, length, bits, valid: one !== undefined });
      at += length;
      sinceCr0++;
      sinceMsr++;
      if (one === undefined) continue;
      if (writesCr0(one)) sinceCr0 = 0;
      else if (one.mnemonic === iced.Mnemonic.Wrmsr) sinceMsr = 0;
      const target = sinceCr0 <= SWITCH_DISTANCE ? farTarget(one) : undefined;
      if (target === undefined) continue;
      if (bits === 16) switches.push({ behind: at, target, bits: 32 });
      else if (bits === 32 && sinceMsr <= LONG_DISTANCE) switches.push({ behind: at, target, bits: 64 });
    }
    return { pieces, end: at, switches };
  }

  /**
   * Makes a run that goes past an anchor end there: its last bytes are read so that most ways of reading them meet the
   * anchor.
   */
  fit(run: Run, from: number, anchor: number, bits: CodeBits): void {
    const first = Math.max(from, anchor - REREAD);
    const bytes = this.#bytes.subarray(first, anchor);
    const starts = startsBefore(bytes, bits, bytes.length).map((start) => first + start);
    const known = new Set(run.pieces.map(({ offset }) => offset));
    // From the last place on at which both ways of reading agree before they part.
    const junction = starts.find((start) => known.has(start)) ?? first;
    const kept = run.pieces.filter(({ offset, length }) => offset + length <= junction);
    const gap = kept.at(-1) === undefined ? from : (kept.at(-1)?.offset ?? 0) + (kept.at(-1)?.length ?? 0);
    for (let at = gap; at < junction; at++) kept.push({ offset: at, length: 1, bits, valid: false });
    const tail = starts.filter((start) => start >= junction);
    tail.forEach((offset, index) => {
      const length = (tail[index + 1] ?? anchor) - offset;
      const one = this.#decode(offset, bits);
      kept.push({ offset, length, bits, valid: one?.length === length });
    });
    if (tail.length === 0)
      for (let at = junction; at < anchor; at++) kept.push({ offset: at, length: 1, bits, valid: false });
    run.pieces = kept;
    run.end = anchor;
  }
}

const writesCr0 = ({ mnemonic, op0Register }: Instruction): boolean =>
  mnemonic === iced.Mnemonic.Lmsw || (mnemonic === iced.Mnemonic.Mov && op0Register === iced.Register.CR0);

/** Offset that a direct far jump goes to. */
function farTarget(instruction: Instruction): bigint | undefined {
  if (instruction.code === iced.Code.Jmp_ptr1616) return BigInt(instruction.farBranch16);
  if (instruction.code === iced.Code.Jmp_ptr1632) return BigInt(instruction.farBranch32);
  return undefined;
}

/** Lengths of the instruction at every offset of `bytes`; 0 where there is none. */
function lengthsAt(bytes: Uint8Array, bits: CodeBits): Uint8Array {
  const lengths = new Uint8Array(bytes.length);
  const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
  const instruction = new iced.Instruction();
  for (let offset = 0; offset < bytes.length; offset++) {
    decoder.position = offset;
    decoder.decodeOut(instruction);
    if (!instruction.isInvalid) lengths[offset] = instruction.length;
  }
  instruction.free();
  decoder.free();
  return lengths;
}

/**
 * Where the instructions before the end of `bytes` begin, given that one begins right behind them. Every offset votes for the
 * instructions that decoding from there meets, and from the end backwards the best-voted predecessor is taken; bytes without
 * any stand alone.
 */
export function startsBefore(bytes: Uint8Array, bits: CodeBits, count: number): number[] {
  const lengths = lengthsAt(bytes, bits);
  const votes = new Uint32Array(bytes.length + MAX_INSTRUCTION + 1);
  for (let offset = 0; offset < bytes.length; offset++) {
    const length = lengths[offset] ?? 0;
    const next = offset + length;
    if (length > 0) votes[next] = (votes[next] ?? 0) + (votes[offset] ?? 0) + 1;
  }
  const starts: number[] = [];
  for (let end = bytes.length; end > 0 && starts.length < count;) {
    let best = end - 1;
    let bestVotes = -1;
    for (let start = Math.max(0, end - MAX_INSTRUCTION); start < end; start++) {
      const vote = votes[start] ?? 0;
      if (lengths[start] === end - start && vote > bestVotes) {
        best = start;
        bestVotes = vote;
      }
    }
    starts.push(best);
    end = best;
  }
  return starts.reverse();
}
