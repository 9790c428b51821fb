import { type ChildProcess, fork } from "node:child_process";
import { StringDecoder } from "node:string_decoder";
import { Joiner } from "./join.ts";
import type {
	CellError,
	CompleteReply,
	Evaluated,
	InspectReply,
	Interrupt,
	IsCompleteReply,
	Output,
	Replies,
	Report,
	Request,
} from "./messages.ts";
import { sessionProgram } from "./paths.ts";

export type {
	CellError,
	CompleteReply,
	Evaluated,
	InspectReply,
	IsCompleteReply,
	Output,
} from "./messages.ts";

export interface SessionOptions {
	/** Folder of the notebook: modules, relative paths and the dataset are looked for from here. Default: the current one. */
	readonly cwd?: string;
	/** Default: this process's. POWERKI_DATASET names the dataset of `%%sql` cells. */
	readonly env?: NodeJS.ProcessEnv;
	/** What no running or earlier cell made: native writes between cells, a crash while nothing ran. */
	readonly onBackground?: (output: Output) => void;
	/** File of the session program; default: the one of the build. */
	readonly program?: string;
}

export interface ExecuteOptions {
	/** No outputs, and no count. */
	readonly silent?: boolean;
	/** false: does not advance the execution count. Default true. */
	readonly count?: boolean;
}

export interface ExecuteResult {
	readonly status: "ok" | "error";
	/** Of this cell; undefined if silent. */
	readonly executionCount?: number;
	readonly error?: CellError;
	/** The session process died; variables are lost, the next cell starts in a new one. */
	readonly sessionEnded?: boolean;
}

interface Waiting {
	readonly request: Request;
	readonly resolve: (value: unknown) => void;
	/** Gets what happened when there is no answer. */
	readonly fail: (error: CellError, ended: boolean) => void;
	sent: boolean;
}

/** ms after an interrupt until a session that cannot be stopped otherwise is killed. */
const grace = 2000;
/** ms after which an interrupt that the session did not hear becomes a signal, and between signals. */
const signalAgain = 200;
/** Cells whose late outputs still find their way. */
const rememberedCells = 1000;

/**
 * A session process and its replacements: runs cells one after another, in order of the calls. Needs no Jupyter.
 * When the process dies (process.exit in a cell, a crash, out of memory), the cell that ran ends with an error
 * which says that the variables are lost, and the next cell runs in a new process.
 */
export class SessionClient {
	/** Count of the last cell that was counted. */
	executionCount = 0;
	private child: ChildProcess | undefined;
	private ready = false;
	private stopped = false;
	private nextId = 1;
	private readonly waiting = new Map<number, Waiting>();
	private readonly sinks = new Map<number, (output: Output) => void>();
	private readonly joiner = new Joiner();
	/** The cell that runs. */
	private current: number | undefined;
	private queue: Promise<unknown> = Promise.resolve();
	private killed: string | undefined;
	private interrupting: NodeJS.Timeout | undefined;
	/** The session's event loop took note of the interrupt. */
	private heard = false;

	private constructor(private readonly options: SessionOptions) {}

	/** Starts the process; cells can be given at once. */
	static start(options: SessionOptions = {}): SessionClient {
		const client = new SessionClient(options);
		client.launch();
		return client;
	}

	/**
	 * Runs a cell after those given before. Never rejects: what the cell throws is in the result, and an output of
	 * type "error" too.
	 * @param onOutput gets each output as it comes, in order, also those that come after the cell's end
	 */
	execute(
		code: string,
		onOutput: (output: Output) => void,
		options: ExecuteOptions = {},
	): Promise<ExecuteResult> {
		const run = this.queue.then(() => this.run(code, onOutput, options));
		this.queue = run;
		return run;
	}

	/** Values of expressions in the session, by the same keys. */
	async evaluate(expressions: Record<string, string>): Promise<Record<string, Evaluated>> {
		if (Object.keys(expressions).length === 0) return {};
		return this.ask({ type: "evaluate", id: this.nextId++, expressions }, (error) =>
			Object.fromEntries(Object.keys(expressions).map((key) => [key, { status: "error", ...error }])),
		);
	}

	/** @param position UTF-16 offset of the cursor in the code */
	complete(code: string, position: number): Promise<CompleteReply> {
		return this.ask({ type: "complete", id: this.nextId++, code, position }, () => ({
			matches: [],
			start: position,
			end: position,
			types: [],
		}));
	}

	/** @param position UTF-16 offset of the cursor in the code */
	inspect(code: string, position: number): Promise<InspectReply> {
		return this.ask({ type: "inspect", id: this.nextId++, code, position }, () => ({
			found: false,
			data: {},
		}));
	}

	isComplete(code: string): Promise<IsCompleteReply> {
		return this.ask({ type: "isComplete", id: this.nextId++, code }, () => ({ status: "complete" }));
	}

	/**
	 * Stops the running cell: it ends with an error, variables stay. A cell that cannot be stopped (a loop after
	 * an await, in a callback, in native code) takes its process with it after 2 s.
	 */
	interrupt(): void {
		const id = this.current;
		if (id === undefined || this.interrupting !== undefined) return;
		const waiting = this.waiting.get(id);
		if (waiting !== undefined && !waiting.sent) {
			// The session is not up yet: a signal would end it.
			this.waiting.delete(id);
			waiting.fail(interruptedError, false);
			return;
		}
		// By message first. vm's breakOnSigint leaves SIGINT at its default action, the end of the process, for a moment
		// after each script (node 20, lib/vm.js sigintHandlersWrap, src/node_watchdog.cc): the signal is for scripts
		// that do not end.
		this.heard = false;
		this.child?.send({ type: "interrupt" } satisfies Interrupt, () => {});
		const end = performance.now() + grace;
		this.interrupting = setInterval(() => {
			if (performance.now() < end) {
				// Again each time: one that arrives while the cell is compiled stops nothing.
				if (!this.heard) this.child?.kill("SIGINT");
				return;
			}
			clearInterval(this.interrupting);
			this.killed = "interrupt";
			this.child?.kill("SIGKILL");
		}, signalAgain);
	}

	/** Ends the process; a running cell ends with an error. */
	async stop(): Promise<void> {
		this.stopped = true;
		const child = this.child;
		if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
		this.killed = "stop";
		const ended = new Promise((resolve) => child.once("exit", resolve));
		// The session ends itself when the channel closes; a busy one cannot.
		if (child.connected) child.disconnect();
		const timer = setTimeout(() => child.kill("SIGKILL"), this.current === undefined ? 500 : 0);
		await ended;
		clearTimeout(timer);
	}

	private async run(
		code: string,
		onOutput: (output: Output) => void,
		{ silent = false, count = true }: ExecuteOptions,
	): Promise<ExecuteResult> {
		const executionCount = silent ? undefined : count ? ++this.executionCount : this.executionCount;
		const id = this.nextId++;
		if (!silent) this.remember(id, onOutput);
		this.current = id;
		let ended = false;
		const reply = await this.ask(
			{ type: "execute", id, code, count: executionCount ?? this.executionCount, silent },
			(error, sessionEnded) => {
				ended = sessionEnded;
				if (!silent) onOutput({ output_type: "error", ...error });
				return { error };
			},
		);
		this.current = undefined;
		clearInterval(this.interrupting);
		this.interrupting = undefined;
		return {
			status: reply.error === undefined ? "ok" : "error",
			...(executionCount === undefined ? {} : { executionCount }),
			...(reply.error === undefined ? {} : { error: reply.error }),
			...(ended ? { sessionEnded: true } : {}),
		};
	}

	private remember(id: number, onOutput: (output: Output) => void): void {
		this.sinks.set(id, onOutput);
		if (this.sinks.size > rememberedCells) this.sinks.delete(this.sinks.keys().next().value as number);
	}

	private ask<R extends Request>(
		request: R,
		failed: (error: CellError, ended: boolean) => Replies[R["type"]],
	): Promise<Replies[R["type"]]> {
		return new Promise((resolve) => {
			if (this.stopped) return resolve(failed(stoppedError, true));
			if (this.child === undefined) this.launch();
			const waiting: Waiting = {
				request,
				resolve: resolve as (value: unknown) => void,
				fail: (error, ended) => resolve(failed(error, ended)),
				sent: false,
			};
			this.waiting.set(request.id, waiting);
			if (this.ready) this.transmit(waiting);
		});
	}

	private transmit(waiting: Waiting): void {
		waiting.sent = true;
		// A channel that just closed is answered by the exit of the process.
		this.child?.send(waiting.request, () => {});
	}

	private launch(): void {
		const child = fork(this.options.program ?? sessionProgram(), {
			cwd: this.options.cwd ?? process.cwd(),
			env: this.options.env ?? process.env,
			serialization: "advanced",
			stdio: ["ignore", "pipe", "pipe", "ipc"],
			// A cell's `import` of an ES module is a require() of one.
			execArgv: ["--disable-warning=ExperimentalWarning"],
		});
		this.child = child;
		this.ready = false;
		this.killed = undefined;
		child.on("message", (report) => this.receive(child, report as Report));
		child.on("error", (error) => this.died(child, `cannot be started: ${error.message}`));
		child.on("exit", (code, signal) => {
			// What the process wrote last (a crash report) comes by the pipes, which close after its exit.
			const end = () => this.died(child, signal === null ? `ended with code ${code}` : `ended by ${signal}`);
			const timer = setTimeout(end, 500);
			child.once("close", () => {
				clearTimeout(timer);
				end();
			});
		});
		for (const name of ["stdout", "stderr"] as const) {
			const decoder = new StringDecoder("utf8");
			child[name]?.on("data", (chunk: Buffer) => {
				const text = decoder.write(chunk);
				if (text !== "") this.deliver(this.current, { output_type: "stream", name, text });
			});
			child[name]?.on("error", () => {});
		}
	}

	private receive(child: ChildProcess, report: Report): void {
		if (child !== this.child) return;
		switch (report.type) {
			case "ready":
				this.ready = true;
				for (const waiting of this.waiting.values()) if (!waiting.sent) this.transmit(waiting);
				break;
			case "interrupted":
				this.heard = true;
				break;
			case "output":
				this.deliver(report.id, report.output);
				break;
			case "reply": {
				this.joiner.flush();
				const waiting = this.waiting.get(report.id);
				this.waiting.delete(report.id);
				waiting?.resolve(report.value);
				break;
			}
		}
	}

	private deliver(id: number | undefined, output: Output): void {
		const sink = (id === undefined ? undefined : this.sinks.get(id)) ?? this.options.onBackground;
		if (sink !== undefined) this.joiner.deliver(sink, output);
	}

	private died(child: ChildProcess, how: string): void {
		if (child !== this.child) return;
		this.joiner.flush();
		const wasReady = this.ready;
		this.child = undefined;
		this.ready = false;
		clearInterval(this.interrupting);
		this.interrupting = undefined;
		const error =
			this.killed === "stop"
				? stoppedError
				: this.killed === "interrupt"
					? lost(
							"KeyboardInterrupt",
							"interrupted: the cell did not stop within 2 s, so its process was ended",
						)
					: lost("SessionEnded", `the session process ${how}`);
		const running = this.current !== undefined;
		// Requests that the process never saw go to the next one, unless it cannot even start.
		for (const [id, waiting] of [...this.waiting]) {
			if (!waiting.sent && wasReady) continue;
			this.waiting.delete(id);
			waiting.fail(error, true);
		}
		if (this.stopped) return;
		if (!running && this.killed === undefined)
			this.options.onBackground?.({
				output_type: "stream",
				name: "stderr",
				text: `${error.traceback.join("\n")}\n`,
			});
		// Ready before the user's next cell, but no endless restarting of what cannot start.
		if (wasReady) this.launch();
	}
}

const interruptedError: CellError = {
	ename: "KeyboardInterrupt",
	evalue: "interrupted",
	traceback: ["KeyboardInterrupt: interrupted"],
};

const stoppedError: CellError = {
	ename: "SessionEnded",
	evalue: "the session was stopped",
	traceback: ["SessionEnded: the session was stopped"],
};

function lost(ename: string, what: string): CellError {
	const consequence =
		"All variables are lost; the next cell runs in a new session. Run the cells above again.";
	return { ename, evalue: `${what}; variables are lost`, traceback: [`${ename}: ${what}`, consequence] };
}
