/** Which bytes carry a breakpoint: those on physical addresses show in the linear space, too, wherever they are mapped. */
import type { AskPlace } from "./locate.ts";
import { placeText, type Place } from "./spaces.ts";

const PAGE_MASK = 4095n;
/** Pages whose translation is kept. */
const MAX_PAGES = 256;

export class BreakpointMarks {
  private addresses: ReadonlySet<string> = new Set();
  /** Physical address by linear page; undefined while it is not known, and where there is none. */
  private readonly translations = new Map<bigint, bigint | undefined>();
  private readonly ask: AskPlace;
  private readonly arrived: () => void;
  private isStanding = false;

  constructor(ask: AskPlace, arrived: () => void) {
    this.ask = ask;
    this.arrived = arrived;
  }

  /** Breakpoints on addresses: "phys:0x7c00", "lin:0x7c00", or "0x7c00" for a linear one. */
  set(addresses: readonly string[]): void {
    this.addresses = new Set(addresses.map((address) => (/^\w+:/.test(address) ? address : `lin:${address}`)));
  }

  /** The machine stopped, or runs: what is mapped where may be different now. */
  outdate(isStanding: boolean): void {
    this.isStanding = isStanding;
    if (isStanding) this.translations.clear();
  }

  has(place: Place): boolean {
    if (this.addresses.size === 0) return false;
    if (this.addresses.has(placeText(place))) return true;
    if (place.space === "phys") return false;
    const page = place.address & ~PAGE_MASK;
    if (!this.translations.has(page)) this.translate(page);
    const start = this.translations.get(page);
    if (start === undefined) return false;
    return this.addresses.has(placeText({ space: "phys", address: start + (place.address & PAGE_MASK) }));
  }

  private translate(page: bigint): void {
    if (!this.isStanding) return;
    if (this.translations.size >= MAX_PAGES) this.translations.clear();
    this.translations.set(page, undefined);
    this.ask(placeText({ space: "lin", address: page })).then(
      ({ physical }) => {
        if (physical === undefined) return;
        this.translations.set(page, BigInt(physical));
        this.arrived();
      },
      // Without an answer there is no mark; what is wrong is told by what reads the bytes.
      () => undefined,
    );
  }
}
