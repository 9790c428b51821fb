import { openDataset } from "../index.ts";
import { runReport } from "./registry.ts";
const ds = await openDataset(process.argv[3]);
const p = process.argv[4] ? JSON.parse(process.argv[4]) : {};
for (const r of await runReport(process.argv[2], ds, p)) {
 console.log("\n# "+r.title+"\n"+r.lead); for (const k of r.keyNumbers) console.log("  *",k.label,k.value,k.base); console.log(r.recorded, r.notes, r.statement);
 for (const s of r.sections) { console.log("\n## "+s.title); for (const b of s.blocks) {
  if (b.kind==="table") { console.log(b.caption, b.available); console.table([...b.rows, ...(b.total?[b.total]:[])].map(x=>Object.fromEntries(Object.entries(x).map(([k,v])=>[k, typeof v==="number"&&v>1e5?Math.round(v/1e3)/1e3+"m":v])))); }
  else if (b.kind==="figure") console.log("FIG "+b.figure.title+"\n"+b.figure.subtitle+"\n"+b.figure.text(100));
  else if (b.kind==="notice") console.log("["+b.reason+"] "+b.title+" | "+b.text+" | "+b.remedy); else console.log(b.text);
 } }
}
ds.close();
