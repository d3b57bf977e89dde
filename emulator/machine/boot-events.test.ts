import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryDisk } from "../disks/memory-disk.ts";
import { Machine } from "./machine.ts";

const BOOT = 0x7c00;

/** A machine whose processor stands at 0000:7C00 with these bytes there. */
async function bootSector(code: readonly number[]): Promise<Machine> {
  const machine = await Machine.createRaw(
    { memoryMiB: 2, writes: [{ physical: BOOT, bytes: Uint8Array.from(code) }] },
    { output: () => undefined, phase: () => undefined },
  );
  machine.writeRegister("cs.selector", 0n);
  machine.writeRegister("cs.base", 0n);
  machine.writeRegister("rip", BigInt(BOOT));
  return machine;
}

// cli; lgdt [7c20]; mov eax,cr0; or al,1; mov cr0,eax; jmp 08:7c30 (16-bit); there 32-bit: hlt
const PROTECTED = [
  0xfa, 0x0f, 0x01, 0x16, 0x20, 0x7c, 0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0, 0xea, 0x30, 0x7c, 8, 0,
];
const GDT = [0x17, 0, 0x28, 0x7c, 0, 0, 0, 0];
const CODE32 = [0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0];

function switchProgram(): number[] {
  const program = new Array<number>(0x40).fill(0);
  program.splice(0, PROTECTED.length, ...PROTECTED);
  program.splice(0x20, 8, ...GDT);
  program.splice(0x30, 1, 0xf4);
  // The descriptor lies at 7c28 + 8.
  program.splice(0x30, 8, ...CODE32);
  program.push(0xf4);
  program[0xf] = 0x40;
  return program;
}

test("the way to protected mode, exact to the instruction", async () => {
  const machine = await bootSector(switchProgram());
  assert.equal(machine.run(100).reason, "halted");
  const seen = machine.bootEvents.map(
    ({ kind, icount, address, text }) => `${icount} ${address?.toString(16)} ${kind}: ${text}`,
  );
  assert.deepEqual(seen, [
    "0 undefined screen: Screen: text 80×25",
    "0 fffffff0 reset: Power on: the processor fetches at the reset vector",
    "1 7c01 gdt: GDT at 0x7c28, limit 0x17",
    "4 7c0b mode: 16-bit protected mode",
    "4 7c0b protected-mode: CR0.PE 0 → 1",
    "5 7c0e mode: 32-bit protected mode",
  ]);
});

test("a stop at an event is right behind its instruction", async () => {
  const machine = await bootSector(switchProgram());
  machine.stopAtEvents(["protected-mode"]);
  const result = machine.run(100);
  assert.equal(result.reason, "event");
  assert.equal(machine.icount, 5n);
  assert.equal(machine.cpu().rip, 0x7c0en);
});

test("BIOS calls are told with their arguments, and stop in the handler", async () => {
  // mov ah,42h; mov dl,80h; mov si,7c40; int 13h; IVT entry 13h → 0000:7c60: hlt
  const program = new Array<number>(0x61).fill(0);
  program.splice(0, 9, 0xb4, 0x42, 0xb2, 0x80, 0xbe, 0x40, 0x7c, 0xcd, 0x13);
  program.splice(0x40, 16, 16, 0, 3, 0, 0x00, 0x80, 0x00, 0x10, 0x34, 0x12, 0, 0, 0, 0, 0, 0);
  program[0x60] = 0xf4;
  const machine = await bootSector(program);
  machine.writePhysical(0x13n * 4n, Uint8Array.of(0x60, 0x7c, 0, 0));
  machine.stopAtEvents(["int13h:42"]);
  const result = machine.run(100);
  assert.ok(result.reason === "event");
  assert.equal(result.event.text, "INT 13h AH=42h: extended read, drive 80h, LBA 4660, 3 sectors, 1000:8000");
  assert.deepEqual([result.event.icount, result.event.address, machine.icount], [3n, 0x7c07n, 4n]);
  assert.equal(machine.cpu().rip, 0x7c60n);
});

test("events of one kind are bounded, later ones are counted", async () => {
  // mov ah,0Eh; again: int 10h; jmp again; handler at 7c60: iret
  const program = new Array<number>(0x61).fill(0);
  program.splice(0, 6, 0xb4, 0x0e, 0xcd, 0x10, 0xeb, 0xfc);
  program[0x60] = 0xcf;
  const machine = await bootSector(program);
  machine.writePhysical(0x10n * 4n, Uint8Array.of(0x60, 0x7c, 0, 0));
  machine.run(1 + 3 * 5000);
  const calls = machine.bootEvents.filter(({ kind }) => kind === "int");
  assert.equal(calls.length, 128);
  assert.equal(calls.at(-1)?.count, 5000 - 127);
  assert.equal(calls.at(-1)?.lastIcount, BigInt(1 + 3 * 4999));
});

test("bytes read by INS keep their place on the disk", async () => {
  const image = Uint8Array.from({ length: 4096 }, (_, i) => i % 251);
  // Sector 2, one sector, READ SECTORS; wait for DRQ; rep insw to 0000:8000; hlt
  const program = [
    ...[
      0xba, 0xf2, 0x01, 0xb0, 1, 0xee, 0x42, 0xb0, 2, 0xee, 0x42, 0x30, 0xc0, 0xee, 0x42, 0xee, 0x42, 0xb0, 0xe0, 0xee,
    ],
    ...[
      0x42, 0xb0, 0x20, 0xee, 0xec, 0xa8, 0x08, 0x74, 0xfb, 0xba, 0xf0, 0x01, 0xb9, 0, 1, 0xbf, 0, 0x80, 0xf3, 0x6d,
      0xf4,
    ],
  ];
  const machine = await Machine.createRaw(
    {
      memoryMiB: 2,
      writes: [{ physical: BOOT, bytes: Uint8Array.from(program) }],
      drives: [{ image: memoryDisk(image), kind: "disk", bus: "ide", name: "test.img" }],
    },
    { output: () => undefined, phase: () => undefined },
  );
  machine.writeRegister("cs.selector", 0n);
  machine.writeRegister("cs.base", 0n);
  machine.writeRegister("rip", BigInt(BOOT));
  assert.equal(machine.run(2_000_000).reason, "halted");
  assert.deepEqual(machine.readPhysical(0x8000n, 512), image.slice(1024, 1536));
  const [origin] = machine.origins(0x8010n, 1);
  assert.ok(origin);
  const { icount, ...rest } = origin;
  assert.ok(icount > 0n);
  assert.deepEqual(rest, {
    drive: 0,
    name: "test.img",
    biosDrive: 0x80,
    lba: 2,
    offsetInSector: 0,
    sectorSize: 512,
    physical: 0x8000n,
    bytes: 512,
    by: "pio",
  });
  assert.ok(machine.bootEvents.some(({ text }) => text === "Drive 80h LBA 2 → phys 0x8000 (PIO)"));
});
