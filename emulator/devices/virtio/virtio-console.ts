import type { DeviceState, Timebase, Timer } from "../device.ts";
import type { Segment, VirtQueue } from "./virt-queue.ts";
import { VirtioPci, type VirtioOptions } from "./virtio-pci.ts";

const RECEIVE = 0;
const TRANSMIT = 1;
const QUEUE_SIZE = 64;
/** Feature bit: a character can be sent before there are queues (VIRTIO 1.1, section 5.3.3). */
const EMERGENCY_WRITE = 1 << 2;
const EMERGENCY_OFFSET = 8;
/** Host input beyond this many bytes waiting is refused. */
const INBOX_LIMIT = 1 << 20;
/** Bytes taken from one chain; what is longer is cut. */
const MAX_SEND = 1 << 20;
/** Guest time from a notification to the answer, nanoseconds. */
const DELAY = 5_000;

export interface VirtioConsoleOptions extends VirtioOptions {
  readonly time: Timebase;
  /** Bytes that the guest sends; not kept by the device. */
  output(bytes: Uint8Array): void;
}

/** A console by virtio (VIRTIO 1.1, section 5.3) with one port. */
export class VirtioConsole extends VirtioPci {
  protected readonly configuration = new Uint8Array(12);
  readonly #options: VirtioConsoleOptions;
  readonly #timer: Timer;
  #working = false;
  #inbox = new Uint8Array(0);

  constructor(options: VirtioConsoleOptions) {
    super(
      {
        name: "virtio-console",
        type: 3,
        deviceId: 0x1003,
        classCode: 0x07_8000,
        features: EMERGENCY_WRITE,
        queueSizes: [QUEUE_SIZE, QUEUE_SIZE],
      },
      options,
    );
    this.#options = options;
    // One port.
    this.configuration[4] = 1;
    this.#timer = { id: this.name, fire: () => this.#serve() };
    options.time.register(this.#timer);
  }

  /** Bytes from the terminal; returns how many were accepted (all, unless a megabyte is waiting). */
  input(bytes: Uint8Array): number {
    const accepted = bytes.subarray(0, Math.max(0, INBOX_LIMIT - this.#inbox.length));
    const inbox = new Uint8Array(this.#inbox.length + accepted.length);
    inbox.set(this.#inbox);
    inbox.set(accepted, this.#inbox.length);
    this.#inbox = inbox;
    this.#work();
    return accepted.length;
  }

  protected override notified(): void {
    this.#work();
  }

  protected override configurationWritten(offset: number, value: number): void {
    if (offset === EMERGENCY_OFFSET) this.#options.output(Uint8Array.of(value & 0xff));
  }

  /** Input that waits outside survives: it is in the terminal, not in the machine. */
  protected override resetDevice(): void {
    this.#working = false;
    this.#options.time.cancel(this.#timer);
  }

  protected override saveDevice(): DeviceState {
    return { working: this.#working, inbox: this.#inbox.slice() };
  }

  protected override restoreDevice(state: DeviceState): void {
    this.#working = state["working"] as boolean;
    this.#inbox = (state["inbox"] as Uint8Array).slice();
  }

  #work(): void {
    if (this.#working) return;
    this.#working = true;
    this.#options.time.schedule(this.#timer, this.#options.time.now() + DELAY);
  }

  /** One chain each way; more of them after another delay. */
  #serve(): void {
    this.#working = false;
    this.guarded(() => {
      const more = [this.#send(), this.#receive()];
      if (more.includes(true)) this.#work();
    });
  }

  #send(): boolean {
    if (!this.ready(TRANSMIT)) return false;
    const queue = this.queues[TRANSMIT] as VirtQueue;
    const chain = queue.pop();
    if (chain) {
      let left = MAX_SEND;
      for (const { address, length } of chain.readable) {
        const bytes = new Uint8Array(Math.min(length, left));
        this.memory.read(address, bytes);
        if (bytes.length > 0) this.#options.output(bytes);
        left -= bytes.length;
      }
      this.complete(queue, chain.head, 0);
    }
    return !this.idle(queue);
  }

  #receive(): boolean {
    if (!this.ready(RECEIVE) || this.#inbox.length === 0) return false;
    const queue = this.queues[RECEIVE] as VirtQueue;
    const chain = queue.pop();
    if (chain) this.complete(queue, chain.head, this.#fill(chain.writable));
    return !this.idle(queue) && this.#inbox.length > 0;
  }

  /** Moves input into segments; how many bytes. */
  #fill(segments: readonly Segment[]): number {
    let done = 0;
    for (const { address, length } of segments) {
      const bytes = this.#inbox.subarray(done, done + length);
      this.memory.write(address, bytes);
      done += bytes.length;
    }
    this.#inbox = this.#inbox.slice(done);
    return done;
  }
}
