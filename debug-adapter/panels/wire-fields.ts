/** Fields of parsers as they travel to panels. */
import type { Field } from "../../boot-formats/fields.ts";
import { hex } from "../address.ts";
import type { WireField } from "../protocol.ts";

/** `pointsTo` gives the guest physical address that a field holds, where it is one that can be followed. */
export function wireFields(
  fields: readonly Field[],
  pointsTo: (field: Field) => bigint | undefined = () => undefined,
): WireField[] {
  return fields.map((field) => {
    const target = pointsTo(field);
    const { name, value, note, problem, offset, length, children } = field;
    return {
      name,
      value,
      offset: hex(BigInt(offset)),
      length,
      ...(note !== undefined && { note }),
      ...(problem !== undefined && { problem }),
      ...(target !== undefined && { pointsTo: hex(target) }),
      ...(children !== undefined && { children: wireFields(children, pointsTo) }),
    };
  });
}
