/** Where an address expression leads in the space that the user looks at. */
import type { PlaceResponse } from "../../debug-adapter/protocol.ts";
import { isPlainNumber, placeText, type Place, type Space } from "./spaces.ts";

/** The request "bootscope/place". */
export type AskPlace = (expression: string) => Promise<PlaceResponse>;

/**
 * The place that an expression names. In the physical space a number by itself is a physical address, and whatever names a
 * linear one is translated. An expression that says "phys:" or "lin:" leads to that space from the other one. Rejects with
 * one sentence.
 */
export async function locate(expression: string, space: Space, ask: AskPlace): Promise<Place> {
  const asPhysical = space === "phys" && isPlainNumber(expression);
  const answer = await ask(asPhysical ? `phys:(${expression})` : expression);
  const named: Place = { space: answer.space, address: BigInt(answer.address) };
  if (space === "lin" || named.space === "phys" || /^lin:/i.test(expression)) return named;
  return translated(named, answer);
}

/** The same byte in the other space; from the physical one the same number, as many linear addresses may lead there. */
export async function inOtherSpace(place: Place, ask: AskPlace): Promise<Place> {
  if (place.space === "phys") return { space: "lin", address: place.address };
  return translated(place, await ask(placeText(place)));
}

function translated(place: Place, { physical, fault }: PlaceResponse): Place {
  if (physical === undefined) {
    const reason = fault === undefined ? "" : ` (${fault})`;
    throw new Error(`${placeText(place)} has no physical address: it is not mapped${reason}.`);
  }
  return { space: "phys", address: BigInt(physical) };
}
