/**
 * Stands in for the `code` executable of `@vscode/test-electron`: takes the same arguments, runs the tests in the web
 * workbench, prints what they log and exits with their code. Started by the file `code` beside it.
 */
import { format } from "node:util";
import path from "node:path";
import { createRequire } from "node:module";
import { findChromium, installWorkbench } from "./install.ts";
import { launchBrowser } from "./page.ts";
import { startServer, windowUrl } from "./server.ts";

const TIMEOUT = Number(process.env["BOOTSCOPE_VSCODE_TIMEOUT"] ?? 600) * 1000;

const EXIT = { serverEnded: 97, pageCrashed: 98, timedOut: 99, interrupted: 130 };

/** What the workbench itself logs through the same channel as the tests. */
const WORKBENCH_NOISE =
  /^(\[remote-connection\]|Resolv(ing|ed) connection token|Creating a socket|\[reconnection-grace-time\]|\[Service Worker\]|Updating additional builtin|\[AgentHost|\[AccountPolicyGate\]|Error while fetching the extension under development|getaddrinfo |Failed: getaddrinfo)/;

interface Arguments {
  extensionDevelopmentPaths: string[];
  extensionTestsPath?: string;
  userData?: string;
  extensions?: string;
  folder?: string;
}

function parse(argv: string[]): Arguments {
  const parsed: Arguments = { extensionDevelopmentPaths: [] };
  for (const argument of argv) {
    const [, name, value = ""] = /^--([^=]+)(?:=(.*))?$/.exec(argument) ?? [];
    if (name === undefined) parsed.folder = path.resolve(argument);
    else if (name === "extensionDevelopmentPath") parsed.extensionDevelopmentPaths.push(path.resolve(value));
    else if (name === "extensionTestsPath") {
      parsed.extensionTestsPath = createRequire(import.meta.url).resolve(path.resolve(value));
    } else if (name === "user-data-dir") parsed.userData = path.resolve(value);
    else if (name === "extensions-dir") parsed.extensions = path.resolve(value);
  }
  return parsed;
}

async function main(): Promise<number> {
  const log = (line: string): void => console.error(line);
  const options = parse(process.argv.slice(2));
  const [workbench, executable] = [await installWorkbench(log), await findChromium(log)];
  const server = await startServer(workbench, {
    smokeTestDriver: true,
    ...(options.userData !== undefined && { userDataDirectory: options.userData }),
    ...(options.extensions !== undefined && { extensionsDirectory: options.extensions }),
  });
  const browser = await launchBrowser(executable);
  let timer: NodeJS.Timeout | undefined;
  try {
    const code = new Promise<number>((resolve, reject) => {
      timer = setTimeout(() => resolve(EXIT.timedOut), TIMEOUT);
      void server.ended.then(() => resolve(EXIT.serverEnded));
      process.once("SIGINT", () => resolve(EXIT.interrupted));
      process.once("SIGTERM", () => resolve(EXIT.interrupted));
      browser.page.on("crash", () => resolve(EXIT.pageCrashed));
      // The smoke test driver of the workbench calls these two.
      const exposed = [
        browser.page.exposeFunction("codeAutomationLog", (type: string, values: unknown[]) => {
          const line = format(...values);
          if (!WORKBENCH_NOISE.test(line))
            (type === "error" || type === "warn" ? process.stderr : process.stdout).write(`${line}\n`);
        }),
        browser.page.exposeFunction("codeAutomationExit", (exit: number) => resolve(exit)),
      ];
      Promise.all(exposed)
        .then(() => browser.page.goto(windowUrl(server.host, options)))
        .catch(reject);
    });
    return await code;
  } finally {
    clearTimeout(timer);
    await browser.close();
    await server.stop();
  }
}

process.exit(await main());
