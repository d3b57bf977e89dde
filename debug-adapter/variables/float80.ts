/** The x87's 80-bit numbers (Intel SDM vol. 1, 4.8 and 4.2.2) in decimal, exactly: a written value reads back as the same bits. */

export interface Float80 {
  /** Sign in bit 15, exponent + 16383 below. */
  signExponent: number;
  /** The whole significand: bit 63 is the integer bit. */
  mantissa: bigint;
}

const BIAS = 16383;
const SPECIAL = 0x7fff;
const INTEGER_BIT = 1n << 63n;
/** Enough for 64 bits to be told apart. */
const DIGITS = 21;
/** A decimal exponent beyond this is an infinity or 0, whatever the digits are. */
const EXPONENT_MAX = 6000;
/** Digits that are taken of what the user types. */
const TEXT_MAX = 5000;

export type Float80Class = "zero" | "denormal" | "normal" | "infinity" | "quiet NaN" | "signalling NaN" | "unsupported";

export function classOf({ signExponent, mantissa }: Float80): Float80Class {
  const exponent = signExponent & SPECIAL;
  if (exponent === 0) return mantissa === 0n ? "zero" : "denormal";
  if (!(mantissa & INTEGER_BIT)) return "unsupported";
  if (exponent !== SPECIAL) return "normal";
  if (mantissa === INTEGER_BIT) return "infinity";
  return mantissa & (INTEGER_BIT >> 1n) ? "quiet NaN" : "signalling NaN";
}

/** At most 21 digits, without zeros at the end. */
export function decimalOf(number: Float80): string {
  const sign = number.signExponent & 0x8000 ? "-" : "";
  switch (classOf(number)) {
    case "zero":
      return `${sign}0`;
    case "infinity":
      return `${sign}∞`;
    case "quiet NaN":
    case "signalling NaN":
      return `${sign}NaN`;
    case "unsupported":
      return "unsupported";
    case "denormal":
    case "normal":
      return sign + digitsText(number);
  }
}

function digitsText({ signExponent, mantissa }: Float80): string {
  // The value is mantissa × 2^scale.
  const scale = Math.max(1, signExponent & SPECIAL) - BIAS - 63;
  const [numerator, denominator] = scale >= 0 ? [mantissa << BigInt(scale), 1n] : [mantissa, 1n << BigInt(-scale)];
  // One more digit than wanted at first, at the place that the logarithm says; then rounded.
  let exponent = Math.floor((scale + mantissa.toString(2).length - 1) * Math.LOG10E * Math.LN2);
  let digits = scaled(numerator, denominator, DIGITS - 1 - exponent);
  if (digits >= 10n ** BigInt(DIGITS)) {
    exponent++;
    digits = scaled(numerator, denominator, DIGITS - 1 - exponent);
  }
  const text = digits.toString().replace(/0+$/, "");
  if (exponent >= 0 && exponent < DIGITS) {
    const whole = text.slice(0, exponent + 1).padEnd(exponent + 1, "0");
    return text.length > exponent + 1 ? `${whole}.${text.slice(exponent + 1)}` : whole;
  }
  if (exponent < 0 && exponent >= -5) return `0.${"0".repeat(-exponent - 1)}${text}`;
  const fraction = text.length > 1 ? `.${text.slice(1)}` : "";
  return `${text.charAt(0)}${fraction}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
}

/** numerator / denominator × 10^power, rounded to the nearest, ties to even. */
function scaled(numerator: bigint, denominator: bigint, power: number): bigint {
  const ten = 10n ** BigInt(Math.abs(power));
  return power >= 0 ? divided(numerator * ten, denominator) : divided(numerator, denominator * ten);
}

function divided(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator - quotient * denominator) * 2n;
  return twice > denominator || (twice === denominator && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}

/** Reads a decimal number, "inf", "∞" or "NaN", rounded to the nearest; undefined when the text is none of these. */
export function parseFloat80(text: string): Float80 | undefined {
  const [, sign = "", rest = ""] = /^([+-]?)(.*)$/s.exec(text.trim().toLowerCase()) ?? [];
  const negative = sign === "-" ? 0x8000 : 0;
  if (/^(∞|inf|infinity)$/.test(rest)) return { signExponent: negative | SPECIAL, mantissa: INTEGER_BIT };
  if (rest === "nan") return { signExponent: negative | SPECIAL, mantissa: INTEGER_BIT | (INTEGER_BIT >> 1n) };
  const match = /^(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,6}))?$/.exec(rest);
  const [, whole = "", fraction = "", power = "0"] = match ?? [];
  if (match === null || whole.length + fraction.length === 0 || rest.length > TEXT_MAX) return undefined;
  const digits = BigInt(whole + fraction);
  const exponent = Number(power) - fraction.length;
  if (digits === 0n) return { signExponent: negative, mantissa: 0n };
  const magnitude = digits.toString().length + exponent;
  if (magnitude > EXPONENT_MAX) return { signExponent: negative | SPECIAL, mantissa: INTEGER_BIT };
  if (magnitude < -EXPONENT_MAX) return { signExponent: negative, mantissa: 0n };
  const ten = 10n ** BigInt(Math.abs(exponent));
  return exponent >= 0 ? rounded(negative, digits * ten, 1n) : rounded(negative, digits, ten);
}

/** numerator / denominator as an 80-bit number. */
function rounded(sign: number, numerator: bigint, denominator: bigint): Float80 {
  const bits = (value: bigint): number => value.toString(2).length;
  // Chosen so that the quotient has 64 bits, or 63.
  let scale = Math.max(bits(numerator) - bits(denominator) - 64, 1 - BIAS - 63);
  const at = (power: number): bigint =>
    power >= 0 ? divided(numerator, denominator << BigInt(power)) : divided(numerator << BigInt(-power), denominator);
  let mantissa = at(scale);
  while (mantissa >> 64n !== 0n) mantissa = at(++scale);
  const exponent = mantissa & INTEGER_BIT ? scale + BIAS + 63 : 0;
  if (exponent >= SPECIAL) return { signExponent: sign | SPECIAL, mantissa: INTEGER_BIT };
  return { signExponent: sign | exponent, mantissa };
}
