/** REP INS and OUTS as blocks, and waiting loops that are spared the device: nothing of it may be seen, however a run is cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryDisk } from "../disks/memory-disk.ts";
import type { RunResult } from "./api.ts";
import { Machine } from "./machine.ts";

const SECTOR = 512;
const DATA = 0x1f0;
const STATUS = 0x1f7;
const READ = 0x20;
const WRITE = 0x30;
/** Instructions after which the program hangs. */
const LIMIT = 20_000_000n;
const CONTENT = Uint8Array.from({ length: 16 * SECTOR }, (_, i) => (i * 37) ^ (i >> 8));

// ---- 16-bit code
const word = (value: number): number[] => [value & 0xff, value >> 8];
const out = (port: number, value: number): number[] => [0xba, ...word(port), 0xb0, value, 0xee];
/** IN AL, DX; TEST AL, bits; JZ back to the IN. */
const waitFor = (port: number, bits: number): number[] => [0xba, ...word(port), 0xec, 0xa8, bits, 0x74, 0xfb];
/** The same with JNZ: until the drive is no longer busy, and hears again. */
const WAIT_IDLE = [0xba, ...word(STATUS), 0xec, 0xa8, 0x80, 0x75, 0xfb];
const command = (number: number, sector: number, count: number): number[] => [
  ...WAIT_IDLE,
  ...out(0x1f6, 0xe0),
  ...out(0x1f2, count),
  ...out(0x1f3, sector),
  ...out(0x1f4, 0),
  ...out(0x1f5, 0),
  ...out(STATUS, number),
  ...waitFor(STATUS, 8),
];
/** MOV CX, count; MOV DI or SI, address; MOV DX, 1F0h; then the instruction. */
const block = (index: number, address: number, count: number, ...code: number[]): number[] => [
  ...[0xb9, ...word(count), index, ...word(address), 0xba, ...word(DATA)],
  ...code,
];
const DI = 0xbf;
const SI = 0xbe;
const INSW = [0xf3, 0x6d];
const INSD = [0x66, 0xf3, 0x6d];
const OUTSW = [0xf3, 0x6f];

const PROGRAM = [
  // Two sectors, the first across a page boundary at an odd address, the second in two parts, the latter downwards.
  ...command(READ, 5, 2),
  ...block(DI, 0x8f81, 256, ...INSW),
  ...waitFor(STATUS, 8),
  ...block(DI, 0xa000, 100, ...INSD),
  ...[0xfd, ...block(DI, 0xb000, 56, ...INSW), 0xfc],
  // Into the page that the program itself is in.
  ...command(READ, 9, 1),
  ...block(DI, 0x7e00, 256, ...INSW),
  ...command(WRITE, 7, 1),
  ...block(SI, 0x8f81, 256, ...OUTSW),
  // More than the drive has.
  ...command(READ, 7, 1),
  ...block(DI, 0xc000, 300, ...INSW),
  // Channel 2 of the PIT counts 5000 ticks down, some four million instructions.
  ...[...out(0x61, 1), ...out(0x43, 0xb0), ...out(0x42, 0x88), ...out(0x42, 0x13)],
  ...waitFor(0x61, 0x20),
  0xf4,
];

async function machine(): Promise<Machine> {
  const made = await Machine.createRaw(
    {
      memoryMiB: 2,
      writes: [{ physical: 0x7c00, bytes: Uint8Array.from(PROGRAM) }],
      drives: [{ image: memoryDisk(CONTENT.slice()), kind: "disk", bus: "ide", name: "disk" }],
    },
    { output: () => undefined, phase: () => undefined },
  );
  made.writeRegister("cs.selector", 0n);
  made.writeRegister("cs.base", 0n);
  made.writeRegister("rip", 0x7c00n);
  return made;
}

async function outcome(advance: (machine: Machine) => RunResult): Promise<unknown> {
  const made = await machine();
  let result = advance(made);
  while (result.reason === "budget" && made.icount < LIMIT) result = advance(made);
  assert.deepEqual(result, { reason: "halted", wakeable: false });
  assert.deepEqual(made.readPhysical(0x8f81n, SECTOR), CONTENT.slice(5 * SECTOR, 6 * SECTOR));
  assert.deepEqual(made.readPhysical(0xa000n, 400), CONTENT.slice(6 * SECTOR, 6 * SECTOR + 400));
  assert.deepEqual(made.readPhysical(0x7e00n, SECTOR), CONTENT.slice(9 * SECTOR, 10 * SECTOR));
  // The sector that was written, and nothing behind it.
  assert.deepEqual(made.readPhysical(0xc000n, SECTOR), CONTENT.slice(5 * SECTOR, 6 * SECTOR));
  assert.deepEqual(made.readPhysical(0xc200n, 88), new Uint8Array(88));
  return { icount: made.icount, hash: made.stateHash(), origins: made.origins(0n, 1 << 20) };
}

test("a run as a whole, by single steps and in odd slices reads, writes and waits alike", async () => {
  const whole = await outcome((made) => made.run(20_000_000));
  let steps = 0;
  // Steps through the transfers; the wait at the end is long.
  const stepped = await outcome((made) => (steps++ < 4000 ? made.step() : made.run(1_000_003)));
  assert.deepEqual(stepped, whole);
  let size = 1;
  assert.deepEqual(await outcome((made) => made.run((size = (size * 7) % 1009))), whole);
});
