import assert from "node:assert/strict";
import { test } from "node:test";
import { EM_386, parseElf, PT_LOAD } from "./elf.ts";
import { FormatError } from "./errors.ts";

/** A 32-bit ELF file with one loadable segment of four bytes. */
function smallElf32(): Buffer {
  const file = Buffer.alloc(52 + 32 + 4);
  file.write("\x7fELF\x01\x01\x01", 0, "latin1");
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(EM_386, 18);
  file.writeUInt32LE(0x10_0000, 24);
  file.writeUInt32LE(52, 28);
  file.writeUInt16LE(32, 42);
  file.writeUInt16LE(1, 44);
  [PT_LOAD, 84, 0xc010_0000, 0x10_0000, 4, 0x1000, 5, 0x1000].forEach((v, i) => file.writeUInt32LE(v, 52 + i * 4));
  return file;
}

test("an ELF32 file", () => {
  const elf = parseElf(smallElf32());
  assert.deepEqual(elf, {
    bits: 32,
    machine: EM_386,
    type: 2,
    entry: 0x10_0000n,
    segments: [
      {
        type: PT_LOAD,
        flags: 5,
        offset: 84,
        fileSize: 4,
        virtualAddress: 0xc010_0000n,
        physicalAddress: 0x10_0000n,
        memorySize: 0x1000n,
        alignment: 0x1000n,
      },
    ],
    sections: [],
  });
});

test("what leaves the file or makes no sense is refused", () => {
  const patched = (change: (file: Buffer) => unknown): Buffer => {
    const file = smallElf32();
    change(file);
    return file;
  };
  const cases: [Uint8Array, RegExp][] = [
    [Buffer.from("MZ"), /No ELF file/],
    [smallElf32().subarray(0, 40), /40 bytes hold no header/],
    [smallElf32().subarray(0, 60), /the program header table ends at byte 84, the file at 60/],
    [smallElf32().subarray(0, 86), /segment 0 ends at byte 88, the file at 86/],
    [patched((f) => f.writeUInt8(9, 4)), /class 9/],
    [patched((f) => f.writeUInt8(2, 5)), /big-endian/],
    [patched((f) => f.writeUInt16LE(7, 42)), /not of 32 bytes each/],
    [patched((f) => f.writeUInt16LE(0xffff, 44)), /more than 65534/],
    [patched((f) => f.writeUInt32LE(3, 52 + 20)), /more bytes in the file than in memory/],
  ];
  for (const [file, message] of cases) {
    assert.throws(
      () => parseElf(file),
      (error: unknown) => {
        assert.ok(error instanceof FormatError);
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test("no damage causes anything but a FormatError", () => {
  for (const base of [smallElf32(), Buffer.concat([smallElf32(), Buffer.alloc(200)])]) {
    for (let at = 4; at < base.length; at++) {
      for (const value of [0x00, 0x02, 0x40, 0xff]) {
        const file = Buffer.from(base);
        file[at] = value;
        try {
          parseElf(file);
        } catch (error) {
          assert.ok(error instanceof FormatError, `byte ${at} = ${value}: ${String(error)}`);
        }
      }
    }
  }
});
