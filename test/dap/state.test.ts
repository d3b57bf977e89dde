/** State as trees in real boots, held against the guest's own memory, its own tables, and what its kernel says of itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { OutputEventBody } from "../../debug-adapter/protocol.ts";
import { seabiosFiles } from "../../scripts/guests/firmware.ts";
import { grubMbrDisk } from "../../scripts/guests/grub-disks.ts";
import { busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import type { Client } from "./client.ts";
import { client } from "./fixture.ts";
import { StateTree, bytesAt, launchWithViews } from "./state-tree.ts";

type Evaluated = DebugProtocol.EvaluateResponse["body"];

const hex = (value: bigint | number, digits = 1): string => `0x${value.toString(16).padStart(digits, "0")}`;
const TABLES = "Descriptor tables";

const evaluate = (session: Client, expression: string, more: object = {}): Promise<Evaluated> =>
  session.ask<Evaluated>("evaluate", { expression, context: "watch", ...more });

test(
  "real mode in SeaBIOS and GRUB's boot sector: IVT, controllers, registers and their parts",
  { timeout: 120_000 },
  async (t) => {
    const session = client(t);
    const tree = new StateTree(session);
    const { bios } = await seabiosFiles();
    await launchWithViews(session, { firmware: bios, disks: [await grubMbrDisk()], stopAt: ["bootloader"] });
    assert.equal((await session.stopped()).description, "Paused at phase Boot loader");

    // The IVT, vector by vector, is what memory says.
    const ivt = await tree.get(TABLES, "IVT");
    assert.equal(ivt.indexedVariables, 256);
    const vectors = await tree.list([TABLES, "IVT"], { filter: "indexed", start: 0x10, count: 16 });
    const memory = await bytesAt(session, "phys:0x0", 1024);
    vectors.forEach(({ name, value, memoryReference }, index) => {
      const [offset, segment] = [memory.readUInt16LE((0x10 + index) * 4), memory.readUInt16LE((0x10 + index) * 4 + 2)];
      const four = (word: number): string => word.toString(16).padStart(4, "0");
      assert.deepEqual([name, value], [hex(0x10 + index, 2), `${four(segment)}:${four(offset)}`]);
      assert.equal(memoryReference, hex(segment * 16 + offset));
    });
    assert.equal(vectors.length, 16);
    assert.equal(vectors[3]?.type, "disk");
    assert.equal(await tree.set([TABLES, "IVT", "0x60"], "1234:5678"), "1234:5678");
    assert.deepEqual([...(await bytesAt(session, "0x180", 4))], [0x78, 0x56, 0x34, 0x12]);
    assert.match(await tree.refused([TABLES, "IVT", "0x60"], "0x12345678"), /is no far pointer: .* were expected\.$/);
    assert.match(
      await tree.refused([TABLES, "IVT"], "5"),
      /^"IVT" cannot be changed: a table is changed entry by entry\.$/,
    );

    // Registers and their narrower names.
    assert.equal(await tree.set(["General", "rax"], "0x1122334455667788"), "0x1122334455667788");
    assert.equal(await tree.set(["General", "rax", "ah"], "0xaa"), "0xaa");
    assert.equal(await tree.value("General", "rax"), "0x112233445566aa88");
    assert.equal(await tree.set(["General", "rax", "eax"], "-1"), "0xffffffff");
    assert.equal(await tree.value("General", "rax"), "0xffffffff", "32 bits clear the upper half");
    assert.match(
      await tree.refused(["General", "rax", "al"], "0x100"),
      /0x100 does not fit into the 8 bits of al: at most 0xff/,
    );
    assert.equal(await tree.set(["Flags", "DF"], "1"), "1");
    assert.match(await tree.value("General", "rflags"), / DF/);
    assert.match(await tree.refused(["Processor", "icount"], "0"), /^"icount" cannot be changed: it only counts/);

    // A segment register loads its base in real mode; its parts are written alone.
    assert.match(await tree.set(["Segment", "es"], "0xb800"), /^0xb800 base 0xb8000 /);
    assert.equal((await tree.get("Segment", "es")).memoryReference, "0xb8000");
    assert.equal(await tree.set(["Segment", "es", "limit"], "0xffffffff"), "0xffffffff");
    assert.match(await tree.refused(["Segment", "ldtr"], "8"), /exists in protected mode only/);

    // The board as the BIOS left it.
    assert.equal(await tree.value("Devices", "pic", "master"), "vectors 0x08 to 0x0f");
    assert.equal(await tree.value("Devices", "pic", "slave"), "vectors 0x70 to 0x77");
    assert.equal(await tree.value("Devices", "pic", "master", "IMR", "IRQ0"), "0", "the timer is not masked");
    assert.match(await tree.value("Devices", "pit", "counter 0"), /every 65536 ticks$/);
    assert.match(await tree.value("Devices", "vga", "mode"), /^text, 80 × 25/);
    assert.match(await tree.value("Devices", "rtc", "time"), /^2026-01-01 00:00:0[0-9]$/);
    assert.equal(await tree.value("Devices", "rtc", "CMOS", "0x32"), "0x20");
    assert.match(await tree.refused(["Devices", "pic", "master", "IMR"], "0"), /change by what the guest/);

    // x87 and XMM registers in every format.
    assert.equal(await tree.set(["FPU", "st0"], "-1.5"), "-1.5");
    assert.equal(await tree.value("FPU", "st0", "raw"), "0xbfffc000000000000000");
    assert.equal(await tree.set(["FPU", "st0", "exponent"], "0x3fff"), "0x3fff");
    assert.equal(await tree.value("FPU", "st0"), "1.5");
    assert.match(
      await tree.refused(["FPU", "st0"], "one"),
      /is no value for st0: a decimal number .* were expected\.$/,
    );
    assert.equal(
      await tree.set(["SSE", "xmm3"], "0x3f800000400000000000000000000001"),
      "0x3f800000400000000000000000000001",
    );
    assert.equal(await tree.value("SSE", "xmm3", "f32"), "1.401298464324817e-45 0 2 1");
    assert.equal(await tree.set(["SSE", "xmm3", "f32", "[0]"], "0.5"), "0.5");
    assert.equal(await tree.set(["SSE", "xmm3", "i16", "[2]"], "-2"), "-2");
    assert.equal((await evaluate(session, "xmm3")).result, "0x3f800000400000000000fffe3f000000");
    assert.equal(await tree.value("SSE", "xmm3", "u8", "[4]"), "0xfe");
    assert.equal(await tree.set(["SSE", "mxcsr", "RC"], "2 up"), "2 up");
    assert.match((await evaluate(session, "mxcsr")).result, /^0x5f80 /);
    await session.close();
    assert.equal(session.stderr, "");
  },
);

test(
  "GRUB's protected mode: its GDT, what is loaded of it, and what cannot be loaded",
  { timeout: 120_000 },
  async (t) => {
    const session = client(t);
    const tree = new StateTree(session);
    const { bios } = await seabiosFiles();
    await launchWithViews(session, { firmware: bios, disks: [await grubMbrDisk()], stopAt: ["bootloader"] });
    await session.stopped();
    await session.ask("setExceptionBreakpoints", { filters: ["event:protected-mode"] });
    assert.equal((await session.move("continue")).reason, "event");
    // Past the far jump and the loads of the data segments.
    for (let n = 0; n < 12; n++) await session.move("stepIn", { granularity: "instruction" });
    assert.equal(await tree.value("Processor", "mode"), "32-bit protected mode");

    const base = await tree.number(TABLES, "gdtr.base");
    const limit = Number(await tree.number(TABLES, "gdtr.limit"));
    const gdt = await tree.get(TABLES, "GDT");
    assert.equal(gdt.indexedVariables, Math.floor((limit + 1) / 8));
    const bytes = await bytesAt(session, hex(base), limit + 1);
    const entries = (await tree.list([TABLES, "GDT"])).filter(({ name }) => !name.includes("to"));
    assert.ok(entries.length >= 4);
    for (const { name, value, evaluateName = "" } of entries) {
      const raw = bytes.readBigUInt64LE(Number(name));
      assert.equal(value.split(" ")[0], hex(raw, 16), name);
      assert.equal(BigInt((await evaluate(session, evaluateName)).result.split(" ")[0] ?? ""), raw);
    }
    // What CS has loaded is what its descriptor says.
    assert.match(await tree.value("Segment", "cs"), /limit 0xffffffff 32-bit code/);
    const selector = Number(await tree.number("Segment", "cs", "selector"));
    const descriptor = await tree.value("Segment", "cs", "descriptor");
    assert.match(descriptor, /^base 0x0 limit 0xffffffff 32-bit code, readable, DPL 0$/);
    assert.equal(await tree.number("Segment", "cs", "selector", "index"), BigInt(selector >> 3));
    assert.equal(await tree.value("Control", "cr0", "PE"), "1");

    // Loads that the processor would refuse are refused, with the reason.
    assert.match(await tree.refused(["Segment", "ds"], "0xfff8"), /outside the GDT, whose limit is/);
    assert.match(
      await tree.refused(["Segment", "ss"], hex(selector)),
      /it describes 32-bit code.*writable data was expected/,
    );
    assert.match(await tree.refused(["Segment", "cs"], "0"), /a descriptor was expected/);
    assert.match(await tree.set(["Segment", "gs"], "0"), /^0x0000 \(null\)$/);
    const data = (await tree.number("Segment", "ds", "selector")).toString();
    assert.match(await tree.set(["Segment", "gs"], data), /limit 0xffffffff 32-bit data, writable/);
    // System registers hold what the processor could, and nothing else.
    assert.equal(await tree.set(["Control", "cr4", "PGE"], "1"), "1");
    assert.match(await tree.refused(["Control", "cr4", "VMXE"], "1"), /bits 0x2000 are reserved on this processor/);
    assert.match(await tree.refused(["Control", "cr0", "NW"], "1"), /NW needs CD/);
    assert.equal(await tree.set(["Control", "xcr0", "SSE"], "1"), "1");
    assert.match(await tree.refused(["Control", "xcr0", "AVX"], "1"), /only x87 and SSE exist here/);
    assert.match(await tree.set(["Control", "cr8"], "5"), /^0x00000005/);
    assert.equal(await tree.value("Devices", "lapic", "TPR"), "0x50", "CR8 is the upper half of the TPR");
    assert.equal(await tree.set(["Debug", "dr1"], "0x7c00"), "0x00007c00");
    assert.equal(await tree.set(["Debug", "dr7", "LEN1"], "four bytes"), "3 four bytes");
    assert.equal(await tree.set(["Debug", "dr7", "RW1"], "1"), "1 write");
    assert.equal(await tree.set(["Debug", "dr7", "G1"], "1"), "1");
    assert.equal(await tree.value("Debug", "dr1"), "0x00007c00 write of 4 bytes, global");
    assert.equal(await tree.set(["MSRs", "PAT", "PA7"], "1"), "1 WC, write-combining");
    assert.match(await tree.refused(["MSRs", "PAT", "PA7"], "2"), /cannot hold/);
    // An entry's field, in memory; the client hears of it.
    const field = [TABLES, "GDT", hex(Number(data), 4), "AVL"];
    await bytesAt(session, hex(base), 8);
    assert.equal(await tree.set(field, "1"), "1");
    const told = await session.event<DebugProtocol.MemoryEvent["body"]>(
      "memory",
      ({ memoryReference }) => memoryReference === hex(base),
    );
    assert.ok(told.count > 0);
    assert.match(await tree.value("Segment", "ds", "descriptor"), /not what is loaded$/);
    const changed = await bytesAt(session, hex(base + BigInt(data)), 8);
    assert.equal(changed.readBigUInt64LE(), bytes.readBigUInt64LE(Number(data)) | (1n << 52n));
    await session.close();
    assert.equal(session.stderr, "");
  },
);

test(
  "from the reset vector to ring 3 every tree opens, and siblings have names of their own",
  { timeout: 120_000 },
  async (t) => {
    const session = client(t);
    const tree = new StateTree(session);
    await launchWithViews(session, { demo: true, stopAt: ["bios", "bootloader", "init"] });
    for (const phase of ["BIOS", "Boot loader", "Init"]) {
      assert.equal((await session.stopped()).description, `Paused at phase ${phase}`);
      const seen = await tree.walk();
      t.diagnostic(`${phase}: ${seen} variables`);
      assert.ok(seen > 3000, `${seen} variables`);
      if (phase !== "Init") await session.ask("continue", { threadId: 1 });
    }
    await session.close();
    assert.equal(session.stderr, "");
  },
);

/** Waits until the console has printed something that matches. */
async function printed(session: Client, what: RegExp): Promise<RegExpExecArray> {
  let heard = "";
  for (;;) {
    const { source, data } = await session.event<OutputEventBody>("bootscope/output");
    if (source === 0) heard += Buffer.from(data, "base64").toString("latin1");
    const found = what.exec(heard);
    if (found !== null) return found;
  }
}

test(
  "a Linux kernel: tables, MSRs and controllers at its first user instruction and at its shell",
  { timeout: 300_000 },
  async (t) => {
    const { vmlinuz: kernel } = await cloudKernel();
    const session = client(t);
    const tree = new StateTree(session);
    await launchWithViews(session, { boot: "direct", kernel, initrd: await busyboxInitramfs(), stopAt: ["init"] });
    assert.equal((await session.stopped()).description, "Paused at phase Init");
    t.diagnostic("at the first user instruction");

    // All 256 gates, from memory, and page by page.
    const idtBase = await tree.number(TABLES, "idtr.base");
    const idt = await bytesAt(session, hex(idtBase), 4096);
    const gates = await tree.list([TABLES, "IDT"], { filter: "indexed", start: 0, count: 0 });
    assert.equal(gates.length, 256);
    gates.forEach(({ value, memoryReference }, vector) => {
      const at = vector * 16;
      const offset =
        BigInt(idt.readUInt16LE(at)) |
        (BigInt(idt.readUInt16LE(at + 6)) << 16n) |
        (BigInt(idt.readUInt32LE(at + 8)) << 32n);
      assert.ok(value.startsWith(`${hex(idt.readUInt16LE(at + 2), 4)}:${hex(offset)} `), `${vector}: ${value}`);
      assert.equal(memoryReference, hex(offset));
    });
    const page = await tree.list([TABLES, "IDT"], { filter: "indexed", start: 14, count: 2 });
    assert.deepEqual(
      page,
      gates.slice(14, 16).map((gate, index) => ({ ...gate, variablesReference: page[index]?.variablesReference })),
    );
    assert.match(page[0]?.name ?? "", /^14 #PF$/);
    assert.match(await tree.value(TABLES, "IDT", "8 #DF", "IST"), /^[1-7]$/, "double faults have a stack of their own");
    assert.deepEqual(await tree.list([TABLES, "IDT"], { filter: "named" }), []);

    // The task state segment: RSP0 is the top of the stack that the next interrupt uses.
    assert.match(await tree.value("Segment", "tr"), /TSS \(busy\)/);
    const tss = BigInt((await tree.get(TABLES, "TSS")).memoryReference ?? 0);
    const memory = await bytesAt(session, hex(tss), 0x68);
    assert.equal(await tree.number(TABLES, "TSS", "RSP0"), memory.readBigUInt64LE(4));
    assert.equal(await tree.number(TABLES, "TSS", "IST1"), memory.readBigUInt64LE(0x24));
    assert.match(await tree.value(TABLES, "TSS", "I/O bitmap"), /no port is allowed/);

    // MSRs, by name, as the kernel set them up.
    const lstar = await tree.number("MSRs", "LSTAR");
    assert.ok(lstar >= 0xffffffff80000000n);
    assert.equal(BigInt((await evaluate(session, "msr.lstar")).result.split(" ")[0] ?? ""), lstar);
    const star = await tree.number("MSRs", "STAR");
    assert.equal(await tree.number("MSRs", "STAR", "SYSCALL CS"), (star >> 32n) & 0xffffn);
    assert.equal(await tree.value("MSRs", "EFER", "LMA"), "1");
    assert.equal(await tree.value("MSRs", "SFMASK", "IF"), "1", "system calls begin with interrupts off");
    assert.match(await tree.value("MSRs", "PAT", "PA0"), /^6 WB/);
    assert.match(await tree.value("MSRs", "APIC_BASE"), /BSP EN$/);

    // CR3 is where the page tables are: the walk begins there.
    const cr3 = await tree.get("Control", "cr3", "base");
    const { walk } = await session.ask<{ walk: { steps: { entryAddress: string; index: number }[] } }>(
      "bootscope/walk",
      { address: "rip" },
    );
    assert.equal(BigInt(walk.steps[0]?.entryAddress ?? 0) - BigInt((walk.steps[0]?.index ?? 0) * 8), BigInt(cr3.value));
    assert.equal(cr3.memoryReference, `phys:${hex(BigInt(cr3.value))}`);
    assert.match(
      await tree.refused(["Control", "cr3", "base"], "0x1001"),
      /a physical address that is a multiple of 4096 was expected/,
    );

    // Registers in hovers open like those in the view; a caller's or a number does not.
    const hover = await evaluate(session, "cr4", { context: "hover" });
    const bits = await session.ask<DebugProtocol.VariablesResponse["body"]>("variables", {
      variablesReference: hover.variablesReference,
    });
    assert.equal(bits.variables.find(({ name }) => name === "PAE")?.value, "1");
    assert.equal((await evaluate(session, "rax + 1")).variablesReference, 0);
    assert.ok((await evaluate(session, "lapic")).variablesReference > 0);
    assert.equal((await evaluate(session, "$cpl + 9", { format: { hex: true } })).result, "0xc");
    const decimal = await tree.value("Processor", "icount");
    const inHex = await tree.list(["Processor"], { format: { hex: true } });
    assert.equal(inHex.find(({ name }) => name === "icount")?.value, hex(BigInt(decimal)));

    // At the shell the kernel tells what it has done with its controllers.
    const old = await tree.reference(["Devices"]);
    await session.ask("continue", { threadId: 1 });
    await printed(session, /~ # /);
    await session.ask("bootscope/serialInput", { text: "cat /proc/interrupts\n" });
    await printed(session, /\b4:\s+\d+\s+IO-APIC\s+4-edge\s+ttyS0[^]*~ # /);
    t.diagnostic("at the shell");
    await session.move("pause");
    assert.match(
      await session.refused("variables", { variablesReference: old }),
      /were those of an earlier stop: a reference of this stop was expected\.$/,
    );
    assert.match(
      await tree.value("Devices", "ioapic", "IOREDTBL4"),
      /vector 0x[2-9a-f][0-9a-f], fixed, to \w+ 0x[0-9a-f]+, edge, active high/,
    );
    assert.equal(await tree.value("Devices", "ioapic", "IOREDTBL4", "mask"), "0 open");
    assert.match(await tree.value("Devices", "lapic", "SVR"), /APIC enabled/);
    assert.match(await tree.value("Devices", "lapic", "LVT timer"), /vector 0xec/);
    assert.match(await tree.value("Devices", "pic", "master", "IMR"), /^0xff|^0xfb/, "the 8259s are out of use");
    assert.equal(
      await tree.value("Devices", "com1", "line"),
      "9600 baud, 8N1",
      "what the kernel takes where it is not told otherwise",
    );
    assert.match(await tree.value("Devices", "com1", "IER"), /ERBFI/, "the shell waits for input");
    assert.equal(await tree.value("Devices", "pci", "00:00.0", "vendor ID"), "0x8086");
    await session.close();
    assert.equal(session.stderr, "");
  },
);
