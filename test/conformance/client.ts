/** A Jupyter client for tests: starts the built kernel as a server would, and speaks to it over its sockets. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Dealer, Subscriber } from "zeromq";
import type { Connection } from "../../kernel/protocol/connection.ts";
import { decode, encode, type Message } from "../../kernel/protocol/wire.ts";

type Content = Record<string, unknown>;
type Channel = "shell" | "control";

/** A request under way. */
export interface Asked {
	readonly id: string;
	/** Content of the reply. */
	readonly reply: Promise<Content & { status?: string }>;
	/** Everything published for the request, from busy to idle. */
	readonly published: Promise<Message[]>;
}

/** Outputs of one executed cell. */
export interface Ran {
	readonly reply: Content & { status?: string; execution_count?: number };
	readonly messages: Message[];
	/** All that was printed, by stream. */
	readonly stdout: string;
	readonly stderr: string;
	/** text/plain of the result. */
	readonly result: string | undefined;
}

const program = fileURLToPath(new URL("../../dist/kernel/protocol.js", import.meta.url));

async function freePorts(n: number): Promise<number[]> {
	const servers = await Promise.all(
		Array.from(
			{ length: n },
			() =>
				new Promise<ReturnType<typeof createServer>>((resolve) => {
					const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
				}),
		),
	);
	const ports = servers.map((server) => (server.address() as { port: number }).port);
	await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
	return ports;
}

export class KernelClient {
	readonly session = randomUUID();
	/** Everything on iopub, in order. */
	readonly iopub: Message[] = [];
	readonly exited: Promise<number | null>;
	private readonly replies = new Map<string, (content: Content) => void>();
	private readonly collecting = new Map<
		string,
		{ messages: Message[]; done: (messages: Message[]) => void }
	>();
	private watchers: ((message: Message) => void)[] = [];

	private constructor(
		readonly process: ChildProcess,
		readonly connection: Connection,
		private readonly folder: string,
		private readonly sockets: Record<Channel, Dealer> & { iopub: Subscriber },
	) {
		this.exited = new Promise((resolve) => process.once("exit", resolve));
		for (const channel of ["shell", "control"] as const) void this.readReplies(sockets[channel]);
		void this.readIopub();
	}

	/** Starts a kernel and waits until it answers on both sides. */
	static async start(
		options: { cwd?: string; env?: NodeJS.ProcessEnv; key?: string } = {},
	): Promise<KernelClient> {
		const folder = mkdtempSync(join(tmpdir(), "powerki-kernel-"));
		const [shell_port, iopub_port, stdin_port, control_port, hb_port] = await freePorts(5);
		const connection: Connection = {
			transport: "tcp",
			ip: "127.0.0.1",
			shell_port,
			iopub_port,
			stdin_port,
			control_port,
			hb_port,
			key: options.key ?? randomUUID(),
			signature_scheme: "hmac-sha256",
		};
		const file = join(folder, "connection.json");
		writeFileSync(file, JSON.stringify(connection));
		const child = spawn(process.execPath, [program, file], {
			cwd: options.cwd ?? folder,
			env: { ...process.env, ...options.env },
			stdio: ["ignore", "inherit", "inherit"],
		});
		const connect = <S extends Dealer | Subscriber>(socket: S, port: number): S => {
			socket.connect(`tcp://127.0.0.1:${port}`);
			return socket;
		};
		const client = new KernelClient(child, connection, folder, {
			shell: connect(new Dealer({ linger: 0 }), shell_port),
			control: connect(new Dealer({ linger: 0 }), control_port),
			iopub: connect(new Subscriber({ linger: 0 }), iopub_port),
		});
		client.sockets.iopub.subscribe();
		// A subscription takes effect some time after connect: ask until the answer is heard on iopub too.
		for (let heard = false; !heard; ) {
			const { reply, published } = client.ask("shell", "kernel_info_request", {});
			const ended = client.exited.then((code) => {
				throw new Error(`the kernel ended with code ${code} before it answered`);
			});
			await Promise.race([reply, ended]);
			heard = await Promise.race([published.then(() => true), pause(200).then(() => false)]);
		}
		return client;
	}

	/** Sends a request. */
	ask(channel: Channel, type: string, content: Content): Asked {
		const message = this.message(type, content);
		const id = message.header.msg_id;
		const reply = new Promise<Content>((resolve) => this.replies.set(id, resolve));
		const published = new Promise<Message[]>((done) => this.collecting.set(id, { messages: [], done }));
		void this.sockets[channel].send(encode(message, this.connection.key));
		return { id, reply, published };
	}

	/** Sends frames as they are. */
	sendRaw(channel: Channel, frames: Buffer[]): Promise<void> {
		return this.sockets[channel].send(frames);
	}

	message(type: string, content: Content): Message {
		return {
			identities: [],
			header: {
				msg_id: randomUUID(),
				msg_type: type,
				session: this.session,
				username: "test",
				date: new Date().toISOString(),
				version: "5.4",
			},
			parent: {},
			metadata: {},
			content,
			buffers: [],
		};
	}

	execute(code: string, options: Content = {}): Asked {
		return this.ask("shell", "execute_request", {
			code,
			silent: false,
			store_history: true,
			user_expressions: {},
			allow_stdin: false,
			stop_on_error: true,
			...options,
		});
	}

	/** Runs a cell to its end. */
	async run(code: string, options: Content = {}): Promise<Ran> {
		return finished(this.execute(code, options));
	}

	/** Resolves with the first message on iopub from now on that fits. */
	heard(fits: (message: Message) => boolean): Promise<Message> {
		return new Promise((resolve) => {
			const watch = (message: Message) => {
				if (!fits(message)) return;
				this.watchers = this.watchers.filter((w) => w !== watch);
				resolve(message);
			};
			this.watchers.push(watch);
		});
	}

	/** Ends the kernel, whatever its state, and cleans up. */
	async close(): Promise<void> {
		this.process.kill("SIGKILL");
		await this.exited;
		for (const socket of Object.values(this.sockets)) socket.close();
		rmSync(this.folder, { recursive: true, force: true });
	}

	private async readReplies(socket: Dealer): Promise<void> {
		for await (const frames of socket) {
			const message = decode(frames, this.connection.key);
			if (message !== undefined && "msg_id" in message.parent)
				this.replies.get(message.parent.msg_id)?.(message.content);
		}
	}

	private async readIopub(): Promise<void> {
		for await (const frames of this.sockets.iopub) {
			const message = decode(frames, this.connection.key);
			if (message === undefined) continue;
			this.iopub.push(message);
			for (const watch of this.watchers) watch(message);
			const collecting = "msg_id" in message.parent ? this.collecting.get(message.parent.msg_id) : undefined;
			collecting?.messages.push(message);
			if (message.header.msg_type === "status" && message.content.execution_state === "idle")
				collecting?.done(collecting.messages);
		}
	}
}

export async function finished(asked: Asked): Promise<Ran> {
	const [reply, messages] = await Promise.all([asked.reply, asked.published]);
	const printed = (name: string) =>
		messages
			.filter((m) => m.header.msg_type === "stream" && m.content.name === name)
			.map((m) => m.content.text)
			.join("");
	const result = messages.find((m) => m.header.msg_type === "execute_result");
	const data = result?.content.data as Record<string, string> | undefined;
	return {
		reply,
		messages,
		stdout: printed("stdout"),
		stderr: printed("stderr"),
		result: data?.["text/plain"],
	};
}

/** Types of messages, with the state of a status. */
export function types(messages: readonly Message[]): string[] {
	return messages.map((m) =>
		m.header.msg_type === "status" ? String(m.content.execution_state) : m.header.msg_type,
	);
}

export function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
