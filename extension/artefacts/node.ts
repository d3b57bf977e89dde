/** The tree of what an artefact is made of, as an editor shows it: fields of parsers, and groups that list them. */
import type { ByteSource } from "../../boot-formats/disk/byte-source.ts";
import type { Field } from "../../boot-formats/fields.ts";
import type { ActionInfo, CodeInfo } from "../../webview/artefact/messages.ts";

/** What opening a node shows: a file within the artefact, or the kernel that is to be extracted. */
export type Opens = { kind: "file"; path: string } | { kind: "vmlinux" };

export interface ArtefactNode {
  name: string;
  value: string;
  note?: string;
  problem?: string;
  /** Where the bytes are; undefined for what has none of its own. */
  stream?: number;
  offset: number;
  length: number;
  /** Made when it is first looked into. */
  children?: () => ArtefactNode[] | Promise<ArtefactNode[]>;
  opens?: Opens;
}

/** Bytes that can be looked at: the file, or what is decompressed from it (then its size may be told before). */
export interface ArtefactStream extends ByteSource {
  readonly label: string;
}

export interface Artefact {
  kind: string;
  summary: string;
  problems: string[];
  streams: ArtefactStream[];
  codes: CodeInfo[];
  actions: ActionInfo[];
  nodes: ArtefactNode[];
}

/** A parser's field and all below it, with offsets counted from `base` of the stream. */
export function fieldNode(field: Field, stream: number, base = 0): ArtefactNode {
  const { children } = field;
  return {
    name: field.name,
    value: field.value,
    ...(field.note === undefined ? {} : { note: field.note }),
    ...(field.problem === undefined ? {} : { problem: field.problem }),
    stream,
    offset: base + field.offset,
    length: field.length,
    ...(children && children.length > 0
      ? { children: () => children.map((child) => fieldNode(child, stream, base)) }
      : {}),
  };
}

export function fileStream(source: ByteSource, label = "File"): ArtefactStream {
  return { label, size: source.size, read: (offset, length) => source.read(offset, length) };
}

/** First problem in a tree of fields: "boot_signature: The boot signature 55 AA is missing." */
export function fieldProblems(fields: readonly Field[], limit = 20): string[] {
  const found: string[] = [];
  const visit = (field: Field): void => {
    if (found.length >= limit) return;
    if (field.problem !== undefined) found.push(`${field.name}: ${field.problem}`);
    for (const child of field.children ?? []) visit(child);
  };
  for (const field of fields) visit(field);
  return found;
}
