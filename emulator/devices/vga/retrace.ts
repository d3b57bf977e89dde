/** Where the electron beam is at a moment of guest time: bits of input status register 1. */
import { at, Vbe, vbeEnabled, type VgaState } from "./state.ts";

/** Not in the visible part of a line. */
const DISPLAY_DISABLED = 1;
const VERTICAL_RETRACE = 8;

/** Dot clocks in kHz, by bits 2 and 3 of the miscellaneous output register; the external ones are taken as the first. */
const DOT_CLOCKS = [25_175, 28_322, 25_175, 25_175] as const;

interface Timing {
  /** Nanoseconds of a frame. */
  period: number;
  /** In characters. */
  lineTotal: number;
  lineVisible: number;
  /** In lines. */
  total: number;
  visible: number;
  retraceStart: number;
  retraceEnd: number;
}

/** 60 Hz, whatever the resolution: the display interface has no timings. */
function interfaceTiming(state: VgaState): Timing {
  const visible = at(state.vbe, Vbe.Y_RESOLUTION);
  const total = Math.ceil(visible * 1.05) + 3;
  return {
    period: 1e9 / 60,
    lineTotal: 100,
    lineVisible: 80,
    total,
    visible,
    retraceStart: total - 3,
    retraceEnd: total,
  };
}

function crtcTiming(state: VgaState): Timing {
  const { crtc, sequencer } = state;
  const overflow = at(crtc, 7);
  const total = (at(crtc, 6) | ((overflow & 1) << 8) | ((overflow & 0x20) << 4)) + 2;
  const retraceStart = at(crtc, 0x10) | ((overflow & 4) << 6) | ((overflow & 0x80) << 2);
  // Only the low four bits of the end are stored.
  const retraceEnd = retraceStart + ((at(crtc, 0x11) - retraceStart) & 15 || 16);
  const lineTotal = at(crtc, 0) + 5;
  const clocking = at(sequencer, 1);
  const dots = (clocking & 1 ? 8 : 9) * (clocking & 8 ? 2 : 1);
  const kilohertz = DOT_CLOCKS[((state.misc >> 2) & 3) as 0 | 1 | 2 | 3];
  return {
    period: (lineTotal * total * dots * 1e6) / kilohertz,
    lineTotal,
    lineVisible: at(crtc, 1) + 1,
    total,
    visible: (at(crtc, 0x12) | ((overflow & 2) << 7) | ((overflow & 0x40) << 3)) + 1,
    retraceStart,
    retraceEnd,
  };
}

/** @param now guest nanoseconds */
export function retraceBits(state: VgaState, now: number): number {
  const timing = vbeEnabled(state) ? interfaceTiming(state) : crtcTiming(state);
  const characters = Math.floor(((now % timing.period) / timing.period) * timing.lineTotal * timing.total);
  const line = Math.floor(characters / timing.lineTotal);
  const hidden = line >= timing.visible || characters % timing.lineTotal >= timing.lineVisible;
  const retrace = line >= timing.retraceStart && line < timing.retraceEnd;
  return (hidden ? DISPLAY_DISABLED : 0) | (retrace ? VERTICAL_RETRACE : 0);
}
