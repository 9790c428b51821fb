/** Files of JSON lines: the objects in order; lines that are none are passed over. */
export function* jsonObjects(text: string): Generator<Record<string, unknown>> {
	for (const line of text.split("\n")) {
		if (!line.startsWith("{")) continue;
		try {
			yield JSON.parse(line) as Record<string, unknown>;
		} catch {}
	}
}
