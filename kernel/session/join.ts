import { joinTime } from "./limits.ts";
import type { Output } from "./messages.ts";

type Sink = (output: Output) => void;

/**
 * Joins text that comes in quick succession from one cell to one stream: frontends take some thousand messages a
 * second at most. It happens here and not where the text is written: a cell that prints and then loops or crashes
 * could not send what is still being gathered.
 */
export class Joiner {
	private pending: { sink: Sink; name: "stdout" | "stderr"; texts: string[]; length: number } | undefined;
	private timer: NodeJS.Timeout | undefined;

	deliver(sink: Sink, output: Output): void {
		if (output.output_type !== "stream") {
			this.flush();
			sink(output);
			return;
		}
		const { name, text } = output;
		if (this.pending?.sink !== sink || this.pending.name !== name) {
			this.flush();
			this.pending = { sink, name, texts: [], length: 0 };
			this.timer = setTimeout(() => this.flush(), joinTime);
		}
		this.pending.texts.push(text);
		this.pending.length += text.length;
		if (this.pending.length > maxLength) this.flush();
	}

	flush(): void {
		if (this.pending === undefined) return;
		clearTimeout(this.timer);
		const { sink, name, texts } = this.pending;
		this.pending = undefined;
		sink({ output_type: "stream", name, text: texts.join("") });
	}
}

/** Characters after which a joined text is passed on. */
const maxLength = 65_536;
