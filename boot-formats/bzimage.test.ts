import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { cloudKernel, installer, stockKernel } from "../scripts/guests/guests.ts";
import { extractVmlinux, parseBzImage } from "./bzimage.ts";
import { EM_X86_64, parseElf, PT_LOAD } from "./elf.ts";
import { FormatError } from "./errors.ts";

const cloud = async (): Promise<Uint8Array> => readFile((await cloudKernel()).vmlinuz);

for (const [name, path, compression] of [
  ["cloud", async () => (await cloudKernel()).vmlinuz, "lz4"],
  ["stock", async () => (await stockKernel()).vmlinuz, "xz"],
  ["installer", async () => (await installer()).kernel, "xz"],
] as const) {
  test(`Debian's ${name} kernel: header, payload and the ELF file in it`, async () => {
    const bytes = await readFile(await path());
    const image = parseBzImage(bytes);
    assert.equal(image.protocol, 0x20f);
    assert.equal(image.compression, compression);
    assert.equal(image.has64BitEntry, true);
    assert.equal(image.prefAddress, 0x100_0000);
    assert.equal(image.cmdlineSize, 2047);
    assert.equal(image.initrdAddrMax, 0x7fff_ffff);
    assert.match(image.versionText, /^6\.1\.0-\d+(-cloud)?-amd64 \(debian-kernel@/);
    const field = image.fields.find((f) => f.name === "pref_address")!;
    assert.equal(Buffer.from(bytes).readBigUInt64LE(field.range.start), field.value);

    const vmlinux = await extractVmlinux(bytes);
    const elf = parseElf(vmlinux);
    assert.equal(elf.machine, EM_X86_64);
    assert.equal(elf.entry, 0x100_0000n);
    const text = elf.sections.find((section) => section.name === ".text")!;
    assert.equal(text.address, 0xffff_ffff_8100_0000n);
    assert.ok(elf.segments.some((s) => s.type === PT_LOAD && s.offset === text.offset));
    assert.ok(Buffer.from(vmlinux).includes(`Linux version ${image.versionText.split(" ")[0]}`));
  });
}

test("each wrong file gets one sentence that names what it is", async () => {
  const bytes = await cloud();
  const patched = (change: (copy: Buffer) => unknown): Buffer => {
    const copy = Buffer.from(bytes);
    change(copy);
    return copy;
  };
  const arm64 = Buffer.alloc(4096);
  arm64.write("ARM\x64", 0x38, "latin1");
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /The kernel file is empty/],
    [Buffer.from("#!/bin/sh\n"), /Not a bzImage: the boot flag 0xAA55 is missing at 0x1FE/],
    [arm64, /an arm64 Image \(magic ARM\\x64 at 0x38\): an x86 bzImage was expected/],
    [Buffer.from([0x1f, 0x8b, 8, 0, 0]), /plain gzip data/],
    [Buffer.from("\x7fELF", "latin1"), /an ELF file, not a bzImage/],
    [bytes.subarray(0, 0x220), /truncated: 544 bytes do not even hold the setup header/],
    [bytes.subarray(0, 5_000_000), /truncated: its header announces \d+ bytes, the file has 5000000/],
    [patched((b) => b.write("XXXX", 0x202)), /"HdrS" is missing at 0x202/],
    [patched((b) => b.writeUInt16LE(0x204, 0x206)), /boot protocol 2\.04: 2\.10 .* or later is needed/],
    [patched((b) => b.writeUInt8(0, 0x211)), /zImage/],
    [patched((b) => b.writeUInt32LE(0xffff_ffff, 0x24c)), /payload ends at byte \d+, the image at/],
    [patched((b) => b.writeUInt32LE(3, 0x230)), /kernel_alignment is 3, a power of two was expected/],
    [patched((b) => b.writeUInt32LE(0, 0x260)), /init_size is 0/],
  ];
  for (const [file, message] of cases) {
    assert.throws(
      () => parseBzImage(file),
      (error: unknown) => {
        assert.ok(error instanceof FormatError);
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test("a payload that says another size than it has is refused", async () => {
  const bytes = Buffer.from(await cloud());
  bytes.writeUInt32LE(1234, parseBzImage(bytes).payload.end - 4);
  await assert.rejects(extractVmlinux(bytes), /decompresses to \d+ bytes, 1234 were announced/);
});

test("no damage to the header causes anything but a FormatError", async () => {
  const bytes = (await cloud()).subarray(0, 16_384);
  for (let at = 0x1f1; at < 0x290; at++) {
    for (const value of [0x00, 0x7f, 0xff]) {
      const copy = bytes.slice();
      copy[at] = value;
      assert.throws(() => parseBzImage(copy), FormatError);
    }
  }
});
