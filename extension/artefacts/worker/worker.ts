/** The worker thread behind the artefact editors. Cancelling a task ends the thread. */
import { writeFile } from "node:fs/promises";
import { parentPort } from "node:worker_threads";
import { extractVmlinux } from "../../../boot-formats/bzimage.ts";
import { digestEntries } from "./digests.ts";
import { extractInitramfs } from "./extract.ts";
import { readInput } from "./input.ts";
import { OpenArchive } from "./open-archive.ts";
import { packFolder } from "./pack.ts";
import type { FromWorker, Report, TaskName, Tasks, ToWorker } from "./protocol.ts";

let archive: OpenArchive | undefined;
let kernel: Uint8Array | undefined;

function opened<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("Nothing is open yet.");
  return value;
}

type Runner = { [K in TaskName]: (args: Tasks[K]["arguments"], report: Report) => Promise<Tasks[K]["result"]> };

const RUN: Runner = {
  async openInitramfs({ input }) {
    archive = await OpenArchive.open(await readInput(input));
    return { ...archive.index, size: archive.bytes.length };
  },
  async segmentBytes({ segment, offset, length }) {
    return (await opened(archive).stream(segment)).slice(offset, offset + length);
  },
  entryContent: ({ entry, limit }) => opened(archive).content(entry, limit),
  async openKernel({ input }) {
    kernel = await extractVmlinux(await readInput(input));
    return { size: kernel.length };
  },
  kernelBytes: ({ offset, length }) => Promise.resolve(opened(kernel).slice(offset, offset + length)),
  async extractInitramfs({ input, folder }, report) {
    return extractInitramfs(await readInput(input), folder, report);
  },
  async extractVmlinux({ input, target }, report) {
    report("Decompressing the kernel");
    const vmlinux = await extractVmlinux(await readInput(input));
    report("Writing the file");
    await writeFile(target, vmlinux, { flag: "wx" });
    return { size: vmlinux.length };
  },
  async repack({ folder, target, compression, original }, report) {
    return packFolder(folder, target, compression, original && (await readInput(original)), report);
  },
  async digests({ input }, report) {
    return digestEntries(await readInput(input), report);
  },
};

const port = opened(parentPort ?? undefined);

async function run<K extends TaskName>(id: number, task: K, args: Tasks[K]["arguments"]): Promise<void> {
  const send = (message: FromWorker): void => port.postMessage(message);
  try {
    const report: Report = (progress, share) => send({ id, progress, ...(share === undefined ? {} : { share }) });
    send({ id, result: await RUN[task](args, report) });
  } catch (error) {
    send({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

port.on("message", (message: ToWorker) => void run(message.id, message.task, message.arguments));
