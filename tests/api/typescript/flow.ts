// From the registration of a project to the answer of its agency, with openapi-fetch and the generated types.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

declare const process: { argv: string[] };

const [url, agencyToken, oversightToken, bin] = process.argv.slice(2);
const client = (token: string) =>
  createClient<paths>({
    baseUrl: url,
    headers: { Authorization: `Bearer ${token}` },
    // Of parameters with several values, as openapi.json declares it.
    querySerializer: { array: { style: "form", explode: false } },
  });
const agency = client(agencyToken);
const oversight = client(oversightToken);
const seen: Record<string, unknown> = {};

// The body of a success; anything else ends the program.
function body<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const made = body(
  await agency.POST("/api/v1/projects", {
    params: { header: { "Idempotency-Key": "typescript-1" } },
    body: {
      agency: bin,
      name_ru: "Система",
      object_kind: "system",
      work_type: "creation",
      stage: "planning",
      placement: "unknown",
      budget_kzt: 5_000_000_000,
    },
  }),
);
const number = made.number;
seen.number = number;
seen.budget = made.budget_kzt;
seen.findings = made.verdict.findings.length;

const path = { number };
const read = await agency.GET("/api/v1/projects/{number}", { params: { path } });
const tag = read.response.headers.get("ETag") ?? "";
const edit = () =>
  agency.PATCH("/api/v1/projects/{number}", {
    params: { path, header: { "If-Match": tag } },
    headers: { "Content-Type": "application/merge-patch+json" },
    body: { name_ru: "Система учёта" },
  });
seen.name = body(await edit()).name_ru;
seen.stale = (await edit()).response.status;

seen.audit = body(await oversight.POST("/api/v1/audits", { body: {} })).status;
const project = [number];
seen.flags = body(await agency.GET("/api/v1/flags", { params: { query: { project } } })).items.map((flag) => flag.rule);

const cases = body(await oversight.GET("/api/v1/cases", { params: { query: { project } } }));
const one = { params: { path: { case_id: cases.items[0].id } } };
body(await oversight.POST("/api/v1/cases/{case_id}/claim", { ...one, body: {} }));
const asked = body(await oversight.POST("/api/v1/cases/{case_id}/ask", { ...one, body: { comment: "Which contract?" } }));
const answered = body(await agency.POST("/api/v1/cases/{case_id}/answer", { ...one, body: { comment: "No. 17" } }));
seen.case = [asked.status, answered.status];

const changes = body(await agency.GET("/api/v1/changes", { params: { query: { after: 0, limit: 500 } } }));
seen.changes = [...new Set(changes.items.map((change) => change.type))].sort();
const csv = await agency.GET("/api/v1/exports/flags.csv", { params: { query: { project } }, parseAs: "text" });
seen.exported = body(csv).trimEnd().split("\n").length - 1;
console.log(JSON.stringify(seen));
