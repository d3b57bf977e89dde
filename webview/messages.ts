/**
 * Every message between the extension and its panels. A panel asks the debug session only through `request`, with the
 * standard and custom DAP requests of {@link PanelRequests}: whatever a panel shows, any other DAP client can have.
 */
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Base64, CustomRequests, Hex, PhaseEventBody, WireBootEvent } from "../debug-adapter/protocol.ts";

/** Requests that panels send to the session: arguments and response body by command. */
export interface PanelRequests extends Omit<CustomRequests, "bootscope/phases"> {
  threads: { arguments: undefined; body: DebugProtocol.ThreadsResponse["body"] };
  stackTrace: { arguments: DebugProtocol.StackTraceArguments; body: DebugProtocol.StackTraceResponse["body"] };
  scopes: { arguments: DebugProtocol.ScopesArguments; body: DebugProtocol.ScopesResponse["body"] };
  variables: { arguments: DebugProtocol.VariablesArguments; body: DebugProtocol.VariablesResponse["body"] };
  setVariable: { arguments: DebugProtocol.SetVariableArguments; body: DebugProtocol.SetVariableResponse["body"] };
  readMemory: { arguments: DebugProtocol.ReadMemoryArguments; body: DebugProtocol.ReadMemoryResponse["body"] };
  writeMemory: { arguments: DebugProtocol.WriteMemoryArguments; body: DebugProtocol.WriteMemoryResponse["body"] };
}

export type PanelCommand = keyof PanelRequests;

/** The extension forwards no other command. */
export const PANEL_COMMANDS: readonly PanelCommand[] = [
  "bootscope/cpu",
  "bootscope/walk",
  "bootscope/pageTables",
  "bootscope/pageTableRows",
  "bootscope/pageMap",
  "bootscope/mappings",
  "bootscope/memory",
  "bootscope/serialInput",
  "bootscope/events",
  "bootscope/origins",
  "bootscope/bootSector",
  "bootscope/bootParams",
  "bootscope/place",
  "bootscope/screen",
  "bootscope/keyboardInput",
  "bootscope/mouseInput",
  "bootscope/initramfs",
  "bootscope/initramfsAt",
  "bootscope/memoryMap",
  "threads",
  "stackTrace",
  "scopes",
  "variables",
  "setVariable",
  "readMemory",
  "writeMemory",
];

/** What panels know of the debug session. */
export interface SessionState {
  /** Identifies the session; empty before the first one. */
  id: string;
  state: "none" | "starting" | "running" | "stopped" | "ended";
  /** Why it stopped, one line. */
  description?: string;
  /** Label of the last phase reached. */
  phase?: string;
  /** Instructions retired at the last stop. */
  icount?: Hex;
  /** Counts stops: values that differ from those of the stop before are marked as changed. */
  stop: number;
  /** Counts changes made by the user at a stop, behind which a panel must read again. */
  edit: number;
}

/** Where output comes from: number of a serial port, or the debug ports. */
export type OutputSource = number | "debug";

/** A phase that was reached, with its name for people. */
export type BootPhase = PhaseEventBody["phase"] & { label: string };

export type FromPanel =
  /** Sent once when the panel's script runs; answered by `session`, in the console by `replay`, in the timeline by `boot`. */
  | { type: "ready" }
  /** The console wants everything from the beginning again. */
  | { type: "replay" }
  | { type: "request"; id: number; command: PanelCommand; arguments: unknown }
  | { type: "copy"; text: string }
  /** Adds a breakpoint on an address ("phys:0x7c00"), or removes it if there is one. */
  | { type: "toggleBreakpoint"; address: string }
  /** Brings another panel up at an address expression ("phys:0x7c00"). */
  | { type: "show"; panel: AddressPanel; address: string };

export type ToPanel =
  | { type: "session"; session: SessionState }
  | { type: "response"; id: number; body: unknown }
  | { type: "failure"; id: number; message: string }
  /** Everything that was sent since the session began (its beginning may have been dropped). */
  | { type: "replay"; outputs: { source: OutputSource; data: Base64[] }[] }
  | { type: "output"; source: OutputSource; data: Base64 }
  /** Phases and events since the machine was switched on (to the timeline only). */
  | { type: "boot"; phases: BootPhase[]; events: WireBootEvent[] }
  /** A phase began (to the timeline only). */
  | { type: "phase"; phase: BootPhase }
  /** Boot events, new or counted on (to the timeline only). */
  | { type: "events"; events: WireBootEvent[] }
  /** Instructions that the running machine has retired (to the timeline only). */
  | { type: "progress"; icount: Hex }
  /** The guest's picture changed (to the screen panel only). */
  | { type: "screen" }
  /** Go to this address (to the panels of {@link AddressPanel} only). */
  | { type: "show"; address: string }
  /** Addresses that carry a breakpoint, as the user wrote them. */
  | { type: "breakpoints"; addresses: string[] };

export const PANELS = [
  "registers",
  "region",
  "memory",
  "page-tables",
  "memory-map",
  "boot-params",
  "initramfs",
  "timeline",
  "screen",
  "serial",
] as const;
export type PanelName = (typeof PANELS)[number];

/** Panels that can be sent to an address. */
export type AddressPanel = "memory" | "page-tables" | "memory-map";
