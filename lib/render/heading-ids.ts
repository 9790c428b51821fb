/** Ids of headings in one page: readable, each once, the same for the same page. */
export class HeadingIds {
	private readonly used = new Set<string>();
	private hasTitle = false;

	/** One heading of level 1 in a page: the first. */
	level(wanted: number): number {
		if (wanted > 1) return wanted;
		if (this.hasTitle) return 2;
		this.hasTitle = true;
		return 1;
	}

	get titled(): boolean {
		return this.hasTitle;
	}

	next(text: string): string {
		const base =
			text
				.toLowerCase()
				.replace(/[^a-z0-9]+/g, "-")
				.replace(/^-|-$/g, "")
				.slice(0, 60) || "part";
		let id = base;
		for (let n = 2; this.used.has(id); n++) id = `${base}-${n}`;
		this.used.add(id);
		return id;
	}
}
