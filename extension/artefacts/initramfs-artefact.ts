/** An initramfs as an editor shows it: segments, archives, entries with their headers and contents. */
import type { CpioArchive, InitramfsEntry, InitramfsSegment } from "../../boot-formats/initramfs/archive.ts";
import { cpioHeaderFields } from "../../boot-formats/initramfs/cpio-header.ts";
import { modeLetters, S_IFBLK, S_IFCHR, S_IFLNK, S_IFMT, S_IFREG } from "../../boot-formats/initramfs/mode.ts";
import { Volume, type ByteSource } from "../../boot-formats/disk/byte-source.ts";
import { sizeText } from "../../boot-formats/disk/mbr.ts";
import { volumeChildren } from "./disk-artefact.ts";
import type { OpenInitramfs } from "./open-initramfs.ts";
import { fieldNode, fileStream, type Artefact, type ArtefactNode, type ArtefactStream } from "./node.ts";

/** Rows below one node; longer lists are divided. */
const CHUNK = 1000;

const CONTENT_ACTIONS: Artefact["actions"] = [
  { id: "browse", label: "Browse Contents", title: "Show its files in the view Boot Artefacts" },
  { id: "extract", label: "Extract Here…", title: "Write its files into a new folder beside it" },
];
const COMPARE_ACTION = { id: "compare", label: "Compare…", title: "Compare it with another initramfs" } as const;

/** Where a segment's bytes are shown. */
interface Place {
  stream: number;
  /** Added to offsets in the segment. */
  base: number;
}

export function initramfsArtefact(source: ByteSource, archive: OpenInitramfs): Artefact {
  const { segments, entries, bootConfig } = archive.index;
  const streams: ArtefactStream[] = [fileStream(source)];
  const bySegment: InitramfsEntry[][] = segments.map(() => []);
  for (const entry of entries) bySegment[entry.segment]?.push(entry);
  const nodes = segments.map((segment, index) => {
    let place: Place = { stream: 0, base: segment.file.start };
    if (segment.compression !== undefined) {
      const label = `Segment ${index + 1}, decompressed (${segment.compression})`;
      streams.push({ ...archive.segmentSource(index), label });
      place = { stream: streams.length - 1, base: 0 };
    }
    return segmentNode(segment, index, bySegment[index] ?? [], place, streams);
  });
  if (bootConfig) {
    const { range, text, problem } = bootConfig;
    nodes.push({
      name: "boot configuration",
      value: `${text.length} characters`,
      note: text,
      ...(problem === undefined ? {} : { problem }),
      stream: 0,
      offset: range.start,
      length: range.end - range.start,
    });
  }
  const problems = segments.flatMap(({ problem }, index) =>
    problem === undefined ? [] : [`Segment ${index + 1}: ${problem}`],
  );
  const unpacked = segments.reduce((sum, { unpackedSize }) => sum + unpackedSize, 0);
  const image = segments.some((segment) => segment.image);
  return {
    kind: image ? "initrd (block image)" : "initramfs",
    summary: [
      `${segments.length} ${segments.length === 1 ? "segment" : "segments"}`,
      `${entries.length} entries`,
      `${sizeText(source.size)}, unpacked ${sizeText(unpacked)}`,
    ].join(" · "),
    problems,
    streams,
    codes: [],
    actions: image && !archive.disk ? [] : [...CONTENT_ACTIONS, ...(image ? [] : [COMPARE_ACTION])],
    nodes,
  };
}

function segmentNode(
  segment: InitramfsSegment,
  index: number,
  entries: readonly InitramfsEntry[],
  place: Place,
  streams: readonly ArtefactStream[],
): ArtefactNode {
  const { file, compression, unpackedSize, archives, image, problem } = segment;
  const parts = [
    segment.name,
    compression ? `${compression}, unpacked ${sizeText(unpackedSize)}` : sizeText(file.end - file.start),
    ...(image ? [] : [`${entries.length} entries`]),
  ];
  const archiveNodes = (): ArtefactNode[] =>
    archives.map((archive, number) =>
      archiveNode(
        archive,
        number,
        entries.filter((entry) => entry.archive === number),
        place,
        streams,
      ),
    );
  return {
    name: `segment ${index + 1}`,
    value: parts.join(", "),
    note: compression
      ? "Compressed as one; its content is shown decompressed."
      : image
        ? "Not compressed: the image of a file system as it is."
        : "Not compressed: a cpio archive as it is.",
    ...(problem === undefined ? {} : { problem }),
    stream: 0,
    offset: file.start,
    length: file.end - file.start,
    ...(archives.length > 0 ? { children: archiveNodes } : {}),
    ...(image ? { children: () => volumeChildren(part(streams[place.stream]!, place.base), place.stream) } : {}),
  };
}

/** The image of a file system: places in it are places in its stream. */
function part(stream: ByteSource, start: number): Volume {
  return Volume.whole(stream, "the image").part(start, stream.size - start, "the image");
}

function archiveNode(
  { format, range, trailer }: CpioArchive,
  number: number,
  entries: readonly InitramfsEntry[],
  place: Place,
  streams: readonly ArtefactStream[],
): ArtefactNode {
  const make = (entry: InitramfsEntry): ArtefactNode => entryNode(entry, place, streams);
  return {
    name: `cpio archive ${number + 1}`,
    value: `${format}, ${entries.length} entries, ${sizeText(range.end - range.start)}`,
    note: "Headers with names, each followed by the content; a trailer ends it.",
    stream: place.stream,
    offset: place.base + range.start,
    length: range.end - range.start,
    children: () => [
      ...(entries.length <= CHUNK ? entries.map(make) : chunks(entries, make, place)),
      ...(trailer
        ? [
            {
              name: "trailer",
              value: "TRAILER!!!",
              note: "Ends the archive.",
              stream: place.stream,
              offset: place.base + trailer.start,
              length: trailer.end - trailer.start,
            },
          ]
        : []),
    ],
  };
}

function chunks(
  entries: readonly InitramfsEntry[],
  make: (entry: InitramfsEntry) => ArtefactNode,
  place: Place,
): ArtefactNode[] {
  const nodes: ArtefactNode[] = [];
  for (let at = 0; at < entries.length; at += CHUNK) {
    const some = entries.slice(at, at + CHUNK);
    const [first, last] = [some[0]!, some[some.length - 1]!];
    nodes.push({
      name: `entries ${at + 1} to ${at + some.length}`,
      value: `${first.path} … ${last.path}`,
      stream: place.stream,
      offset: place.base + first.headerRange.start,
      length: last.dataRange.end - first.headerRange.start,
      children: () => some.map(make),
    });
  }
  return nodes;
}

function entryNode(entry: InitramfsEntry, { stream, base }: Place, streams: readonly ArtefactStream[]): ArtefactNode {
  const { path, mode, uid, gid, dataSize, rdev, target, problem, headerRange, dataRange, contentIn } = entry;
  const type = mode & S_IFMT;
  const what =
    type === S_IFLNK
      ? `→ ${target ?? ""}`
      : type === S_IFCHR || type === S_IFBLK
        ? `device ${rdev.major}:${rdev.minor}`
        : type === S_IFREG
          ? contentIn === undefined
            ? sizeText(dataSize)
            : "hard link"
          : "";
  const offset = base + headerRange.start;
  return {
    name: path,
    value: `${modeLetters(mode)} ${uid}:${gid} ${what}`.trimEnd(),
    ...(problem === undefined ? {} : { problem }),
    stream,
    offset,
    length: dataRange.end - headerRange.start,
    ...(type === S_IFREG || type === S_IFLNK ? { opens: { kind: "file" as const, path } } : {}),
    children: async () => {
      const header = await streams[stream]!.read(offset, headerRange.end - headerRange.start);
      const nodes = cpioHeaderFields(header, offset).map((field) => fieldNode(field, stream));
      if (dataSize > 0) {
        nodes.push({
          name: type === S_IFLNK ? "target" : "content",
          value: type === S_IFLNK ? (target ?? "") : sizeText(dataSize),
          stream,
          offset: base + dataRange.start,
          length: dataSize,
        });
      }
      return nodes;
    },
  };
}
