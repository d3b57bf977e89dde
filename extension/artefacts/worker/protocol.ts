/** What the worker thread does: tasks that decompress or copy much, so that the extension host stays responsive. */
import type { WritableCompression } from "../../../boot-formats/compression/compress.ts";
import type { Initramfs } from "../../../boot-formats/initramfs/archive.ts";

export type Packing = "none" | WritableCompression;

/** A file, by its path or by its content where it lies in another artefact. */
export type FileInput = { path: string } | { bytes: Uint8Array };

export interface ExtractReport {
  files: number;
  directories: number;
  links: number;
  /** What could not be made, one sentence each; long lists are cut. */
  left: string[];
  leftCount: number;
}

/** What a comparison needs to know of an entry. */
export interface EntryDigest {
  path: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Of the content (of a link: its target; of a device: its number). */
  digest: string;
}

/** Arguments and result by task. */
export interface Tasks {
  /** Reads an initramfs and keeps it for the tasks after it. */
  openInitramfs: { arguments: { input: FileInput }; result: Initramfs & { size: number } };
  /** Bytes of the decompressed stream of a segment of the initramfs that is open; fewer at its end. */
  segmentBytes: { arguments: { segment: number; offset: number; length: number }; result: Uint8Array };
  /** Content of an entry of the initramfs that is open. */
  entryContent: { arguments: { entry: number; limit: number }; result: Uint8Array };
  /** Decompresses the kernel within a bzImage, keeps it, and tells its size. */
  openKernel: { arguments: { input: FileInput }; result: { size: number } };
  kernelBytes: { arguments: { offset: number; length: number }; result: Uint8Array };
  /** Fills an empty folder. */
  extractInitramfs: { arguments: { input: FileInput; folder: string }; result: ExtractReport };
  extractVmlinux: { arguments: { input: FileInput; target: string }; result: { size: number } };
  repack: {
    arguments: { folder: string; target: string; compression: Packing; original: FileInput | undefined };
    result: { entries: number; size: number };
  };
  digests: { arguments: { input: FileInput }; result: EntryDigest[] };
}

export type TaskName = keyof Tasks;

export type ToWorker = { [K in TaskName]: { id: number; task: K; arguments: Tasks[K]["arguments"] } }[TaskName];

export type FromWorker =
  | { id: number; result: unknown }
  | { id: number; error: string }
  /** What is being done now, and the share that is done (0 to 1) where it is known. */
  | { id: number; progress: string; share?: number };

export type Report = (progress: string, share?: number) => void;
