/** The roots that the guests boot into: a bare busybox one, and one as buildroot makes it. */
import {
  cpioCharDevice,
  cpioDirectory,
  cpioFile,
  cpioSymlink,
  writeCpio,
  type CpioEntry,
} from "../../boot-formats/cpio.ts";

/** What /init prints once the shell is about to start. */
export const BUSYBOX_GREETING = "bootscope: init reached";

/** What the buildroot-like root shows above its prompt, by /etc/issue. */
export const BUILDROOT_GREETING = "Welcome to Bootscope's buildroot root";

/** Directories, the console node (the kernel opens it for /init before devtmpfs is there), busybox and its links. */
export function rootEntries(busybox: Uint8Array, directories: string[], applets: readonly string[]): CpioEntry[] {
  return [
    ...directories.map((path) => cpioDirectory(path)),
    cpioDirectory("root", 0o700),
    cpioDirectory("tmp", 0o1777),
    cpioCharDevice("dev/console", 5, 1),
    cpioCharDevice("dev/null", 1, 3, 0o666),
    cpioFile("bin/busybox", busybox, 0o755),
    ...applets
      .filter((applet) => applet !== "busybox" && applet !== "init")
      .map((applet) => cpioSymlink(`bin/${applet}`, "busybox")),
  ];
}

/** A root whose /init is a shell script that ends in an interactive shell on the serial console. */
export function busyboxRoot(busybox: Uint8Array, applets: readonly string[]): Uint8Array {
  const init = `#!/bin/sh
export PATH=/bin HOME=/root TERM=vt102
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
echo "${BUSYBOX_GREETING} (Linux $(uname -r), $(uname -m))"
cd /root
# Keep pid 1 alive when the shell is left.
while :; do
  setsid cttyhack sh
done
`;
  return writeCpio([
    ...rootEntries(busybox, ["bin", "dev", "etc", "proc", "sys"], applets),
    cpioFile("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
    cpioFile("etc/group", "root:x:0:\n"),
    cpioFile("init", init, 0o755),
  ]);
}

const BUILDROOT_INIT = `#!/bin/sh
# The kernel mounts no devtmpfs over an initramfs.
/bin/mount -t devtmpfs devtmpfs /dev
# Use the real console node when it opens (it does not with an empty console=).
if (exec 0</dev/console) 2>/dev/null; then
  exec 0</dev/console 1>/dev/console 2>/dev/console
fi
exec /sbin/init "$@"
`;

const INITTAB = `# id:runlevels (ignored):action:process
::sysinit:/bin/mount -t proc proc /proc
::sysinit:/bin/mkdir -p /dev/pts /dev/shm
::sysinit:/bin/mount -a
::sysinit:/bin/mkdir -p /run/lock
null::sysinit:/bin/ln -sf /proc/self/fd /dev/fd
null::sysinit:/bin/ln -sf /proc/self/fd/0 /dev/stdin
null::sysinit:/bin/ln -sf /proc/self/fd/1 /dev/stdout
null::sysinit:/bin/ln -sf /proc/self/fd/2 /dev/stderr
::sysinit:/bin/hostname -F /etc/hostname
::sysinit:/etc/init.d/rcS
# The dash makes it a login shell.
ttyS0::respawn:-/bin/sh
::ctrlaltdel:/sbin/reboot
::shutdown:/etc/init.d/rcK
::shutdown:/bin/umount -a -r
`;

const FSTAB = `proc /proc proc defaults 0 0
devpts /dev/pts devpts defaults,gid=5,mode=620,ptmxmode=0666 0 0
tmpfs /dev/shm tmpfs mode=1777 0 0
tmpfs /tmp tmpfs mode=1777 0 0
tmpfs /run tmpfs mode=0755,nosuid,nodev 0 0
sysfs /sys sysfs defaults 0 0
`;

/** Runs the scripts of /etc/init.d in order (rcS: S??*, start) or in reverse (rcK: stop). */
function runner(list: string, action: string): string {
  return `#!/bin/sh
for script in $(${list}); do
  [ -x "$script" ] && "$script" ${action}
done
`;
}

/** An init script for a daemon that start-stop-daemon keeps by its pid file. */
function daemonScript(name: string, applet: string): string {
  return `#!/bin/sh
PIDFILE=/run/${name}.pid
case "$1" in
  start)
    printf 'Starting ${name}: '
    start-stop-daemon -b -m -S -q -p $PIDFILE -x ${applet} -- -n && echo OK || echo FAIL ;;
  stop)
    printf 'Stopping ${name}: '
    start-stop-daemon -K -q -p $PIDFILE && echo OK || echo FAIL
    rm -f $PIDFILE ;;
esac
`;
}

const SYSCTL_SCRIPT = `#!/bin/sh
case "$1" in
  start)
    printf 'Running sysctl: '
    sysctl -q -p /etc/sysctl.conf && echo OK || echo FAIL ;;
esac
`;

/** Debian's busybox has no seedrng applet; this does what it does: stir in the kept seed, keep a fresh one. */
const SEEDRNG_SCRIPT = `#!/bin/sh
SEED=/var/lib/seedrng/seed
refresh() {
  mkdir -p /var/lib/seedrng
  ( umask 077; dd if=/dev/urandom of=$SEED bs=32 count=1 2>/dev/null )
}
case "$1" in
  start)
    printf 'Seeding the random number generator: '
    [ -f $SEED ] && cat $SEED > /dev/urandom
    refresh && echo OK || echo FAIL ;;
  stop)
    printf 'Saving a random seed: '
    refresh && echo OK || echo FAIL ;;
esac
`;

/** Without a network card only the loopback comes up. */
const NETWORK_SCRIPT = `#!/bin/sh
case "$1" in
  start)
    printf 'Starting network: '
    ip link set lo up && echo OK || echo FAIL ;;
  stop)
    printf 'Stopping network: '
    ip link set lo down && echo OK || echo FAIL ;;
esac
`;

const PROFILE = `export PATH=/bin:/sbin:/usr/bin:/usr/sbin
export HOME=/root PS1='# '
cd /root
[ -f /etc/issue ] && cat /etc/issue
`;

/** A root as buildroot lays it out: /init, busybox init with an inittab, rcS and its scripts, a shell on ttyS0. */
export function buildrootRoot(busybox: Uint8Array, applets: readonly string[]): Uint8Array {
  const directories = [
    "bin",
    "dev",
    "dev/pts",
    "etc",
    "etc/init.d",
    "proc",
    "run",
    "sbin",
    "sys",
    "usr",
    "usr/bin",
    "usr/sbin",
    "var",
    "var/lib",
    "var/log",
  ];
  const script = (name: string, text: string): CpioEntry => cpioFile(`etc/init.d/${name}`, text, 0o755);
  return writeCpio([
    ...rootEntries(busybox, directories, applets),
    ...["init", "syslogd", "klogd", "reboot", "poweroff", "halt", "start-stop-daemon", "sysctl"].map((applet) =>
      cpioSymlink(`sbin/${applet}`, "../bin/busybox"),
    ),
    cpioFile("init", BUILDROOT_INIT, 0o755),
    cpioFile("etc/inittab", INITTAB),
    cpioFile("etc/fstab", FSTAB),
    cpioFile("etc/hostname", "buildroot\n"),
    cpioFile("etc/issue", `${BUILDROOT_GREETING}\n`),
    cpioFile("etc/passwd", "root::0:0:root:/root:/bin/sh\n"),
    cpioFile("etc/group", "root:x:0:\ntty:x:5:\n"),
    cpioFile("etc/profile", PROFILE),
    cpioFile("etc/sysctl.conf", "kernel.printk = 4 4 1 7\nvm.swappiness = 10\n"),
    script("rcS", runner("ls /etc/init.d/S??*", "start")),
    script("rcK", runner("ls -r /etc/init.d/S??*", "stop")),
    script("S01syslogd", daemonScript("syslogd", "/sbin/syslogd")),
    script("S02klogd", daemonScript("klogd", "/sbin/klogd")),
    script("S02sysctl", SYSCTL_SCRIPT),
    script("S20seedrng", SEEDRNG_SCRIPT),
    script("S40network", NETWORK_SCRIPT),
  ]);
}
