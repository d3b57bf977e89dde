/** One debug session: takes requests in turn, routes each to the part that knows, and tells the client what happens. */
import { DebugSession } from "@vscode/debugadapter";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { hex, lin } from "./address.ts";
import { argumentsOf, integerOf, listOf, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { Breakpoints } from "./breakpoints.ts";
import { Catches } from "./catches.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { CodeView } from "./code-view.ts";
import { Evaluate, formatOf } from "./evaluate.ts";
import { Execution } from "./execution.ts";
import { evaluateAddress } from "./expressions/evaluate.ts";
import type { CaughtValues, ExpressionContext } from "./expressions/evaluate.ts";
import type { SymbolTable } from "./expressions/symbols.ts";
import { readLaunch } from "./launch.ts";
import type { CheckPlan, Launch, SourceMap, SymbolFile } from "./launch.ts";
import { MemoryViews } from "./memory-views.ts";
import { readMemory, writeMemory } from "./memory.ts";
import { Motion } from "./motion.ts";
import { panelRoutes } from "./panels/panels.ts";
import { GuestOutput } from "./output.ts";
import { phaseLabel } from "./phases.ts";
import { SessionGdb } from "./gdb/session-host.ts";
import type { SessionControl } from "./gdb/session-host.ts";
import { shareTarget } from "./gdb/shared-target.ts";
import type { CustomEvents } from "./protocol.ts";
import { Progress } from "./progress.ts";
import { modeLabel } from "./registers.ts";
import { Requests } from "./requests.ts";
import type { Afterwards, Handler } from "./requests.ts";
import { Sources, wireSource } from "./sources.ts";
import type { SourceModule } from "./sources.ts";
import { READ_ONLY_FRAME } from "./stack-registers.ts";
import { CallStack } from "./stack.ts";
import { Symbols } from "./symbols.ts";
import type { SymbolList } from "./symbols.ts";
import { StopFilters } from "./stop-filters.ts";
import { RunUntil } from "./stepping-until.ts";
import { Stepping, interruptible } from "./stepping.ts";
import type { CreateTarget, Target } from "./target.ts";
import { Variables, movesStack, wantedOf } from "./variables/variables.ts";
import { toWire } from "./wire.ts";

/** There is one processor. */
const THREAD = 1;
const MAX_BREAKPOINTS = 2000;

type Routes = Record<string, Handler>;

/** What a session is given of the world. */
export interface SessionServices {
  createTarget: CreateTarget;
  checkPlan: CheckPlan;
  /** Source lines of what Bootscope itself brings along. */
  sources: () => readonly SourceModule[];
  /** Reads the lines and symbols of a user's file; rejects with one sentence. */
  readSymbols(file: SymbolFile, sourceMap: SourceMap): Promise<{ module: SourceModule } | { list: SymbolList }>;
}

export class BootscopeSession extends DebugSession {
  readonly #services: SessionServices;
  readonly #target: Target;
  readonly #sources: Sources;
  readonly #symbols: Symbols;
  readonly #code: CodeView;
  readonly #breakpoints: Breakpoints;
  readonly #filters: StopFilters;
  readonly #memoryViews: MemoryViews;
  readonly #variables: Variables;
  readonly #evaluate: Evaluate;
  readonly #stack: CallStack;
  readonly #stepping: Stepping;
  readonly #motion: Motion;
  readonly #execution: Execution;
  readonly #gdb: SessionGdb;
  readonly #routes: ReadonlyMap<string, Handler>;
  readonly #requests: Requests;
  #quitting: Promise<void> | undefined;
  /** What initialize said of the client. */
  #client: Arguments = {};

  constructor(services: SessionServices) {
    super();
    this.#services = services;
    const progress = new Progress({
      supported: () => this.#client["supportsProgressReporting"] === true,
      event: (name, body) => this.#event(name, body),
    });
    this.#requests = new Requests({
      handler: (command) => this.#routes.get(command),
      send: (response) => this.sendResponse(response),
      progress,
    });
    const output = new GuestOutput((body) => this.#event("output", body));
    const machine = services.createTarget({
      output: (source, bytes) => {
        this.#custom("bootscope/output", { source, data: Buffer.from(bytes).toString("base64") });
        output.add(source, bytes);
      },
      phase: (phase) => {
        this.#symbols.began(phase.name);
        const label = phaseLabel(phase.name);
        this.#custom("bootscope/phase", { phase: toWire(phase), label });
        this.#event("output", { category: "console", output: `Phase: ${label}, at instruction ${phase.icount}\n` });
      },
      bootEvents: (events) => this.#custom("bootscope/event", { events: events.map(toWire) }),
      progress: (icount) => this.#execution.progress(icount),
      screenChanged: () => this.#custom("bootscope/screen", { changed: true }),
      failed: (message) => this.#execution.failed(message),
    });
    this.#memoryViews = new MemoryViews((body) => this.#event("memory", body));
    const shared = shareTarget(this.#memoryViews.watch(machine));
    this.#target = shared.target;
    this.#variables = new Variables(this.#target, {
      context: () => this.#evaluate.context(),
      client: () => ({
        types: this.#client["supportsVariableType"] === true,
        memory: this.#client["supportsMemoryReferences"] === true,
        paging: this.#client["supportsVariablePaging"] === true,
      }),
    });
    const memoryBytes = (): number => (this.#execution.launched?.config.memoryMiB ?? 0) * 2 ** 20;
    this.#sources = new Sources(services.sources);
    this.#symbols = new Symbols(this.#target, this.#sources, {
      memoryBytes,
      tell: (line) => this.#tell(line),
      changed: () => this.#breakpoints.symbolsChanged(),
    });
    this.#evaluate = new Evaluate(this.#target, this.#variables, {
      frame: (args) => this.#stack.registersOf(args),
      breakpoints: () => this.#breakpoints.lines(),
      memoryBytes,
      symbols: () => this.#symbols,
      symbolsReady: () => this.#symbols.ready(),
      caught: () => this.#execution.caught,
      work: progress.work,
    });
    this.#code = new CodeView(this.#target, this.#sources, this.#symbols);
    const catches = new Catches(this.#target);
    const context = async (caught: CaughtValues = {}): Promise<ExpressionContext> => ({
      ...(await this.#evaluate.context()),
      caught,
    });
    const symbols = (): SymbolTable => this.#symbols;
    this.#breakpoints = new Breakpoints(this.#target, this.#sources, catches, {
      context,
      symbols,
      tell: (line, place) => this.#tell(line, place),
      changed: (breakpoint) => this.#event("breakpoint", { reason: "changed", breakpoint }),
      row: async (reference, name) =>
        (await this.#variables.variables(reference)).find((variable) => variable.name === name),
      seen: (from, end) => this.#code.seen(from, end),
      silent: () => this.#execution.noDebug,
    });
    this.#filters = new StopFilters(catches, {
      newId: () => this.#breakpoints.newId(),
      context,
      symbols,
      tell: (line) => this.#tell(line),
    });
    this.#stack = new CallStack(this.#target, {
      lineOf: (cpu) => this.#code.lineOf(cpu),
      describe: (linear) => this.#symbols.describe(lin(linear)),
    });
    const moving = interruptible(this.#target, () => this.#execution.interrupted);
    this.#stepping = new Stepping(moving, this.#stack, {
      passesOver: (stop) => this.#execution.passesOver(stop),
      lineOf: (cpu) => this.#code.lineOf(cpu),
      interrupted: () => this.#execution.interrupted,
      skipsInterrupts: () => this.#execution.launched?.stepInterrupts !== "into",
    });
    const until = new RunUntil(moving, {
      passesOver: (stop) => this.#execution.passesOver(stop),
      interrupted: () => this.#execution.interrupted,
      stoppingAt: (events, work) => this.#execution.stoppingAt(events, work),
    });
    this.#motion = new Motion(this.#target, this.#sources, this.#stepping, until, {
      requireMovable: () => this.#execution.requireMovable(),
      go: (move, told) => {
        this.#afterwards = () => {
          this.#execution.go(move);
          if (!told) this.#event("continued", { threadId: THREAD, allThreadsContinued: true });
        };
      },
      jumped: () => {
        this.#afterwards = () => this.#execution.jumped();
      },
      address: async (text) => evaluateAddress(text, await this.#evaluate.context()),
    });
    this.#execution = new Execution(this.#target, this.#breakpoints, this.#filters, catches, {
      threadId: THREAD,
      event: (name, body) => this.#event(name, body),
      state: (body) => {
        this.#custom("bootscope/state", body);
        if (body.state !== "stopped") this.#variables.forget();
        if (body.state === "starting") this.#symbols.restart();
        if (body.state === "ended") void this.#gdb.close();
      },
      progress: (icount) => this.#custom("bootscope/progress", { icount: hex(icount) }),
      stands: (cpu) => this.#code.note(cpu),
      hasSource: async (cpu) => (await this.#code.lineOf(cpu).catch(() => undefined)) !== undefined,
      kernelBegins: () => this.#symbols.kernelBegins(),
      flushOutput: () => output.flush(),
      wanted: (stop) => this.#gdb.owns(stop),
      stopped: (stop) => this.#gdb.stopped(stop),
    });
    this.#gdb = new SessionGdb(shared, this.#forGdb());
    const panels = panelRoutes(this.#target, {
      requireMachine: () => this.#execution.requireMachine(),
      requireStopped: () => this.#execution.requireStopped(),
      context: () => this.#evaluate.context(),
      motion: this.#motion,
      memoryBytes,
      launched: () => this.#execution.launched,
      symbols: this.#symbols,
    });
    const routes = { ...this.#lifecycle(), ...this.#breaks(), ...this.#moves(), ...this.#views(), ...panels };
    this.#routes = new Map(Object.entries(routes));
  }

  /** Throws one sentence when the message cannot be answered. */
  protected override dispatchRequest(request: DebugProtocol.Request): void {
    this.#requests.receive(request);
  }

  /** Ends the machine and all around it, on disconnect or when the client is gone without; emits "ended" at last. */
  quit(): Promise<void> {
    this.#quitting ??= (async () => {
      await this.#execution.halt();
      this.#execution.end();
      await this.#gdb.close();
      await this.#close();
      await this.#target.dispose();
      this.emit("ended");
    })();
    return this.#quitting;
  }

  /** VS Code has no further use for a session in its own process. */
  override dispose(): void {
    void this.quit();
  }

  set #afterwards(work: Afterwards) {
    this.#requests.afterwards = work;
  }

  #lifecycle(): Routes {
    return {
      initialize: (args) => {
        this.#client = args;
        return CAPABILITIES;
      },
      launch: async (args) => {
        const launch = await this.#prepare(args);
        await this.#execution.launch(launch);
        await this.#waitForGdb(launch);
        this.#event("initialized", {});
      },
      configurationDone: () => {
        this.#execution.requireStopped();
        this.#afterwards = () => this.#execution.start(() => this.#stepping.run());
      },
      restart: async (args) => {
        const launch: Launch | undefined =
          args["arguments"] === undefined
            ? this.#execution.launched
            : await this.#prepare(argumentsOf(args["arguments"]));
        if (launch === undefined) throw new Error("No machine has been launched yet.");
        await this.#execution.restart(launch);
        await this.#waitForGdb(launch);
        this.#afterwards = () => this.#execution.start(() => this.#stepping.run());
      },
      terminate: async () => {
        await this.#execution.halt();
        this.#afterwards = () => this.#execution.end();
      },
      disconnect: async () => {
        await this.quit();
        this.#requests.close();
      },
    };
  }

  #breaks(): Routes {
    const list = (args: Arguments): Arguments[] => listOf(args, "breakpoints", MAX_BREAKPOINTS);
    const machine = (): void => this.#execution.requireMachine();
    return {
      setBreakpoints: async (args) => {
        machine();
        return { breakpoints: await this.#breakpoints.setSource(args, list({ breakpoints: [], ...args })) };
      },
      breakpointLocations: (args) => {
        machine();
        return { breakpoints: this.#breakpoints.locations(args) };
      },
      setInstructionBreakpoints: async (args) => {
        machine();
        return { breakpoints: await this.#breakpoints.setInstruction(list(args)) };
      },
      setFunctionBreakpoints: async (args) => {
        machine();
        await this.#symbols.ready();
        return { breakpoints: await this.#breakpoints.setFunction(list(args)) };
      },
      dataBreakpointInfo: (args) => {
        machine();
        return this.#breakpoints.dataInfo(args);
      },
      setDataBreakpoints: async (args) => {
        machine();
        return { breakpoints: await this.#breakpoints.setData(list(args)) };
      },
      setExceptionBreakpoints: async (args) => {
        const breakpoints = this.#filters.use(args);
        await this.#execution.armFilters();
        return { breakpoints };
      },
      exceptionInfo: (args) => {
        this.#thread(args);
        return this.#execution.exceptionInfo();
      },
    };
  }

  #moves(): Routes {
    const ofThread = Object.entries(this.#motion.routes).map(([name, handler]): [string, Handler] => [
      name,
      (args) => {
        this.#thread(args);
        return handler(args);
      },
    ]);
    return {
      ...Object.fromEntries(ofThread),
      gotoTargets: (args) => this.#motion.gotoTargets(args),
      pause: async (args) => {
        this.#thread(args);
        await this.#execution.pause();
      },
    };
  }

  #views(): Routes {
    return {
      threads: async () => {
        this.#execution.requireMachine();
        const { mode } = await this.#target.cpu();
        return { threads: [{ id: THREAD, name: `CPU 0 (${modeLabel(mode)})` }] };
      },
      stackTrace: async (args) => {
        this.#thread(args);
        this.#execution.requireStopped();
        return this.#stack.trace(args);
      },
      scopes: async (args) => {
        this.#execution.requireStopped();
        return { scopes: (await this.#stack.scopes(args)) ?? this.#variables.scopes() };
      },
      variables: async (args) => {
        this.#execution.requireStopped();
        const reference = integerOf(args, "variablesReference", 1, Number.MAX_SAFE_INTEGER);
        const variables = this.#stack.owns(reference)
          ? await this.#stack.variables(reference)
          : await this.#variables.variables(reference, wantedOf(args), formatOf(args));
        return { variables };
      },
      setVariable: async (args) => {
        this.#execution.requireStopped();
        const reference = integerOf(args, "variablesReference", 1, Number.MAX_SAFE_INTEGER);
        if (this.#stack.owns(reference)) throw new Error(READ_ONLY_FRAME);
        const before = await this.#target.cpu();
        const [name, value] = [textOf(args, "name"), textOf(args, "value")];
        const set = await this.#variables.setVariable(reference, name, value, formatOf(args));
        const after = await this.#target.cpu();
        this.#afterwards = () => this.#changed(movesStack(before, after) ? "all" : "variables");
        const { name: _, evaluateName: __, presentationHint: ___, ...body } = set;
        return body;
      },
      setExpression: async (args) => {
        this.#execution.requireStopped();
        await this.#symbols.ready();
        if ((await this.#stack.registersOf(args)) !== undefined) throw new Error(READ_ONLY_FRAME);
        const written = await this.#evaluate.assign(textOf(args, "expression"), textOf(args, "value"), formatOf(args));
        this.#afterwards = () => this.#changed();
        const { result, ...rest } = written;
        return { value: result, ...rest };
      },
      evaluate: async (args) => {
        this.#execution.requireMachine();
        await this.#symbols.ready();
        return this.#evaluate.evaluate(
          args,
          () => {
            this.#execution.requireStopped();
            this.#afterwards = () => this.#changed();
          },
          this.#motion.console,
        );
      },
      completions: async (args) => {
        await this.#symbols.ready();
        return this.#evaluate.completions(args, this.#client["columnsStartAt1"] === false ? 0 : 1);
      },
      readMemory: async (args) => {
        this.#execution.requireMachine();
        const body = await readMemory(this.#target, args);
        if (this.#client["supportsMemoryEvent"] === true) this.#memoryViews.read(args);
        return body;
      },
      writeMemory: async (args) => {
        this.#execution.requireStopped();
        const body = await writeMemory(this.#target, args);
        this.#afterwards = () => this.#changed("variables");
        return body;
      },
      disassemble: async (args) => {
        this.#execution.requireMachine();
        return this.#code.disassemble(args);
      },
    };
  }

  /** What a gdb beside this session may do to it. */
  #forGdb(): SessionControl {
    return {
      running: () => this.#execution.running,
      resume: (how) => {
        this.#execution.go(() => (how === "step" ? this.#stepping.into() : this.#stepping.run()));
        this.#event("continued", { threadId: THREAD, allThreadsContinued: true });
      },
      pause: () => this.#execution.pause(),
      end: () =>
        this.#requests.inTurn(async () => {
          await this.#execution.halt();
          this.#execution.end();
        }),
      reset: () => this.#requests.inTurn(() => this.#execution.reset()),
      console: async (expression) => {
        const args = { expression, context: "repl" };
        return (await this.#evaluate.evaluate(args, () => this.#execution.requireStopped())).result;
      },
    };
  }

  async #waitForGdb({ gdbPort }: Launch): Promise<void> {
    const address = await this.#gdb.listen(gdbPort);
    if (address === undefined) return;
    this.#event("output", { category: "console", output: `gdb can connect now: target remote ${address}\n` });
  }

  /** Disks that are to persist are written; what goes wrong there must not be lost. */
  async #close(): Promise<void> {
    if (this.#execution.launched === undefined) return;
    try {
      await this.#target.close();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#event("output", { category: "important", output: `${message}\n` });
    }
  }

  /** Reads and checks what is to be launched, with the lines of the user's own code. */
  async #prepare(args: Arguments): Promise<Launch> {
    const launch = await readLaunch(args, this.#services.checkPlan);
    const read = await Promise.all(launch.symbols.map((file) => this.#services.readSymbols(file, launch.sourceMap)));
    const files = launch.symbols.map(({ file }) => file);
    this.#sources.use(
      read.flatMap((one, index) => ("module" in one ? [{ file: files[index] ?? "", module: one.module }] : [])),
    );
    this.#symbols.use(
      launch.config,
      read.flatMap((one) => ("list" in one ? [one.list] : [])),
    );
    this.#code.clear();
    return launch;
  }

  #thread(args: Arguments): void {
    const id = args["threadId"];
    if (id === THREAD) return;
    const wrong = id === undefined ? "The request names no thread" : `There is no thread ${JSON.stringify(id)}`;
    throw new Error(`${wrong}: the one processor is thread ${THREAD}.`);
  }

  /** A line in the debug console; with a place, one that leads to it. */
  #tell(line: string, place?: { file: string; line: number }): void {
    const where = place === undefined ? {} : { source: wireSource(place.file), line: place.line };
    this.#event("output", { category: "console", output: `${line}\n`, ...where });
  }

  /** A register was written: everything shown may be something else now. */
  #changed(area: "all" | "variables" = "all"): void {
    if (this.#client["supportsInvalidatedEvent"] === true) this.#event("invalidated", { areas: [area] });
  }

  #event(event: string, body: object): void {
    this.sendEvent({ type: "event", seq: 0, event, body });
  }

  #custom<E extends keyof CustomEvents>(event: E, body: CustomEvents[E]): void {
    this.#event(event, body);
  }
}
