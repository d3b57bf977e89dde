/** Kernels, ELF files with their symbols and lines, listings, and what a loader leaves in memory. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { extractVmlinux } from "../../../boot-formats/bzimage.ts";
import { parseElf } from "../../../boot-formats/elf.ts";
import { elfSymbols } from "../../../boot-formats/elf-symbols.ts";
import { findKallsyms } from "../../../boot-formats/kallsyms.ts";
import { bootParamsFields, setupDataFields } from "../../../boot-formats/kernel/boot-params-fields.ts";
import { bzImageFields } from "../../../boot-formats/kernel/bzimage-fields.ts";
import { elfFields, elfNotes } from "../../../boot-formats/kernel/elf-fields.ts";
import { isListing, parseListing } from "../../../boot-formats/listing.ts";
import { readSourceLines, sourceLinesOfElf, writeSourceLines } from "../../../boot-formats/source-lines.ts";
import { parseSystemMap } from "../../../boot-formats/system-map.ts";
import { cloudKernel } from "../../../scripts/guests/guests.ts";
import { checkFields, OUTPUT_LIMIT, tolerant, type Subject } from "./subject.ts";

const GAS = `
        .macro twice
        nop
        nop
        .endm
        .code16
        .globl _start
        .type _start, @function
_start: cli
        twice
        .fill 300, 1, 0x90
        jmp _start
        .size _start, .-_start
        .section .other, "ax"
far:    hlt
        jmp far
        .section .note.own, "a", @note
        .long 4, 4, 1
        .asciz "own"
        .long 7
`;
const NASM = `
        bits 16
%macro twice 0
        nop
        nop
%endmacro
        global _start
_start: cli
        mov ax, 1
        twice
        times 300 nop
        db "text"
        resb 4
        jmp _start
`;

function assembled(folder: string): { elves: Uint8Array[]; listings: Uint8Array[]; map: Uint8Array } {
  const run = (command: string, ...args: string[]): Buffer => execFileSync(command, args, { cwd: folder });
  writeFileSync(join(folder, "boot.s"), GAS);
  writeFileSync(join(folder, "boot.asm"), NASM);
  const elves: Uint8Array[] = [];
  const link = (bits: number): void => {
    const target = bits === 32 ? "elf_i386" : "elf_x86_64";
    run("ld", "-m", target, "-o", "boot.elf", "--no-warn-rwx-segments", "-Ttext=0x7c00", "--build-id", "boot.o");
    elves.push(new Uint8Array(readFileSync(join(folder, "boot.elf"))));
  };
  for (const [bits, version] of [
    [32, 4],
    [64, 5],
    [64, 3],
  ] as const) {
    run("as", `--${bits}`, `--gdwarf-${version}`, "-aln=boot.lst", "-o", "boot.o", "boot.s");
    link(bits);
  }
  elves.push(new Uint8Array(readFileSync(join(folder, "boot.o"))));
  const map = run("nm", "boot.elf");
  const gas = readFileSync(join(folder, "boot.lst"));
  run("as", "--32", "-al=boot.lst", "-g", "-o", "boot.o", "boot.s");
  const plain = readFileSync(join(folder, "boot.lst"));
  run("nasm", "-f", "elf32", "-g", "-F", "dwarf", "-l", "nasm.lst", "-o", "boot.o", "boot.asm");
  link(32);
  const nasm = readFileSync(join(folder, "nasm.lst"));
  return { elves, listings: [gas, plain, nasm].map((text) => new Uint8Array(text)), map: new Uint8Array(map) };
}

async function parseElfWhole(bytes: Uint8Array): Promise<void> {
  await tolerant(() => checkFields(elfFields(bytes), bytes.length));
  await tolerant(() => {
    const elf = parseElf(bytes);
    elfNotes(bytes, elf);
    elfSymbols(bytes, elf);
  });
  await tolerant(() => writeSourceLines([sourceLinesOfElf(bytes, [0, 0x1000])]));
}

/** The head of a real kernel with a small program as its payload. */
async function smallKernel(folder: string): Promise<Uint8Array[]> {
  const { elves } = assembled(folder);
  const head = new Uint8Array(await readFile((await cloudKernel()).vmlinuz)).slice(0, 24 * 1024);
  const setupEnd = (head[0x1f1]! + 1) * 512;
  return ["gzip", "xz"].map((command) => {
    const packed = execFileSync(command, ["-c"], { input: elves[1]! });
    const size = Buffer.alloc(4);
    size.writeUInt32LE(elves[1]!.length);
    // gzip ends with the size of its content by itself.
    const payload = command === "gzip" ? packed : Buffer.concat([packed, size]);
    const image = Buffer.concat([head.subarray(0, setupEnd), Buffer.alloc(1024), payload, Buffer.alloc(16)]);
    image.writeUInt32LE((image.length - setupEnd) >> 4, 0x1f4);
    image.writeUInt32LE(1024, 0x248);
    image.writeUInt32LE(payload.length, 0x24c);
    return new Uint8Array(image);
  });
}

async function parseKernel(bytes: Uint8Array): Promise<void> {
  await tolerant(() => checkFields(bzImageFields(bytes), bytes.length));
  await tolerant(() => extractVmlinux(bytes, OUTPUT_LIMIT));
}

/** A zero page, a list of setup_data behind it. */
function handover(): Promise<Uint8Array[]> {
  const bytes = new Uint8Array(8192);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x202, 0x5372_6448, true);
  view.setUint16(0x206, 0x20f, true);
  bytes[0x1e8] = 3;
  for (const [index, [start, size, type]] of [
    [0, 0x9fc00, 1],
    [0xf0000, 0x10000, 2],
    [0x10_0000, 0xff0_0000, 1],
  ].entries()) {
    view.setUint32(0x2d0 + 20 * index, start!, true);
    view.setUint32(0x2d8 + 20 * index, size!, true);
    view.setUint32(0x2e0 + 20 * index, type!, true);
  }
  view.setUint32(0x250, 4096, true);
  view.setUint32(4096, 4096 + 64, true);
  view.setUint32(4096 + 8, 9, true);
  view.setUint32(4096 + 12, 32, true);
  view.setUint32(4096 + 64 + 8, 2, true);
  return Promise.resolve([bytes]);
}

async function parseHandover(bytes: Uint8Array): Promise<void> {
  const page = bytes.subarray(0, 4096);
  await tolerant(() => checkFields(bootParamsFields(page), 4096));
  await tolerant(() =>
    setupDataFields(new DataView(page.buffer).getBigUint64(0x250, true), (physical, length) => {
      const at = Number(physical);
      return Promise.resolve(at + length <= bytes.length ? bytes.subarray(at, at + length) : undefined);
    }),
  );
}

/** The table of a kernel since Linux 6.4, as scripts/kallsyms.c lays it out: names by tokens of one character each. */
function kallsyms(): Promise<Uint8Array[]> {
  const count = 600;
  const parts: Buffer[] = [Buffer.alloc(4096, 0xcc)];
  const align = (): void => {
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    parts.push(Buffer.alloc(-size & 7));
  };
  const numbers = (values: readonly number[], bytes: 2 | 4): void => {
    align();
    const part = Buffer.alloc(values.length * bytes);
    for (const [index, value] of values.entries()) part.writeUIntLE(value, index * bytes, bytes);
    parts.push(part);
  };
  numbers([count, 0], 4);
  const names = Array.from({ length: count }, (_, index) => {
    const text = Buffer.from(`Tsymbol_${index}`);
    return Buffer.concat([Buffer.from([text.length]), text]);
  });
  const starts = names.map((_, index) => names.slice(0, index).reduce((sum, name) => sum + name.length, 0));
  parts.push(...names);
  numbers(
    starts.filter((_, index) => index % 256 === 0),
    4,
  );
  align();
  const tokens = Array.from({ length: 256 }, (_, code) =>
    Buffer.from(code < 0x20 ? `t${code}\0` : `${String.fromCharCode(code)}\0`, "latin1"),
  );
  parts.push(...tokens);
  numbers(
    tokens.map((_, index) => tokens.slice(0, index).reduce((sum, token) => sum + token.length, 0)),
    2,
  );
  numbers(
    Array.from({ length: count }, (_, index) => index * 16),
    4,
  );
  align();
  const base = Buffer.alloc(72, 0xcc);
  base.writeBigUInt64LE(0xffff_ffff_8100_0000n);
  parts.push(base);
  return Promise.resolve([new Uint8Array(Buffer.concat(parts))]);
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export const KERNEL_SUBJECTS: readonly Subject[] = [
  { name: "bzImage", seeds: smallKernel, parse: parseKernel, resizable: true },
  {
    name: "ELF, DWARF lines and symbols",
    seeds: (folder) => Promise.resolve(assembled(folder).elves),
    parse: parseElfWhole,
    resizable: true,
  },
  {
    name: "listings",
    seeds: (folder) => Promise.resolve(assembled(folder).listings),
    async parse(bytes) {
      isListing(bytes);
      await tolerant(() => parseListing(bytes));
    },
    resizable: true,
  },
  {
    name: "System.map",
    seeds: (folder) => Promise.resolve([assembled(folder).map]),
    parse: parseSystemMap,
    resizable: true,
  },
  {
    name: "table of source lines",
    seeds: (folder) => {
      const modules = assembled(folder)
        .elves.slice(0, 2)
        .map((elf) => sourceLinesOfElf(elf));
      return Promise.resolve([new TextEncoder().encode(writeSourceLines(modules))]);
    },
    parse: (bytes) => readSourceLines(text(bytes), (file) => file),
    resizable: true,
  },
  { name: "kallsyms", seeds: kallsyms, parse: findKallsyms, resizable: true },
  { name: "boot_params and setup_data", seeds: handover, parse: parseHandover, resizable: false },
];
