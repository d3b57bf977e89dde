/** First contents of the caches. */
import { L, Key } from "../layout";
import { Block } from "./blocks";
import { flushTlb } from "./tlb";

/** Makes the block that never matches, and empties TLB, jump cache and arena. */
export function initializeCaches(): void {
  const none = changetype<Block>(L.NULL_BLOCK);
  none.key = Key.DEAD;
  store<u32>(L.ARENA_TOP, L.ARENA);
  store<u32>(L.DELIVERING, 0xffffffff);
  store<u32>(L.TLB_BASE, L.TLB);
  flushTlb();
}
