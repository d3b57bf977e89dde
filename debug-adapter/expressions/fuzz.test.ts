/** Random expressions: right ones against another way to compute them, wrong ones for a clean refusal. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExpressionError } from "./errors.ts";
import { evaluateExpression, writeMessage } from "./evaluate.ts";
import { compileMessage } from "./messages.ts";
import { compileAssignment } from "./parser.ts";
import { testContext } from "./test-machine.ts";

/** Numbers from 0 to `below` - 1, the same in every run (xorshift32). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

interface Sample {
  text: string;
  /** A number below 0, or of 64 bits and more, only where the text is signed or wraps: always reduced by the maker. */
  value: bigint;
  signed: boolean;
}

const BINARY = ["+", "-", "*", "&", "|", "^", "==", "!=", "<", "<=", ">", ">=", "<<", ">>", "/", "%", "&&", "||"];

/** An expression with brackets around every operation, and its value by plain arithmetic on signed or unsigned numbers. */
function sample(random: (below: number) => number, depth: number): Sample {
  if (depth === 0 || random(5) === 0) {
    const value = u64(BigInt(random(2 ** 32)) << BigInt(random(4) * 11));
    const text = [`${value}`, `0x${value.toString(16)}`, `0${value.toString(16)}h`, `0b${value.toString(2)}`][
      random(4)
    ];
    return { text: text ?? "", value, signed: false };
  }
  const a = sample(random, depth - 1);
  if (random(6) === 0) {
    const bits = [8, 16, 32, 64][random(4)] ?? 8;
    const signed = random(2) === 0;
    const value = signed ? BigInt.asIntN(bits, a.value) : BigInt.asUintN(bits, a.value);
    return { text: `${signed ? "i" : "u"}${bits}(${a.text})`, value, signed };
  }
  if (random(6) === 0) return { text: `(-${a.text})`, value: BigInt.asIntN(64, -a.value), signed: true };
  const b = sample(random, depth - 1);
  if (random(8) === 0) {
    const c = sample(random, depth - 1);
    const signed = b.signed || c.signed;
    const chosen = a.value === 0n ? c.value : b.value;
    return {
      text: `(${a.text} ? ${b.text} : ${c.text})`,
      value: signed ? BigInt.asIntN(64, chosen) : u64(chosen),
      signed,
    };
  }
  const operator = BINARY[random(BINARY.length)] ?? "+";
  const signed = a.signed || b.signed;
  const as = (value: bigint): bigint => (signed ? BigInt.asIntN(64, value) : u64(value));
  const [x, y] = [as(a.value), as(b.value)];
  const text = `(${a.text} ${operator} ${b.text})`;
  const truth = (holds: boolean): Sample => ({ text, value: holds ? 1n : 0n, signed: false });
  const far = u64(y) > 63n;
  switch (operator) {
    case "==":
      return truth(x === y);
    case "!=":
      return truth(x !== y);
    case "<":
      return truth(x < y);
    case "<=":
      return truth(x <= y);
    case ">":
      return truth(x > y);
    case ">=":
      return truth(x >= y);
    case "&&":
      return truth(x !== 0n && y !== 0n);
    case "||":
      return truth(x !== 0n || y !== 0n);
    case "/":
    case "%":
      if (y === 0n) return a;
      return { text, value: as(operator === "/" ? x / y : x % y), signed };
    case "<<":
      return { text, value: far ? 0n : as(x << u64(y)), signed };
    case ">>":
      return { text, value: far ? (x < 0n ? -1n : 0n) : as(x >> u64(y)), signed };
    case "+":
      return { text, value: as(x + y), signed };
    case "-":
      return { text, value: as(x - y), signed };
    case "*":
      return { text, value: as(x * y), signed };
    case "&":
      return { text, value: as(x & y), signed };
    case "|":
      return { text, value: as(x | y), signed };
    default:
      return { text, value: as(x ^ y), signed };
  }
}

test("4000 random expressions have the value that plain arithmetic gives", async () => {
  const random = randomNumbers(20261121);
  const context = testContext();
  let checked = 0;
  while (checked < 4000) {
    const { text, value, signed } = sample(random, 4);
    if (text.length > 512) continue;
    const result = await evaluateExpression(text, context);
    assert.equal(result.value, u64(value), text);
    assert.equal(result.type.signed, signed, text);
    checked++;
  }
});

// prettier-ignore
const PIECES = [
  "rax", "al", "cs", "ip", "cs:", "0x7c00", "07c0:0000", "7c00h", "'A'", '"kernel"', "`x`", "$phase", "$mode", "$exception", "phys", "lin",
  "phys[", "lin[", "]", "(", ")", "[", "u8", "i32(", "byte ", "word ds:[", "msr[", "msr:", "xmm0.u8[", "cr0.pe", "flags.zf", "?", ":", "=",
  "+", "-", "*", "/", "%", "<<", ">>", "<", ">=", "==", "!=", "&", "&&", "|", "||", "^", "~", "!", " ", ".", ",", "{", "}", "0", "1", "500h",
  "\n", "é", "\u{1f600}", "__proto__", "foo", "'", '"', "`", "\0", "0x", "..",
];

test("20000 random texts are evaluated or refused with one sentence", async () => {
  const random = randomNumbers(4711);
  const context = testContext();
  let evaluated = 0;
  let refused = 0;
  const attempt = async (text: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      evaluated++;
    } catch (error) {
      assert.ok(error instanceof ExpressionError, `${JSON.stringify(text)}: ${String(error)}`);
      assert.match(error.message, /^Character \d+ of "[^]*": [^\n]+\.$/, JSON.stringify(text));
      refused++;
    }
  };
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: 1 + random(7) }, () => PIECES[random(PIECES.length)]).join("");
    await attempt(text, () => evaluateExpression(text, context));
    if (round % 4 === 0) await attempt(text, async () => Promise.resolve(compileAssignment(text)));
    if (round % 4 === 1)
      await attempt(`a {${text}:x} b`, () => writeMessage(compileMessage(`a {${text}:x} b`), context));
  }
  assert.ok(evaluated > 1000 && refused > 10_000, `${evaluated} evaluated, ${refused} refused`);
});
