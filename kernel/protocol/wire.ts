import { createHmac, timingSafeEqual } from "node:crypto";

/** The wire protocol of Jupyter (jupyter_client, docs/messaging.rst, "The wire protocol"). */
export interface Header {
	readonly msg_id: string;
	readonly msg_type: string;
	readonly session: string;
	readonly username: string;
	readonly date: string;
	readonly version: string;
}

export interface Message {
	/** Routing prefix: who asked, on a router socket; the topic, on a publisher. */
	readonly identities: readonly Buffer[];
	readonly header: Header;
	/** Header of the request that this answers, as it came; {} if there is none. */
	readonly parent: Header | Record<string, never>;
	readonly metadata: Record<string, unknown>;
	readonly content: Record<string, unknown>;
	readonly buffers: readonly Buffer[];
}

const delimiter = Buffer.from("<IDS|MSG>");

function signature(key: string, frames: readonly Buffer[]): string {
	if (key === "") return "";
	const hmac = createHmac("sha256", key);
	for (const frame of frames) hmac.update(frame);
	return hmac.digest("hex");
}

/**
 * Reads a message.
 * @returns undefined if it is no message, or not signed with the key: such ones are dropped
 */
export function decode(frames: readonly Buffer[], key: string): Message | undefined {
	const at = frames.findIndex((frame) => frame.equals(delimiter));
	if (at < 0 || frames.length < at + 6) return undefined;
	const signed = frames.slice(at + 2, at + 6);
	if (key !== "") {
		const expected = Buffer.from(signature(key, signed));
		const given = frames[at + 1];
		if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
	}
	try {
		const [header, parent, metadata, content] = signed.map((frame) => JSON.parse(frame.toString("utf8")));
		if (typeof header?.msg_type !== "string") return undefined;
		return {
			identities: frames.slice(0, at),
			header,
			parent,
			metadata,
			content,
			buffers: frames.slice(at + 6),
		};
	} catch {
		return undefined;
	}
}

export function encode(message: Message, key: string): Buffer[] {
	const { header, parent, metadata, content } = message;
	const signed = [header, parent, metadata, content].map((part) => Buffer.from(JSON.stringify(part)));
	return [
		...message.identities,
		delimiter,
		Buffer.from(signature(key, signed)),
		...signed,
		...message.buffers,
	];
}
