/**
 * Linear addresses as places: numbers from 0 to the end of the address space, in which the upper half of four levels
 * follows the lower one without the hole of addresses between them that do not exist.
 */
import type { Hex, PageTablesResponse } from "../../debug-adapter/protocol.ts";
import { hex } from "../ui/format.ts";

export type Paging = PageTablesResponse["paging"];

const SPACE_48 = 2 ** 48;

export const spaceOf = (paging: Paging): number => (paging === "4-level" ? SPACE_48 : 2 ** 32);

/** Place of a linear address as it travels. */
export const placeOf = (paging: Paging, linear: Hex): number =>
  Number(BigInt.asUintN(paging === "4-level" ? 48 : 32, BigInt(linear)));

/** The address at a place. */
export function linearOf(paging: Paging, place: number): bigint {
  return paging === "4-level" ? BigInt.asUintN(64, BigInt.asIntN(48, BigInt(place))) : BigInt(place);
}

export const linearText = (paging: Paging, place: number): Hex => hex(linearOf(paging, place));
