/**
 * Fuzzes every parser, guided by which of its blocks run: nothing but a FormatError, no hang, at most 256 MiB.
 * BOOTSCOPE_FUZZ is the number of inputs for each subject, or BOOTSCOPE_FUZZ_MINUTES the time for all of them;
 * BOOTSCOPE_FUZZ_SEED makes other inputs. Inputs that fail are written to build/fuzz.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { INPUT_HEAD_BYTES, type FuzzReport, type FuzzSettings } from "./fuzzing/order.ts";
import { SUBJECTS } from "./fuzzing/subjects.ts";

const MINUTES = process.env["BOOTSCOPE_FUZZ_MINUTES"];
const ROUNDS = MINUTES === undefined ? Number(process.env["BOOTSCOPE_FUZZ"] ?? 100) : Infinity;
const SECONDS = MINUTES === undefined ? Infinity : (Number(MINUTES) * 60) / SUBJECTS.length;
const SEED = Number(process.env["BOOTSCOPE_FUZZ_SEED"] ?? 1);
const FOUND = path.resolve(import.meta.dirname, "../../build/fuzz");
/** The largest input with room to spare. */
const SHARED_BYTES = 2 * 1024 * 1024;
/** No input takes a second: one that takes so long never ends. */
const HANG_MS = 60_000;

/** A thread reads TypeScript only after it has asked for that. */
const START = `import("tsx/esm/api").then(({ register }) => {
  register();
  return import(${JSON.stringify(new URL("./fuzzing/fuzz-worker.ts", import.meta.url).href)});
});`;

function keep(name: string, input: Uint8Array): string {
  mkdirSync(FOUND, { recursive: true });
  const file = path.join(FOUND, `${name.replaceAll(/[^\w.]+/g, "-")}.bin`);
  writeFileSync(file, input);
  return file;
}

describe("damaged inputs", () => {
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  let worker: Worker | undefined;

  /** What is being parsed just now. */
  const current = (): Uint8Array => {
    const size = new Int32Array(shared)[1]!;
    return new Uint8Array(shared).slice(INPUT_HEAD_BYTES, INPUT_HEAD_BYTES + size);
  };

  function fuzz(index: number): Promise<FuzzReport> {
    const workerData: FuzzSettings = { shared, seed: SEED, rounds: ROUNDS, seconds: SECONDS };
    const thread = (worker ??= new Worker(START, { eval: true, workerData }));
    return new Promise((resolve, reject) => {
      let before = -1;
      const watch = setInterval(() => {
        const now = Atomics.load(new Int32Array(shared), 0);
        if (now === before) fail(new Error("An input is parsed without end."));
        before = now;
      }, HANG_MS);
      const done = (): void => {
        clearInterval(watch);
        thread.off("error", fail).off("message", take);
      };
      const fail = (error: Error): void => {
        done();
        worker = undefined;
        void thread.terminate();
        reject(error);
      };
      const take = (report: FuzzReport): void => {
        done();
        resolve(report);
      };
      thread.on("error", fail).on("message", take);
      thread.postMessage(index);
    });
  }

  after(() => worker?.terminate());

  for (const [index, { name }] of SUBJECTS.entries()) {
    it(name, async (test) => {
      const report = await fuzz(index).catch((error: unknown) => {
        throw new Error(`${String(error)} The input is ${keep(name, current())}.`, { cause: error });
      });
      const { executions, corpus, slowestMs, mostBytes, findings } = report;
      const most = `slowest ${Math.round(slowestMs)} ms, at most ${Math.round(mostBytes / 1024)} KiB`;
      test.diagnostic(`${executions} inputs, ${corpus} kept, ${most}`);
      for (const [number, { error, input }] of findings.entries()) {
        test.diagnostic(`${keep(`${name} ${number}`, input)}: ${error}`);
      }
      assert.equal(findings.length, 0, findings[0]?.error);
    });
  }
});
