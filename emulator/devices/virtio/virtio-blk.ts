import type { DeviceState, DiskTransfer, Timebase, Timer } from "../device.ts";
import type { DiskImage } from "../../disks/disk-image.ts";
import { DiskError } from "../../disks/overlay-disk.ts";
import { RunCollector } from "../../disks/run-collector.ts";
import { QueueError, type Chain, type Segment, type VirtQueue } from "./virt-queue.ts";
import { VirtioPci, type VirtioOptions } from "./virtio-pci.ts";

const SECTOR = 512;
const QUEUE_SIZE = 128;
/** Feature bits (VIRTIO 1.1, section 5.2.3). */
const SEG_MAX = 1 << 2;
const GEOMETRY = 1 << 4;
const BLK_SIZE = 1 << 6;
const FLUSH = 1 << 9;

const Type = {
  IN: 0,
  OUT: 1,
  FLUSH: 4,
  GET_ID: 8,
} as const;

const Result = {
  OK: 0,
  IOERR: 1,
  UNSUPPORTED: 2,
} as const;

const HEADER_BYTES = 16;
const ID_BYTES = 20;
/** Longest request that is carried out. */
const MAX_REQUEST = 32 << 20;
const CHUNK = 0x1_0000;
/** Guest time from a notification to the first answer, between requests, and of each byte, nanoseconds. */
const FIRST_DELAY = 20_000;
const NEXT_DELAY = 2_000;
const BYTE_DELAY = 1;

export interface VirtioBlkOptions extends VirtioOptions {
  readonly time: Timebase;
  readonly image: DiskImage;
  /** Index of the drive in the machine's configuration. */
  readonly drive: number;
  diskTransfer(transfer: DiskTransfer): void;
}

/** A disk by virtio-blk (VIRTIO 1.1, section 5.2): one queue; reading, writing, flushing and its serial number. */
export class VirtioBlk extends VirtioPci {
  protected readonly configuration: Uint8Array;
  readonly #options: VirtioBlkOptions;
  readonly #sectors: number;
  readonly #timer: Timer;
  readonly #chunk = new Uint8Array(CHUNK);
  /** The timer runs: requests are being carried out one after the other. */
  #working = false;

  constructor(options: VirtioBlkOptions) {
    super(
      {
        name: `virtio-blk-${options.drive}`,
        type: 2,
        deviceId: 0x1001,
        classCode: 0x01_0000,
        features: SEG_MAX | GEOMETRY | BLK_SIZE | FLUSH,
        queueSizes: [QUEUE_SIZE],
      },
      options,
    );
    this.#options = options;
    this.#sectors = Math.ceil(options.image.bytes / SECTOR);
    this.configuration = configurationOf(this.#sectors);
    this.#timer = { id: this.name, fire: () => this.#serve() };
    options.time.register(this.#timer);
  }

  protected override notified(): void {
    if (!this.#working) this.#later(FIRST_DELAY);
  }

  protected override resetDevice(): void {
    this.#working = false;
    this.#options.time.cancel(this.#timer);
  }

  protected override saveDevice(): DeviceState {
    return { working: this.#working };
  }

  protected override restoreDevice(state: DeviceState): void {
    this.#working = state["working"] as boolean;
  }

  get #queue(): VirtQueue {
    return this.queues[0] as VirtQueue;
  }

  #later(ns: number): void {
    this.#working = true;
    this.#options.time.schedule(this.#timer, this.#options.time.now() + ns);
  }

  #serve(): void {
    this.#working = false;
    if (!this.ready(0)) return;
    this.guarded(() => {
      const chain = this.#queue.pop();
      let bytes = 0;
      if (chain) {
        bytes = this.#request(chain);
      }
      if (!this.idle(this.#queue)) this.#later(NEXT_DELAY + bytes * BYTE_DELAY);
    });
  }

  /** Carries out a request: header, data, and one byte for the result. Returns the bytes of data. */
  #request(chain: Chain): number {
    const header = new Uint8Array(HEADER_BYTES);
    const out = cut(chain.readable, HEADER_BYTES);
    if (!out) throw new QueueError("A block request has no room for its header.");
    this.#gather(out.first, header);
    const written = lengthOf(chain.writable);
    const status = cut(chain.writable, written - 1);
    if (!status || written === 0) throw new QueueError("A block request has no room for its result.");
    const view = new DataView(header.buffer);
    const type = view.getUint32(0, true);
    const sector = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
    const data = type === Type.OUT ? out.rest : status.first;
    let result: number;
    let filled = 0;
    try {
      result = this.#execute(type, sector, data);
      if (result === Result.OK)
        filled = type === Type.IN ? written - 1 : type === Type.GET_ID ? Math.min(ID_BYTES, written - 1) : 0;
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      result = Result.IOERR;
    }
    this.memory.write(status.rest[0]?.address ?? 0, Uint8Array.of(result));
    this.complete(this.#queue, chain.head, filled + 1);
    return Math.min(lengthOf(data), MAX_REQUEST);
  }

  #execute(type: number, sector: number, data: readonly Segment[]): number {
    const bytes = lengthOf(data);
    switch (type) {
      case Type.IN:
      case Type.OUT:
        if (bytes % SECTOR !== 0 || bytes > MAX_REQUEST) return Result.IOERR;
        if (sector + bytes / SECTOR > this.#sectors) return Result.IOERR;
        if (type === Type.IN) this.#read(sector * SECTOR, data);
        else this.#write(sector * SECTOR, data);
        return Result.OK;
      case Type.FLUSH:
        return Result.OK;
      case Type.GET_ID:
        this.#scatter(data, serial(this.#options.drive));
        return Result.OK;
      default:
        return Result.UNSUPPORTED;
    }
  }

  #read(offset: number, data: readonly Segment[]): void {
    const { drive, image } = this.#options;
    const runs = new RunCollector((run) => this.#options.diskTransfer({ drive, ...run, by: "virtio" }));
    for (const { address, length } of data) {
      for (let done = 0; done < length;) {
        const chunk = this.#chunk.subarray(0, Math.min(CHUNK, length - done));
        image.read(offset, chunk);
        this.memory.write(address + done, chunk);
        runs.add(offset, address + done, chunk.length);
        offset += chunk.length;
        done += chunk.length;
      }
    }
    runs.end();
  }

  #write(offset: number, data: readonly Segment[]): void {
    for (const { address, length } of data) {
      for (let done = 0; done < length;) {
        const chunk = this.#chunk.subarray(0, Math.min(CHUNK, length - done));
        this.memory.read(address + done, chunk);
        this.#options.image.write(offset, chunk);
        offset += chunk.length;
        done += chunk.length;
      }
    }
  }

  #gather(segments: readonly Segment[], into: Uint8Array): void {
    let at = 0;
    for (const { address, length } of segments) {
      this.memory.read(address, into.subarray(at, at + length));
      at += length;
    }
  }

  /** Bytes into segments, as far as there is room. */
  #scatter(segments: readonly Segment[], bytes: Uint8Array): void {
    let at = 0;
    for (const { address, length } of segments) {
      this.memory.write(address, bytes.subarray(at, at + length));
      at += length;
    }
  }
}

function lengthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0);
}

/** The first `bytes` of segments and what follows them; undefined when there are not as many. */
function cut(segments: readonly Segment[], bytes: number): { first: Segment[]; rest: Segment[] } | undefined {
  const first: Segment[] = [];
  const rest: Segment[] = [];
  let left = bytes;
  for (const { address, length } of segments) {
    const here = Math.min(left, length);
    if (here > 0) first.push({ address, length: here });
    if (here < length) rest.push({ address: address + here, length: length - here });
    left -= here;
  }
  return left > 0 || bytes < 0 ? undefined : { first, rest };
}

function serial(drive: number): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES);
  bytes.set(new TextEncoder().encode(`BS${String(drive + 1).padStart(5, "0")}`));
  return bytes;
}

/** Capacity, segments a request, geometry, block size (VIRTIO 1.1, section 5.2.4). */
function configurationOf(sectors: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(36));
  view.setUint32(0, sectors >>> 0, true);
  view.setUint32(4, Math.floor(sectors / 2 ** 32), true);
  // Header and result take two descriptors.
  view.setUint32(12, QUEUE_SIZE - 2, true);
  const [heads, perTrack] = [16, 63];
  view.setUint16(16, Math.max(1, Math.min(16383, Math.floor(sectors / (heads * perTrack)))), true);
  view.setUint8(18, heads);
  view.setUint8(19, perTrack);
  view.setUint32(20, SECTOR, true);
  return new Uint8Array(view.buffer);
}
