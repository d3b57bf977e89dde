/** Exactly what this adapter answers. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { BREAKPOINT_MODES } from "./breakpoint-modes.ts";
import { EXCEPTION_FILTERS } from "./exception-filters.ts";

export const CAPABILITIES: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsInstructionBreakpoints: true,
  supportsDataBreakpoints: true,
  supportsDataBreakpointBytes: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  breakpointModes: BREAKPOINT_MODES,
  exceptionBreakpointFilters: [...EXCEPTION_FILTERS],
  supportsExceptionFilterOptions: true,
  supportsExceptionInfoRequest: true,
  supportsSetVariable: true,
  supportsValueFormattingOptions: true,
  supportsSetExpression: true,
  supportsEvaluateForHovers: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: [".", "$", "%"],
  supportsClipboardContext: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsDisassembleRequest: true,
  supportsSteppingGranularity: true,
  supportsDelayedStackTraceLoading: true,
  supportsGotoTargetsRequest: true,
  supportsCancelRequest: true,
  supportsTerminateRequest: true,
  supportTerminateDebuggee: false,
  supportsRestartRequest: true,
  supportsBreakpointLocationsRequest: true,
};
