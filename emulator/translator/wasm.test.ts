import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "./wasm.ts";

function bytes(write: (code: Code) => void): number[] {
  const code = new Code(1);
  write(code);
  return [...code.bytes.subarray(0, code.length)];
}

/** A signed LEB128 number, decoded by the definition. */
function signedValue(encoded: readonly number[]): bigint {
  let value = 0n;
  encoded.forEach((byte, i) => (value |= BigInt(byte & 127) << BigInt(7 * i)));
  return BigInt.asIntN(7 * encoded.length, value);
}

test("integers are encoded as LEB128, and no longer than they must be", () => {
  assert.deepEqual(
    bytes((code) => code.unsigned(624485)),
    [0xe5, 0x8e, 0x26],
  );
  assert.deepEqual(
    bytes((code) => code.signed(-123456)),
    [0xc0, 0xbb, 0x78],
  );
  assert.deepEqual(
    bytes((code) => code.signed(63)),
    [63],
  );
  assert.deepEqual(
    bytes((code) => code.signed(64)),
    [0xc0, 0],
  );
  assert.deepEqual(
    bytes((code) => code.signed64(-1, -1)),
    [0x7f],
  );
});

test("64-bit integers keep their value, whichever halves they are made of", () => {
  for (const low of [0, 1, -1, 63, 64, -64, -65, 0x7fffffff, -0x80000000, 0x12345678]) {
    for (const high of [0, 1, -1, 0x7fffffff, -0x80000000, 0x9abcdef]) {
      const encoded = bytes((code) => code.signed64(low, high));
      const expected = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
      assert.equal(BigInt.asIntN(64, signedValue(encoded)), expected, `${high}:${low}`);
    }
  }
});
