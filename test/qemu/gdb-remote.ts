/** As much of GDB's remote serial protocol as counting needs (GDB manual, appendix E), over a Unix socket. */
import { connect, type Socket } from "node:net";

/** Numbers of QEMU's x86-64 registers in its target description. */
export const GDB_REGISTER = { rsp: 7, rip: 16, ss: 19, cr0: 27, efer: 32 } as const;

function checksum(packet: string): string {
  let sum = 0;
  for (let index = 0; index < packet.length; index++) sum = (sum + packet.charCodeAt(index)) & 0xff;
  return sum.toString(16).padStart(2, "0");
}

/** Little-endian bytes in hexadecimal digits, as registers and memory are sent. */
function littleEndian(hexadecimal: string): bigint {
  if (!/^([0-9a-f]{2})+$/.test(hexadecimal)) throw new Error(`The gdb stub answered "${hexadecimal}" for a value.`);
  return BigInt(`0x${hexadecimal.match(/../g)!.reverse().join("")}`);
}

export class GdbRemote {
  readonly #socket: Socket;
  #received = "";
  #waiting: { resolve: (packet: string) => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#received += text;
      this.#deliver();
    });
    socket.on("close", () => this.#waiting?.reject(new Error("QEMU closed the connection to its gdb stub.")));
  }

  static async connect(path: string): Promise<GdbRemote> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    const remote = new GdbRemote(socket);
    // Single registers are only served to clients that have read the description.
    await remote.#request("qSupported:xmlRegisters=i386");
    await remote.#request("qXfer:features:read:target.xml:0,ffb");
    return remote;
  }

  close(): void {
    this.#socket.destroy();
  }

  async setBreakpoint(address: bigint): Promise<void> {
    await this.#expectOk(`Z1,${address.toString(16)},1`);
  }

  async removeBreakpoint(address: bigint): Promise<void> {
    await this.#expectOk(`z1,${address.toString(16)},1`);
  }

  /** Runs to the next breakpoint. */
  async continue(): Promise<void> {
    await this.#expectStop("c");
  }

  /** One instruction; breakpoints at it do not count. */
  async step(): Promise<void> {
    await this.#expectStop("s");
  }

  async register(name: keyof typeof GDB_REGISTER): Promise<bigint> {
    return littleEndian(await this.#request(`p${GDB_REGISTER[name].toString(16)}`));
  }

  async read64(address: bigint): Promise<bigint> {
    return littleEndian(await this.#request(`m${address.toString(16)},8`));
  }

  async #expectOk(packet: string): Promise<void> {
    const answer = await this.#request(packet);
    if (answer !== "OK") throw new Error(`The gdb stub answered "${answer}" to "${packet}".`);
  }

  async #expectStop(packet: string): Promise<void> {
    const answer = await this.#request(packet);
    if (!answer.startsWith("T05")) throw new Error(`QEMU stopped with "${answer}", not at a breakpoint.`);
  }

  #request(packet: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(`$${packet}#${checksum(packet)}`, "latin1");
    });
  }

  #deliver(): void {
    const match = /\$([^#]*)#../.exec(this.#received);
    if (!match || !this.#waiting) return;
    this.#received = this.#received.slice(match.index + match[0].length);
    this.#socket.write("+");
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(match[1]!);
  }
}
