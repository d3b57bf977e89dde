/** `npm start`: takes a kernel out of a Debian package and boots it to a shell; with `--vscode`, in VS Code. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { build, installPackages, root, run } from "./prepare.mjs";

const wanted = process.argv.slice(2);
const unknown = wanted.filter((argument) => !["--vscode", "--stock"].includes(argument));
if (unknown.length > 0) {
  console.error(
    `npm start -- ${unknown[0]}: unknown; expected --vscode (debug in VS Code) or --stock (the stock kernel).`,
  );
  process.exit(2);
}
installPackages();
build();
if (wanted.includes("--vscode")) run(process.execPath, ["--import", "tsx", "scripts/workbench/open.ts"]);
else {
  const guest = (name) => {
    try {
      const output = execFileSync(process.execPath, ["--import", "tsx", "scripts/guests/cli.ts", name], {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
      return Object.fromEntries(
        output
          .trim()
          .split("\n")
          .map((line) => line.split(/: (.*)/).slice(0, 2)),
      );
    } catch {
      process.exit(2);
    }
  };
  const kernel = wanted.includes("--stock") ? guest("stock")["stock.vmlinuz"] : guest("cloud")["cloud.vmlinuz"];
  const initrd = guest("busybox")["busybox.initramfs"];
  console.error(`Booting ${path.basename(kernel)} from the reset vector with a busybox initramfs; Ctrl-A x leaves.\n`);
  run(process.execPath, ["dist/bootscope.js", "run", "--kernel", kernel, "--initrd", initrd, "--memory", "512"]);
}
