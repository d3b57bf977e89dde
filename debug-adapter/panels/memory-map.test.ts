/** Parts of the memory map over memory and devices that each test makes up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CpuState, Target } from "../target.ts";
import { deviceRegions } from "./memory-map/devices.ts";
import { firmwareRegions } from "./memory-map/firmware.ts";
import { diskRegions } from "./memory-map/loaded.ts";
import { boardRam } from "./memory-map/ram.ts";
import { joined, type Region } from "./memory-map/region.ts";

const words = ({ owner, first, end }: Region): string => `${owner} ${first.toString(16)} ${end.toString(16)}`;

/** A target whose first MiB is `low`, and nothing else. */
function memory(low: Uint8Array): Pick<Target, "readMemory"> {
  return {
    readMemory: (_space, address, length) =>
      Promise.resolve(low.slice(Number(address), Math.min(Number(address) + length, low.length))),
  };
}

test("the firmware's tables and ROMs, and none where the bytes cannot be", async () => {
  const low = new Uint8Array(1 << 20);
  const view = new DataView(low.buffer);
  assert.deepEqual((await firmwareRegions(memory(low), true)).map(words), ["VGA memory a0000 c0000"]);
  view.setUint16(0x413, 639, true);
  view.setUint16(0x40e, 0x9fc0, true);
  low[0x9fc00] = 1;
  low.set([0x55, 0xaa, 64], 0xc0000);
  low.set([0x55, 0xaa, 4], 0xca000);
  low.set([0x55, 0xaa, 0], 0xd0000);
  low.set([0x55, 0xaa, 255], 0xe8000);
  assert.deepEqual((await firmwareRegions(memory(low), true)).map(words), [
    "VGA memory a0000 c0000",
    "interrupt vectors (IVT) 0 400",
    "BIOS data area (BDA) 400 500",
    "extended BIOS data area (EBDA) 9fc00 a0000",
    "video BIOS c0000 c8000",
    "option ROM ca000 ca800",
  ]);
  low[0x9fc00] = 200;
  const withBadEbda = (await firmwareRegions(memory(low), true)).map(({ owner }) => owner);
  assert.ok(!withBadEbda.includes("extended BIOS data area (EBDA)"), "it would reach into the VGA's memory");
  assert.deepEqual(
    (await firmwareRegions(memory(low), false)).map(({ owner }) => owner),
    ["VGA memory", "video BIOS", "option ROM"],
    "without firmware the first bytes mean nothing",
  );
});

test("RAM as the board has it leaves out the window for devices", () => {
  assert.deepEqual(boardRam(512 << 20).map(words), ["RAM 0 a0000", "RAM 100000 20000000"]);
  assert.deepEqual(boardRam(2 ** 32).map(words), ["RAM 0 a0000", "RAM 100000 c0000000", "RAM 100000000 140000000"]);
});

test("base address registers that are not enabled are left out, and unknown sizes told", async () => {
  const config = (id: number, command: number, bar0: number): Uint8Array => {
    const bytes = new Uint8Array(256);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, id, true);
    view.setUint16(4, command, true);
    view.setUint32(0x10, bar0, true);
    return bytes;
  };
  const functions = [
    { devfn: 0x10, config: config(0x1111_1234, 2, 0xfd00_0008), wanted: false },
    { devfn: 0x18, config: config(0x1111_1234, 0, 0xfc00_0008), wanted: false },
    { devfn: 0x20, config: config(0xbeef_dead, 2, 0xfb00_0000), wanted: false },
    { devfn: 0x28, config: config(0xbeef_dead, 3, 0x0000_c001), wanted: false },
  ];
  const target: Pick<Target, "device" | "deviceNames"> = {
    device: (name) => Promise.resolve(name === "pci" ? { functions } : undefined),
    deviceNames: () => Promise.resolve(["pci", "ioapic"]),
  };
  const cpu = { msrs: [{ name: "apic", index: 0x1b, value: 0xfee0_0900n }] } as unknown as CpuState;
  const problems: string[] = [];
  assert.deepEqual((await deviceRegions(target, cpu, problems)).map(words), [
    "local APIC fee00000 fee01000",
    "I/O APIC fec00000 fec01000",
    "VGA adapter fd000000 fe000000",
  ]);
  assert.deepEqual(problems, ["The size of BAR0 of 00:04.0 (dead:beef) at 0xfb000000 is not known."]);
});

test("many runs from disks are cut down to the largest, and told", async () => {
  const run = { drive: 0, name: "d", biosDrive: 0x80, lba: 0, offsetInSector: 0, sectorSize: 512, by: "dma" } as const;
  const runs = Array.from({ length: 3000 }, (_, index) => ({
    ...run,
    physical: BigInt(index * 8192),
    bytes: index === 2999 ? 8192 : 512,
    icount: BigInt(index),
  }));
  const problems: string[] = [];
  const phases = [{ name: "kernel", icount: 2999n }] as const;
  const regions = await diskRegions({ origins: () => Promise.resolve(runs) }, 1 << 26, phases, problems);
  assert.equal(regions.length, 2000);
  assert.match(problems[0] ?? "", /^Disks have filled 3000 runs of memory: the 2000 largest are shown\.$/);
  assert.deepEqual(
    regions.filter(({ layer }) => layer === "kernel").map(({ owner }) => owner),
    ["disk data of the kernel"],
  );
});

test("pieces that touch and are of one kind become one", () => {
  const piece = (first: bigint, detail: string): Region => ({
    ...{ first, end: first + 0x1000n, layer: "processor", owner: "page tables", detail, source: "CR3" },
  });
  const list = [
    piece(0x3000n, "a"),
    piece(0x1000n, "a"),
    piece(0x2000n, "a"),
    piece(0x4000n, "b"),
    piece(0x6000n, "b"),
  ];
  assert.deepEqual(joined(list).map(words), [
    "page tables 1000 4000",
    "page tables 4000 5000",
    "page tables 6000 7000",
  ]);
});
