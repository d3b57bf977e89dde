import type { DeviceState } from "../device.ts";
import { address64, type GuestMemory } from "./guest-memory.ts";

/** Descriptor: address (8 bytes), length (4), flags (2), next (2). */
const DESCRIPTOR = 16;
const FLAG_NEXT = 1;
const FLAG_WRITE = 2;
const FLAG_INDIRECT = 4;
/** Flag of the available ring: the driver wants no interrupts. */
const NO_INTERRUPT = 1;
/** Rings begin with flags and index; entries follow. */
const RING_HEADER = 4;
/** Longest chain, in whichever table. */
const MAX_CHAIN = 1024;
const LEGACY_ALIGN = 4096;

/** The guest has broken the rules of the queue: the device stops until it is reset. */
export class QueueError extends Error {
  override readonly name = "QueueError";
}

/** A piece of guest memory that a chain of descriptors names. */
export interface Segment {
  address: number;
  length: number;
}

/** What the driver has put into the queue as one request. */
export interface Chain {
  /** First descriptor, by which it is given back. */
  head: number;
  /** For the device to read, in order. */
  readable: Segment[];
  /** For the device to write, in order. */
  writable: Segment[];
}

type QueueState = ReturnType<typeof powerOn>;

function powerOn(size: number) {
  return {
    size,
    enabled: false,
    /** Guest physical addresses of descriptors, available ring and used ring: low and high halves. */
    addresses: [0, 0, 0, 0, 0, 0],
    lastAvailable: 0,
    usedIndex: 0,
    /** The used index at which the driver was last considered for an interrupt. */
    signalled: 0,
  };
}

/** A split virtqueue, the device's side (VIRTIO 1.1, section 2.6), with indirect descriptors and event indices. */
export class VirtQueue {
  readonly maxSize: number;
  readonly #memory: GuestMemory;
  #state: QueueState;

  constructor(memory: GuestMemory, maxSize: number) {
    this.#memory = memory;
    this.maxSize = maxSize;
    this.#state = powerOn(this.maxSize);
  }

  reset(): void {
    this.#state = powerOn(this.maxSize);
  }

  save(): DeviceState {
    return structuredClone(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = structuredClone(state) as QueueState;
  }

  get size(): number {
    return this.#state.size;
  }

  /** Ignored unless it is a power of two within the largest size, and while the queue is in use. */
  set size(value: number) {
    if (this.#state.enabled || value === 0 || value > this.maxSize || value & (value - 1)) return;
    this.#state.size = value;
  }

  get enabled(): boolean {
    return this.#state.enabled;
  }

  enable(): void {
    this.#state.enabled = true;
  }

  /** Half a ring address: 0 and 1 descriptors, 2 and 3 available ring, 4 and 5 used ring, low half first. */
  addressHalf(index: number): number {
    return this.#state.addresses[index] ?? 0;
  }

  setAddressHalf(index: number, value: number): void {
    if (!this.#state.enabled) this.#state.addresses[index] = value;
  }

  /** The page number by which drivers before VIRTIO 1.0 place all parts at once; 0 takes the queue away. */
  get page(): number {
    return this.#state.enabled ? Math.floor(this.#descriptors / LEGACY_ALIGN) : 0;
  }

  set page(value: number) {
    if (value === 0) {
      this.reset();
      return;
    }
    const state = this.#state;
    const descriptors = value * LEGACY_ALIGN;
    const available = descriptors + state.size * DESCRIPTOR;
    const used = Math.ceil((available + RING_HEADER + state.size * 2 + 2) / LEGACY_ALIGN) * LEGACY_ALIGN;
    state.addresses = [descriptors, available, used].flatMap((one) => [one >>> 0, Math.floor(one / 0x1_0000_0000)]);
    state.enabled = true;
  }

  /** Whether a chain waits. Throws QueueError. */
  waiting(): boolean {
    const state = this.#state;
    if (!state.enabled) return false;
    const count = (this.#memory.u16(this.#available + 2) - state.lastAvailable) & 0xffff;
    if (count > state.size) throw new QueueError("The available index is further ahead than the queue is long.");
    return count > 0;
  }

  /** Takes the next chain that waits. Throws QueueError. */
  pop(): Chain | undefined {
    if (!this.waiting()) return undefined;
    const state = this.#state;
    const head = this.#memory.u16(this.#available + RING_HEADER + (state.lastAvailable % state.size) * 2);
    state.lastAvailable = (state.lastAvailable + 1) & 0xffff;
    return this.#chain(head);
  }

  /** Gives a chain back, `written` bytes of which the device has filled. */
  push(head: number, written: number): void {
    const state = this.#state;
    this.#memory.setPair(this.#used + RING_HEADER + (state.usedIndex % state.size) * 8, head, written);
    state.usedIndex = (state.usedIndex + 1) & 0xffff;
    this.#memory.setU16(this.#used + 2, state.usedIndex);
  }

  /** Asks to be notified of the next chain, when drivers go by event indices. */
  awaitNotification(): void {
    const state = this.#state;
    this.#memory.setU16(this.#used + RING_HEADER + state.size * 8, state.lastAvailable);
  }

  /** Whether the driver wants an interrupt for what was given back since the last call. */
  wantsInterrupt(eventIndices: boolean): boolean {
    const state = this.#state;
    const before = state.signalled;
    state.signalled = state.usedIndex;
    if (!eventIndices) return !(this.#memory.u16(this.#available) & NO_INTERRUPT);
    const event = this.#memory.u16(this.#available + RING_HEADER + state.size * 2);
    return ((state.usedIndex - event - 1) & 0xffff) < ((state.usedIndex - before) & 0xffff);
  }

  get #descriptors(): number {
    return this.#address(0);
  }

  get #available(): number {
    return this.#address(2);
  }

  get #used(): number {
    return this.#address(4);
  }

  #address(index: number): number {
    return address64(this.addressHalf(index), this.addressHalf(index + 1));
  }

  #chain(head: number): Chain {
    const chain: Chain = { head, readable: [], writable: [] };
    let table = this.#descriptors;
    let entries = this.#state.size;
    let index = head;
    let indirect = false;
    for (let count = 0; count <= MAX_CHAIN; count++) {
      if (index >= entries) throw new QueueError("A descriptor's number is beyond its table.");
      const view = this.#memory.sixteen(table + index * DESCRIPTOR);
      const address = address64(view.getUint32(0, true), view.getUint32(4, true));
      const length = view.getUint32(8, true);
      const flags = view.getUint16(12, true);
      const next = view.getUint16(14, true);
      if (flags & FLAG_INDIRECT) {
        if (indirect || flags & FLAG_NEXT || length === 0 || length % DESCRIPTOR || length > MAX_CHAIN * DESCRIPTOR) {
          throw new QueueError("An indirect table is within another one, goes on, or has a wrong length.");
        }
        [table, entries, index, indirect] = [address, length / DESCRIPTOR, 0, true];
        continue;
      }
      if (flags & FLAG_WRITE) chain.writable.push({ address, length });
      else if (chain.writable.length > 0) throw new QueueError("A readable descriptor follows a writable one.");
      else chain.readable.push({ address, length });
      if (!(flags & FLAG_NEXT)) return chain;
      index = next;
    }
    throw new QueueError("A chain of descriptors has no end.");
  }
}
