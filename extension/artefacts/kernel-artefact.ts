/** Kernels as an editor shows them: a bzImage with the ELF file in it, and an ELF file by itself. */
import { parseBzImage, type BzImage } from "../../boot-formats/bzimage.ts";
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";
import { sizeText } from "../../boot-formats/disk/mbr.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import { bzImageFields } from "../../boot-formats/kernel/bzimage-fields.ts";
import type { CodeInfo } from "../../webview/artefact/messages.ts";
import { elfCode, elfSummary, readElf } from "./elf-artefact.ts";
import { fieldNode, fileStream, type Artefact, type ArtefactNode, type ArtefactStream } from "./node.ts";
import type { TaskWorker } from "./worker/client.ts";
import type { FileInput } from "./worker/protocol.ts";

/** Larger files are no kernels that anybody boots. */
const MAX_KERNEL = 512 * 1024 * 1024;

/** @throws FormatError when the kernel is damaged */
export async function kernelArtefact(source: ByteSource, input: FileInput, worker: TaskWorker): Promise<Artefact> {
  if (source.size > MAX_KERNEL) {
    throw new FormatError(`The file has ${source.size} bytes: a kernel of at most ${MAX_KERNEL} was expected.`);
  }
  const bytes = await source.read(0, source.size);
  const image = parseBzImage(bytes);
  const vmlinux = vmlinuxStream(bytes, image, input, worker);
  return {
    kind: "bzImage",
    summary: image.versionText,
    problems: [],
    streams: [fileStream(source), vmlinux],
    codes: kernelCodes(image),
    actions: [
      { id: "extractVmlinux", label: "Extract vmlinux…", title: "Write the decompressed kernel (ELF) to a file" },
    ],
    nodes: kernelNodes(bytes, vmlinux),
  };
}

/** Decompressed when it is first looked into; its size stands behind the payload. */
function vmlinuxStream(bytes: Uint8Array, image: BzImage, input: FileInput, worker: TaskWorker): ArtefactStream {
  const { end } = image.payload;
  let ready: Promise<unknown> | undefined;
  return {
    label: `Kernel, decompressed (${image.compression ?? "unknown compression"})`,
    size: new DataView(bytes.buffer, bytes.byteOffset + end - 4, 4).getUint32(0, true),
    async read(offset, length) {
      ready ??= worker.run("openKernel", { input });
      await ready;
      return worker.run("kernelBytes", { offset, length });
    },
  };
}

function kernelNodes(bytes: Uint8Array, vmlinux: ArtefactStream): ArtefactNode[] {
  return [
    ...bzImageFields(bytes).map((field) => fieldNode(field, 0)),
    {
      name: "vmlinux",
      value: `ELF file, ${sizeText(vmlinux.size)}`,
      note: "The kernel within the payload, decompressed when it is looked into.",
      stream: 1,
      offset: 0,
      length: vmlinux.size,
      opens: { kind: "vmlinux" },
      children: async () => (await readElf(vmlinux, 1)).nodes,
    },
  ];
}

function kernelCodes(image: BzImage): CodeInfo[] {
  const { setup, protectedMode } = image;
  const entry = image.fields.find(({ name }) => name === "code32_start")?.value ?? 0x100000n;
  const size = protectedMode.end - protectedMode.start;
  const codes: CodeInfo[] = [
    // The setup code runs from offset 0x200 of whatever segment it was loaded to.
    { label: "Setup code (16-bit)", stream: 0, offset: 0x200, length: setup.end - 0x200, bits: 16, address: "512" },
    {
      label: "32-bit entry",
      stream: 0,
      offset: protectedMode.start,
      length: Math.min(size, 0x200),
      bits: 32,
      address: String(entry),
    },
  ];
  if (image.has64BitEntry && size > 0x200) {
    codes.push({
      label: "64-bit entry",
      stream: 0,
      offset: protectedMode.start + 0x200,
      length: size - 0x200,
      bits: 64,
      address: String(entry + 0x200n),
    });
  }
  return codes;
}

/** @throws FormatError when the file is no ELF file that can be read */
export async function elfArtefact(source: ByteSource): Promise<Artefact> {
  const { elf, nodes } = await readElf(source, 0);
  const stream = fileStream(source);
  const code = elfCode(elf, 0);
  return {
    kind: `ELF ${elf.bits}-bit`,
    summary: elfSummary(elf),
    problems: [],
    streams: [stream],
    codes: code ? [code] : [],
    actions: [],
    nodes,
  };
}
