/**
 * The packet layer of the GDB Remote Serial Protocol ("Debugging with GDB", appendix E.1): `$data#checksum`, single
 * bytes around it. Data is text with one character a byte (latin1), escapes already undone.
 */

/** Bytes between `$` and `#` that either side may send; announced as PacketSize. */
export const MAX_PACKET = 0x8000;

const DOLLAR = 0x24;
const HASH = 0x23;
const PLUS = 0x2b;
const MINUS = 0x2d;
const CTRL_C = 3;
const ESCAPE = 0x7d;
/** What an escaped byte is changed by. */
const FLIP = 0x20;

export type Incoming =
  | { kind: "packet"; data: string }
  /** Ctrl-C outside of a packet: the machine shall stop. */
  | { kind: "interrupt" }
  | { kind: "ack" }
  /** The other side did not understand our last packet. */
  | { kind: "nack" }
  /** A packet with a wrong checksum, or one that is too long. */
  | { kind: "bad" };

/** Finds packets in a stream of bytes, however it is cut; keeps at most MAX_PACKET bytes. */
export class PacketReader {
  #state: "outside" | "data" | "checksum" = "outside";
  readonly #data = Buffer.alloc(MAX_PACKET);
  /** Bytes of the packet so far; those beyond MAX_PACKET are counted only. */
  #length = 0;
  #sum = 0;
  #escaped = false;
  #checksum = "";

  feed(bytes: Uint8Array): Incoming[] {
    const found: Incoming[] = [];
    for (const byte of bytes) {
      const one = this.#take(byte);
      if (one !== undefined) found.push(one);
    }
    return found;
  }

  #take(byte: number): Incoming | undefined {
    switch (this.#state) {
      case "outside":
        return this.#outside(byte);
      case "data":
        if (byte === HASH) {
          this.#state = "checksum";
          this.#checksum = "";
        } else if (byte === DOLLAR) this.#begin();
        else this.#add(byte);
        return undefined;
      case "checksum":
        if (byte === DOLLAR) {
          this.#begin();
          return { kind: "bad" };
        }
        this.#checksum += String.fromCharCode(byte);
        return this.#checksum.length < 2 ? undefined : this.#end();
    }
  }

  /** Anything else between packets is noise. */
  #outside(byte: number): Incoming | undefined {
    if (byte === DOLLAR) this.#begin();
    if (byte === CTRL_C) return { kind: "interrupt" };
    if (byte === PLUS) return { kind: "ack" };
    return byte === MINUS ? { kind: "nack" } : undefined;
  }

  #begin(): void {
    this.#state = "data";
    this.#length = 0;
    this.#sum = 0;
    this.#escaped = false;
  }

  #add(byte: number): void {
    this.#sum = (this.#sum + byte) & 0xff;
    if (byte === ESCAPE && !this.#escaped) {
      this.#escaped = true;
      return;
    }
    if (this.#length < MAX_PACKET) this.#data[this.#length] = this.#escaped ? byte ^ FLIP : byte;
    this.#length++;
    this.#escaped = false;
  }

  #end(): Incoming {
    this.#state = "outside";
    const right = /^[0-9a-f]{2}$/i.test(this.#checksum) && parseInt(this.#checksum, 16) === this.#sum;
    if (!right || this.#length > MAX_PACKET || this.#escaped) return { kind: "bad" };
    return { kind: "packet", data: this.#data.toString("latin1", 0, this.#length) };
  }
}

/** A packet's bytes; `data` has one character a byte. */
export function frame(data: string): Buffer {
  const escaped = data.replace(/[$#}*]/g, (one) => `}${String.fromCharCode(one.charCodeAt(0) ^ FLIP)}`);
  const body = Buffer.from(escaped, "latin1");
  const sum = body.reduce((total, byte) => (total + byte) & 0xff, 0);
  return Buffer.concat([Buffer.from("$"), body, Buffer.from(`#${sum.toString(16).padStart(2, "0")}`)]);
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Undefined unless `text` is whole bytes in hexadecimal digits. */
export function fromHex(text: string): Uint8Array | undefined {
  return /^([0-9a-f]{2})*$/i.test(text) ? Buffer.from(text, "hex") : undefined;
}

/** `bytes` bytes, the lowest first: how registers travel. */
export function littleEndian(value: bigint, bytes: number): string {
  const digits = BigInt.asUintN(bytes * 8, value)
    .toString(16)
    .padStart(bytes * 2, "0");
  return Buffer.from(digits, "hex").reverse().toString("hex");
}

/** The value of bytes as `littleEndian` writes them; undefined for anything else. */
export function fromLittleEndian(text: string): bigint | undefined {
  const bytes = fromHex(text);
  if (bytes === undefined || bytes.length === 0) return undefined;
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}
