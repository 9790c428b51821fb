import { randomUUID } from "node:crypto";
import type { MimeBundle } from "../../lib/schema/mime.ts";
import { givenBundle, toBundle } from "./display.ts";
import type { Output } from "./messages.ts";

type Metadata = Record<string, unknown>;

/** What `display` returns. As the last value of a cell it is no result: the value is shown already. */
export class DisplayHandle {
	constructor(readonly update: (value: unknown) => void) {}
}

/**
 * The global `display` of cells (its types: globals.ts). Outputs appear in the order of the calls, though a
 * value's picture may take a while: `settled` waits for those that are still being made.
 */
export class Displays {
	private last: Promise<void> = Promise.resolve();

	constructor(private readonly send: (output: Output) => void) {}

	/** Resolves when everything displayed so far is sent; rejects with what a value threw while it was shown. */
	async settled(): Promise<void> {
		const last = this.last;
		this.last = Promise.resolve();
		await last;
	}

	readonly display = Object.assign((value: unknown): DisplayHandle => this.show(() => toBundle(value)), {
		bundle: (data: Record<string, unknown>, metadata: Metadata = {}): DisplayHandle =>
			this.show(() => givenBundle(data), metadata),
		html: (html: string): DisplayHandle => this.show(() => givenBundle({ "text/html": html })),
		markdown: (markdown: string): DisplayHandle =>
			this.show(() => givenBundle({ "text/markdown": markdown, "text/plain": markdown })),
		svg: (svg: string): DisplayHandle => this.show(() => givenBundle({ "image/svg+xml": svg })),
		text: (text: string): DisplayHandle => this.show(() => givenBundle({ "text/plain": text })),
		clear: (wait = false): void => this.after(() => this.send({ output_type: "clear_output", wait })),
	});

	/** What `import { display, newDisplay } from "tslab"` calls. */
	readonly tslab = (
		message: { data: Record<string, unknown>; metadata: Metadata; transient: { display_id?: string } },
		update: boolean,
	): void => {
		const id = message.transient.display_id;
		this.put(
			update ? "update_display_data" : "display_data",
			() => givenBundle(message.data),
			message.metadata,
			id,
		);
	};

	private show(bundle: () => MimeBundle | Promise<MimeBundle>, metadata: Metadata = {}): DisplayHandle {
		const id = randomUUID();
		this.put("display_data", bundle, metadata, id);
		return new DisplayHandle((value) => this.put("update_display_data", () => toBundle(value), {}, id));
	}

	private put(
		output_type: "display_data" | "update_display_data",
		bundle: () => MimeBundle | Promise<MimeBundle>,
		metadata: Metadata,
		id: string | undefined,
	): void {
		const transient = id === undefined ? {} : { display_id: id };
		this.after(async () => this.send({ output_type, data: await bundle(), metadata, transient }));
	}

	private after(work: () => void | Promise<void>): void {
		this.last = this.last.then(work);
		// Whoever waits for it hears of a failure.
		this.last.catch(() => {});
	}
}
