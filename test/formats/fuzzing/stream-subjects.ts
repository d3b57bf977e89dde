/** Compressed data and initramfs archives. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decompress } from "../../../boot-formats/compression/decompress.ts";
import { unlzma2 } from "../../../boot-formats/compression/lzma2.ts";
import { lzo1x } from "../../../boot-formats/compression/lzo.ts";
import { cpioCharDevice, cpioDirectory, cpioFile, cpioSymlink, writeCpio } from "../../../boot-formats/cpio.ts";
import { crc32 } from "../../../boot-formats/crc32.ts";
import { indexInitramfs, readFile, walkContents } from "../../../boot-formats/initramfs/archive.ts";
import { initramfsEntries } from "../../../boot-formats/initramfs/repack.ts";
import { InitramfsTree } from "../../../boot-formats/initramfs/tree.ts";
import { OUTPUT_LIMIT, tolerant, type Subject } from "./subject.ts";

const ARCHIVE = writeCpio([
  cpioDirectory("bin"),
  cpioFile("bin/sh", "shell".repeat(200), 0o755),
  cpioSymlink("sbin", "bin"),
  cpioSymlink("bin/again", "../sbin/again"),
  cpioCharDevice("dev/console", 5, 1),
  { ...cpioFile("one", ""), hardLink: "x" },
  { ...cpioFile("two", "shared"), hardLink: "x" },
]);

/** The same twice, machine code and noise between: what all branches of the decompressors are for. */
function sample(): Uint8Array {
  const program = readFileSync(process.execPath).subarray(0x10_0000, 0x10_4000);
  const counting = Uint8Array.from({ length: 3000 }, (_, index) => (index * index) >>> 3);
  return Buffer.concat([ARCHIVE, program, counting, ARCHIVE, new Uint8Array(5000), program.subarray(500, 3000)]);
}

function compressed(...commands: readonly (readonly [string, ...string[]])[]): Subject["seeds"] {
  return () => {
    const seeds = commands.flatMap(([command, ...args]) =>
      [ARCHIVE, sample()].map((input) => new Uint8Array(execFileSync(command, [...args, "-c"], { input }))),
    );
    return Promise.resolve(seeds);
  };
}

const stream = (name: string, seeds: Subject["seeds"]): Subject => ({
  name,
  seeds,
  parse: (bytes) => decompress(bytes, OUTPUT_LIMIT),
  resizable: true,
});

/** Checksums of the stream's and the first block's header (The .xz File Format 2.1.1 and 3.1). */
function repairXz(bytes: Uint8Array): void {
  if (bytes.length < 24) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(8, crc32(bytes.subarray(6, 8)), true);
  const end = 12 + bytes[12]! * 4;
  if (end + 4 <= bytes.length) view.setUint32(end, crc32(bytes.subarray(12, end)), true);
}

/** The chunks of LZMA2 within an .xz file of one block, whose header gives its own size. */
async function lzma2Chunks(folder: string): Promise<Uint8Array[]> {
  const files = await compressed(["xz", "--check=none"], ["xz", "--lzma2=lc=0,lp=2,pb=0,dict=4KiB"])(folder);
  return files.map((file) => file.slice(12 + (file[12]! + 1) * 4));
}

/** The blocks of lzop files, without the sizes and checksums around them. */
async function lzoBlocks(folder: string): Promise<Uint8Array[]> {
  const files = await compressed(["lzop", "-1"], ["lzop", "-9"])(folder);
  // Nothing before the magic and behind the header of a file without name: 38 bytes, then the block's own 16.
  return files.map((file) => file.slice(54, file.length - 4));
}

async function parseInitramfs(bytes: Uint8Array): Promise<void> {
  const limits = { unpackedBytes: OUTPUT_LIMIT };
  await tolerant(async () => {
    const index = await indexInitramfs(bytes, limits);
    const tree = new InitramfsTree(index);
    for (const entry of index.entries.slice(0, 100)) {
      await tolerant(() => tree.find(entry.path));
      await tolerant(() => readFile(bytes, index, entry, OUTPUT_LIMIT));
    }
    await tolerant(() => initramfsEntries(bytes, index));
  });
  await tolerant(async () => {
    for await (const step of walkContents(bytes, OUTPUT_LIMIT)) void step;
  });
}

function archives(folder: string): Promise<Uint8Array[]> {
  const early = join(folder, "kernel/x86/microcode");
  mkdirSync(early, { recursive: true });
  writeFileSync(join(early, "GenuineIntel.bin"), "microcode".repeat(20));
  const names = execFileSync("find", ["kernel"], { cwd: folder });
  const made = ["newc", "crc", "odc"].map((format) =>
    execFileSync("cpio", ["-o", "-H", format, "--quiet"], { cwd: folder, input: names }),
  );
  const text = 'kernel { earlycon = "ttyS0" }\n';
  const config = Buffer.alloc(8);
  config.writeUInt32LE(text.length, 0);
  config.writeUInt32LE(
    Buffer.from(text).reduce((sum, byte) => sum + byte, 0),
    4,
  );
  const footer = Buffer.concat([Buffer.from(text), config, Buffer.from("#BOOTCONFIG\n")]);
  const gzip = execFileSync("gzip", ["-c"], { input: ARCHIVE });
  return Promise.resolve(
    [...made, Buffer.concat([ARCHIVE, footer]), Buffer.concat([made[0]!, gzip, Buffer.alloc(8), ARCHIVE])].map(
      (buffer) => new Uint8Array(buffer),
    ),
  );
}

/** The image of an old initrd, plain and compressed. */
async function blockImages(folder: string): Promise<Uint8Array[]> {
  const path = join(folder, "initrd.img");
  execFileSync("truncate", ["-s", "64K", path]);
  execFileSync("/sbin/mke2fs", ["-q", "-F", "-t", "ext2", "-b", "1024", "-N", "16", path]);
  const plain = readFileSync(path);
  return Promise.resolve([new Uint8Array(plain), new Uint8Array(execFileSync("gzip", ["-c"], { input: plain }))]);
}

export const STREAM_SUBJECTS: readonly Subject[] = [
  stream("gzip", compressed(["gzip"], ["gzip", "-1"])),
  stream("bzip2", compressed(["bzip2"], ["bzip2", "-1"])),
  stream("lzma", compressed(["lzma"])),
  {
    ...stream("xz", compressed(["xz", "--check=crc32"], ["xz", "--x86", "--lzma2"], ["xz", "--block-size=4096"])),
    repair: repairXz,
  },
  {
    name: "LZMA2",
    seeds: lzma2Chunks,
    parse(bytes) {
      let size = 0;
      for (const piece of unlzma2(bytes, 20)) if ((size += piece.length) > OUTPUT_LIMIT) break;
    },
    resizable: true,
  },
  stream("lzop", compressed(["lzop"], ["lzop", "-9"])),
  { name: "LZO1X", seeds: lzoBlocks, parse: (bytes) => lzo1x(bytes, new Uint8Array(32 * 1024)), resizable: true },
  stream("lz4", compressed(["lz4", "-l"], ["lz4", "-l", "-9"])),
  stream("zstd", compressed(["zstd", "-19"], ["zstd", "-1", "--no-check"])),
  { name: "initramfs", seeds: archives, parse: parseInitramfs, resizable: true },
  { name: "initrd as block image", seeds: blockImages, parse: parseInitramfs, resizable: true },
];
