/** The trace of instructions as a text file, written by the thread that owns the machine. */
import { closeSync, openSync, writeSync } from "node:fs";
import iced from "iced-x86";
import type { BootMachine, TracedInstruction, TraceConfig, TraceStatus } from "./api.ts";

/** Characters gathered for one write. */
const CHUNK = 1 << 18;
/** A file never gets longer. */
const MAX_BYTES = 4 * 2 ** 30;
const CODE_COLUMNS = 30;

/** One line an instruction: instruction count, mode and address, code, mnemonic; "faults" when it was not carried out. */
class TraceFile {
  readonly #config: TraceConfig;
  readonly #fd: number;
  readonly #formatter = new iced.Formatter(iced.FormatterSyntax.Nasm);
  #text = "";
  #bytes = 0;
  #lines = 0;
  #problem: string | undefined;

  /** Makes the file, or empties it. Throws an Error of one sentence. */
  constructor(config: TraceConfig) {
    this.#config = config;
    this.#fd = this.#tried("opened", () => openSync(config.file, "w"));
    this.#formatter.digitSeparator = "";
    this.#formatter.hexPrefix = "0x";
    this.#formatter.hexSuffix = "";
  }

  /** Whether no more is going to be written. */
  get full(): boolean {
    return this.#problem !== undefined || this.#lines >= (this.#config.most ?? Infinity);
  }

  get status(): TraceStatus {
    const { file } = this.#config;
    return { file, lines: this.#lines, ...(this.#problem === undefined ? {} : { problem: this.#problem }) };
  }

  add(instruction: TracedInstruction): void {
    if (this.full || !this.#wants(instruction)) return;
    this.#lines++;
    this.#text += this.#line(instruction);
    if (this.#text.length >= CHUNK) this.#flush();
  }

  close(): TraceStatus {
    this.#flush();
    closeSync(this.#fd);
    this.#formatter.free();
    return this.status;
  }

  #wants({ linear, physical, user }: TracedInstruction): boolean {
    const { ranges, ring } = this.#config;
    if (ring !== undefined && (ring === "user") !== user) return false;
    return (
      ranges === undefined ||
      ranges.some(({ space, address, length }) => {
        const offset = (space === "lin" ? linear : BigInt(physical)) - address;
        return offset >= 0n && offset < BigInt(length);
      })
    );
  }

  #line({ icount, linear, rip, selector, bits, user, bytes, faulted }: TracedInstruction): string {
    const code = Buffer.from(bytes).toString("hex").padEnd(CODE_COLUMNS);
    const where = bits === 64 ? "" : `${hex(selector, 4)}:${hex(rip, bits / 4)} `;
    const address = `0x${hex(linear, bits === 64 ? 16 : 8)}`;
    const what = bytes.length === 0 ? "(no memory)" : this.#disassemble(bytes, rip, bits);
    return `${icount} ${user ? "user" : "kernel"}${bits} ${where}${address} ${code} ${what}${faulted ? "  ; faults" : ""}\n`;
  }

  #disassemble(bytes: Uint8Array, rip: bigint, bits: number): string {
    const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
    decoder.ip = rip;
    const instruction = decoder.decode();
    const text = this.#formatter.format(instruction);
    instruction.free();
    decoder.free();
    return text;
  }

  #flush(): void {
    const text = this.#text;
    this.#text = "";
    if (this.#problem !== undefined || text === "") return;
    if (this.#bytes + text.length > MAX_BYTES) {
      this.#problem = `The trace ended at ${MAX_BYTES / 2 ** 30} GiB, the most that a file gets.`;
      return;
    }
    try {
      // All ASCII: characters are bytes.
      for (let done = 0; done < text.length;)
        done += this.#tried("written", () => writeSync(this.#fd, text.slice(done)));
      this.#bytes += text.length;
    } catch (error) {
      this.#problem = (error as Error).message;
    }
  }

  #tried<T>(doing: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      throw new Error(`The trace ${this.#config.file} could not be ${doing} (${code}).`, { cause: error });
    }
  }
}

/** At most one trace of a machine at a time. */
export class TraceControl {
  readonly #machine: Pick<BootMachine, "traceInstructions">;
  #file: TraceFile | undefined;

  constructor(machine: Pick<BootMachine, "traceInstructions">) {
    this.#machine = machine;
  }

  /** Begins a trace, or ends it; what the one before had written. Throws an Error of one sentence. */
  set(config: TraceConfig | undefined): TraceStatus | undefined {
    // A file that cannot be made leaves the trace under way alone.
    const next = config && new TraceFile(config);
    this.#machine.traceInstructions(undefined);
    const status = this.#file?.close();
    this.#file = next;
    if (next) this.#machine.traceInstructions((instruction) => this.#take(next, instruction));
    return status;
  }

  get status(): TraceStatus | undefined {
    return this.#file?.status;
  }

  /** From here on the machine runs at its full speed again. */
  #take(file: TraceFile, instruction: TracedInstruction): void {
    file.add(instruction);
    if (file.full) this.#machine.traceInstructions(undefined);
  }
}

const hex = (value: bigint | number, digits: number): string => value.toString(16).padStart(digits, "0");
