/**
 * Opens VS Code with this extension and a folder ready for F5 (`npm start -- --vscode`): desktop VS Code when `code` is
 * on the PATH, else its web workbench on this machine, whose address is printed. `--screenshot FILE` looks at that
 * workbench in a headless browser, writes what it sees and ends.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { busyboxInitramfs, cloudKernel, GuestError } from "../guests/guests.ts";
import { EXTENSION_ROOT, makeExtensionsFolder } from "./extensions.ts";
import { makeGuestFolder } from "./folder.ts";
import { cacheDirectory, findChromium, installWorkbench } from "./install.ts";
import { launchBrowser, screenshot, workbenchReady } from "./page.ts";
import { startServer, windowUrl } from "./server.ts";

const log = (line: string): void => console.error(line);

async function openDesktop(folder: string): Promise<void> {
  const child = spawn("code", ["--new-window", `--extensionDevelopmentPath=${EXTENSION_ROOT}`, folder], {
    stdio: "inherit",
  });
  await new Promise((resolve) => child.once("close", resolve));
}

async function openWeb(folder: string, picture: string | undefined): Promise<void> {
  const home = path.join(cacheDirectory(), "vscode");
  const server = await startServer(await installWorkbench(log), {
    userDataDirectory: path.join(home, "user"),
    extensionsDirectory: await makeExtensionsFolder(path.join(home, "extensions")),
  });
  try {
    const url = windowUrl(server.host, { folder });
    if (picture === undefined) {
      console.log(
        `VS Code with Bootscope: ${url}\nOpen this address in a browser on this machine and press F5; Ctrl-C here ends it.`,
      );
      const interrupted = new Promise<void>((resolve) => {
        process.once("SIGINT", resolve);
        process.once("SIGTERM", resolve);
      });
      await Promise.race([interrupted, server.ended]);
    } else {
      const browser = await launchBrowser(await findChromium(log));
      try {
        await browser.page.goto(url);
        await workbenchReady(browser.page, "Show Boot Panels");
        await screenshot(browser.page, picture);
      } finally {
        await browser.close();
      }
    }
  } finally {
    await server.stop();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { screenshot: { type: "string" } } });
  const guest = { kernel: (await cloudKernel()).vmlinuz, initrd: await busyboxInitramfs() };
  const folder = path.join(cacheDirectory(), "vscode", "guest");
  await mkdir(folder, { recursive: true });
  await makeGuestFolder(folder, guest);
  const desktop = values.screenshot === undefined && spawnSync("code", ["--version"]).status === 0;
  await (desktop ? openDesktop(folder) : openWeb(folder, values.screenshot));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  // What a user can do something about is told in the message; for the rest the stack helps.
  console.error(error instanceof GuestError ? error.message : (error.stack ?? error.message));
  process.exitCode = 1;
}
