/**
 * The kernel's protocol process: `node kernel/protocol.js CONNECTION_FILE`, as the kernelspec has it
 * (interrupt_mode "message"). It serves Jupyter's sockets and never runs a cell: that is the session process.
 */
import { SessionClient } from "../session/client.ts";
import { readConnection } from "./connection.ts";
import { Kernel } from "./kernel.ts";
import { Sockets } from "./sockets.ts";

const [file] = process.argv.slice(2);
if (file === undefined) {
	process.stderr.write(
		"usage: protocol.js CONNECTION_FILE (Jupyter starts this program; see powerki kernel install)\n",
	);
	process.exit(2);
}

// Before all else: it takes a second to get ready, beside the sockets.
let kernel: Kernel | undefined;
const client = SessionClient.start({ onBackground: (output) => kernel?.background(output) });
const sockets = new Sockets(readConnection(file));
await sockets.bind();
kernel = new Kernel(sockets, client);
kernel.start();

const served = sockets.serve((channel, message) => kernel?.handle(channel, message));

async function end(): Promise<never> {
	await client.stop();
	await sockets.flushed();
	sockets.close();
	// What zeromq still has in its hands leaves within its linger time.
	await served.catch(() => {});
	process.exit(0);
}

// A launcher in signal mode, or Ctrl-C in a terminal.
process.on("SIGINT", () => client.interrupt());
process.on("SIGTERM", () => void end());
process.on("SIGHUP", () => void end());
// A launcher that was killed says nothing: without this its kernels stay for ever.
const parent = process.ppid;
setInterval(() => {
	if (process.ppid !== parent) void end();
}, 1000).unref();

await kernel.done;
await end();
