/** Loaded by VS Code's extension host: runs the suites and writes how many passed and failed. */
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: "bdd", reporter: "tap", timeout: 300_000 });
  // The suites register with the globals that this event defines.
  mocha.suite.emit("pre-require", globalThis, "", mocha);
  await import("./configuration.ts");
  await import("./session.ts");
  return new Promise((resolve, reject) => {
    const runner = mocha.run((failures) => {
      const results = process.env["BOOTSCOPE_RESULTS"];
      if (results !== undefined)
        writeFileSync(results, JSON.stringify({ passed: runner.stats?.passes ?? 0, failed: failures }));
      if (failures > 0) reject(new Error(`${failures} tests failed.`));
      else resolve();
    });
  });
}
