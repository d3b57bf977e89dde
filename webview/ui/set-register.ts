/** Sets a register as the Variables view does: finds the variable of that name in the scopes of the top frame. */
import { request } from "./host.ts";

export async function setRegister(name: string, value: string): Promise<void> {
  const { threads } = await request("threads");
  const threadId = threads[0]?.id;
  if (threadId === undefined) throw new Error("The session has no processor to write to.");
  const { stackFrames } = await request("stackTrace", { threadId, levels: 1 });
  const frameId = stackFrames[0]?.id;
  if (frameId === undefined) throw new Error("The machine must be stopped to change a register.");
  const { scopes } = await request("scopes", { frameId });
  for (const { variablesReference } of scopes) {
    const { variables } = await request("variables", { variablesReference });
    if (variables.some((variable) => variable.name.toLowerCase() === name.toLowerCase())) {
      await request("setVariable", { variablesReference, name, value });
      return;
    }
  }
  throw new Error(`The session does not let ${name} be changed.`);
}
