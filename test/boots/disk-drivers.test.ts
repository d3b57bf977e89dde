/** Linux's own drivers read and write every drive whole: IDE by DMA and by PIO, an ATAPI CD, virtio-blk; and virtio-console. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { cpioCharDevice, cpioDirectory, cpioFile, cpioSymlink, writeCpio } from "../../boot-formats/cpio.ts";
import type { Drive } from "../../emulator/disks/disk-image.ts";
import { memoryDisk } from "../../emulator/disks/memory-disk.ts";
import { Machine } from "../../emulator/machine/machine.ts";
import { debianSystem } from "../../scripts/guests/debian-system.ts";
import { busybox, vmlinux } from "../../scripts/guests/guests.ts";

/** Number of the virtio console among the machine's outputs. */
const VIRTIO_CONSOLE = 2;
const SLICE = 20_000_000;
const LIMIT = 6_000_000_000;
const PROGRESS = 500_000_000;

/** The drivers' modules; libata is put in later, with its parameter. */
const IDE_MODULES = ["ata_piix"];
const OTHER_MODULES = ["sd_mod", "sr_mod", "virtio_pci", "virtio_blk", "virtio_console"];

function content(bytes: number, seed: number): Uint8Array {
  const out = new Uint8Array(bytes);
  let x = seed;
  for (let i = 0; i < bytes; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    out[i] = x;
  }
  return out;
}

const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

/** As a drive shows it: whole sectors. */
function padded(bytes: Uint8Array, sector: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / sector) * sector);
  out.set(bytes);
  return out;
}

/** Modules with what they depend on, each behind its dependencies. */
function inOrder(names: readonly string[], dependencies: string): string[] {
  const order = new Set<string>();
  for (const name of names) {
    const line = dependencies.split("\n").find((one) => one.split(":")[0]?.endsWith(`/${name}.ko`));
    assert.ok(line, `${name} is no module of this kernel`);
    const [path = "", needed = ""] = line.split(":");
    for (const one of needed.trim().split(" ").reverse()) if (one !== "") order.add(one);
    order.add(path);
  }
  return [...order];
}

async function root(): Promise<Uint8Array> {
  const system = await debianSystem();
  const modules = join(system.root, "lib/modules", system.version);
  const dependencies = await readFile(join(modules, "modules.dep"), "utf8");
  const ide = inOrder(IDE_MODULES, dependencies);
  const others = inOrder(OTHER_MODULES, dependencies).filter((path) => !ide.includes(path));
  // What the drivers of disks and CDs need too, and so is not taken out again.
  const isScsi = (path: string): boolean => path.includes("/drivers/scsi/");
  const { binary, applets } = await busybox();
  const insert = (paths: readonly string[]): string =>
    paths.map((path) => `insmod /m/${basename(path)}${path.endsWith("/libata.ko") ? " $1" : ""}`).join("\n  ");
  const init = `#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
ide() {
  ${insert(ide.filter((path) => !isScsi(path)))}
  for node in sda sdb sr0; do
    while ! [ -b /dev/$node ]; do sleep 0.1; done
  done
}
mode() {
  echo "$LABEL mode $(cat /sys/class/ata_device/dev1.0/xfer_mode)"
}
sums() {
  echo 3 > /proc/sys/vm/drop_caches
  for node in $@; do echo "$LABEL $node $(md5sum < /dev/$node)"; done
}
${insert(ide.filter(isScsi).concat(others))}
LABEL=first
ide
while ! [ -b /dev/vda ]; do sleep 0.1; done
mode
sums sda sdb sr0 vda
dd if=/dev/sdb of=/dev/sda bs=64k seek=3 conv=notrunc,fsync 2>/dev/null
dd if=/dev/sr0 of=/dev/vda bs=100k seek=5 conv=notrunc,fsync 2>/dev/null
LABEL=written
sums sda vda
rmmod ata_piix && rmmod libata
LABEL=pio
ide dma=0
mode
sums sda sdb sr0
dd if=/dev/sr0 of=/dev/sdb bs=4k seek=7 count=50 conv=notrunc,fsync 2>/dev/null
LABEL=pio-written
sums sdb
echo "through virtio" > /dev/hvc0
dmesg | grep -E 'ata[0-9]|sd[ab]|sr0|vda|virtio' | sed 's/^/log: /'
echo finished
poweroff -f
`;
  return writeCpio([
    ...["bin", "dev", "proc", "sys", "m"].map((path) => cpioDirectory(path)),
    cpioCharDevice("dev/console", 5, 1),
    cpioFile("bin/busybox", await readFile(binary), 0o755),
    ...applets.filter((one) => one !== "busybox").map((one) => cpioSymlink(`bin/${one}`, "busybox")),
    ...(await Promise.all(
      [...ide, ...others].map(async (path) => cpioFile(`m/${basename(path)}`, await readFile(join(modules, path)))),
    )),
    cpioFile("init", init, 0o755),
  ]);
}

test("whole disks read and written by the kernel's drivers are those of the images", async () => {
  const system = await debianSystem();
  const [sda, sdb, sr0, vda] = [
    content(5_000_000, 1),
    content(1_234_567, 2),
    content(2_100_000, 3),
    content(4 << 20, 4),
  ];
  const drive = (bytes: Uint8Array, kind: Drive["kind"], bus: Drive["bus"], name: string): Drive => ({
    image: memoryDisk(bytes),
    kind,
    bus,
    name,
  });
  const drives = [
    drive(sda, "disk", "ide", "sda"),
    drive(vda, "disk", "virtio", "vda"),
    drive(sr0, "cdrom", "ide", "sr0"),
    drive(sdb, "disk", "ide", "sdb"),
  ];
  let output = "";
  let hvc = "";
  const machine = await Machine.create(
    {
      memoryMiB: 256,
      kernel: new Uint8Array(await readFile(await vmlinux(system.vmlinuz))),
      initrd: await root(),
      cmdline: "console=ttyS0 quiet",
      drives,
    },
    {
      output: (source, bytes) => {
        if (source === 0) output += String.fromCharCode(...bytes);
        else if (source === VIRTIO_CONSOLE) hvc += String.fromCharCode(...bytes);
      },
      phase: () => undefined,
    },
  );
  let result = machine.run(SLICE);
  for (let next = PROGRESS; result.reason === "budget"; result = machine.run(SLICE)) {
    const count = Number(machine.icount);
    assert.ok(count < LIMIT, `the guest did not end; its console: ${output.slice(-3000)}`);
    if (count < next) continue;
    next += PROGRESS;
    console.log(`# ${(count / 1e9).toFixed(1)}e9 instructions: ${output.trimEnd().split("\n").at(-1)?.slice(0, 80)}`);
  }
  assert.equal(result.reason, "poweroff", output.slice(-3000));

  const [a, b, cd, v] = [padded(sda, 512), padded(sdb, 512), padded(sr0, 2048), vda.slice()];
  const said = (label: string, node: string, bytes: Uint8Array): void => {
    const found = new RegExp(`^${label} ${node} ([0-9a-f]{32})`, "m").exec(output.replaceAll("\r", ""))?.[1];
    assert.equal(found, md5(bytes), `${label} ${node}; the console: ${output.slice(-3000)}`);
  };
  said("first", "sda", a);
  said("first", "sdb", b);
  said("first", "sr0", cd);
  said("first", "vda", v);
  a.set(b, 3 * 65536);
  v.set(cd, 5 * 102400);
  said("written", "sda", a);
  said("written", "vda", v);
  said("pio", "sda", a);
  said("pio", "sdb", b);
  said("pio", "sr0", cd);
  b.set(cd.subarray(0, 50 * 4096), 7 * 4096);
  said("pio-written", "sdb", b);
  const stored = (index: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    drives[index]?.image.read(0, bytes);
    return bytes;
  };
  // Bytes of the last sector behind the image's end are not kept.
  assert.equal(md5(stored(0, sda.length)), md5(a.subarray(0, sda.length)));
  assert.equal(md5(stored(1, vda.length)), md5(v));
  assert.equal(md5(stored(3, sdb.length)), md5(b.subarray(0, sdb.length)));
  assert.match(hvc, /^through virtio/);
  assert.match(output, /first mode XFER_MW_DMA_2/);
  assert.match(output, /pio mode XFER_PIO_4/);
  assert.doesNotMatch(output, /log: .*(exception|failed|error|timeout|lost)/i);
});
