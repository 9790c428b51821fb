import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecuteResult, SessionClient } from "../session/client.ts";
import type { Output } from "../session/messages.ts";
import { toCodePoints, toUtf16 } from "./codepoints.ts";
import { kernelInfo, protocolVersion } from "./info.ts";
import type { RequestChannel, Sockets } from "./sockets.ts";
import type { Header, Message } from "./wire.ts";

type Content = Record<string, unknown>;

interface ExecuteRequest {
	code: string;
	silent?: boolean;
	store_history?: boolean;
	user_expressions?: Record<string, string>;
	stop_on_error?: boolean;
}

interface Queued {
	readonly channel: RequestChannel;
	readonly message: Message;
}

/** ms for which a failed cell waits, before it answers, for the requests that were sent together with its own. */
const gathering = 20;

/**
 * Answers Jupyter's messages (jupyter_client, docs/messaging.rst, protocol 5.4). Cells run in the session process;
 * everything else is answered at once, also while a cell runs.
 */
export class Kernel {
	private readonly session = randomUUID();
	private readonly queue: Queued[] = [];
	/** The cells that are being answered. */
	private draining: Promise<void> | undefined;
	private ended: () => void = () => {};
	/** Resolves when the frontend has asked to shut down and everything is answered. */
	readonly done = new Promise<void>((resolve) => {
		this.ended = resolve;
	});

	constructor(
		private readonly sockets: Pick<Sockets, "reply" | "publish">,
		private readonly client: SessionClient,
	) {}

	start(): void {
		this.publish("status", {}, { execution_state: "starting" });
	}

	/** One request. Unknown ones are ignored, as the specification asks, but for busy and idle. */
	handle(channel: RequestChannel, message: Message): void {
		if (message.header.msg_type === "execute_request") {
			this.queue.push({ channel, message });
			this.draining ??= this.drain();
			return;
		}
		const handler = this.handlers[message.header.msg_type];
		void this.busy(message, async () => {
			if (handler === undefined) return;
			const reply = await handler(message.content, message);
			if (reply !== undefined)
				this.reply(channel, message, message.header.msg_type.replace(/_request$/, "_reply"), reply);
		}).then(() => {
			if (message.header.msg_type === "shutdown_request") this.ended();
		});
	}

	/** Output that belongs to no request. */
	background(output: Output): void {
		this.output({}, output);
	}

	/** By type of request: the content of the reply, or nothing. */
	private readonly handlers: Record<
		string,
		(content: Content, message: Message) => Content | undefined | Promise<Content | undefined>
	> = {
		kernel_info_request: () => kernelInfo(),
		complete_request: async (content) => {
			const code = String(content.code);
			const position = cursor(code, content.cursor_pos);
			const { matches, start, end, types } = await this.client.complete(code, position);
			const range = { start: toCodePoints(code, start), end: toCodePoints(code, end) };
			return {
				status: "ok",
				matches,
				cursor_start: range.start,
				cursor_end: range.end,
				// What JupyterLab shows beside each name.
				metadata: { _jupyter_types_experimental: types.map((type) => ({ ...range, ...type })) },
			};
		},
		inspect_request: async (content) => {
			const code = String(content.code);
			const { found, data } = await this.client.inspect(code, cursor(code, content.cursor_pos));
			return { status: "ok", found, data, metadata: {} };
		},
		is_complete_request: async (content) => ({ ...(await this.client.isComplete(String(content.code))) }),
		history_request: () => ({ status: "ok", history: [] }),
		comm_info_request: () => ({ status: "ok", comms: {} }),
		// No targets: whoever opens one is told that it is closed.
		comm_open: (content, message) => {
			this.publish("comm_close", message.header, { comm_id: content.comm_id, data: {} });
			return undefined;
		},
		comm_msg: () => undefined,
		comm_close: () => undefined,
		interrupt_request: () => {
			this.client.interrupt();
			return { status: "ok" };
		},
		shutdown_request: async (content) => {
			this.abort();
			await this.client.stop();
			// The cell that ran is told before the sockets close.
			await this.draining;
			return { status: "ok", restart: content.restart === true };
		},
	};

	private async drain(): Promise<void> {
		for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift())
			await this.execute(next);
		this.draining = undefined;
	}

	private async execute({ channel, message }: Queued): Promise<void> {
		await this.busy(message, async () => {
			const request = message.content as unknown as ExecuteRequest;
			const silent = request.silent === true;
			const count = !silent && request.store_history !== false;
			const parent = message.header;
			// What the cell will be: the count moves on when it starts.
			const executionCount = this.client.executionCount + (count ? 1 : 0);
			if (!silent)
				this.publish("execute_input", parent, { code: request.code, execution_count: executionCount });
			const result = await this.client.execute(
				request.code,
				(output) => this.output(parent, output, executionCount),
				{
					silent,
					count,
				},
			);
			const stop = result.status === "error" && request.stop_on_error !== false;
			const content = await this.executeReply(result, executionCount, request.user_expressions ?? {});
			if (stop) {
				// Requests of one "run all" come in a burst, this one may have failed before the last was read.
				await sleep(gathering);
			}
			const behind = stop ? this.queue.splice(0) : [];
			this.reply(channel, message, "execute_reply", content);
			return behind;
		}).then((behind) => this.abort(behind));
	}

	private async executeReply(
		result: ExecuteResult,
		executionCount: number,
		expressions: Record<string, string>,
	): Promise<Content> {
		const common = { execution_count: executionCount, payload: [] };
		if (result.error !== undefined) return { status: "error", ...common, ...result.error };
		return { status: "ok", ...common, user_expressions: await this.client.evaluate(expressions) };
	}

	/** Answers execute requests that will not run. */
	private abort(requests: readonly Queued[] = this.queue.splice(0)): void {
		for (const { channel, message } of requests)
			void this.busy(message, async () =>
				this.reply(channel, message, "execute_reply", {
					status: "aborted",
					execution_count: this.client.executionCount,
				}),
			);
	}

	/** Busy and idle stand around everything that a request causes. */
	private async busy<T>(message: Message, work: () => Promise<T>): Promise<T> {
		this.publish("status", message.header, { execution_state: "busy" });
		try {
			return await work();
		} finally {
			this.publish("status", message.header, { execution_state: "idle" });
		}
	}

	private output(parent: Header | Record<string, never>, output: Output, executionCount?: number): void {
		const { output_type, ...content } = output;
		if (output_type === "execute_result")
			this.publish(output_type, parent, { ...content, execution_count: executionCount });
		else this.publish(output_type, parent, content);
	}

	private publish(type: string, parent: Message["parent"], content: Content): void {
		this.sockets.publish({ ...this.message(type, parent, content), identities: [Buffer.from(type)] });
	}

	private reply(channel: RequestChannel, request: Message, type: string, content: Content): void {
		this.sockets.reply(channel, {
			...this.message(type, request.header, content),
			identities: request.identities,
		});
	}

	private message(type: string, parent: Message["parent"], content: Content): Message {
		const header: Header = {
			msg_id: randomUUID(),
			msg_type: type,
			session: this.session,
			username: "kernel",
			date: new Date().toISOString(),
			version: protocolVersion,
		};
		return { identities: [], header, parent, metadata: {}, content, buffers: [] };
	}
}

/** UTF-16 offset of the cursor; the end of the code if the request does not say. */
function cursor(code: string, position: unknown): number {
	return typeof position === "number" ? toUtf16(code, position) : code.length;
}
