// Where names of imports lead, for the build and for the tests; tsconfig.json says the same to the type checker.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

export const aliases = {
  "protocol/engine": join(here, "../generated/js/engine/index.js"),
  protocol: join(here, "../generated/js/index.js"),
  "~": join(here, "src"),
};
