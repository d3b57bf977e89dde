import assert from "node:assert/strict";
import { test } from "node:test";
import type { CpuState } from "../emulator/machine/api.ts";
import { describe } from "./address.ts";
import { ExpressionError, evaluateAddress, evaluateExpression } from "./expression.ts";

const segment = (selector: number, base: bigint): object => ({
  selector,
  base,
  limit: 0xffff,
  attributes: 0x93,
  unusable: false,
});

const cpu = {
  mode: "real",
  gpr: [0x1122334455667788n, 1n, 2n, 3n, 0x7c00n, 5n, 6n, 7n, 8n, 0x99n, 10n, 11n, 12n, 13n, 14n, 15n],
  rip: 0x100n,
  rflags: 2n,
  cr0: 0x10n,
  segments: { cs: segment(0x7c0, 0x7c00n), ss: segment(0, 0n), ds: segment(0x40, 0x400n) },
  msrs: [{ name: "IA32_LSTAR", index: 0xc0000082, value: 0xffffn }],
} as unknown as CpuState;

const memory = new Map([[0x500n, Uint8Array.from([0x78, 0x56, 0x34, 0x12, 0xff, 0, 0, 0x80])]]);
const context = {
  cpu,
  readMemory: (_space: string, address: bigint, length: number) =>
    Promise.resolve((memory.get(address) ?? new Uint8Array()).slice(0, length)),
};

const value = async (text: string): Promise<bigint> => (await evaluateExpression(text, context)).value;

test("expressions compute with registers and their parts", async () => {
  assert.equal(await value("rax"), 0x1122334455667788n);
  assert.equal(await value("eax"), 0x55667788n);
  assert.equal(await value("$ah"), 0x77n);
  assert.equal(await value("%al + 1"), 0x89n);
  assert.equal(await value("r9b"), 0x99n);
  assert.equal(await value("cs.base"), 0x7c00n);
  assert.equal(await value("msr:0xc0000082"), 0xffffn);
});

test("operators bind as in C and wrap at 64 bits", async () => {
  assert.equal(await value("1 + 2 * 3 - 4"), 3n);
  assert.equal(await value("10 - 4 - 3"), 3n);
  assert.equal(await value("(1 + 2) * 3"), 9n);
  assert.equal(await value("1 << 4 | 1"), 17n);
  assert.equal(await value("0 - 1"), 0xffffffffffffffffn);
  assert.equal(await value("-1"), 0xffffffffffffffffn);
  assert.equal(await value("~0 >> 60"), 15n);
  assert.equal(await value("rcx == 1 && rdx != 1"), 1n);
  assert.equal(await value("0xffffffffffffffff > 1"), 1n);
});

test("memory is read little-endian, at the width asked for or that of the code", async () => {
  assert.equal(await value("phys[0x500]"), 0x5678n);
  assert.equal(await value("byte phys[0x500]"), 0x78n);
  assert.equal(await value("dword lin[0x400 + 0x100]"), 0x12345678n);
  assert.equal(await value("qword lin[0x500]"), 0x800000ff12345678n);
  await assert.rejects(value("byte phys[0x999]"), /no memory at phys:0x999/);
});

test("addresses say where they are", async () => {
  const at = async (text: string): Promise<string> => describe(await evaluateAddress(text, context));
  assert.equal(await at("0x7c00"), "lin:0x7c00");
  assert.equal(await at("phys:0x7c00"), "phys:0x7c00");
  assert.equal(await at("phys:rsp+8"), "phys:0x7c08");
  assert.equal(await at("07c0:0010"), "lin:0x7c10");
  assert.equal(await at("0x07c0:0x10"), "lin:0x7c10");
  assert.equal(await at("cs:rip"), "lin:0x7d00");
  assert.equal(await at("ds:0x10"), "lin:0x410");
  assert.equal(await at("rsp + 8"), "lin:0x7c08");
});

test("what is no expression is refused with one sentence", async () => {
  const wrong = [
    "",
    "  ",
    "foo",
    "1 +",
    "(1",
    "1)",
    "1 2",
    "0x",
    "0xg",
    "phys:",
    "phys[1",
    "1/0",
    "@",
    "byte rax",
    "rax.",
  ];
  for (const text of [...wrong, "1".repeat(30), "(".repeat(600), "msr:1"]) {
    await assert.rejects(
      value(text),
      (error: unknown) => error instanceof ExpressionError && /^[^\n]+\.$/.test(error.message),
      text,
    );
  }
});
