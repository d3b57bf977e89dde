/** Line tables of real assemblers against what objdump makes of them, and damaged ones. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseLineTable } from "./dwarf-lines.ts";
import { parseElf } from "./elf.ts";
import { FormatError } from "./errors.ts";
import { readSourceLines, SourceLines, sourceLinesOfElf, writeSourceLines } from "./source-lines.ts";

const missing = ["as", "ld", "objdump"].find((tool) => spawnSync(tool, ["--version"]).error);
const skip = missing ? `${missing} is not installed` : false;
const skipNasm = skip || (spawnSync("nasm", ["-v"]).error ? "nasm is not installed" : false);

const SOURCE = `
        .macro twice
        nop
        nop
        .endm
        .code16
        .globl _start
_start: cli
        twice
        .include "more.inc"
        .fill 300, 1, 0x90
        jmp _start

        .section .other, "ax"
far:    hlt
        jmp far
`;
const INCLUDED = "        movw $1, %ax\n\n        movw $2, %bx\n";

const NASM_SOURCE = `
        bits 16
        global _start
_start: cli
        mov ax, 1
        times 300 nop
        jmp _start
`;

/** Assembles in a directory of its own and links; returns the ELF file. */
function build(assemble: (directory: string) => void, link: string[]): { elf: Buffer; decoded: string } {
  const directory = mkdtempSync(join(tmpdir(), "bootscope-lines-"));
  try {
    writeFileSync(join(directory, "boot.s"), SOURCE);
    writeFileSync(join(directory, "more.inc"), INCLUDED);
    writeFileSync(join(directory, "boot.asm"), NASM_SOURCE);
    assemble(directory);
    execFileSync("ld", ["-o", "boot.elf", "--no-warn-rwx-segments", ...link, "boot.o"], { cwd: directory });
    const decoded = execFileSync("objdump", ["--dwarf=decodedline", "boot.elf"], { cwd: directory, encoding: "utf8" });
    return { elf: readFileSync(join(directory, "boot.elf")), decoded };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function sectionsOf(elf: Uint8Array): Parameters<typeof parseLineTable>[0] {
  const part = (name: string): Uint8Array | undefined => {
    const found = parseElf(elf).sections.find((one) => one.name === name);
    return found && elf.subarray(found.offset, found.offset + found.fileSize);
  };
  const lineStrings = part(".debug_line_str");
  const strings = part(".debug_str");
  return {
    lines: part(".debug_line")!,
    ...(lineStrings ? { lineStrings } : {}),
    ...(strings ? { strings } : {}),
  };
}

/** objdump's rows as "file line address", the ends of sequences left out. */
function rowsOfObjdump(decoded: string): string[] {
  return decoded
    .split("\n")
    .map((line) => /^(\S+)\s+(\d+|-)\s+(0x[0-9a-f]+|0)/.exec(line))
    .filter((match) => match !== null && match[2] !== "-")
    .map((match) => `${match![1]} ${match![2]} ${BigInt(match![3]!)}`);
}

function rowsOfOurs(elf: Uint8Array): string[] {
  return parseLineTable(sectionsOf(elf))
    .filter(({ file }) => file !== undefined)
    .map(({ file, line, address }) => `${file!.replace(/^.*\//, "")} ${line} ${address}`);
}

for (const bits of [32, 64]) {
  for (const version of [2, 3, 4, 5]) {
    test(`GNU as, ${bits} bits, DWARF ${version}: the rows that objdump shows`, { skip }, () => {
      const { elf, decoded } = build(
        (cwd) => execFileSync("as", [`--${bits}`, `--gdwarf-${version}`, "-o", "boot.o", "boot.s"], { cwd }),
        ["-m", bits === 32 ? "elf_i386" : "elf_x86_64", "-Ttext=0x7c00", "--section-start=.other=0x9000"],
      );
      const rows = rowsOfOurs(elf);
      assert.deepEqual(rows, rowsOfObjdump(decoded));
      assert.ok(rows.includes(`boot.s 16 ${0x9001}`), rows.join("\n"));
      assert.ok(rows.some((row) => row.startsWith("more.inc 3 ")));
    });
  }
}

test("NASM: the rows that objdump shows", { skip: skipNasm }, () => {
  const { elf, decoded } = build(
    (cwd) => execFileSync("nasm", ["-f", "elf32", "-g", "-F", "dwarf", "-o", "boot.o", "boot.asm"], { cwd }),
    ["-m", "elf_i386", "-Ttext=0x7c00"],
  );
  const rows = rowsOfOurs(elf);
  assert.deepEqual(rows, rowsOfObjdump(decoded));
  assert.ok(rows.includes(`boot.asm 4 ${0x7c00}`));
});

test("source lines by physical address and back, at several bases, through a file", { skip }, () => {
  const { elf } = build(
    (cwd) => execFileSync("as", ["--32", "-g", "-o", "boot.o", "boot.s"], { cwd }),
    ["-m", "elf_i386", "-Ttext=0x100", "--section-start=.other=0x9000"],
  );
  const text = writeSourceLines([sourceLinesOfElf(elf, [0xf_0000, 0xffff_0000])]);
  const [lines] = readSourceLines(text, (file) => `/src/${file}`) as [SourceLines];
  assert.deepEqual([...lines.files].sort(), ["/src/boot.s", "/src/more.inc"]);
  assert.deepEqual(lines.lineAt(0xf_0100), { path: "/src/boot.s", line: 8 });
  // Both instructions of a macro are the line that uses it.
  assert.deepEqual(lines.addressesOf("/src/boot.s", 9), [0xf_0101, 0xffff_0101]);
  assert.deepEqual(lines.lineAt(0xffff_0102), { path: "/src/boot.s", line: 9 });
  assert.deepEqual(lines.lineAt(0xf_0103), { path: "/src/more.inc", line: 1 });
  assert.deepEqual(lines.lineAt(0xf_9001), { path: "/src/boot.s", line: 16 });
  assert.equal(lines.lineAt(0xf_0000), undefined);
  assert.equal(lines.lineAt(0x100), undefined);
  assert.deepEqual(lines.addressesOf("/src/boot.s", 1), []);
  assert.deepEqual(lines.bytesAt(0xf_0100, 3), Uint8Array.of(0xfa, 0x90, 0x90));
  assert.equal(lines.bytesAt(0xf_9000, 100), undefined);
});

test("damaged line tables give a FormatError or rows, never anything else", { skip }, () => {
  for (const version of [3, 5]) {
    const { elf } = build(
      (cwd) => execFileSync("as", ["--32", `--gdwarf-${version}`, "-o", "boot.o", "boot.s"], { cwd }),
      ["-m", "elf_i386", "-Ttext=0x7c00"],
    );
    const good = sectionsOf(elf);
    let failures = 0;
    let random = 12345;
    const next = (below: number): number => {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      return (random >>> 8) % below;
    };
    for (let round = 0; round < 5000; round++) {
      const lines = good.lines.slice(0, round % 3 === 0 ? next(good.lines.length) : good.lines.length);
      for (let change = next(4); change > 0 && lines.length > 0; change--) lines[next(lines.length)] = next(256);
      try {
        parseLineTable({ ...good, lines });
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
        failures++;
      }
    }
    assert.ok(failures > 100, `${failures} failures`);
  }
});

test("what is no linked ELF file with lines is refused in one sentence", { skip }, () => {
  assert.throws(() => sourceLinesOfElf(Uint8Array.of(1, 2, 3)), FormatError);
  const { elf } = build(
    (cwd) => execFileSync("as", ["--32", "-o", "boot.o", "boot.s"], { cwd }),
    ["-m", "elf_i386", "-s", "-Ttext=0x7c00"],
  );
  assert.throws(() => sourceLinesOfElf(elf), /neither symbols nor a section \.debug_line/);
  assert.throws(() => readSourceLines("{}", (file) => file), FormatError);
});
