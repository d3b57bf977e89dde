import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeLoaderScript, linkTables, type LoaderCommand } from "./table-loader.ts";

const SCRIPT: LoaderCommand[] = [
  { kind: "allocate", file: "a", align: 64, zone: "high" },
  { kind: "allocate", file: "b", align: 16, zone: "fseg" },
  { kind: "pointer", file: "a", source: "b", offset: 4, size: 8 },
  { kind: "checksum", file: "a", offset: 1, start: 0, length: 12 },
];

test("each command is an entry of 128 bytes", () => {
  const bytes = encodeLoaderScript(SCRIPT);
  assert.equal(bytes.length, 4 * 128);
  const view = new DataView(bytes.buffer);
  assert.deepEqual(
    [0, 1, 2, 3].map((entry) => view.getUint32(entry * 128, true)),
    [1, 1, 2, 3],
  );
  assert.equal(bytes[4], 0x61);
  assert.deepEqual([view.getUint32(60, true), bytes[64]], [64, 1]);
  assert.deepEqual([view.getUint32(128 + 60, true), bytes[128 + 64]], [16, 2]);
  const pointer = 2 * 128;
  assert.deepEqual([bytes[pointer + 4], bytes[pointer + 60]], [0x61, 0x62]);
  assert.deepEqual([view.getUint32(pointer + 116, true), bytes[pointer + 120]], [4, 8]);
  const checksum = 3 * 128;
  assert.deepEqual(
    [60, 64, 68].map((offset) => view.getUint32(checksum + offset, true)),
    [1, 0, 12],
  );
});

test("linking adds addresses to pointers and then sums up; the files stay as they are", () => {
  const a = Uint8Array.from({ length: 16 }, (_, at) => at);
  const files = new Map([
    ["a", a],
    ["b", new Uint8Array(4)],
  ]);
  const linked = linkTables(files, SCRIPT, new Map([["b", 0xf_1230]])).get("a")!;
  const pointer = new DataView(linked.buffer).getBigUint64(4, true);
  assert.equal(pointer, 0x0b0a_0908_0706_0504n + 0xf_1230n);
  assert.equal(
    linked.subarray(0, 12).reduce((sum, byte) => (sum + byte) & 0xff, 0),
    0,
  );
  assert.deepEqual([...linked.subarray(12)], [12, 13, 14, 15]);
  assert.equal(a[1], 1);
});

test("a script that names what is not there is refused by one sentence", () => {
  assert.throws(
    () => linkTables(new Map(), SCRIPT, new Map()),
    /names a file that does not exist: "a"\.$|has no address/,
  );
  assert.throws(
    () => linkTables(new Map([["a", new Uint8Array(16)]]), SCRIPT.slice(2), new Map()),
    /"b" has no address/,
  );
});
