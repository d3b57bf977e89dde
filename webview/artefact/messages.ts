/** Every message between an editor of a boot artefact and its page. The page asks; it holds only what is on the screen. */

/** What a page tells about bytes: one row of its tree. */
export interface Row {
  /** Given by the extension, valid until the artefact is read anew. */
  id: number;
  name: string;
  value: string;
  /** The value before, where it has changed. */
  was?: string;
  note?: string;
  /** What is wrong: one sentence. */
  problem?: string;
  /** Index of the stream that the range lies in; undefined for rows without bytes. */
  stream?: number;
  offset: number;
  length: number;
  hasChildren: boolean;
  /** What can be opened in an editor of its own: a file of an archive, an extracted kernel. */
  opens: boolean;
}

/** Bytes to be looked at: the file itself, and what is decompressed from it. */
export interface StreamInfo {
  label: string;
  /** Bytes. */
  size: number;
}

/** Boot code that can be disassembled. */
export interface CodeInfo {
  label: string;
  stream: number;
  offset: number;
  /** Bytes; the disassembly ends there. */
  length: number;
  bits: CodeBits;
  /** Address at which the first byte runs, in decimal. */
  address: string;
}

export type CodeBits = 16 | 32 | 64;

/** Commands that the page offers as buttons. */
export interface ActionInfo {
  id: ArtefactAction;
  label: string;
  title: string;
}

export type ArtefactAction = "browse" | "extract" | "extractVmlinux" | "compare" | "text";

export interface ArtefactInfo {
  /** "bzImage", "GPT disk". */
  kind: string;
  /** What it is in one line. */
  summary: string;
  /** What is wrong with it as a whole, one sentence each. */
  problems: string[];
  streams: StreamInfo[];
  codes: CodeInfo[];
  actions: ActionInfo[];
  rows: Row[];
}

export interface CodeLine {
  /** Within the stream. */
  offset: number;
  length: number;
  /** As the code sees it: "0x7c00". */
  address: string;
  bytes: string;
  text: string;
}

/** What the page asks: arguments and answer by name. */
export interface Requests {
  children: { arguments: { id: number }; answer: Row[] };
  /** Bytes as base64; fewer than asked for at the end of the stream. */
  bytes: { arguments: { stream: number; offset: number; length: number }; answer: string };
  /** Rows from the root to the deepest one that holds the byte; empty when none does. */
  locate: { arguments: { stream: number; offset: number }; answer: Row[] };
  disassemble: {
    arguments: { stream: number; offset: number; end: number; bits: CodeBits; address: string; count: number };
    answer: CodeLine[];
  };
}

export type RequestName = keyof Requests;

export type FromPage =
  | { type: "ready" }
  | { [K in RequestName]: { type: "request"; id: number; name: K; arguments: Requests[K]["arguments"] } }[RequestName]
  | { type: "open"; id: number }
  | { type: "action"; id: ArtefactAction }
  /** The content is not what was expected: show the bytes all the same. */
  | { type: "bytesOnly" }
  | { type: "copy"; text: string };

export type ToPage =
  | { type: "loading"; name: string }
  | { type: "artefact"; name: string; info: ArtefactInfo }
  /** One sentence, and whether the bytes can be shown. */
  | { type: "refused"; name: string; message: string }
  | { type: "answer"; id: number; answer: unknown }
  | { type: "failure"; id: number; message: string };
