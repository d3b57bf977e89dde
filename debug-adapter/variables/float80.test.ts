/** 80-bit numbers against what this machine's C library makes of the same texts. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { classOf, decimalOf, parseFloat80 } from "./float80.ts";
import type { Float80 } from "./float80.ts";

const number = (signExponent: number, mantissa: bigint): Float80 => ({ signExponent, mantissa });

/** What `%La` of a long double prints: "-0xc.90fdaa22168c235p-2". */
function fromHexFloat(text: string): Float80 {
  const match = /^(-?)0x([0-9a-f])(?:\.([0-9a-f]+))?p([+-]\d+)$/.exec(text);
  assert.ok(match, text);
  const [, sign, first = "", rest = "", power] = match;
  const digits = (first + rest).padEnd(16, "0");
  const mantissa = BigInt(`0x${digits}`);
  // Four bits stand before the point: the integer bit is worth 2^3.
  const exponent = mantissa === 0n ? 0 : Number(power) + 3 + 16383;
  return number((sign === "-" ? 0x8000 : 0) | exponent, mantissa);
}

/** Numbers of all sizes that a fixed generator makes. */
function texts(count: number): string[] {
  let state = 12345;
  const next = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
  return Array.from({ length: count }, () => {
    const digits = Array.from({ length: 1 + next(30) }, () => next(10)).join("");
    const fraction = next(2) ? `.${Array.from({ length: 1 + next(20) }, () => next(10)).join("")}` : "";
    const power = next(3) ? `e${next(9000) - 4500}` : "";
    return `${next(2) ? "-" : ""}${digits}${fraction}${power}`;
  });
}

const printed = (format: string, list: readonly string[]): string[] =>
  execFileSync("/usr/bin/printf", [`${format}\\n`, ...list], { encoding: "utf8" })
    .trim()
    .split("\n");

test("decimal texts become the bits that strtold makes of them", () => {
  const wanted = ["0", "1", "-1", "0.1", "3.14159265358979323846", "1e4932", "123456789012345678901234567890"];
  const list = [...wanted, ...texts(500)];
  const inRange = list.filter((text) => {
    const size = Number(/e(-?\d+)$/.exec(text)?.[1] ?? 0);
    return Math.abs(size) < 4800;
  });
  assert.ok(inRange.length > 400);
  const oracle = printed("%La", inRange);
  inRange.forEach((text, index) => {
    const expected = fromHexFloat(oracle[index] ?? "");
    assert.deepEqual(parseFloat80(text), expected, `${text} is ${oracle[index]}`);
  });
});

test("bits are written with as many digits as tell them apart, and read back as themselves", () => {
  const numbers = texts(300).flatMap((text) => parseFloat80(text) ?? []);
  for (const one of numbers) assert.deepEqual(parseFloat80(decimalOf(one)), one, decimalOf(one));
  const oracle = printed(
    "%.20Le",
    numbers.map((one) => decimalOf(one)),
  );
  numbers.forEach((one, index) => {
    // Twenty-one digits in both.
    const [digits = "", power = ""] = (oracle[index] ?? "").split("e");
    const plain = `${digits.replace(/0+$/, "").replace(/\.$/, "")}e${Number(power)}`;
    const ours = Number(power) >= 0 && Number(power) < 21 ? undefined : decimalOf(one).replace("e+", "e");
    if (ours !== undefined && Number(power) < -5) assert.equal(ours, plain);
  });
});

test("the smallest and the largest numbers, and what is no number", () => {
  const smallest = number(0, 1n);
  assert.equal(classOf(smallest), "denormal");
  assert.deepEqual(parseFloat80(decimalOf(smallest)), smallest);
  const largest = number(0x7ffe, (1n << 64n) - 1n);
  assert.deepEqual(parseFloat80(decimalOf(largest)), largest);
  assert.equal(decimalOf(number(0x3fff, 1n << 63n)), "1");
  assert.equal(decimalOf(number(0xbffe, 1n << 63n)), "-0.5");
  assert.equal(decimalOf(number(0x4004, 0xa000000000000000n)), "40");
  assert.equal(decimalOf(number(0x8000, 0n)), "-0");
  assert.equal(decimalOf(number(0x7fff, 1n << 63n)), "∞");
  assert.equal(decimalOf(number(0xffff, 0xc000000000000000n)), "-NaN");
  assert.equal(classOf(number(0x7fff, 0x8000000000000001n)), "signalling NaN");
  assert.equal(classOf(number(0x3fff, 1n)), "unsupported");
  assert.deepEqual(parseFloat80("-inf"), number(0xffff, 1n << 63n));
  assert.deepEqual(parseFloat80("1e9999"), number(0x7fff, 1n << 63n));
  assert.deepEqual(parseFloat80("1e-9999"), number(0, 0n));
  assert.deepEqual(parseFloat80("1.5"), number(0x3fff, 0xc000000000000000n));
  for (const text of ["", ".", "e5", "1e", "0x10", "one", "1e99999999", "1".repeat(6000)]) {
    assert.equal(parseFloat80(text), undefined, text.slice(0, 20));
  }
});
