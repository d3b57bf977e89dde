/** A file that an editor shows: opened, recognised, divided into rows. */
import * as vscode from "vscode";
import { FormatError } from "../../boot-formats/errors.ts";
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";
import type { ArtefactInfo, RequestName, Requests } from "../../webview/artefact/messages.ts";
import { baseName } from "./artefact-uri.ts";
import type { Artefacts, Opened } from "./artefacts.ts";
import { codeBytes, disassemble } from "./disassemble.ts";
import { diskArtefact } from "./disk-artefact.ts";
import { initramfsArtefact } from "./initramfs-artefact.ts";
import { elfArtefact, kernelArtefact } from "./kernel-artefact.ts";
import { NodeTable } from "./node-table.ts";
import { fileStream, type Artefact, type ArtefactNode, type ArtefactStream } from "./node.ts";
import { OpenInitramfs } from "./open-initramfs.ts";
import { recognise } from "./recognise.ts";

/** Bytes in one answer. */
const MAX_BYTES = 256 * 1024;

/** What is shown of a file, until it is closed or read anew. */
export class OpenArtefact {
  private readonly artefact: Artefact;
  private readonly table: NodeTable;
  private readonly closers: (() => void | Promise<void>)[];

  private constructor(artefact: Artefact, closers: (() => void | Promise<void>)[]) {
    this.artefact = artefact;
    this.table = new NodeTable(artefact.nodes);
    this.closers = closers;
  }

  /** @throws Error with one sentence when the file is none of the kinds; `bytesOnly` shows any file */
  static async open(uri: vscode.Uri, artefacts: Artefacts, bytesOnly: boolean): Promise<OpenArtefact> {
    const source = await artefacts.source(uri);
    const closers: (() => void | Promise<void>)[] = [() => source.close()];
    try {
      const artefact = bytesOnly ? bytesOf(source.value) : await read(uri, source, artefacts, closers);
      return new OpenArtefact(artefact, closers);
    } catch (error) {
      for (const close of closers) await close();
      throw error;
    }
  }

  info(): ArtefactInfo {
    const { kind, summary, problems, streams, codes, actions } = this.artefact;
    return {
      kind,
      summary,
      problems,
      streams: streams.map(({ label, size }) => ({ label, size })),
      codes,
      actions,
      rows: this.table.rootRows(),
    };
  }

  node(id: number): ArtefactNode {
    return this.table.node(id);
  }

  /** @throws Error with one sentence */
  async answer<K extends RequestName>(name: K, args: Requests[K]["arguments"]): Promise<Requests[K]["answer"]> {
    const answers: { [N in RequestName]: (args: Requests[N]["arguments"]) => Promise<Requests[N]["answer"]> } = {
      children: ({ id }) => this.table.children(id),
      bytes: async ({ stream, offset, length }) => {
        const bytes = await this.bytes(this.stream(stream), offset, Math.min(length, MAX_BYTES));
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
      },
      locate: ({ stream, offset }) => this.table.locate(stream, offset),
      disassemble: async ({ stream, offset, end, bits, address, count }) => {
        const source = this.stream(stream);
        const wanted = Math.min(codeBytes(count), Math.max(0, end - offset));
        const bytes = await this.bytes(source, offset, wanted);
        return disassemble(
          bytes,
          offset,
          BigInt(address),
          bits,
          count,
          offset + bytes.length >= Math.min(end, source.size),
        );
      },
    };
    return answers[name](args);
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
  }

  private stream(index: number): ArtefactStream {
    const stream = this.artefact.streams[index];
    if (!stream) throw new FormatError(`There are no bytes of the number ${index}.`);
    return stream;
  }

  private bytes(stream: ArtefactStream, offset: number, length: number): Promise<Uint8Array> {
    if (!Number.isSafeInteger(offset) || offset < 0 || length <= 0 || offset >= stream.size) {
      return Promise.resolve(new Uint8Array(0));
    }
    return stream.read(offset, Math.min(length, stream.size - offset));
  }
}

function bytesOf(source: ByteSource): Artefact {
  return {
    kind: "Bytes",
    summary: `${source.size} bytes`,
    problems: [],
    streams: [fileStream(source)],
    codes: [],
    actions: [],
    nodes: [],
  };
}

async function read(
  uri: vscode.Uri,
  { value: source }: Opened<ByteSource>,
  artefacts: Artefacts,
  closers: (() => void | Promise<void>)[],
): Promise<Artefact> {
  const kind = await recognise(source);
  switch (kind) {
    case "disk":
      return diskArtefact(source);
    case "elf":
      return elfArtefact(source);
    case "kernel": {
      const worker = artefacts.newWorker();
      closers.push(() => worker.dispose());
      return kernelArtefact(source, await artefacts.input(uri), worker);
    }
    case "initramfs": {
      const archive = await OpenInitramfs.open(await artefacts.input(uri), artefacts.newWorker());
      closers.push(() => archive.dispose());
      return initramfsArtefact(source, archive);
    }
  }
}

/** VS Code's handle on a file in an editor. */
export class ArtefactDocument implements vscode.CustomDocument {
  readonly uri: vscode.Uri;
  private readonly artefacts: Artefacts;
  private opened: Promise<OpenArtefact> | undefined;
  private bytesOnly = false;

  constructor(uri: vscode.Uri, artefacts: Artefacts) {
    this.uri = uri;
    this.artefacts = artefacts;
  }

  get name(): string {
    return baseName(this.uri);
  }

  /** Opens the file once; a failure is tried again the next time. */
  open(): Promise<OpenArtefact> {
    if (!this.opened) {
      this.opened = OpenArtefact.open(this.uri, this.artefacts, this.bytesOnly);
      this.opened.catch(() => (this.opened = undefined));
    }
    return this.opened;
  }

  showBytesOnly(): void {
    this.bytesOnly = true;
    this.reload();
  }

  /** Forgets what was read. */
  reload(): void {
    const before = this.opened;
    this.opened = undefined;
    void before?.then((artefact) => artefact.close()).catch(() => undefined);
  }

  dispose(): void {
    this.reload();
  }
}
