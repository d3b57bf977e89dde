/** The bytes at 0x7c00 held against the disk that they came from. */
import type { BootSectorOrigin } from "../../debug-adapter/protocol.ts";
import type { ByteMark } from "../bytes/hex-view.ts";
import { addressOf, byteText, bytesOf, hex } from "../ui/format.ts";

/** Pieces that are told at most. */
const MAX_PIECES = 3;

interface Piece {
  first: number;
  disk: Uint8Array;
  origin: BootSectorOrigin;
}

export class DiskBytes {
  private readonly pieces: readonly Piece[];
  private readonly base: number;
  private readonly memory: Uint8Array;

  /** `memory` begins at the physical address `base`. */
  constructor(origins: readonly BootSectorOrigin[], base: number, memory: Uint8Array) {
    this.base = base;
    this.memory = memory;
    this.pieces = origins.map((origin) => ({
      first: Number(addressOf(origin.physical)),
      disk: bytesOf(origin.disk),
      origin,
    }));
  }

  /** Where the bytes came from, as far as the first few pieces tell; "" when they came from no disk. */
  get source(): string {
    if (this.pieces.length === 0) return "";
    return `Loaded from ${this.told((piece) => this.placed(piece, piece.origin.text)).join("; ")}.`;
  }

  /** How many bytes are not the disk's any more. */
  get difference(): string {
    if (this.pieces.length === 0) return "";
    const told = this.told((piece) => {
      const { differ } = piece.origin;
      const what = differ === 0 ? "No byte differs" : differ === 1 ? "1 byte differs" : `${differ} bytes differ`;
      return this.placed(piece, `${what} from ${shortPlace(piece.origin)}`);
    });
    return `${told.join("; ")}.`;
  }

  get differ(): boolean {
    return this.pieces.some(({ origin }) => origin.differ > 0);
  }

  mark(address: number): ByteMark | undefined {
    const piece = this.pieces.find(({ first, disk }) => address >= first && address < first + disk.length);
    const byte = piece?.disk[address - piece.first];
    if (piece === undefined || byte === undefined || byte === this.memory[address - this.base]) return undefined;
    return { kind: "differs", text: `${byteText(byte)} on ${shortPlace(piece.origin)}` };
  }

  private told(text: (piece: Piece) => string): string[] {
    const more = this.pieces.length - MAX_PIECES;
    return [...this.pieces.slice(0, MAX_PIECES).map(text), ...(more > 0 ? [`${more} more`] : [])];
  }

  /** Says where a piece lies unless it is all there is. */
  private placed({ first, origin }: Piece, text: string): string {
    const isWhole = first <= this.base && first + origin.bytes >= this.base + this.memory.length;
    return isWhole ? text : `${hex(first, 4)}: ${text}`;
  }
}

/** "LBA 0 of drive 80h": without the image's name. */
function shortPlace({ lba, biosDrive }: BootSectorOrigin): string {
  return `LBA ${lba} of drive ${biosDrive.toString(16).toUpperCase().padStart(2, "0")}h`;
}
