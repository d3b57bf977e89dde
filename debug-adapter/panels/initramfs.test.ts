/** The initramfs of a machine that each test makes up: what a boot shows seldom, or too quickly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { cpioFile, writeCpio } from "../../boot-formats/cpio.ts";
import type { InitramfsResponse } from "../protocol.ts";
import type { CpuState, DiskOrigin, Target } from "../target.ts";
import { HandOver } from "./handed-over.ts";
import { InitramfsPanel } from "./initramfs.ts";

const RAM = 1 << 20;
const PARAMS = 0x1000;
const BASE = 0x10000;

/** What panels may ask a target for; anything else is a mistake. */
interface Guest {
  ram: Uint8Array;
  icount: bigint;
  origins: DiskOrigin[];
  disk: Uint8Array;
  /** Reads of the archive wait for it. */
  gate: Promise<void>;
  panel: InitramfsPanel;
}

function guest(archive: Uint8Array): Guest {
  const ram = new Uint8Array(RAM);
  const view = new DataView(ram.buffer);
  view.setUint32(PARAMS + 0x202, 0x53726448, true);
  view.setUint32(PARAMS + 0x218, BASE, true);
  view.setUint32(PARAMS + 0x21c, archive.length, true);
  ram.set(archive, BASE);
  const one = { ram, icount: 10n, origins: [], disk: new Uint8Array(), gate: Promise.resolve() } as unknown as Guest;
  const target: Pick<Target, "cpu" | "places" | "readMemory" | "origins" | "readDrive"> = {
    cpu: () => Promise.resolve({ icount: one.icount } as CpuState),
    places: () => Promise.resolve({ bootParams: BigInt(PARAMS) }),
    readMemory: async (_space, address, length) => {
      if (address !== BigInt(PARAMS)) await one.gate;
      return ram.slice(Number(address), Number(address) + length);
    },
    origins: () => Promise.resolve(one.origins),
    readDrive: (_drive, offset, length) => Promise.resolve(one.disk.slice(offset, offset + length)),
  };
  one.panel = new InitramfsPanel(target as Target, {
    context: () => Promise.reject(new Error("No address is evaluated here.")),
    memoryBytes: () => RAM,
    launched: () => undefined,
    handOver: new HandOver(target),
  });
  return one;
}

async function list(one: Guest, args: Record<string, unknown> = {}): Promise<InitramfsResponse> {
  for (;;) {
    const answer = await one.panel.list({ count: 100, ...args });
    if (answer.reading === undefined) return answer;
  }
}

const paths = ({ entries }: InitramfsResponse): string[] => entries.map(({ path }) => path);

test("without a file or a disk to compare with, memory is held against its first reading", async () => {
  const one = guest(gzipSync(writeCpio([cpioFile("init", "x".repeat(9000))])));
  const first = await list(one);
  assert.deepEqual(paths(first), ["init"]);
  assert.equal(first.comparison, undefined);
  one.icount = 20n;
  assert.deepEqual(paths(await list(one)), ["init"], "unchanged");
  one.icount = 30n;
  one.ram.fill(0xcc, BASE, BASE + 4096);
  const freed = await list(one);
  assert.deepEqual(paths(freed), ["init"], "as it was");
  assert.match(freed.comparison?.text ?? "", /^1 of 1 pages differ from what it was at instruction 10\.$/);
  assert.match(freed.problems[0] ?? "", /^Nothing is left of it: all 1 pages of memory differ/);
  one.icount = 5n;
  await assert.rejects(list(one), /^Error: No initramfs lies at phys:0x10000, which is what the kernel fills freed/);
});

test("memory that came from a disk is held against the disk", async () => {
  const archive = writeCpio([cpioFile("a", "1"), cpioFile("b", "y".repeat(5000))]);
  const one = guest(archive);
  one.disk = new Uint8Array(2048 + archive.length);
  one.disk.set(archive, 2048);
  const run = { drive: 0, name: "disk.img", biosDrive: 0x80, sectorSize: 512, icount: 1n, by: "dma" } as const;
  one.origins = [{ ...run, lba: 4, offsetInSector: 0, physical: BigInt(BASE), bytes: archive.length }];
  const whole = await list(one);
  assert.match(whole.comparison?.text ?? "", /^Memory is still byte for byte LBA 4 to \d+ of drive 80h, disk\.img\.$/);
  one.ram[BASE + 4100] = 0;
  const damaged = await list(one, { again: true });
  assert.equal(damaged.comparison?.differ, 1);
  assert.deepEqual(
    damaged.entries.map(({ path, overwritten }) => [path, overwritten]),
    [
      ["a", undefined],
      ["b", true],
    ],
  );
  one.ram[BASE + 4101] = 0;
  one.origins = [{ ...one.origins[0]!, physical: BigInt(BASE + 512) }];
  assert.match((await list(one, { again: true })).comparison?.text ?? "", /what it was at instruction 10/);
});

test("a long reading answers with how far it is, and ends when the machine has moved on", async () => {
  const one = guest(writeCpio([cpioFile("slow", "")]));
  let open = (): void => undefined;
  one.gate = new Promise((resolve) => (open = resolve));
  const waiting = await one.panel.list({ count: 10 });
  assert.deepEqual(waiting.reading?.done, 0);
  assert.deepEqual(waiting.entries, []);
  one.icount = 11n;
  open();
  assert.deepEqual(paths(await list(one)), ["slow"], "the next stop reads anew");
});

test("what boot_params said is remembered when the guest overwrites it, but not across a restart", async () => {
  const one = guest(writeCpio([cpioFile("kept", "")]));
  await list(one);
  one.ram.fill(0, PARAMS, PARAMS + 4096);
  one.icount = 11n;
  const later = await list(one);
  assert.deepEqual(paths(later), ["kept"]);
  assert.match(later.source, /as it was at instruction 10 \(overwritten since\)$/);
  one.icount = 3n;
  assert.equal((await list(one)).place, undefined);
});
