/** What a breakpoint's mode says of the address that it was set on (DAP, `breakpointModes`). */
import type { DebugProtocol } from "@vscode/debugprotocol";

export const BREAKPOINT_MODES: DebugProtocol.BreakpointMode[] = [
  {
    mode: "linear",
    label: "Linear address",
    description: "Holds for a linear address, whatever is mapped there.",
    appliesTo: ["instruction", "data", "source"],
  },
  {
    mode: "physical",
    label: "Physical address",
    description: "Holds for the guest physical address that is mapped there, wherever it is mapped later.",
    appliesTo: ["instruction", "data", "source"],
  },
  {
    mode: "change",
    label: "Change, linear address",
    description: "Stops only at writes that change the value.",
    appliesTo: ["data"],
  },
  {
    mode: "physicalChange",
    label: "Change, physical address",
    description: "Stops only at writes that change the value, at the physical address that is mapped there.",
    appliesTo: ["data"],
  },
];

export interface ReadMode {
  /** Undefined where the address itself shall say it. */
  space?: "lin" | "phys";
  onChange: boolean;
}

/** Throws with one sentence on a mode that is not one of these. */
export function readBreakpointMode(mode: string | undefined): ReadMode {
  switch (mode) {
    case undefined:
    case "":
      return { onChange: false };
    case "linear":
      return { space: "lin", onChange: false };
    case "physical":
      return { space: "phys", onChange: false };
    case "change":
      return { space: "lin", onChange: true };
    case "physicalChange":
      return { space: "phys", onChange: true };
    default: {
      const known = BREAKPOINT_MODES.map((one) => `"${one.mode}"`).join(", ");
      throw new Error(`There is no breakpoint mode "${mode}": one of ${known} was expected.`);
    }
  }
}
