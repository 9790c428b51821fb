/**
 * Scripts of a published page. Without them nothing is missing but theme button, sorting, and the flame graph's search
 * and zoom. They are inline and named by hash in the page's policy, so nothing else can run.
 */
import { flameGraphModule } from "../figures/flame-graph.client.ts";

/** In the head, before anything is drawn: ?theme=light or ?theme=dark. */
export const themeScript = `{
const asked = new URLSearchParams(location.search).get("theme");
if (asked === "light" || asked === "dark") document.documentElement.dataset.theme = asked;
}`;

const behaviour = String.raw`{
const root = document.documentElement;
const button = document.getElementById("theme");
const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme:dark)").matches;
const name = () => { button.textContent = dark() ? "Light" : "Dark"; };
button.hidden = false;
name();
button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; name(); });
matchMedia("(prefers-color-scheme:dark)").addEventListener("change", name);

// Sorting goes by the value, not by its text; what is unknown stays last in both directions.
const value = (cell) => {
	const text = cell.dataset.v ?? cell.textContent.trim();
	if (text === "" || text === "NULL") return null;
	const digits = text.replace(/\u202f/g, "").replace("\u2212", "-");
	return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(digits) ? Number(digits) : cell.dataset.v !== undefined ? null : text;
};
const compare = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
for (const table of document.querySelectorAll("table.pki-table, table.powerki-result")) {
	const body = table.tBodies[0];
	const heads = table.tHead ? [...table.tHead.rows[0].cells] : [];
	if (!body || body.rows.length < 2) continue;
	heads.forEach((head, column) => {
		const press = document.createElement("button");
		press.type = "button";
		press.append(...head.childNodes);
		head.append(press);
		press.addEventListener("click", () => {
			const down = head.getAttribute("aria-sort") !== "descending";
			const rows = [...body.rows].map((row, place) => ({ row, place, value: value(row.cells[column]) }));
			rows.sort((a, b) => {
				if (a.value === null || b.value === null) return (a.value === null) - (b.value === null) || a.place - b.place;
				return (down ? compare(b.value, a.value) : compare(a.value, b.value)) || a.place - b.place;
			});
			for (const other of heads) { other.removeAttribute("aria-sort"); other.querySelector("i")?.remove(); }
			head.setAttribute("aria-sort", down ? "descending" : "ascending");
			const arrow = document.createElement("i");
			arrow.ariaHidden = "true";
			arrow.textContent = down ? "\u25bc " : "\u25b2 ";
			press.prepend(arrow);
			body.append(...rows.map((r) => r.row));
		});
	});
}

for (const data of document.querySelectorAll("script[data-pki-model]")) {
	let el = data.previousElementSibling;
	while (el && !el.classList.contains("pki-picture")) el = el.previousElementSibling;
	if (el && data.dataset.pkiModel === "flamegraph") render({ model: JSON.parse(data.textContent), el });
}

// On paper nothing can be opened.
addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details")) d.open = true; });
}`;

/** At the end of the page. */
export function pageScript(): string {
	return `${flameGraphModule()}\n${behaviour}`;
}
