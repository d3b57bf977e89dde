import assert from "node:assert/strict";
import { test } from "node:test";
import type { CompiledExpression } from "../../emulator/machine/inspect-expression.ts";
import { describe } from "../address.ts";
import { ExpressionError } from "./errors.ts";
import { evaluateAddress, evaluateCompiled, evaluateExpression } from "./evaluate.ts";
import { compile, compileAssignment } from "./parser.ts";
import { cpu, testContext } from "./test-machine.ts";

const value = async (text: string): Promise<bigint> => (await evaluateExpression(text, testContext())).value;
const at = async (text: string): Promise<string> => describe(await evaluateAddress(text, testContext()));
const MINUS_1 = 0xffffffffffffffffn;

async function same(cases: Record<string, bigint>): Promise<void> {
  for (const [text, expected] of Object.entries(cases)) assert.equal(await value(text), expected, text);
}

test("registers are read in all their widths", async () => {
  await same({
    rax: 0x1122334455667788n,
    EAX: 0x55667788n,
    ax: 0x7788n,
    $ah: 0x77n,
    "%al + 1": 0x89n,
    r9b: 0x99n,
    r9d: 0x99n,
    ip: 0x100n,
    rip: 0x100n,
  });
});

test("hidden parts, flags, fields, lanes and MSRs have names", async () => {
  await same({
    cs: 0x7c0n,
    "cs.selector": 0x7c0n,
    "cs.base": 0x7c00n,
    "gdtr.base": 0x9000n,
    "gdtr.limit": 0x27n,
    "flags.zf": 1n,
    "rflags.of": 0n,
    "eflags.CF": 1n,
    "cr0.et": 1n,
    "cr0.pg": 0n,
    "msr:0xc0000082": 0xffffn,
    "msr[0xc0000080 + 2]": 0xffffn,
    "msr.lstar": 0xffffn,
    ia32_lstar: 0xffffn,
    mtrrcap: 0x508n,
    "msr[0xfe] & 0xff": 8n,
    "xmm0.u8[0]": 0xf0n,
    "xmm0.u16[5]": 0xfbfan,
    "xmm0.u64[1]": 0xfffefdfcfbfaf9f8n,
    "xmm0.i8[15]": MINUS_1,
    $icount: 1234n,
    $cpl: 0n,
  });
});

test("numbers in every notation", async () => {
  await same({
    "1_000": 1000n,
    "0x7C00": 0x7c00n,
    "0xffff_ffff": 0xffffffffn,
    "0b1010": 10n,
    "0o17": 15n,
    "7c00h": 0x7c00n,
    "0b1h": 0xb1n,
    "'A'": 0x41n,
    "'HdrS'": 0x53726448n,
    "18446744073709551615": MINUS_1,
  });
});

test("operators bind as in C and wrap at 64 bits", async () => {
  await same({
    "1 + 2 * 3 - 4": 3n,
    "10 - 4 - 3": 3n,
    "(1 + 2) * 3": 9n,
    "1 << 4 | 1": 17n,
    "0 - 1": MINUS_1,
    "-1": MINUS_1,
    "~0 >> 60": 15n,
    "0xffffffffffffffff * 2": MINUS_1 - 1n,
    "rdx == 2 && rbp != 1": 1n,
    "7 & 3 == 3": 1n,
    "1 ? 2 : 3": 2n,
    "0 ? 2 : 0 ? 3 : 4": 4n,
    "flags.zf ? 1:0": 1n,
    "1 << 64": 0n,
    "!5 + !0": 1n,
  });
});

test("what is signed compares, divides and shifts as signed", async () => {
  await same({
    "0xffffffffffffffff > 1": 1n,
    "i64(0xffffffffffffffff) > 1": 0n,
    "ecx == -1": 0n,
    "i32(ecx) == -1": 1n,
    "i32(ecx) < 0": 1n,
    "u8(0x1ff)": 0xffn,
    "i8(0x80)": 0xffffffffffffff80n,
    "-6 / 4": MINUS_1,
    "-6 % 4": MINUS_1 - 1n,
    "0xfffffffffffffffa / 4": 0x3ffffffffffffffen,
    "-1 >> 70": MINUS_1,
    "u64(-1) >> 70": 0n,
  });
});

test("memory is read little-endian, at the width asked for or that of the code", async () => {
  await same({
    "phys[0x500]": 0x5678n,
    "byte phys[0x500]": 0x78n,
    "dword lin[0x400 + 0x100]": 0x12345678n,
    "qword lin[0x500]": 0x800000ff12345678n,
    "u32 phys[0x500]": 0x12345678n,
    "phys.u8[0x504]": 0xffn,
    "i8 phys[0x504]": MINUS_1,
    "lin.i16[0x506]": BigInt.asUintN(64, -0x8000n),
    "u32 lin[0x508] == 'HdrS'": 1n,
    "u8 ds:[0x100]": 0x78n,
    "ds:[bx + 0xf4]": 0xffn,
    "byte phys[0x4f8 + byte phys[0x508] / 9]": 0x78n,
  });
  const long = testContext({ cpu: { ...cpu, mode: "long" } });
  assert.equal((await evaluateExpression("lin[0x500]", long)).value, 0x800000ff12345678n);
  assert.equal((await evaluateExpression("ds:0x10", long)).value, 0x10n, "DS has no base in long mode");
  assert.equal((await evaluateExpression("fs:0x10", long)).value, 0x510n);
});

test("addresses say where they are", async () => {
  const cases = {
    "0x7c00": "lin:0x7c00",
    "phys:0x7c00": "phys:0x7c00",
    "phys:rsp+8": "phys:0x7c08",
    "07c0:0010": "lin:0x7c10",
    "f000:fff0": "lin:0xffff0",
    "0008:00100000": "lin:0x100080",
    "07c0:0010 + 2": "lin:0x7c12",
    "0x07c0:0x10": "lin:0x7c10",
    "0x7c0:bx": "lin:0x7c10",
    "cs:rip": "lin:0x7d00",
    "cs:ip + 2": "lin:0x7d02",
    "ds:0x10": "lin:0x410",
    "rsp + 8": "lin:0x7c08",
    "(phys:0x1234) & ~0xff": "phys:0x1200",
    "phys:(cs:ip)": "phys:0x7d00",
    "1 ? phys:1 : phys:2": "phys:0x1",
    "start_kernel + 0x10": "lin:0xffffffff81000010",
    "`do_work.cold`": "lin:0x500",
    "do_work.cold": "lin:0x500",
    "`ax`": "lin:0x1",
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(await at(text), expected, text);
  assert.equal((await evaluateExpression("phys:8 - phys:2", testContext())).space, undefined);
});

test("phase and mode are compared by name", async () => {
  await same({
    '$phase == "bootloader"': 1n,
    '"bios" < $phase': 1n,
    '$phase >= "kernel"': 0n,
    '$mode == "real"': 1n,
    $phase: 1n,
  });
  const stopped = testContext({ caught: { vector: 14, error: 2 } });
  assert.equal((await evaluateExpression("$exception == 14 && $vector == 14 && $error & 2", stopped)).value, 1n);
  const port = testContext({ caught: { port: 0x3f8, value: 0x41n } });
  assert.equal((await evaluateExpression("$port == 0x3f8 && $value == 'A'", port)).value, 1n);
});

test("what is not needed is not read", async () => {
  const context = testContext();
  await evaluateExpression("rdx == 3 && u8 lin[0x999] == 1", context);
  await evaluateExpression("rdx == 2 || u8 lin[0x999] == 1", context);
  await evaluateExpression("rdx == 2 ? u8 lin[0x500] : u8 lin[0x999]", context);
  assert.deepEqual(context.asked, ["lin:500"]);
});

test("the compiled form is JSON, and means the same when it comes back", async () => {
  for (const text of ["rax + 1", "u8 ds:[bx + 0xf0] == 0x78 ? 1 : -1", '$phase == "bootloader"', "msr[0xfe] / 8"]) {
    const compiled = compile(text);
    const back = JSON.parse(JSON.stringify(compiled)) as CompiledExpression;
    assert.deepEqual(back, compiled);
    assert.equal((await evaluateCompiled(back, testContext())).value, await value(text), text);
  }
});

test("types are known", async () => {
  const type = async (text: string): Promise<unknown> => (await evaluateExpression(text, testContext())).type;
  assert.deepEqual(await type("ah"), { bits: 8, signed: false });
  assert.deepEqual(await type("i16 phys[0x500]"), { bits: 16, signed: true });
  assert.deepEqual(await type("phys[0x500]"), { bits: 16, signed: false });
  assert.deepEqual(await type("rax == 1"), { bits: 8, signed: false, truth: true });
});

test("an assignment is a target and a value", () => {
  const { target, value } = compileAssignment("u8 phys[0x500] = al + 1") ?? {};
  assert.equal(target?.root.op, "memory");
  assert.equal(target?.text, "u8 phys[0x500]");
  assert.equal(value?.root.op, "binary");
  assert.equal(compileAssignment("rax == 1"), undefined);
  assert.throws(() => compileAssignment("rax = "), /Character 7.*value was expected/);
});

test("errors name the place and what was expected", async () => {
  const cases: Record<string, RegExp> = {
    "": /^Character 1 of "": a value was expected, but the expression ends there\.$/,
    "1 +": /^Character 4 of "1 \+": a value was expected, but the expression ends there\.$/,
    "(1 + 2": /^Character 7 .*: "\)" was expected/,
    "1 2": /^Character 3 .*an operator or the end was expected, but "2" stands there/,
    "rax + foo": /^Character 7 .*a register, number or symbol was expected, which "foo" is not/,
    "`foo`": /^Character 1 .*a symbol was expected/,
    "1 + 7c00": /^Character 5 .*a number was expected, which "7c00" is not \(0x7c00, if it is hexadecimal\)/,
    "0xg": /^Character 1 .*a number was expected, which "0xg" is not/,
    "rax = 1": /^Character 5 .*an operator or the end was expected/,
    "rbx / (rdx - 2)": /^Character 5 .*a divisor other than 0 was expected/,
    "1 + byte phys[0x999]": /^Character 5 .*there is no memory at phys:0x999/,
    "qword phys[0x506]": /^Character 1 .*there is no memory at phys:0x50d/,
    "phys[cs:ip]": /^Character 6 .*a physical address was expected in "phys\[…\]", not a linear one/,
    "[bx]": /^Character 1 .*a bracket alone does not say which memory/,
    "byte ds:5": /^Character 6 .*"ds:\[…\]" was expected/,
    "byte rax": /^Character 6 .*behind "byte" was expected/,
    phys: /^Character 5 .*"\[" or ":" behind "phys" was expected/,
    "phys : 5": /^Character 6 .*"\[" or ":" behind "phys" was expected/,
    "msr[1]": /^Character 1 .*this processor has no MSR 0x1/,
    "xmm0.u32[4]": /^Character 10 .*a lane from 0 to 3 was expected/,
    'rax == "kernel"': /^Character 8 .*a name in quotes can only be compared with \$phase or \$mode/,
    '$phase == "user"': /^Character 11 .*one of "bios", "bootloader".* was expected, not "user"/,
    "phys:1 == lin:1": /^Character 8 .*two addresses of one space were expected/,
    "0x7c0:cs:ip": /^Character 7 .*an offset was expected, not a linear address/,
    $exception: /^Character 1 .*"vector" has no value at this stop/,
    "1 ? 2": /^Character 6 .*":" was expected/,
    "1ffff_ffff_ffff_ffffh": /^Character 1 .*a number of at most 64 bits was expected/,
    "rax @ 1": /^Character 5 .*a value or an operator was expected, not "@"/,
  };
  for (const [text, expected] of Object.entries(cases)) {
    await assert.rejects(value(text), (error: unknown) => {
      assert.ok(error instanceof ExpressionError, text);
      assert.match(error.message, expected, text);
      assert.match(error.message, /^[^\n]+\.$/);
      return true;
    });
  }
});

test("hostile texts are refused, and quickly", async () => {
  const wrong = [
    "(".repeat(600),
    "(".repeat(300),
    "~".repeat(400),
    "1?".repeat(200),
    "0".repeat(513),
    "\0",
    "rax.",
    "ds:".repeat(150),
  ];
  for (const text of wrong) await assert.rejects(value(text), ExpressionError, text);
  assert.equal(await value(`${"1+".repeat(250)}1`), 251n, "a long sum is fine");
  for (const name of ["constructor", "__proto__", "tostring", "$constructor", "xmm0.constructor"]) {
    await assert.rejects(value(name), /is not/, name);
  }
});
