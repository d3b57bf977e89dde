import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildAcpiTables } from "./acpi-tables.ts";

const built = buildAcpiTables({ tables: 0xe_0000, rsdp: 0xf_0000 });

/** Bytes at a physical address of the tables. */
function at(physical: number, length: number): Buffer {
  const write = [built.tables, built.rsdp].find(
    (w) => physical >= w.physical && physical + length <= w.physical + w.bytes.length,
  );
  assert.ok(write, `nothing was written at ${physical.toString(16)}`);
  return Buffer.from(write.bytes).subarray(physical - write.physical, physical - write.physical + length);
}

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => (total + byte) & 0xff, 0);

/** A table found by its address: its signature, length and checksum must be right. */
function tableAt(physical: number): Buffer {
  const table = at(physical, at(physical + 4, 4).readUInt32LE());
  assert.equal(sum(table), 0, `the checksum of ${table.toString("latin1", 0, 4)}`);
  return table;
}

/** All tables by signature, found as a kernel finds them. */
function walk(): Map<string, Buffer> {
  const rsdp = at(0xf_0000, 36);
  assert.equal(rsdp.toString("latin1", 0, 8), "RSD PTR ");
  assert.equal(sum(rsdp.subarray(0, 20)), 0);
  assert.equal(sum(rsdp), 0);
  const rsdt = tableAt(rsdp.readUInt32LE(16));
  const xsdt = tableAt(Number(rsdp.readBigUInt64LE(24)));
  const pointers = Array.from({ length: (rsdt.length - 36) / 4 }, (_, i) => rsdt.readUInt32LE(36 + i * 4));
  const wide = Array.from({ length: (xsdt.length - 36) / 8 }, (_, i) => Number(xsdt.readBigUInt64LE(36 + i * 8)));
  assert.deepEqual(wide, pointers);
  const tables = [rsdt, xsdt, ...pointers.map(tableAt)];
  const fadt = tables.find((table) => table.toString("latin1", 0, 4) === "FACP")!;
  assert.equal(Number(fadt.readBigUInt64LE(140)), fadt.readUInt32LE(40));
  tables.push(tableAt(fadt.readUInt32LE(40)));
  return new Map(tables.map((table) => [table.toString("latin1", 0, 4), table]));
}

test("every table is reached from the RSDP, with right lengths and checksums", () => {
  assert.deepEqual([...walk().keys()].sort(), ["APIC", "DSDT", "FACP", "HPET", "RSDT", "XSDT"]);
});

test("the FADT names the board's ports, and a FACS on a 64-byte boundary", () => {
  const fadt = walk().get("FACP")!;
  assert.equal(fadt.readUInt16LE(46), 9);
  assert.equal(fadt.readUInt32LE(48), 0, "no SMI command port");
  assert.deepEqual(
    [56, 64, 76].map((offset) => fadt.readUInt32LE(offset)),
    [0x600, 0x604, 0x608],
  );
  assert.equal(fadt.readBigUInt64LE(120), 0xcf9n);
  assert.equal(fadt[128], 6);
  const facs = fadt.readUInt32LE(36);
  assert.equal(facs % 64, 0);
  assert.equal(at(facs, 4).toString("latin1"), "FACS");
});

test("iasl disassembles every table without complaint, and compiles the DSDT back to the same bytes", (context) => {
  if (spawnSync("iasl", ["-v"]).error) {
    context.skip("iasl is not installed (Debian package acpica-tools)");
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), "bootscope-acpi-"));
  try {
    for (const [signature, table] of walk()) {
      writeFileSync(join(directory, `${signature}.aml`), table);
      const output = execFileSync("iasl", ["-d", `${signature}.aml`], {
        cwd: directory,
        encoding: "utf8",
        stdio: "pipe",
      });
      const source = readFileSync(join(directory, `${signature}.dsl`), "utf8");
      assert.doesNotMatch(output + source, /error|warning|invalid|should be/i, signature);
    }
    const source = readFileSync(join(directory, "DSDT.dsl"), "utf8");
    assert.match(source, /Name \(\\_S5, Package \(0x04\)/);
    assert.match(source, /EisaId \("PNP0A03"\)/);
    execFileSync("iasl", ["-oa", "-p", "again", "DSDT.dsl"], { cwd: directory, stdio: "pipe" });
    // The compiler writes its own name and revision into bytes 28 to 35, which changes the checksum at 9.
    const body = (table: Uint8Array): Uint8Array => table.subarray(36);
    assert.deepEqual(body(readFileSync(join(directory, "again.aml"))), body(walk().get("DSDT")!));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
