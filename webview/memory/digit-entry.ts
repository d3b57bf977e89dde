/** Typing a number over the one at the cursor, digit by digit. */
import { bytesOfNumber, unitText, type Unit } from "./units.ts";

/** Digits typed so far, over a number that has as many digits as its unit. */
export class DigitEntry {
  private typed = "";

  get isOpen(): boolean {
    return this.typed !== "";
  }

  get digits(): number {
    return this.typed.length;
  }

  /** What is shown: the digits typed, then those that were there. */
  textOver(bytes: readonly (number | undefined)[]): string {
    return this.typed + unitText(bytes).slice(this.typed.length);
  }

  /**
   * Takes a digit. The number's bytes once it is complete; undefined before. Typed over bytes that cannot be read it is
   * complete only with all its digits, as over others.
   */
  type(digit: string, unit: Unit): Uint8Array | undefined {
    this.typed += digit;
    if (this.typed.length < 2 * unit) return undefined;
    return this.take(unit, this.typed);
  }

  /** The user is done early: what is shown is the number. Undefined if nothing was typed or a byte is missing. */
  finish(bytes: readonly (number | undefined)[], unit: Unit): Uint8Array | undefined {
    const text = this.textOver(bytes);
    if (!this.isOpen || !/^[0-9a-f]+$/i.test(text)) return undefined;
    return this.take(unit, text);
  }

  /** Takes the last digit back. */
  back(): void {
    this.typed = this.typed.slice(0, -1);
  }

  drop(): void {
    this.typed = "";
  }

  private take(unit: Unit, text: string): Uint8Array {
    this.typed = "";
    return bytesOfNumber(BigInt(`0x${text}`), unit);
  }
}
