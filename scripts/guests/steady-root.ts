/** A root whose /init runs steady work, between marker lines on the console, for benchmarks. */
import { cpioFile, writeCpio, type CpioEntry } from "../../boot-formats/cpio.ts";
import { BUSYBOX_GREETING, rootEntries } from "./initramfs.ts";

/** What the guest does, by name and in order. Some 0.7 to 1.4·10⁹ instructions each. */
export const STEADY_WORK = {
  // Half a MiB of code as data; archives are made before, outside the measured time.
  decompression: "repeat 24 'gunzip -c /tmp/data.gz > /dev/null'; repeat 4 'bunzip2 -c /tmp/data.bz2 > /dev/null'",
  hashing: "repeat 16 'sha256sum /tmp/data'; repeat 32 'md5sum /tmp/data'",
  "memory copy": "repeat 12 'dd if=/tmp/block of=/tmp/copy bs=1M conv=notrunc 2> /dev/null'",
  interpreter: "awk -f /work/words.awk; branches 18000",
  "fork and exec": "repeat 650 /bin/true",
} as const;

const WORDS_AWK = `BEGIN {
  for (i = 0; i < 18000; i++) {
    key = "k" (i % 611)
    count[key]++
    if (length(text) > 60) text = substr(text, 7)
    text = text key
    if (index(text, "k61") > 0) hits++; else misses++
    sum += count[key] * (hits - misses)
  }
  print sum
}
`;

/** The line before a piece of work, and the one behind it. */
export function steadyMarkers(work: string): [begin: string, end: string] {
  return [`bootscope: ${work} begins`, `bootscope: ${work} ends`];
}

/** What the guest prints when all is done. */
export const STEADY_END = "bootscope: all work done";

const INIT = `#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs -o size=256m tmpfs /tmp
echo "${BUSYBOX_GREETING} (Linux $(uname -r), $(uname -m))"
repeat() {
  left=$1
  while [ $left -gt 0 ]; do
    eval "$2" > /dev/null
    left=$((left - 1))
  done
}
branches() {
  i=0; state=a; sum=0
  while [ $i -lt $1 ]; do
    case $state$((i % 3)) in
      a0) state=b ;;
      a*) state=c; sum=$((sum + i)) ;;
      b[12]) state=a; sum=$((sum ^ i)) ;;
      c2) state=b; sum=$((sum & 65535)) ;;
      *) state=a ;;
    esac
    i=$((i + 1))
  done
  echo $sum
}
dd if=/bin/busybox of=/tmp/data bs=64k count=8 2> /dev/null
gzip -c /tmp/data > /tmp/data.gz
bzip2 -c /tmp/data > /tmp/data.bz2
dd if=/dev/zero of=/tmp/block bs=1M count=48 2> /dev/null
cp /tmp/block /tmp/copy
${Object.entries(STEADY_WORK)
  .map(([name, command]) => {
    const [begin, end] = steadyMarkers(name);
    return `echo "${begin}"\n${command}\necho "${end}"\n`;
  })
  .join("")}echo "${STEADY_END}"
# Nothing is left to do, and pid 1 must not end.
while :; do sleep 3600; done
`;

/** The root as a cpio archive. */
export function steadyRoot(busybox: Uint8Array, applets: readonly string[]): Uint8Array {
  const entries: CpioEntry[] = [
    ...rootEntries(busybox, ["bin", "dev", "proc", "work"], applets),
    cpioFile("work/words.awk", WORDS_AWK),
    cpioFile("init", INIT, 0o755),
  ];
  return writeCpio(entries);
}
