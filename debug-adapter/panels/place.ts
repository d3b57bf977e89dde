/** "bootscope/place": what is known of the byte at an address beside its value. */
import { hex } from "../address.ts";
import { textOf } from "../arguments.ts";
import type { Arguments } from "../arguments.ts";
import { originText } from "../boot-events.ts";
import { evaluateAddress } from "../expressions/evaluate.ts";
import type { ExpressionContext } from "../expressions/evaluate.ts";
import { originsAt } from "../origins.ts";
import type { PlaceResponse } from "../protocol.ts";
import type { Symbols } from "../symbols.ts";
import type { Target } from "../target.ts";

export async function placeOf(
  target: Target,
  symbols: Pick<Symbols, "describe">,
  memoryBytes: number,
  args: Arguments,
  context: ExpressionContext,
): Promise<PlaceResponse> {
  const at = await evaluateAddress(textOf(args, "address"), context);
  const walk = at.space === "lin" ? await target.walk(at.address) : { physical: at.address };
  const [symbol, origins] = await Promise.all([symbols.describe(at), originsAt(target, at, 1)]);
  const [origin] = origins;
  return {
    space: at.space,
    address: hex(at.address),
    ...(walk.physical !== undefined && { physical: hex(walk.physical) }),
    ...("fault" in walk && walk.fault !== undefined && { fault: walk.fault }),
    ...(symbol !== undefined && {
      symbol: symbol.offset === 0n ? symbol.name : `${symbol.name}+${hex(symbol.offset)}`,
    }),
    ...(origin !== undefined && { origin: originText(origin) }),
    ram: hex(memoryBytes),
  };
}
