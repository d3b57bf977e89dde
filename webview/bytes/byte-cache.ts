/** Bytes that have been on the screen lately; the rest is asked for, a block at a time. */

const BLOCK = 4096;
const MAX_BLOCKS = 64;

export type ReadBytes = (stream: number, offset: number, length: number) => Promise<Uint8Array>;

export class ByteCache {
  private readonly blocks = new Map<string, Uint8Array | "asked" | "failed">();
  private readonly read: ReadBytes;
  private readonly arrived: (failure: string | undefined) => void;

  /** `arrived` is told when bytes have come, or why they have not. */
  constructor(read: ReadBytes, arrived: (failure: string | undefined) => void) {
    this.read = read;
    this.arrived = arrived;
  }

  clear(): void {
    this.blocks.clear();
  }

  /** The byte, or undefined while it is not here: then it is being asked for. */
  byte(stream: number, offset: number): number | undefined {
    const number = Math.floor(offset / BLOCK);
    const key = `${stream} ${number}`;
    const block = this.blocks.get(key);
    if (block === undefined) {
      this.ask(key, stream, number);
      return undefined;
    }
    return typeof block === "string" ? undefined : block[offset - number * BLOCK];
  }

  private ask(key: string, stream: number, number: number): void {
    while (this.blocks.size >= MAX_BLOCKS) this.blocks.delete(this.blocks.keys().next().value ?? "");
    this.blocks.set(key, "asked");
    this.read(stream, number * BLOCK, BLOCK).then(
      (bytes) => {
        this.blocks.set(key, bytes);
        this.arrived(undefined);
      },
      (error: unknown) => {
        this.blocks.set(key, "failed");
        this.arrived(error instanceof Error ? error.message : String(error));
      },
    );
  }
}
