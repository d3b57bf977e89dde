/** boot_params in hostile memory: nothing in it is taken on trust. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildBootParams, E820_RAM } from "../../boot-formats/boot-params.ts";
import type { BootParamsResponse, WireField } from "../protocol.ts";
import type { BootPlaces, Target } from "../target.ts";
import { bootParams } from "./boot-params.ts";

const RAM = 0x200000;
const PLACE = 0x7000;
const SETUP_DATA = 0x250;
const CMD_LINE_PTR = 0x228;
const CMDLINE_SIZE = 0x238;

/** A target of RAM alone: what else is asked for fails. */
function memoryTarget(ram: Uint8Array, places: BootPlaces): Target {
  const methods: Partial<Target> = {
    places: () => Promise.resolve(places),
    readMemory: (space, address, length) => {
      assert.equal(space, "phys");
      assert.ok(length > 0 && length <= 1 << 20, `${length} bytes`);
      const first = address < BigInt(ram.length) ? Number(address) : ram.length;
      return Promise.resolve(ram.slice(first, first + length));
    },
  };
  return methods as Target;
}

const params = (): Uint8Array =>
  buildBootParams({
    e820: [{ start: 0, size: RAM, type: E820_RAM }],
    cmdline: 0x9000,
    initrd: { start: 0x100000, size: 0x80000 },
    acpiRsdp: 0xf0000,
  });

function ask(ram: Uint8Array, places: BootPlaces, args: object = {}): Promise<BootParamsResponse> {
  const context = new Proxy({}, { get: () => () => Promise.reject(new Error("Nothing is to be evaluated.")) });
  return bootParams(memoryTarget(ram, places), ram.length, { ...args }, context as never);
}

async function fields(ram: Uint8Array, places: BootPlaces = { bootParams: BigInt(PLACE) }): Promise<WireField[]> {
  const answer = await ask(ram, places);
  assert.ok("fields" in answer, JSON.stringify(answer));
  return answer.fields;
}

function named(list: readonly WireField[], ...path: string[]): WireField {
  const [name, ...rest] = path;
  const field = list.find((one) => one.name === name);
  assert.ok(field, `${name} is not among ${list.map((one) => one.name).join(", ")}`);
  return rest.length === 0 ? field : named(field.children ?? [], ...rest);
}

function ramWith(bytes: Uint8Array): { ram: Uint8Array; view: DataView } {
  const ram = new Uint8Array(RAM);
  ram.set(bytes, PLACE);
  return { ram, view: new DataView(ram.buffer, PLACE) };
}

test("the fields, the command line and the initrd of an honest one", async () => {
  const { ram } = ramWith(params());
  ram.set(Buffer.from("quiet root=/dev/sda1\0garbage"), 0x9000);
  const list = await fields(ram);
  assert.equal(named(list, "hdr").value, "boot protocol 2.15");
  assert.equal(named(list, "hdr", "cmd_line_ptr").pointsTo, "0x9000");
  assert.equal(named(list, "hdr", "ramdisk_image").pointsTo, "0x100000");
  assert.equal(named(list, "acpi_rsdp_addr").pointsTo, "0xf0000");
  assert.equal(named(list, "efi_systab").pointsTo, undefined, "0 leads nowhere");
  const line = named(list, "command line");
  assert.deepEqual(
    [line.value, line.offset, line.length, line.problem],
    ["quiet root=/dev/sda1", "0x9000", 21, undefined],
  );
  const initrd = named(list, "initrd");
  assert.deepEqual([initrd.offset, initrd.length, initrd.problem], ["0x100000", 0x80000, undefined]);
  assert.equal(named(list, "e820_table", "entry 0").value, "0x0-0x1FFFFF usable RAM");
  assert.equal(named(list, "e820_table").offset, "0x72d0");
});

test("memory of nothing but ones is shown as it is, and leads nowhere", async () => {
  const list = await fields(new Uint8Array(RAM).fill(0xff));
  assert.match(named(list, "hdr").problem ?? "", /^The magic "HdrS" is missing at 0x7202/);
  assert.match(named(list, "e820_table").problem ?? "", /^e820_entries is 255/);
  assert.ok(!list.some(({ name }) => name === "command line" || name.startsWith("setup_data")));
  const answer = await ask(new Uint8Array(RAM).fill(0xff), { bootParams: BigInt(PLACE), kernel: 0x1000000n });
  assert.ok("how" in answer);
  assert.match(answer.how, /^Handed over .* phys:0x1000000\. The memory has been used for something else since;/);
});

test("ones with the magic have pointers beyond all memory, each with its problem", async () => {
  const { ram, view } = ramWith(new Uint8Array(4096).fill(0xff));
  view.setUint32(0x202, 0x53726448, true);
  const list = await fields(ram);
  assert.match(named(list, "command line").problem ?? "", /^The command line's address 0xF{16} lies outside RAM\.$/);
  assert.match(named(list, "initrd").problem ?? "", /outside RAM\.$/);
  assert.equal(named(list, "setup_data 0").problem, "A node of setup_data lies outside RAM.");
  assert.equal(named(list, "hdr", "cmd_line_ptr").pointsTo, `0x${"f".repeat(16)}`);
});

test("a ring of setup_data ends", async () => {
  const { ram, view } = ramWith(params());
  view.setBigUint64(SETUP_DATA, 0x20000n, true);
  const node = (at: number, next: bigint): void => {
    const head = new DataView(ram.buffer, at);
    head.setBigUint64(0, next, true);
    head.setUint32(8, 9, true);
    head.setUint32(12, 8, true);
  };
  node(0x20000, 0x30000n);
  node(0x30000, 0x20000n);
  const list = await fields(ram);
  assert.equal(named(list, "setup_data 0", "next").pointsTo, "0x30000");
  assert.match(named(list, "setup_data 1").value, /random seed/);
  assert.match(named(list, "setup_data 2").problem ?? "", /comes back to a node that it had/);
});

test("a command line without an end is cut at what the kernel takes", async () => {
  const { ram, view } = ramWith(params());
  view.setUint32(CMD_LINE_PTR, 0x10000, true);
  view.setUint32(CMDLINE_SIZE, 0xffffffff, true);
  ram.fill(0x61, 0x10000, 0x40000);
  const line = named(await fields(ram), "command line");
  assert.equal(line.value.length, 0xffff);
  assert.equal(line.problem, "No zero ends the command line within 65535 bytes.");
  view.setUint32(CMDLINE_SIZE, 0, true);
  assert.equal(named(await fields(ram), "command line").value.length, 255);
});

test("before one is handed over it is found below 1 MiB, in all memory if asked, else its absence is told", async () => {
  const ram = new Uint8Array(RAM);
  assert.deepEqual(await ask(ram, {}), {
    none: "There is no boot_params below 1 MiB yet: a boot loader or the kernel's setup code will fill it in.",
  });
  ram.set(params(), 0x180000);
  assert.ok("none" in (await ask(ram, {})));
  const far = await ask(ram, {}, { everywhere: true });
  assert.ok("how" in far);
  assert.equal(far.physical, "0x180000");
  assert.match(far.how, /^Found in memory at phys:0x180000; no kernel has been entered with it yet\.$/);
  // GRUB clears the flag of boot sectors.
  const grubs = params();
  grubs.fill(0, 0x1fe, 0x200);
  ram.set(grubs, 0x8a000);
  const near = await ask(ram, {});
  assert.ok("physical" in near);
  assert.equal(near.physical, "0x8a000");
});

test("what the setup code fills in is told from its own header", async () => {
  const ram = new Uint8Array(RAM);
  const bytes = params();
  bytes.fill(0, 0x1e8, 0x1e9);
  ram.set(bytes, 0x90000);
  const places = { setup: 0x90200n };
  assert.ok("none" in (await ask(ram, places)));
  ram.set(bytes, 0x94790);
  const answer = await ask(ram, places);
  assert.ok("how" in answer);
  assert.equal(answer.physical, "0x94790");
  assert.match(answer.how, /^Being filled in by the kernel's setup code at phys:0x90200; not handed over yet\.$/);
});

test("arguments of other types are refused", async () => {
  await assert.rejects(ask(new Uint8Array(RAM), {}, { address: 5 }), /"address" must be a text/);
  await assert.rejects(ask(new Uint8Array(RAM), {}, { everywhere: "yes" }), /"everywhere" must be true or false/);
});
