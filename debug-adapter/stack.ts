/** The call stack. Without debug information of the caller only the current instruction is certain: one frame. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { hex } from "./address.ts";
import { isSegmentedMode, linearIp, modeLabel } from "./registers.ts";
import { wireSource } from "./sources.ts";
import type { SourceLine } from "./sources.ts";
import type { CpuState } from "./target.ts";

const FRAME = 1;

/** @param line where the next instruction was written, if that is known */
export function stackTrace(cpu: CpuState, line?: SourceLine): DebugProtocol.StackTraceResponse["body"] {
  const at = hex(linearIp(cpu));
  const four = (value: number | bigint): string => value.toString(16).padStart(4, "0");
  const where = isSegmentedMode(cpu.mode) ? `${four(cpu.segments.cs.selector)}:${four(cpu.rip)} = ${at}` : at;
  return {
    stackFrames: [
      {
        id: FRAME,
        name: `${where} (${modeLabel(cpu.mode)})`,
        ...(line === undefined
          ? { line: 0, column: 0 }
          : { source: wireSource(line.path), line: line.line, column: 1 }),
        instructionPointerReference: at,
      },
    ],
    totalFrames: 1,
  };
}
