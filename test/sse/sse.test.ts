/**
 * MMX and SSE to SSE4.2 in the core against this machine's processor: every opcode with every prefix, register and
 * memory forms, with random state; what CR0 and CR4 forbid; faults that leave nothing half done.
 *
 * BOOTSCOPE_SSE_SEED repeats a run, BOOTSCOPE_SSE_ROUNDS says how often each form is tried.
 */
import { execFileSync, spawnSync } from "node:child_process";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadCoreModule } from "../../emulator/core/load.ts";
import { Vec } from "../../emulator/core/layout.ts";
import { Random } from "../conformance/native/random.ts";
import { Cases, PAIRS, type Form, allForms, isGroup, isVendorSpecific, nameOf } from "./cases.ts";
import { describe, differences } from "./compare.ts";
import { CoreUnit } from "./core-unit.ts";
import { RECORD, SseRecord } from "./records.ts";

const SEED = Number(process.env["BOOTSCOPE_SSE_SEED"] ?? Math.floor(Math.random() * 0x7fffffff));
const ROUNDS = Number(process.env["BOOTSCOPE_SSE_ROUNDS"] ?? 200);
/** Differences shown before the rest is only counted. */
const SHOWN = 5;

let folder = "";
let native = "";

before(() => {
  if (process.arch !== "x64" || process.platform !== "linux") return;
  folder = mkdtempSync(path.join(tmpdir(), "bootscope-sse-"));
  native = path.join(folder, "native");
  const source = fileURLToPath(new URL("./native.c", import.meta.url));
  execFileSync("gcc", ["-O1", "-no-pie", "-o", native, source], { stdio: "inherit" });
});

after(() => {
  if (folder) rmSync(folder, { recursive: true });
});

/** What the processor makes of the records. */
function runNatively(records: Uint8Array): Uint8Array {
  const result = spawnSync(native, [], { input: records, maxBuffer: records.length + 1 });
  assert.equal(result.status, 0, `the native program ended with ${result.status ?? result.signal}`);
  assert.equal(result.stdout.length, records.length);
  return new Uint8Array(result.stdout);
}

/** Runs records of the forms both ways, and keeps what differs. */
class Comparison {
  total = 0;
  private readonly failures = new Map<string, number>();
  private readonly shown: string[] = [];

  constructor(private readonly unit: CoreUnit) {}

  /** Which of the records the processor knows. */
  run(forms: Form[], records: Uint8Array): boolean[] {
    const expected = runNatively(records);
    const actual = this.unit.run(records);
    return forms.map((form, i) => {
      this.total++;
      const processor = new SseRecord(expected, i);
      const found = differences(processor, new SseRecord(actual, i));
      if (found.length > 0) {
        const name = nameOf(form);
        this.failures.set(name, (this.failures.get(name) ?? 0) + 1);
        if (this.shown.length < SHOWN)
          this.shown.push([name, ...found, describe(new SseRecord(records, i))].join("\n"));
      }
      return processor.vector !== Vec.UD + 1;
    });
  }

  check(): void {
    assert.equal(this.failures.size, 0, `seed ${SEED}\n${this.shown.join("\n\n")}\n${[...this.failures].join(" ")}`);
  }
}

test("every form gives the state that the processor gives", async (t) => {
  if (!native) {
    t.skip("needs Linux on x86-64");
    return;
  }
  const isAmd = readFileSync("/proc/cpuinfo", "utf8").includes("AuthenticAMD");
  let forms = allForms().filter((form) => isAmd || !isVendorSpecific(form));
  const count = forms.length;
  const comparison = new Comparison(new CoreUnit(await loadCoreModule()));
  const cases = new Cases(new Random(SEED));
  for (let round = 0; round < ROUNDS; round++) {
    const records = new Uint8Array(forms.length * RECORD);
    forms.forEach((form, i) => {
      cases.fill(new SseRecord(records, i), form);
    });
    const known = comparison.run(forms, records);
    // What does not exist needs no second look.
    if (round === 0) forms = forms.filter((form, i) => isGroup(form) || known[i]);
  }
  t.diagnostic(`seed ${SEED}: ${comparison.total} cases, ${forms.length} of ${count} forms exist`);
  assert.ok(forms.length > 600, "an x86-64-v2 processor has more forms");
  comparison.check();
});

test("special values meet each other in scalar arithmetic", async (t) => {
  if (!native) {
    t.skip("needs Linux on x86-64");
    return;
  }
  const comparison = new Comparison(new CoreUnit(await loadCoreModule()));
  const cases = new Cases(new Random(SEED, 1));
  for (const prefix of [0xf3, 0xf2]) {
    for (const opcode of [0x51, 0x58, 0x59, 0x5a, 0x5c, 0x5d, 0x5e, 0x5f, 0xc2]) {
      const form: Form = { map: 1, prefix, opcode, memory: false };
      const records = new Uint8Array(PAIRS * RECORD);
      for (let i = 0; i < PAIRS; i++) cases.fillPair(new SseRecord(records, i), form, i);
      comparison.run(new Array<Form>(PAIRS).fill(form), records);
    }
  }
  t.diagnostic(`seed ${SEED}: ${comparison.total} pairs`);
  comparison.check();
});

/** A record with this code and everything else zero, RBX at `pointer`. */
function simple(code: number[], pointer = 0): SseRecord {
  const record = new SseRecord(new Uint8Array(RECORD), 0);
  record.controlWord = 0x37f;
  record.mxcsr = 0x1f80;
  record.pointers = true;
  record.setRegister(3, BigInt(pointer));
  record.code = code;
  return record;
}

const PADDB_MM = [0x0f, 0xfc, 0xca];
const PADDB_XMM = [0x66, 0x0f, 0xfc, 0xca];
const EMMS = [0x0f, 0x77];
const CRC32 = [0xf2, 0x0f, 0x38, 0xf1, 0xc2];
const MOVNTI = [0x0f, 0xc3, 0x13];
const CVTPI2PS_MM = [0x0f, 0x2a, 0xc1];
const CVTPI2PS_MEM = [0x0f, 0x2a, 0x03];

const CR0 = 0x80010033;
const CR4 = 0x620;
const CONTROLS: { name: string; cr0: number; cr4: number; faults: [string, number[], number | undefined][] }[] = [
  {
    name: "CR0.EM",
    cr0: CR0 | 4,
    cr4: CR4,
    faults: [
      ["PADDB mm", PADDB_MM, Vec.UD],
      ["PADDB xmm", PADDB_XMM, Vec.UD],
      ["EMMS", EMMS, Vec.UD],
      ["CRC32", CRC32, undefined],
      ["MOVNTI", MOVNTI, undefined],
    ],
  },
  {
    name: "CR0.TS",
    cr0: CR0 | 8,
    cr4: CR4,
    faults: [
      ["PADDB mm", PADDB_MM, Vec.NM],
      ["PADDB xmm", PADDB_XMM, Vec.NM],
      ["EMMS", EMMS, Vec.NM],
      ["CRC32", CRC32, undefined],
      ["MOVNTI", MOVNTI, undefined],
    ],
  },
  {
    name: "CR4.OSFXSR clear",
    cr0: CR0,
    cr4: CR4 & ~0x200,
    faults: [
      ["PADDB mm", PADDB_MM, undefined],
      ["PADDB xmm", PADDB_XMM, Vec.UD],
      ["EMMS", EMMS, undefined],
      ["CVTPI2PS xmm, mm", CVTPI2PS_MM, Vec.UD],
      ["CVTPI2PS xmm, m64", CVTPI2PS_MEM, Vec.UD],
      ["CRC32", CRC32, undefined],
    ],
  },
  {
    name: "CR0.EM and TS",
    cr0: CR0 | 12,
    cr4: CR4,
    faults: [["PADDB xmm", PADDB_XMM, Vec.UD]],
  },
];

for (const { name, cr0, cr4, faults } of CONTROLS) {
  test(`${name} decides which instructions fault`, async () => {
    const unit = new CoreUnit(await loadCoreModule());
    unit.setControl(cr0, cr4);
    for (const [instruction, code, vector] of faults) {
      const record = simple(code);
      unit.step(record);
      assert.equal(record.vector - 1, vector ?? -1, instruction);
    }
  });
}

test("an unmasked SIMD exception is #XM, or #UD without CR4.OSXMMEXCPT, and leaves only flags", async () => {
  const unit = new CoreUnit(await loadCoreModule());
  for (const [cr4, vector] of [
    [CR4, Vec.XM],
    [CR4 & ~0x400, Vec.UD],
  ] as const) {
    unit.setControl(CR0, cr4);
    // DIVSS xmm1, xmm2: 1 / 0 with ZM clear.
    const record = simple([0xf3, 0x0f, 0x5e, 0xca]);
    record.mxcsr = 0x1d80;
    record.xmm.set([0, 0, 0x80, 0x3f], 16);
    const xmm = record.xmm.slice();
    unit.step(record);
    assert.equal(record.vector - 1, vector);
    assert.equal(record.mxcsr, 0x1d84);
    assert.deepEqual(record.xmm, xmm);
  }
});

test("LOCK before a vector instruction is undefined", async () => {
  const unit = new CoreUnit(await loadCoreModule());
  const record = simple([0xf0, 0x0f, 0x11, 0x03]);
  unit.step(record);
  assert.equal(record.vector - 1, Vec.UD);
});

test("a pending x87 exception reaches MMX as #MF only with CR0.NE", async () => {
  const unit = new CoreUnit(await loadCoreModule());
  for (const [cr0, vector] of [
    [CR0, Vec.MF],
    [CR0 & ~0x20, -1],
  ] as const) {
    unit.setControl(cr0, CR4);
    const record = simple(PADDB_MM);
    record.controlWord = 0x37e;
    record.statusWord = 0x8081;
    unit.step(record);
    assert.equal(record.vector - 1, vector);
  }
});

test("a store that faults in its second page writes nothing in the first", async () => {
  const unit = new CoreUnit(await loadCoreModule());
  // The last bytes that are mapped end at 2 MiB. MOVUPS [rbx], xmm1; MASKMOVDQU xmm1, xmm1 at RDI.
  const place = unit.mappedEnd - 8;
  for (const code of [
    [0x0f, 0x11, 0x0b],
    [0x66, 0x0f, 0xf7, 0xc9],
  ]) {
    const record = simple(code);
    record.pointers = false;
    record.setRegister(3, BigInt(place));
    record.setRegister(7, BigInt(place));
    record.xmm.fill(0xa5, 16, 32);
    unit.step(record);
    assert.equal(record.vector - 1, Vec.PF);
    assert.deepEqual(unit.guestMemory(place, 8), new Uint8Array(8));
  }
});
