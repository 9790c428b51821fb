/**
 * The layout of a ring-buffer page, as the trace's header_page says.
 * Source: kernel/trace/ring_buffer.c ring_buffer_print_page_header, Linux 6.12.
 */
export interface PageLayout {
	/** Bytes of the commit word: 4 or 8. */
	readonly commitBytes: number;
	readonly commitOffset: number;
	/** Where the records begin. */
	readonly dataOffset: number;
}

export function pageLayout(headerPage: string, longBytes: number): PageLayout {
	const field = (name: string): { offset: number; size: number } | null => {
		const m = new RegExp(`\\b${name};\\s*offset:(\\d+);\\s*size:(\\d+);`).exec(headerPage);
		return m ? { offset: Number(m[1]), size: Number(m[2]) } : null;
	};
	const commit = field("commit") ?? { offset: 8, size: longBytes };
	const data = field("data") ?? { offset: commit.offset + commit.size, size: 0 };
	return { commitBytes: commit.size, commitOffset: commit.offset, dataOffset: data.offset };
}
