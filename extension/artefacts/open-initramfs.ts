/** An initramfs that is open: its index here, its bytes in a worker thread. */
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";
import type { Initramfs, InitramfsEntry } from "../../boot-formats/initramfs/archive.ts";
import type { TaskWorker } from "./worker/client.ts";
import type { FileInput } from "./worker/protocol.ts";

/** Of the file systems that an old initrd may be, the one that is read here. */
const READABLE_IMAGE = "ext2, ext3 or ext4";
/** Larger files are not opened in editors. */
const MAX_FILE = 512 * 1024 * 1024;

export class OpenInitramfs {
  readonly index: Initramfs;
  private readonly worker: TaskWorker;
  private readonly numbers: Map<InitramfsEntry, number>;

  private constructor(index: Initramfs, worker: TaskWorker) {
    this.index = index;
    this.worker = worker;
    this.numbers = new Map(index.entries.map((entry, number) => [entry, number]));
  }

  /** The worker is ended with the archive. @throws Error with one sentence when the file is no initramfs */
  static async open(input: FileInput, worker: TaskWorker): Promise<OpenInitramfs> {
    try {
      return new OpenInitramfs(await worker.run("openInitramfs", { input }), worker);
    } catch (error) {
      worker.dispose();
      throw error;
    }
  }

  /** The file system of an old initrd, where it is one that can be read; decompressed. */
  get disk(): ByteSource | undefined {
    const [first] = this.index.segments;
    return first?.image?.fileSystem === READABLE_IMAGE ? this.segmentSource(0) : undefined;
  }

  /** The decompressed stream of a segment. */
  segmentSource(segment: number): ByteSource {
    return {
      size: this.index.segments[segment]?.unpackedSize ?? 0,
      read: (offset, length) => this.worker.run("segmentBytes", { segment, offset, length }),
    };
  }

  content(entry: InitramfsEntry): Promise<Uint8Array> {
    const number = this.numbers.get(entry) ?? -1;
    return this.worker.run("entryContent", { entry: number, limit: MAX_FILE });
  }

  dispose(): void {
    this.worker.dispose();
  }
}
