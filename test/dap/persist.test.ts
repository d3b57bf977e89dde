/** What a guest writes to a disk reaches the file only when the launch says so, and then when the session ends. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { client, temporaryFolder } from "./fixture.ts";

/** Writes itself to the sector behind it by INT 13h, and halts. */
function writingSector(): Uint8Array {
  const disk = new Uint8Array(64 * 512);
  // prettier-ignore
  disk.set([
    0x31, 0xc0,       // xor ax, ax
    0x8e, 0xc0,       // mov es, ax
    0xb8, 0x01, 0x03, // mov ax, 0x0301
    0xb9, 0x02, 0x00, // mov cx, 2
    0xb6, 0x00,       // mov dh, 0
    0xbb, 0x00, 0x7c, // mov bx, 0x7c00
    0xcd, 0x13,       // int 0x13
    0xfa,             // cli
    0xf4,             // hlt
  ]);
  disk.set([0x55, 0xaa], 510);
  return disk;
}

for (const persist of [false, true]) {
  test(
    `a disk ${persist ? "that persists is written at the end" : "is left as it was"}`,
    { timeout: 60_000 },
    async (t) => {
      const file = path.join(await temporaryFolder(t), "disk.img");
      const disk = writingSector();
      await writeFile(file, disk);
      const session = client(t);
      await session.launch({ disks: [{ file, persist }], memory: 64 });
      assert.equal((await session.stopped()).description, "Halted");
      assert.deepEqual(new Uint8Array(await readFile(file)), disk, "nothing is written while the session lives");
      await session.close();
      const after = new Uint8Array(await readFile(file));
      assert.deepEqual(after.subarray(512, 1024), persist ? disk.subarray(0, 512) : disk.subarray(512, 1024));
      assert.equal(session.stderr, "");
    },
  );
}
