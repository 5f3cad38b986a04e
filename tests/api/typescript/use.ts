// Compiles only when the types say what answers hold: which fields are there, and which may be null.
import type { components } from "./schema";
type Project = components["schemas"]["Project"];
type Short = components["schemas"]["ShortProject"];
const number = (project: Project): string => project.number;
const changed = (project: Short): string => project.changed_at;
const external: (project: Short) => string | null = (project) => project.external_id;
const severity: (project: Project) => string | null = (project) => project.severity;
// @ts-expect-error A name may be missing.
const name = (project: Project): string => project.name_kk;
export { number, changed, external, severity, name };
