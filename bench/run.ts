/**
 * `npm run bench`: boots Linux to the first line of /init in this project's interpreter, in QEMU's translator and in
 * v86, one after the other, and writes the table of bench/results.md. What stands there from "## History" on is kept.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { format, resolveConfig } from "prettier";
import {
  BUSYBOX_GREETING,
  busyboxInitramfs,
  cloudKernel,
  i686Initramfs,
  i686Kernel,
} from "../scripts/guests/guests.ts";
import { CMDLINE, MEMORY_MIB, contenders, type Guest } from "./emulators.ts";
import { measure } from "./measure.ts";

const RESULTS = path.join(import.meta.dirname, "results.md");
const HISTORY = "## History";
/** An emulator that takes longer hangs. */
const LIMIT_SECONDS = 900;

interface Row {
  name: string;
  wall?: number;
  user?: number;
  instructions?: number;
  /** Why there are no numbers. */
  failure?: string;
}

/** The instruction count that an emulator reported on its last line, if any. */
function reportedCount(stdout: string): number | undefined {
  for (const line of stdout.trimEnd().split("\n").reverse()) {
    const count = /"icount":"(\d+)"/.exec(line)?.[1];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}

async function boot(guest: Guest): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, only32, command, reportsCount } of contenders(BUSYBOX_GREETING)) {
    if (only32 && guest.bits !== 32) continue;
    const [program, ...args] = command(guest);
    try {
      const { wall, user, stdout } = await measure(program, args, BUSYBOX_GREETING, LIMIT_SECONDS, reportsCount);
      const instructions = reportsCount ? reportedCount(stdout) : undefined;
      rows.push({ name, wall, user, ...(instructions === undefined ? {} : { instructions }) });
      console.log(`${guest.bits}-bit, ${name}: ${wall.toFixed(1)} s wall, ${user.toFixed(1)} s user`);
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      rows.push({ name, failure });
      console.log(`${guest.bits}-bit, ${name}: ${failure}`);
    }
  }
  return rows;
}

function table(rows: readonly Row[]): string {
  const [ours] = rows;
  const ratio = (value: number | undefined, base: number | undefined): string =>
    value === undefined || base === undefined ? "–" : (value / base).toFixed(2);
  const number = (value: number | undefined, digits: number): string => value?.toFixed(digits) ?? "–";
  const lines = rows.map(({ name, wall, user, instructions }) => {
    const millions = instructions === undefined ? undefined : instructions / 1e6;
    const speed = millions === undefined || user === undefined ? undefined : millions / user;
    const cells = [
      name,
      number(wall, 1),
      ratio(wall, ours?.wall),
      number(user, 1),
      ratio(user, ours?.user),
      number(millions, 0),
      number(speed, 0),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const failures = rows.flatMap(({ name, failure }) => (failure === undefined ? [] : [`\n${name}: ${failure}`]));
  return [
    "| emulator | wall s | wall ÷ Bootscope | user s | user ÷ Bootscope | million instructions | million a user second |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
    ...failures,
  ].join("\n");
}

function version(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8" }).split("\n")[0] ?? "";
  } catch {
    return `${command} is missing`;
  }
}

async function main(): Promise<void> {
  const root = path.resolve(import.meta.dirname, "..");
  execFileSync(process.execPath, ["--import", "tsx", path.join(root, "scripts/build.ts")], {
    cwd: root,
    stdio: "inherit",
  });
  const cloud = await cloudKernel();
  const i686 = await i686Kernel();
  const guests: Guest[] = [
    {
      title: `Debian's cloud kernel ${cloud.version}`,
      bits: 64,
      kernel: cloud.vmlinuz,
      initrd: await busyboxInitramfs(),
    },
    { title: `Debian's 32-bit kernel ${i686.version}`, bits: 32, kernel: i686.vmlinuz, initrd: await i686Initramfs() },
  ];
  const load = os.loadavg()[0] ?? 0;
  const sections: string[] = [];
  for (const guest of guests) sections.push(`## ${guest.title}, ${guest.bits}-bit\n\n${table(await boot(guest))}`);
  const require = createRequire(import.meta.url);
  const v86 = JSON.parse(readFileSync(path.join(path.dirname(require.resolve("v86")), "../package.json"), "utf8")) as {
    version: string;
  };
  const head = `# Boot benchmark

Written by \`npm run bench\`: each emulator boots the same kernel and busybox initramfs directly (\`${CMDLINE}\`,
${MEMORY_MIB} MiB), from the start of its process to the line that /init prints. User seconds are the processor time of
the process up to then and hardly depend on what else runs on the machine; wall seconds do. v86 goes through SeaBIOS first.

- ${new Date().toISOString().slice(0, 10)}, commit ${version("git", ["-C", root, "rev-parse", "--short", "HEAD"])}
- ${os.cpus().length} × ${os.cpus()[0]?.model.trim() ?? "unknown processor"}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, load average ${load.toFixed(1)} at the start
- ${os.type()} ${os.release()}; Node ${process.version}; ${version("qemu-system-x86_64", ["--version"])}; v86 ${v86.version}
`;
  const old = existsSync(RESULTS) ? readFileSync(RESULTS, "utf8") : "";
  const history = old.includes(HISTORY) ? old.slice(old.indexOf(HISTORY)) : `${HISTORY}\n`;
  const text = `${head}\n${sections.join("\n\n")}\n\n${history}`;
  writeFileSync(RESULTS, await format(text, { ...(await resolveConfig(RESULTS)), parser: "markdown" }));
}

if (process.argv[2] === "--v86") {
  const { bootV86 } = await import("./v86-boot.ts");
  bootV86(process.argv.slice(3), BUSYBOX_GREETING);
} else await main();
