/** Variables by their path through scopes and trees, as a user opens them. */
import assert from "node:assert/strict";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Client } from "./client.ts";

type Variable = DebugProtocol.Variable;

/** A client that shows variables as VS Code does. */
const ABILITIES = {
  supportsVariableType: true,
  supportsVariablePaging: true,
  supportsMemoryReferences: true,
  supportsInvalidatedEvent: true,
  supportsMemoryEvent: true,
};

/** As Client.launch, with everything that the state's views can use. */
export async function launchWithViews(session: Client, args: object): Promise<void> {
  await session.ask("initialize", { adapterID: "bootscope", clientID: "test", ...ABILITIES });
  await session.ask("launch", args);
  await session.event("initialized");
  await session.ask("configurationDone");
}

export class StateTree {
  readonly #session: Client;

  constructor(session: Client) {
    this.#session = session;
  }

  /** The variables in a scope, or below a path that begins with one; `page` is what is asked for of the last step. */
  async list(path: readonly string[], page: object = {}): Promise<Variable[]> {
    return this.#variables(await this.reference(path), page);
  }

  /** One variable, by the scope and the names on the way to it. */
  async get(...path: string[]): Promise<Variable> {
    const name = path.at(-1) ?? "";
    const found = (await this.list(path.slice(0, -1))).find((one) => one.name === name);
    assert.ok(found, `${path.slice(0, -1).join(" › ")} has no "${name}"`);
    return found;
  }

  async value(...path: string[]): Promise<string> {
    return (await this.get(...path)).value;
  }

  /** The number that a value begins with. */
  async number(...path: string[]): Promise<bigint> {
    const text = /^(0x[0-9a-f]+|[0-9]+)/.exec(await this.value(...path))?.[0];
    assert.ok(text, `${path.join(" › ")} is a number`);
    return BigInt(text);
  }

  /** Writes a variable; the value that it shows then. */
  async set(path: readonly string[], value: string): Promise<string> {
    const body = await this.#session.ask<DebugProtocol.SetVariableResponse["body"]>("setVariable", {
      variablesReference: await this.reference(path.slice(0, -1)),
      name: path.at(-1),
      value,
    });
    return body.value;
  }

  /** The message of a write that must be refused. */
  async refused(path: readonly string[], value: string): Promise<string> {
    const variablesReference = await this.reference(path.slice(0, -1));
    return this.#session.refused("setVariable", { variablesReference, name: path.at(-1), value });
  }

  /** Opens everything; how many variables there were. */
  async walk(): Promise<number> {
    const { scopes } = await this.#session.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId: 1 });
    const queue = scopes.map(({ name, variablesReference }) => ({ name, variablesReference }));
    let count = 0;
    for (const { name, variablesReference } of queue) {
      const variables = await this.#variables(variablesReference);
      const names = variables.map((one) => one.name);
      assert.equal(new Set(names).size, names.length, `${name}: ${names.join(", ")}`);
      for (const one of variables) {
        assert.ok(one.name !== "" && typeof one.value === "string", `${name} › ${one.name}`);
        if (one.variablesReference > 0) queue.push(one);
      }
      count += variables.length;
    }
    return count;
  }

  async reference(path: readonly string[]): Promise<number> {
    const { scopes } = await this.#session.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId: 1 });
    const [scope, ...rest] = path;
    let reference = scopes.find(({ name }) => name === scope)?.variablesReference ?? 0;
    for (const name of rest) {
      const found = (await this.#variables(reference)).find((one) => one.name === name);
      assert.ok(found, `there is no "${name}" on the way of ${path.join(" › ")}`);
      reference = found.variablesReference;
    }
    assert.ok(reference > 0, `${path.join(" › ")} has variables`);
    return reference;
  }

  async #variables(variablesReference: number, page: object = {}): Promise<Variable[]> {
    const args = { variablesReference, ...page };
    return (await this.#session.ask<DebugProtocol.VariablesResponse["body"]>("variables", args)).variables;
  }
}

/** Bytes of guest memory, which must all be readable. */
export async function bytesAt(session: Client, memoryReference: string, count: number): Promise<Buffer> {
  const args = { memoryReference, count };
  const body = await session.ask<DebugProtocol.ReadMemoryResponse["body"]>("readMemory", args);
  const bytes = Buffer.from(body?.data ?? "", "base64");
  assert.equal(bytes.length, count, `${count} bytes at ${memoryReference}`);
  return bytes;
}
