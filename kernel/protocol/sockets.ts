import { Publisher, Router } from "zeromq";
import { type Connection, endpoint } from "./connection.ts";
import { decode, encode, type Message } from "./wire.ts";

export type RequestChannel = "shell" | "control";

/** The five sockets of a kernel. */
export class Sockets {
	private readonly shell = new Router();
	private readonly control = new Router();
	private readonly stdin = new Router();
	private readonly heartbeat = new Router();
	private readonly iopub = new Publisher({ sendHighWaterMark: 0 });
	/** A socket takes one message at a time. */
	private readonly sending = new Map<unknown, Promise<void>>();

	constructor(private readonly connection: Connection) {}

	async bind(): Promise<void> {
		await Promise.all([
			this.shell.bind(endpoint(this.connection, "shell")),
			this.control.bind(endpoint(this.connection, "control")),
			this.stdin.bind(endpoint(this.connection, "stdin")),
			this.heartbeat.bind(endpoint(this.connection, "hb")),
			this.iopub.bind(endpoint(this.connection, "iopub")),
		]);
	}

	/** Hands over every request that is properly signed; the heartbeat echoes. Ends when the sockets are closed. */
	async serve(handle: (channel: RequestChannel, message: Message) => void): Promise<void> {
		const read = async (channel: RequestChannel) => {
			for await (const frames of this[channel]) {
				const message = decode(frames, this.connection.key);
				if (message !== undefined) handle(channel, message);
			}
		};
		const echo = async () => {
			for await (const frames of this.heartbeat) await this.heartbeat.send(frames);
		};
		await Promise.all([read("shell"), read("control"), echo()]);
	}

	reply(channel: RequestChannel, message: Message): void {
		this.send(this[channel], message);
	}

	publish(message: Message): void {
		this.send(this.iopub, message);
	}

	/** Resolves when everything said so far is on its way. */
	async flushed(): Promise<void> {
		await Promise.all(this.sending.values());
	}

	close(): void {
		for (const socket of [this.shell, this.control, this.stdin, this.heartbeat, this.iopub]) socket.close();
	}

	private send(socket: Router | Publisher, message: Message): void {
		const frames = encode(message, this.connection.key);
		const before = this.sending.get(socket) ?? Promise.resolve();
		// A client that has gone away (EHOSTUNREACH) hears nothing, and nobody misses it.
		this.sending.set(
			socket,
			before.then(() => socket.send(frames)).catch(() => {}),
		);
	}
}
