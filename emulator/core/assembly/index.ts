/** What the host calls. */
import { L } from "../layout";
import { initializeCaches } from "./reset";
import { resetCpu } from "./system/mode";
export { run } from "./run";
export { attention, recheck } from "./control";
export { flushTlb, touched } from "./mem";
export { dropPage, flushBlocks, debugRegistersChanged } from "./blocks";
export { decodedLength } from "./decode";
export { getFlags, setFlags } from "./flags";
export { deliverFault } from "./system/interrupt";
export { refreshMode, resetCpu } from "./system/mode";
export { x87TagWord } from "./x87/x87";

/** Once, on fresh memory: empty caches, power-on state. */
export function initialize(): void {
  initializeCaches();
  store<u32>(L.A20_MASK, 0xffffffff);
  resetCpu();
}
