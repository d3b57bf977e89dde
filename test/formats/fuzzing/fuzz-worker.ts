/** The thread in which parsers are fuzzed: what hangs in it can be ended from outside. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { BlockCoverage } from "./coverage.ts";
import { Fuzzer } from "./fuzzer.ts";
import { randomOf } from "./mutation.ts";
import { INPUT_HEAD_BYTES, type FuzzReport, type FuzzSettings } from "./order.ts";
import { SUBJECTS } from "./subjects.ts";

const { shared, seed, rounds, seconds } = workerData as FuzzSettings;
const head = new Int32Array(shared, 0, 2);
const room = new Uint8Array(shared, INPUT_HEAD_BYTES);
const coverage = new BlockCoverage();

function begin(input: Uint8Array): void {
  room.set(input.subarray(0, room.length));
  Atomics.store(head, 1, Math.min(input.length, room.length));
  Atomics.add(head, 0, 1);
}

async function fuzz(index: number): Promise<FuzzReport> {
  const folder = await mkdtemp(join(tmpdir(), "bootscope-fuzz-"));
  try {
    const subject = SUBJECTS[index]!;
    const seeds = await subject.seeds(folder);
    const end = performance.now() + seconds * 1000;
    const fuzzer = new Fuzzer(subject, coverage, randomOf(seed), begin);
    return await fuzzer.run(seeds, (done) => done < rounds && performance.now() < end);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

parentPort!.on("message", (index: number) => {
  void fuzz(index).then((report) => parentPort!.postMessage(report));
});
