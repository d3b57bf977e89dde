/** Symbol tables against nm and readelf, a kernel's own table in every layout that kernels have had, and damaged ones. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { cloudKernel, i686Kernel, vmlinux } from "../scripts/guests/guests.ts";
import { elfSymbols } from "./elf-symbols.ts";
import { FormatError } from "./errors.ts";
import { findKallsyms, findTokens } from "./kallsyms.ts";
import { placeText, SymbolIndex } from "./symbol-table.ts";
import type { SymbolEntry } from "./symbol-table.ts";
import { isSystemMap, parseSystemMap } from "./system-map.ts";

const SOURCE = `
.globl start, weak_one
.weak weak_one
.set constant, 0x1234
start: call local
local: nop
weak_one: ret
.data
value: .long 1
.section .rodata
text: .asciz "text"
.bss
.lcomm buffer, 64
.type sized, @function
.text
sized: nop; nop; nop
.size sized, .-sized
`;

const show = ({ address, type, name }: SymbolEntry): string => `${address.toString(16)} ${type} ${name}`;

for (const bits of [32, 64] as const) {
  test(`symbols of an ELF${bits} file are those of nm`, () => {
    const folder = mkdtempSync(path.join(tmpdir(), "bootscope-symbols-"));
    try {
      const run = (command: string, ...args: string[]): string =>
        execFileSync(command, args, { cwd: folder, encoding: "utf8" });
      writeFileSync(path.join(folder, "a.s"), SOURCE);
      run("as", `--${bits}`, "-o", "a.o", "a.s");
      run("ld", "-m", bits === 32 ? "elf_i386" : "elf_x86_64", "-Ttext=0x7c00", "-e", "start", "-o", "a.elf", "a.o");
      const map = new TextEncoder().encode(run("nm", "a.elf"));
      assert.ok(isSystemMap(map));
      const found = elfSymbols(readFileSync(path.join(folder, "a.elf")));
      assert.deepEqual(found.map(show).sort(), parseSystemMap(map).map(show).sort());
      const index = new SymbolIndex(found);
      assert.deepEqual(index.at((index.byName("sized")?.address ?? 0n) + 2n), { name: "sized", offset: 2n, size: 3n });
      assert.equal(index.at((index.byName("sized")?.address ?? 0n) + 3n), undefined, "behind its end");
      assert.equal(index.at(0x1234n), undefined, "a constant is no place");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test("what is no System.map is said to be none", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  assert.equal(isSystemMap(bytes("ffffffffffffffff B The real System.map is in the linux-image-dbg package\n")), false);
  assert.equal(isSystemMap(bytes("")), false);
  assert.throws(
    () => parseSystemMap(bytes("0000000000007c00 T start\nnonsense\n")),
    (error) => {
      return error instanceof FormatError && /^Line 2 is "nonsense"/.test(error.message);
    },
  );
});

test("Debian's kernels have their symbols in them", { timeout: 120_000 }, async () => {
  for (const [kernel, bits] of [
    [await cloudKernel(), 64],
    [await i686Kernel(), 32],
  ] as const) {
    const bytes = readFileSync(await vmlinux(kernel.vmlinuz));
    const found = findKallsyms(bytes);
    assert.ok(found, kernel.version);
    const index = new SymbolIndex(found.symbols);
    const entry = BigInt(
      execFileSync("readelf", ["-h", await vmlinux(kernel.vmlinuz)], { encoding: "utf8" }).match(
        /Entry point address:\s+(\S+)/,
      )?.[1] ?? 0,
    );
    const startup = index.byName(bits === 64 ? "startup_64" : "startup_32")?.address ?? 0n;
    // The entry in the ELF file is a physical address.
    assert.equal(startup - (bits === 64 ? 0xffff_ffff_8000_0000n : 0xc000_0000n), entry);
    const main = index.byName("start_kernel");
    assert.ok(main && found.symbols.length > 40_000);
    const place = index.at(main.address + 5n);
    assert.equal(place && placeText(place), "start_kernel+0x5");
    assert.deepEqual(index.startingWith("start_kernel", 5), ["start_kernel"]);
    console.log(`${kernel.version}: ${found.symbols.length} symbols`);
  }
});

type Layout = "absolute" | "before" | "behind" | "percpu";

/** A table as scripts/kallsyms.c writes it, with a token for "sy" beside those of single characters. */
function table(layout: Layout, count = 700): { bytes: Uint8Array; symbols: SymbolEntry[] } {
  const base = 0xffff_ffff_8100_0000n;
  const symbols = Array.from({ length: count }, (_, index): SymbolEntry => {
    const percpu = layout === "percpu" && index < 10;
    return {
      name: `symbol_${index}`,
      type: percpu ? "A" : "T",
      address: percpu ? BigInt(index * 8) : base + BigInt(index * 16),
    };
  });
  const bytes: number[] = new Array<number>(4096).fill(0xcc);
  const align = (): void => {
    while (bytes.length % 8) bytes.push(0);
  };
  const number = (value: bigint, size: number): void => {
    for (let at = 0; at < size; at++) bytes.push(Number((value >> BigInt(8 * at)) & 0xffn));
  };
  const addresses = (): void => {
    align();
    if (layout === "absolute") return symbols.forEach(({ address }) => number(address, 8));
    for (const { address, type } of symbols) {
      if (layout !== "percpu") number(address - base, 4);
      else number(type === "A" ? address : BigInt.asUintN(32, base - 1n - address), 4);
    }
    align();
    number(base, 8);
  };
  if (layout !== "behind") addresses();
  align();
  number(BigInt(count), 4);
  align();
  const markers: number[] = [];
  const names = bytes.length;
  const tokens = Array.from({ length: 256 }, (_, code) =>
    code === 1 ? "sy" : code < 0x20 ? `t${code}` : String.fromCharCode(code),
  );
  symbols.forEach(({ name, type }, index) => {
    if (index % 256 === 0) markers.push(bytes.length - names);
    const text = type + name;
    const codes = [text.charCodeAt(0), 1, ...Array.from(text.slice(3), (char) => char.charCodeAt(0))];
    bytes.push(codes.length, ...codes);
  });
  align();
  for (const marker of markers) number(BigInt(marker), 4);
  align();
  const offsets: number[] = [];
  const start = bytes.length;
  for (const token of tokens) {
    offsets.push(bytes.length - start);
    bytes.push(...Array.from(token, (char) => char.charCodeAt(0) & 0xff), 0);
  }
  align();
  for (const offset of offsets) number(BigInt(offset), 2);
  if (layout === "behind") addresses();
  bytes.push(...new Array<number>(64).fill(0xcc));
  return { bytes: Uint8Array.from(bytes), symbols };
}

for (const layout of ["absolute", "before", "behind", "percpu"] as const) {
  test(`a kernel's table is read in the layout "${layout}"`, () => {
    const { bytes, symbols } = table(layout);
    assert.deepEqual(findKallsyms(bytes)?.symbols, symbols);
  });
}

test("a damaged table is none, or still names and addresses, and never an endless search", () => {
  const { bytes } = table("before");
  const at = findTokens(bytes);
  assert.ok(at > 0);
  let state = 7;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  let none = 0;
  for (let round = 0; round < 300; round++) {
    const damaged = bytes.slice(0, round % 4 === 0 ? next(bytes.length) : bytes.length);
    for (let change = next(6); change > 0 && damaged.length > 0; change--) damaged[next(damaged.length)] = next(256);
    if (findKallsyms(damaged) === undefined) none++;
  }
  assert.ok(none > 30 && none < 300, `${none} refused`);
  // Nothing but what looks like tokens.
  assert.equal(
    findKallsyms(
      new TextEncoder().encode("0\u00001\u00002\u00003\u00004\u00005\u00006\u00007\u00008\u00009\u0000".repeat(20_000)),
    ),
    undefined,
  );
});
