import { readFileSync } from "node:fs";

/** A Jupyter connection file (jupyter_client, docs/kernels.rst). */
export interface Connection {
	readonly transport: string;
	readonly ip: string;
	readonly shell_port: number;
	readonly iopub_port: number;
	readonly stdin_port: number;
	readonly control_port: number;
	readonly hb_port: number;
	/** Empty: messages are not signed. */
	readonly key: string;
	readonly signature_scheme: string;
}

export type Channel = "shell" | "iopub" | "stdin" | "control" | "hb";

export function readConnection(file: string): Connection {
	const connection = JSON.parse(readFileSync(file, "utf8")) as Connection;
	const scheme = connection.signature_scheme ?? "hmac-sha256";
	if (connection.key !== "" && scheme !== "hmac-sha256")
		throw new Error(`${file}: signature scheme ${scheme} is not supported, only hmac-sha256`);
	return connection;
}

export function endpoint(connection: Connection, channel: Channel): string {
	const port = connection[`${channel}_port`];
	// A Unix socket is named by the ip, with the port after a dash (jupyter_client, connect.py).
	return connection.transport === "ipc"
		? `ipc://${connection.ip}-${port}`
		: `${connection.transport}://${connection.ip}:${port}`;
}
